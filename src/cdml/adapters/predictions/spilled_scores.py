"""Scores of more rows than are read into memory, for metrics of ranks: sorted run by run on disk.

A run holds all rows of its scores, which are too few to need much memory: its limits come from a
count of the scores. Once the rows are apart by one model's scores, each row's move of that model's
value is known; it goes with the row to the runs of the other model.
"""

import shutil
import tempfile
import weakref
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, cached_property, partial
from pathlib import Path
from typing import Any

import numpy as np

from cdml.adapters.predictions.rank_sums import RankSums
from cdml.adapters.predictions.row_sql import Row
from cdml.adapters.predictions.slicing import SlicePosition, Slicing
from cdml.adapters.tables.duckdb_engine import SqlRunner
from cdml.adapters.tables.sql_engine import literal, parquet
from cdml.common.scratch_folders import prefix as scratch_prefix
from cdml.statistics.curves import MOST_SCORES
from cdml.statistics.metrics import Family, Metric
from cdml.statistics.rank_moments import no_moments
from cdml.statistics.rank_runs import MoveSums, RankWalk
from cdml.statistics.ranks import Ties
from cdml.statistics.samples import Codes, Floats, Ranked, RankMoments, ScoreSums

_BLOCK = 500_000
"""Rows that are read, and that are sorted, at once."""
_DROPPED = 40
"""Bits of a score that its key leaves out; 12 are left of its fraction."""
_LEAST = (1023 - 50) << (52 - _DROPPED)
_HALF = (1022 << (52 - _DROPPED)) - _LEAST
"""The key of a score of one half. Keys are narrow towards 0 and towards 1 (IEEE 754)."""
_KEYS = 2 * _HALF + 1
_Rows = np.ndarray[Any, np.dtype[np.void]]


def _keys(score: Floats) -> Codes:
    """A larger score never has a lower key."""
    near = np.minimum(score, 1 - score).view(np.int64) >> _DROPPED
    near = np.maximum(near - _LEAST, 0)
    keys: Codes = np.where(score < 0.5, near, 2 * _HALF - near)  # noqa: PLR2004 - the middle
    return keys


@dataclass(frozen=True, kw_only=True)
class SpilledScores:
    """As `ScoreReader`, for a binary task."""

    row: Row
    slices: tuple[Slicing, ...]
    engine: SqlRunner
    metrics: tuple[Metric, ...]

    def sample(self, place: SlicePosition, metric: Metric) -> Ranked | RankMoments | ScoreSums:
        """A part's scores if they are few; else their sums."""
        if metric.family is Family.CALIBRATION:
            return self._bins.sample(place, metric)
        found = self._part(place)
        return found if isinstance(found, Ranked) else found[metric.name]

    @cached_property
    def _bins(self) -> RankSums:
        return RankSums(row=self.row, slices=self.slices, engine=self.engine, metrics=self.metrics)

    @cached_property
    def _folder(self) -> Path:
        folder = Path(tempfile.mkdtemp(prefix=scratch_prefix("cdml-scores")))
        weakref.finalize(self, shutil.rmtree, folder, ignore_errors=True)
        return folder

    @cached_property
    def _found(self) -> dict[SlicePosition, Ranked | Mapping[str, RankMoments]]:
        return {}

    def _part(self, place: SlicePosition) -> Ranked | Mapping[str, RankMoments]:
        if place not in self._found:
            names = tuple(m.name for m in self.metrics if m.family is Family.RANKS)
            ranking = _Ranking(folder=self._folder, metrics=names, models=len(self.row.sides))
            if place is None:
                blocks, rows = self._blocks, self.row.pair.challenger.rows
            else:
                path, kind = self._apart[place[0]] / str(place[1]), ranking.kind(0)
                blocks, rows = partial(_read, path, kind), path.stat().st_size // kind.itemsize
            if rows <= MOST_SCORES:
                return _in_memory(np.concatenate(list(blocks())))
            self._found[place] = ranking.moments(blocks)
        return self._found[place]

    @cached_property
    def _written(self) -> Path:
        """Labels, scores and codes of all pairs of rows, which may have come from a join."""
        into = self._folder / "rows.parquet"
        scores = (f"{self.row.score(side)} AS {side}" for side in self.row.sides)
        codes = (f"{one.code()} AS s{at}" for at, one in enumerate(self.slices))
        columns = ", ".join((f"{self.row.label()} AS y", *scores, *codes))
        self._fetch(
            f"COPY (SELECT {columns} FROM {self.row.pair.relation})"
            f" TO {literal(str(into))} (FORMAT parquet)"
        )
        return into

    def _columns(self, names: Sequence[str]) -> Iterator[dict[str, Any]]:
        rows, listed = self.row.pair.challenger.rows, ", ".join(names)
        source = f"{parquet(self._written)[:-1]}, file_row_number = true)"
        for start in range(0, rows, _BLOCK):
            yield self.engine.arrays(
                f"SELECT {listed} FROM {source} WHERE file_row_number >= {start}"
                f" AND file_row_number < {start + _BLOCK}",
                self._written,
            )

    def _blocks(self) -> Iterator[_Rows]:
        for columns in self._columns(("y", *self.row.sides)):
            yield self._records(columns)

    def _records(self, columns: Mapping[str, Any]) -> _Rows:
        records = np.empty(len(columns["y"]), _kind(len(self.row.sides), 0, 0))
        records["positive"] = columns["y"]
        for model, side in enumerate(self.row.sides):
            records["score"][:, model] = columns[side]
        return records

    @cached_property
    def _apart(self) -> Mapping[int, Path]:
        """For each slice column a folder with a file for each code."""
        folders = {at: self._folder / f"s{at}" for at in range(len(self.slices))}
        for folder in folders.values():
            folder.mkdir()
        codes = [f"s{at}" for at in folders]
        for columns in self._columns(("y", *self.row.sides, *codes)):
            records = self._records(columns)
            for at, folder in folders.items():
                for code, chosen in _split(columns[f"s{at}"]):
                    _append(folder / str(code), records[chosen])
        return folders

    def _fetch(self, sql: str) -> list[Any]:
        return self.engine.fetch(sql, self.row.pair.challenger.path)


def _in_memory(rows: _Rows) -> Ranked:
    scores = rows["score"]
    return Ranked(
        positive=rows["positive"].copy(),
        challenger=scores[:, 0].copy(),
        champion=scores[:, 1].copy() if scores.shape[1] > 1 else None,
    )


@cache
def _kind(scores: int, models: int, metrics: int) -> np.dtype[np.void]:
    """A row on disk: scores that are to come, and what is known of the models before."""
    return np.dtype(
        [
            ("positive", np.bool_),
            ("score", np.float64, (scores,)),
            ("reached", np.int64, (models,)),
            ("moves", np.float64, (metrics, models)),
        ]
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Ranking:
    """One part's figures by all metrics of ranks."""

    folder: Path
    metrics: tuple[str, ...]
    models: int

    def kind(self, done: int) -> np.dtype[np.void]:
        """Rows whose figures of so many models are known."""
        return _kind(self.models - done, done, len(self.metrics) if done else 0)

    def moments(self, blocks: Callable[[], Iterator[_Rows]]) -> Mapping[str, RankMoments]:
        """The figures of the rows that a call of `blocks` yields, the same each time."""
        counts = self._count(blocks())
        rows, positives = int(counts[0].sum()), int(counts[0, 1].sum())
        if not 1 < positives < rows - 1:
            return {name: no_moments(rows, (positives,), self.models) for name in self.metrics}
        # The models share it, so that figures which are the same in both remain the same.
        centre = self._about(counts[0], rows, positives)
        walks, source = list[RankWalk](), blocks()
        for model, counted in enumerate(counts):
            walks.append(self._walk(rows, positives, centre))
            runs = _Runs(self.folder / f"runs{model}", counted.sum(axis=0))
            source = self._ranked(model, source, runs, walks[model])
        sums = {name: MoveSums(metric=name, models=self.models) for name in self.metrics}
        same_order = True
        for block in source:
            reached = block["reached"]
            same_order = same_order and bool((reached[:, 0] == reached[:, -1]).all())
            for at, one in enumerate(sums.values()):
                one.add(block["positive"], np.ascontiguousarray(block["moves"][:, at].T))
        return {n: one.moments(walks, same_order=same_order) for n, one in sums.items()}

    def _count(self, blocks: Iterable[_Rows]) -> Codes:
        """Rows by model, label and key."""
        counts = np.zeros((self.models, 2, _KEYS), dtype=np.int64)
        for block in blocks:
            for model, counted in enumerate(counts):
                keys = _keys(block["score"][:, model])
                counted[0] += np.bincount(keys[~block["positive"]], minlength=_KEYS)
                counted[1] += np.bincount(keys[block["positive"]], minlength=_KEYS)
        return counts

    def _about(self, counted: Codes, rows: int, positives: int) -> Floats:
        """The values, as if scores of the same key were equal."""
        size = counted.sum(axis=0)
        walk = self._walk(rows, positives, np.zeros(len(self.metrics)))
        walk.step(size[size > 0], counted[1, size > 0])
        return walk.value

    def _walk(self, rows: int, positives: int, centre: Floats) -> RankWalk:
        return RankWalk(metrics=self.metrics, rows=rows, positives=positives, centre=centre)

    def _ranked(
        self, model: int, source: Iterable[_Rows], runs: "_Runs", walk: RankWalk
    ) -> Iterator[_Rows]:
        """The rows by ascending scores of one model, with its figures."""
        for block in source:
            runs.add(block)
        for run in runs:
            if run.alike:
                moves, reached = walk.step(np.array([run.rows]), np.array([run.positives]))
                for block in _read(run.path, self.kind(model)):
                    group = np.zeros(len(block), dtype=np.int64)
                    yield self._placed(block, group, moves, reached)
            else:
                block = np.fromfile(run.path, self.kind(model))
                ties = Ties.from_scores(block["positive"], block["score"][:, 0].copy())
                group = np.empty(len(block), dtype=np.int64)
                group[ties.order] = np.repeat(np.arange(len(ties.size)), ties.size)
                yield self._placed(block, group, *walk.step(ties.size, ties.positives))
            run.path.unlink()

    def _placed(self, block: _Rows, group: Codes, moves: Floats, reached: Codes) -> _Rows:
        """The rows with the figures of their groups."""
        done = block["reached"].shape[1]
        rows = np.empty(len(block), self.kind(done + 1))
        rows["positive"], rows["score"] = block["positive"], block["score"][:, 1:]
        rows["reached"][:, :done], rows["reached"][:, done] = block["reached"], reached[group]
        if done:
            rows["moves"][:, :, :done] = block["moves"]
        for at in range(len(self.metrics)):
            others, positives = moves[:, at]
            rows["moves"][:, at, done] = np.where(
                block["positive"], positives[group], others[group]
            )
        return rows


@dataclass(slots=True)
class _Run:
    """The rows of a run, in a file; `alike` if they have one score."""

    path: Path
    rows: int = 0
    positives: int = 0
    low: float = np.inf
    high: float = -np.inf

    @property
    def alike(self) -> bool:
        return self.low == self.high

    def add(self, rows: _Rows) -> None:
        _append(self.path, rows)
        score = rows["score"][:, 0]
        self.rows += len(rows)
        self.positives += int(rows["positive"].sum())
        self.low, self.high = min(self.low, score.min()), max(self.high, score.max())


class _Runs:
    """Rows apart by their next score, in files."""

    def __init__(self, folder: Path, rows: Codes) -> None:
        """`rows` of each key: those of many rows are apart from others, which may be one score."""
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        many = rows > _BLOCK // 4
        before = np.cumsum(rows) - rows
        begins = np.diff(before // _BLOCK, prepend=0) > 0
        begins |= many
        begins[1:] |= many[:-1]
        self._of_key: Codes = np.cumsum(begins)
        self._runs = [_Run(folder / str(at)) for at in range(int(self._of_key[-1]) + 1)]

    def add(self, rows: _Rows) -> None:
        for run, chosen in _split(self._of_key[_keys(rows["score"][:, 0])]):
            self._runs[run].add(rows[chosen])

    def __iter__(self) -> Iterator[_Run]:
        return (run for run in self._runs if run.rows)


def _split(codes: Codes) -> Iterator[tuple[int, Codes]]:
    """Which rows have each code."""
    order = np.argsort(codes, kind="stable")
    starts = np.flatnonzero(np.diff(codes[order], prepend=-1))
    for chosen in np.split(order, starts[1:]):
        yield int(codes[chosen[0]]), chosen


def _append(path: Path, rows: _Rows) -> None:
    with path.open("ab") as file:
        rows.tofile(file)


def _read(path: Path, kind: np.dtype[np.void]) -> Iterator[_Rows]:
    with path.open("rb") as file:
        while len(rows := np.fromfile(file, kind, _BLOCK)):
            yield rows
