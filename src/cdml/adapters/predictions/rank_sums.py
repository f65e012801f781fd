"""Metrics of the order of scores as sums over rows, which the engine ranks: no row leaves it."""

import math
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from cdml.adapters.predictions.exact_sums import by_code
from cdml.adapters.predictions.rank_query import FINE, NARROW, PRECISION, RankQuery, bin_of, whole
from cdml.adapters.predictions.row_sql import Row
from cdml.adapters.predictions.slicing import SlicePosition, Slicing
from cdml.adapters.tables.duckdb_engine import SqlRunner
from cdml.adapters.tables.sql_engine import literal
from cdml.errors import InputError
from cdml.statistics.calibration import BINS
from cdml.statistics.metrics import Family, Metric, Task
from cdml.statistics.rank_moments import (
    WholeSums,
    auc_moments,
    one_vs_rest_moments,
    precision_moments,
)
from cdml.statistics.samples import RankMoments, ScoreSums

MOST_CLASSES = 20
"""A statement ranks the rows once for each class and model."""
_SPARE = 5
"""Bits in front of the point of what a row moves average precision by: below ln(rows) + 1."""
_SUM_BITS = 126
"""Of DECIMAL(38, 0)."""


@dataclass(frozen=True, kw_only=True)
class RankSums:
    """The sums of all parts, by metric; a query for each slice column when one is first used."""

    row: Row
    slices: tuple[Slicing, ...]
    engine: SqlRunner
    metrics: tuple[Metric, ...]

    def require_few(self) -> None:
        """Refuse more classes than one statement can rank.

        Raises:
            InputError: there are more.
        """
        if self._ranked and len(self.row.classes) > MOST_CLASSES:
            raise InputError(
                f"{self.row.pair.challenger.path} has {len(self.row.classes):,} classes; for"
                f" {self._ranked[0]} of predictions in tables there may be {MOST_CLASSES}.",
                "Write the predictions to Parquet files, or gate log_loss.",
            )

    def sample(self, place: SlicePosition, metric: Metric) -> RankMoments | ScoreSums:
        """A part's sums; those of a part without a class of rows say how few it has."""
        if metric.family is Family.CALIBRATION:
            return self._bins[place]
        return self._moments[metric.name, place]

    @cached_property
    def _ranked(self) -> tuple[str, ...]:
        return tuple(one.name for one in self.metrics if one.family is Family.RANKS)

    @cached_property
    def _moments(self) -> Mapping[tuple[str, SlicePosition], RankMoments]:
        with self._held() as rows:
            return {
                (name, place): moments
                for column in (None, *range(len(self.slices)))
                for name, place, moments in self._grouped(rows, column)
            }

    @cached_property
    def _bins(self) -> Mapping[SlicePosition, ScoreSums]:
        """Scores are summed as whole numbers, which add up alike in any order."""
        found = {}
        for column in (None, *range(len(self.slices))):
            lowest = " ".join(f"WHEN score < {at / BINS!r} THEN {at - 1}" for at in range(1, BINS))
            code = "0" if column is None else self.slices[column].code()
            counted = self._fetch(
                f"SELECT code, CASE {lowest} ELSE {BINS - 1} END AS bin, count(*), sum(y),"
                f" sum({whole(f'score * {2.0**FINE!r}')})"
                f" FROM (SELECT {code} AS code, {self._label} AS y,"
                f" {self.row.score('c')} AS score FROM {self.row.pair.relation}) GROUP BY 1, 2"
            )
            for code in {one[0] for one in counted}:
                bins = {one[1]: one[2:] for one in counted if one[0] == code}
                rows, positives, scores = zip(
                    *(bins.get(at, (0, 0, 0)) for at in range(BINS)), strict=True
                )
                found[None if column is None else (column, code)] = ScoreSums(
                    rows=sum(rows),
                    positives=(sum(positives),),
                    excess=np.array(positives) - np.array(scores, dtype=float) / 2.0**FINE,
                )
        return found

    def _held(self) -> AbstractContextManager[str]:
        """Labels, codes, scores and their bins of the paired rows, for FROM."""
        codes = (f"{one.code()} AS s{at}" for at, one in enumerate(self.slices))
        scores = {
            f"{model}_{y}": self.row.score_of(side, self.row.classes[y])
            if self.row.classes
            else self.row.score(side)
            for model, side in enumerate(self.row.sides)
            for y in self._classes
        }
        named = ", ".join(f"{sql} AS x{name}" for name, sql in scores.items())
        binned = ", ".join(f"{bin_of(f'x{name}')} AS b{name}" for name in scores)
        rows = ", ".join((f"{self._label} AS y", *codes, named))
        return self.engine.holding(
            f"SELECT *, {binned} FROM (SELECT {rows} FROM {self.row.pair.relation}) AS paired",
            self.row.pair.challenger.path,
        )

    def _grouped(
        self, rows: str, column: int | None
    ) -> Iterator[tuple[str, SlicePosition, RankMoments]]:
        code = "0" if column is None else f"s{column}"
        coded = f"(SELECT {code} AS code, * FROM {rows} AS held)"
        several = self.row.layout.task is Task.MULTICLASS
        sizes = self._sizes(coded) if several else {}
        units = {one: self._spread_unit(counts) for one, counts in sizes.items()}
        query = RankQuery(
            rows=coded,
            metrics=self._ranked,
            models=len(self.row.sides),
            classes=self._classes,
            weights=self._weights(sizes, units, code),
            unit=self._unit,
            shifts={name: self._shift(name) for name in self._ranked},
            narrow=frozenset(name for name in self._ranked if self._figure_bits(name) <= NARROW),
        )
        answers: dict[int, dict[int, Sequence[Any]]] = {}
        for one, y, *sums in self._fetch(query.sql):
            answers.setdefault(one, {})[y] = sums
        for one, by_label in answers.items():
            place = None if column is None else (column, one)
            for at, name in enumerate(self._ranked):
                labels = range(len(self.row.classes)) if several else (1, 0)
                read = [self._read(query, by_label.get(label), at) for label in labels]
                sums = [found for found, _ in read]
                if several:
                    moments = one_vs_rest_moments(sums, [own for _, own in read], units[one])
                elif name == PRECISION:
                    moments = precision_moments(sums[0], sums[1], self._unit)
                else:
                    moments = auc_moments(sums[0], sums[1])
                yield name, place, moments

    def _read(
        self, query: RankQuery, sums: Sequence[Any] | None, at: int
    ) -> tuple[WholeSums, Sequence[int]]:
        """The sums of a label and, of several classes, those of its rows' figures as the class."""
        if sums is None:
            return WholeSums.of_none(query.models), (0,) * query.models
        rows, reordered, *rest = sums
        width = len(rest) // len(self._ranked)
        mine = iter(rest[at * width : (at + 1) * width])
        fine, coarse = (
            {models: int(next(mine)) for models in query.products(most)} for most in (2, 3)
        )
        champion, distance = ((int(next(mine)), int(next(mine))) for _ in range(2))
        return WholeSums(
            rows=rows,
            fine=fine,
            coarse=coarse,
            shift=self._shift(self._ranked[at]),
            champion=champion,
            distance=distance,
            same_order=not reordered,
        ), [int(one) for one in mine]

    def _sizes(self, rows: str) -> Mapping[int, Mapping[int, int]]:
        """The rows of each class, by slice."""
        sizes: dict[int, dict[int, int]] = {}
        for code, y, count in self._fetch(f"SELECT code, y, count(*) FROM {rows} GROUP BY 1, 2"):
            sizes.setdefault(code, {})[y] = count
        return sizes

    def _weights(
        self, sizes: Mapping[int, Mapping[int, int]], units: Mapping[int, int], code: str
    ) -> Mapping[int, str]:
        """What makes the moves of all classes shares of one row in all, as whole numbers."""
        weights = {}
        for y in self._classes if sizes else ():
            by_slice = {}
            for one, counts in sizes.items():
                rows, positives = sum(counts.values()), counts.get(y, 0)
                pairs = 2 * positives * (rows - positives)
                by_slice[one] = math.ldexp(rows / pairs, units[one]) if pairs else 0.0
            weights[y] = by_code(by_slice, "0" if code == "0" else "code")
        return weights

    def _spread_unit(self, counts: Mapping[int, int]) -> int:
        """Bits of a share of a row: figures are at most rows / positives, added up by class."""
        rows = sum(counts.values())
        largest = sum(rows / min(n, rows - n) for n in counts.values() if 0 < n < rows)
        return self._bits - math.ceil(max(1.0, largest)).bit_length()

    @property
    def _classes(self) -> tuple[int, ...]:
        """The labels that are ranked against the others."""
        return tuple(range(len(self.row.classes))) or (1,)

    @property
    def _row_bits(self) -> int:
        return self.row.pair.challenger.rows.bit_length()

    @property
    def _bits(self) -> int:
        """Those of a figure whose squares can be summed."""
        return min(FINE, (_SUM_BITS - self._row_bits) // 2)

    @property
    def _unit(self) -> int:
        """Bits of a share of one, of which sums of squares fit."""
        return min(FINE - _SPARE, self._bits - _SPARE)

    def _shift(self, name: str) -> int:
        """By how many bits figures are cut, so that sums of cubes fit."""
        return max(0, self._figure_bits(name) - (_SUM_BITS - self._row_bits) // 3)

    def _figure_bits(self, name: str) -> int:
        if self.row.classes:
            return self._bits
        return self._unit + _SPARE if name == PRECISION else self._row_bits + 1

    @property
    def _label(self) -> str:
        if self.row.layout.task is Task.BINARY:
            return f"CASE WHEN {self.row.label()} THEN 1 ELSE 0 END"
        names = ", ".join(map(literal, self.row.classes))
        return f"enum_code(TRY_CAST({self.row.label()} AS ENUM({names})))"

    def _fetch(self, sql: str) -> list[Any]:
        return self.engine.fetch(sql, self.row.pair.challenger.path)
