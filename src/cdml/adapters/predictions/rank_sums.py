"""Metrics of the order of scores as sums over rows, which the engine ranks: no row leaves it.

A rank is a count of rows: those in higher bins of scores, and those of the row's bin at or above
it. So no engine has to put all rows into one order, and Spark shares the bins out.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import combinations_with_replacement
from typing import Any

import numpy as np

from cdml.adapters.predictions.row_sql import Row
from cdml.adapters.predictions.slicing import SlicePosition, Slicing
from cdml.adapters.tables.duckdb_engine import SqlRunner
from cdml.adapters.tables.sql_engine import quote
from cdml.statistics.calibration import BINS
from cdml.statistics.metrics import Family, Metric
from cdml.statistics.rank_moments import WholeSums, auc_moments, precision_moments
from cdml.statistics.samples import RankMoments, ScoreSums

PRECISION = "average_precision"
_HALVES = 512
"""Bins of scores on either side of one half, narrow towards 0 and 1, where scores are many."""
_FINE = 50
"""Bits of a share of one as a whole number."""
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
        return {
            (name, place): moments
            for column in (None, *range(len(self.slices)))
            for name, place, moments in self._grouped(column)
        }

    @cached_property
    def _bins(self) -> Mapping[SlicePosition, ScoreSums]:
        """Scores are summed as whole numbers, which add up alike in any order."""
        found = {}
        for column in (None, *range(len(self.slices))):
            lowest = " ".join(f"WHEN score < {at / BINS!r} THEN {at - 1}" for at in range(1, BINS))
            counted = self._fetch(
                f"SELECT code, CASE {lowest} ELSE {BINS - 1} END AS bin, count(*), sum(y),"
                f" sum(CAST(floor(score * {2.0**_FINE!r} + 0.5) AS BIGINT))"
                f" FROM (SELECT {self._code(column)} AS code, {self._positive} AS y,"
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
                    excess=np.array(positives) - np.array(scores, dtype=float) / 2.0**_FINE,
                )
        return found

    def _grouped(self, column: int | None) -> Iterator[tuple[str, SlicePosition, RankMoments]]:
        answers: dict[int, dict[int, Sequence[Any]]] = {}
        for code, positive, *sums in self._fetch(self._query(column)):
            answers.setdefault(code, {})[positive] = sums
        for code, by_label in answers.items():
            place = None if column is None else (column, code)
            for at, name in enumerate(self._ranked):
                positives, others = (self._read(by_label.get(one), at) for one in (1, 0))
                if name == PRECISION:
                    moments = precision_moments(positives, others, self._unit)
                else:
                    moments = auc_moments(positives, others)
                yield name, place, moments

    def _read(self, sums: Sequence[Any] | None, at: int) -> WholeSums:
        if sums is None:
            return WholeSums.of_none(len(self.row.sides))
        rows, reordered, *rest = sums
        width = len(rest) // len(self._ranked)
        mine = iter(rest[at * width : (at + 1) * width])
        fine, coarse = (
            {models: int(next(mine)) for models in self._products(most)} for most in (2, 3)
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
        )

    def _products(self, most: int) -> Iterator[tuple[int, ...]]:
        models = range(len(self.row.sides))
        for size in range(1, most + 1):
            yield from combinations_with_replacement(models, size)

    @property
    def _row_bits(self) -> int:
        return self.row.pair.challenger.rows.bit_length()

    @property
    def _unit(self) -> int:
        """Bits of a share of one, of which sums of squares fit."""
        return min(_FINE - 5, (_SUM_BITS - self._row_bits) // 2 - _SPARE)

    def _shift(self, name: str) -> int:
        """By how many bits figures are cut, so that sums of cubes fit."""
        bits = self._unit + _SPARE if name == PRECISION else self._row_bits + 1
        return max(0, bits - (_SUM_BITS - self._row_bits) // 3)

    def _query(self, column: int | None) -> str:
        """Sums of the figures of `_figure` and of their products, by slice and label."""
        steps = dict(self._steps(column))
        last, models = len(self.row.sides) - 1, range(len(self.row.sides))
        listed = {
            "n": "n",
            **{f"f{at}": self._figure(name) for at, name in enumerate(self._ranked)},
        }
        pivoted = ", ".join(
            f"max(CASE WHEN model = {model} THEN {figure} END) AS {name}{model}"
            for name, figure in {"n": "n", **listed}.items()
            for model in models
        )
        keys = ", ".join(f"k{at}" for at in range(len(self.row.layout.key)))
        sums = [sql for at in range(len(self._ranked)) for sql in self._sums(f"f{at}", at, last)]
        named = ", ".join(f"{name} AS ({sql})" for name, sql in steps.items())
        return (
            f"WITH {named} SELECT code, y, count(*), count_if(n0 <> n{last}), {', '.join(sums)}"
            f" FROM (SELECT code, y, {pivoted} FROM {next(reversed(steps))}"
            f" GROUP BY code, y, {keys}) GROUP BY 1, 2"
        )

    def _sums(self, figure: str, at: int, last: int) -> Iterator[str]:
        shift = self._shift(self._ranked[at])
        cut = f"({figure}{{}} + {(1 << shift) // 2}) >> {shift}" if shift else f"{figure}{{}}"
        for one, most in ((f"{figure}{{}}", 2), (cut, 3)):
            whole = f"CAST({one} AS HUGEINT)"
            for models in self._products(most):
                yield f"sum({' * '.join(map(whole.format, models))})"
        for extreme in (f"{figure}{last}", f"{figure}0 - {figure}{last}"):
            yield f"min({extreme})"
            yield f"max({extreme})"

    def _steps(self, column: int | None) -> Iterator[tuple[str, str]]:
        """Each row and model: n rows and p positives at its score or above, m and q of them at it.

        For average precision also what the positives at or below its score add to the figures of
        `precision_influence`: `gained` and `lost`.
        """
        within = "OVER (PARTITION BY r.code, r.model, r.bin ORDER BY r.score DESC)"
        equal = "OVER (PARTITION BY r.code, r.model, r.bin, r.score)"
        lower = "OVER (PARTITION BY code, model ORDER BY bin)"
        higher = "OVER (PARTITION BY code, model ORDER BY bin DESC)"
        by_bin = "GROUP BY code, model, bin"
        same_bin = "ON r.code = b.code AND r.model = b.model AND r.bin = b.bin"
        yield "scored", self._scored(column)
        yield "binned", f"SELECT *, {_BIN} AS bin FROM scored"
        bins = (
            f"SELECT code, model, bin, sum(n) {higher} - n AS n, sum(p) {higher} - p AS p FROM"
            f" (SELECT code, model, bin, count(*) AS n, sum(y) AS p FROM binned {by_bin})"
        )
        yield "bins", bins
        ranked = (
            f"SELECT r.*, b.n + count(*) {within} AS n, b.p + sum(r.y) {within} AS p,"
            f" count(*) {equal} AS m, sum(r.y) {equal} AS q FROM binned r JOIN bins b {same_bin}"
        )
        yield "ranked", ranked
        if PRECISION not in self._ranked:
            return
        share = f"{2.0**_FINE!r} / CAST(n AS DOUBLE)"
        precise = "CAST(p AS DOUBLE) / CAST(n AS DOUBLE)"
        shares = (
            f"SELECT *, {_whole(share)} AS u, {_whole(f'{precise} * {share}')} AS v,"
            f" {_whole(f'{precise} * {2.0**_FINE!r}')} AS s FROM ranked"
        )
        yield "shares", shares
        sums = (
            f"SELECT code, model, bin, sum(u) {lower} AS u, sum(v) {lower} AS v FROM (SELECT code,"
            f" model, bin, sum(y * u) AS u, sum(y * v) AS v FROM shares {by_bin})"
        )
        yield "sums", sums
        gained, lost = (f"b.{x} - sum(r.y * r.{x}) {within} + r.q * r.{x}" for x in "uv")
        reached = f"SELECT r.*, {gained} AS gained, {lost} AS lost FROM shares r JOIN sums b"
        yield "reached", f"{reached} {same_bin}"

    def _scored(self, column: int | None) -> str:
        """Each row once for each model."""
        names = [f"k{at}" for at in range(len(self.row.layout.key))]
        keys = (f"c.{quote(k)} AS {n}" for k, n in zip(self.row.layout.key, names, strict=True))
        scores = (f"{self.row.score(side)} AS {side}" for side in self.row.sides)
        models = " UNION ALL ".join(f"SELECT {at} AS model" for at in range(len(self.row.sides)))
        rows = (
            f"SELECT {', '.join(keys)}, {self._code(column)} AS code, {self._positive} AS y,"
            f" {', '.join(scores)} FROM {self.row.pair.relation}"
        )
        score = f"CASE model WHEN 0 THEN c ELSE {self.row.sides[-1]} END AS score"
        columns = ", ".join([*names, "code", "model", "y", score])
        return f"SELECT {columns} FROM ({rows}) CROSS JOIN ({models})"

    def _figure(self, name: str) -> str:
        """How far a row moves a model's value, as a whole number, but for a constant."""
        if name == PRECISION:
            cut = _FINE - self._unit
            moved = "CAST(CASE WHEN y = 1 THEN s + gained - lost ELSE -lost END AS BIGINT)"
            return f"({moved} + {(1 << cut) // 2}) >> {cut}"
        placed = "CASE WHEN y = 1 THEN m - q - 2 * (n - p) ELSE 2 * p - q END"
        return f"CAST({placed} AS BIGINT)"

    @property
    def _positive(self) -> str:
        return f"CASE WHEN {self.row.label()} THEN 1 ELSE 0 END"

    def _code(self, column: int | None) -> str:
        return "0" if column is None else self.slices[column].code()

    def _fetch(self, sql: str) -> list[Any]:
        return self.engine.fetch(sql, self.row.pair.challenger.path)


_LOW, _HIGH = (
    f"CAST(floor({_HALVES} * sqrt(2 * {part})) AS INTEGER)" for part in ("score", "(1 - score)")
)
_BIN = f"CASE WHEN score < 0.5 THEN {_LOW} ELSE {2 * _HALVES} - {_HIGH} END"
"""A larger score is never in a lower bin."""


def _whole(number: str) -> str:
    return f"CAST(floor({number} + 0.5) AS BIGINT)"
