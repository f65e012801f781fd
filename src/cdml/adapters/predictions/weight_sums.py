"""Rows with weights as sums: no row leaves the engine.

All rows of one kind move a metric of the confusion matrix alike, each times its weight: what is to
be known of them are sums of weights, of their squares and of their cubes. How far a row moves a
mean is known once the mean is; a second scan adds that up.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import combinations_with_replacement
from typing import Any

import numpy as np

from cdml.adapters.predictions.exact_sums import ExactSums, by_code, scaled
from cdml.adapters.predictions.part_sums import Kind, PartSums
from cdml.adapters.predictions.slicing import SlicePosition
from cdml.statistics.influence import ROUNDING, value_and_slopes
from cdml.statistics.metrics import Metric, Statistic
from cdml.statistics.sample_size import effective_of_sums
from cdml.statistics.samples import Cells, Floats, MoveSums, Weighted, WeightPowers

_BITS = 50
_LEAST_EXPONENT = -1000
_POWERS = ("w", "w * w", "w * w * w")


@dataclass(kw_only=True)
class WeightSums(PartSums):
    """The rows of a comparison that have weights, but are in no clusters."""

    def sample(self, metric: Metric, place: SlicePosition) -> Weighted:
        """What a metric reads of a part: an entry for each kind of rows, or one of all."""
        column, code = (None, 0) if place is None else place
        if metric.family.reads in {Statistic.LOSSES, Statistic.SQUARES}:
            return self._means(metric, column).get(code) or _WEIGHTLESS
        kinds, counts, powers = self._kinds(column).get(code) or ([], [], [])
        if not kinds:
            return _weighted(self.as_cells(metric, self.kinds[:1]), [0], [(0.0,) * 4])
        cells = self.as_cells(metric, kinds)
        return _weighted(cells, counts, powers)

    def _kinds(
        self, column: int | None
    ) -> dict[int, tuple[list[Kind], list[int], list[tuple[float, ...]]]]:
        """By slice the kinds of rows, how many there are, and the sums of their weights.

        Each weight is added up among those of its size, so that light rows keep their digits.
        """
        if column not in self._counted:
            names = [f"o{at}" for at in range(len(self.outcome))]
            outcomes = [f"{one} AS {name}" for name, one in zip(names, self.outcome, strict=True)]
            keys = ["code", *names, "e"]
            size = f"floor(ln(w) / {math.log(2)!r})"
            at_least = (
                f"CASE WHEN {size} > {_LEAST_EXPONENT} THEN {size} ELSE {_LEAST_EXPONENT} END"
            )
            two = "pow(CAST(2 AS DOUBLE), CAST(0 - e AS DOUBLE))"
            inner = (
                f"SELECT {', '.join([f'{self.code(column)} AS code', *outcomes])},"
                f" {self.weight} AS w FROM {self.rows}{self.heavy}"
            )
            stored = ", ".join(["code", *names, "w"])
            inner = f"SELECT {stored}, CAST({at_least} AS INTEGER) AS e FROM ({inner})"
            listed = ", ".join(keys)
            inner = f"SELECT {listed}, w * {two} AS w FROM ({inner})"
            sums = ", ".join(f"sum(CAST({one} * {2.0**_BITS!r} AS BIGINT))" for one in _POWERS)
            found: dict[int, dict[Kind, list[tuple[Any, ...]]]] = {}
            for code, *row in self.fetch(
                f"SELECT {listed}, count(*), max(w), {sums} FROM ({inner}) GROUP BY {listed}"
            ):
                kind = tuple(row[: len(names)])
                found.setdefault(code, {}).setdefault(kind, []).append(tuple(row[len(names) :]))
            self._counted[column] = {code: _of_sizes(kinds) for code, kinds in found.items()}
        return self._counted[column]

    @cached_property
    def _counted(self) -> dict[int | None, dict[int, Any]]:
        return {}

    @cached_property
    def _added(self) -> dict[tuple[str, int | None], dict[int, Weighted]]:
        return {}

    def _means(self, metric: Metric, column: int | None) -> dict[int, Weighted]:
        """By slice the value of a metric of means, and how far the rows move it."""
        if (metric.name, column) not in self._added:
            code = self.code(column)
            figures, errors = self.figures(metric, code)
            listed = ", ".join(f"{one} AS x{at}" for at, one in enumerate(figures))
            inner = (
                f"SELECT {code} AS code, {self.weight} AS w, {listed} FROM {self.rows}{self.heavy}"
            )
            numbered = [f"x{at}" for at in range(len(figures))]
            whole = {code: _Whole.of(totals, metric) for code, totals in self._totals(
                inner, column,
                [*_POWERS, *(f"w * {x}" for x in numbered), *(f"w * abs({x})" for x in numbered)],
            )}  # fmt: skip
            moved = self._moves(inner, column, whole, errors)
            self._added[metric.name, column] = {
                code: whole[code].sample(*moved.get(code, (None, ()))) for code in whole
            }
        return self._added[metric.name, column]

    def _moves(
        self, inner: str, column: int | None, whole: dict[int, "_Whole"], models: int
    ) -> dict[int, tuple[list[Any], Sequence[float]]]:
        """By slice what is known of its rows' moves: see `_Whole.sample`."""
        if not whole:
            return {}
        code = "0" if column is None else "code"
        columns = range(len(next(iter(whole.values())).mean))

        def listed(values: dict[int, float]) -> str:
            return by_code({group: float(value) for group, value in values.items()}, code)

        moves, noises = [], []
        mean = [listed({g: one.mean[at] for g, one in whole.items()}) for at in columns]
        size = [listed({g: one.size[at] for g, one in whole.items()}) for at in columns]
        for model in range(models):
            slope = [
                listed({g: one.slopes[model, at] for g, one in whole.items()}) for at in columns
            ]
            used = [at for at in columns if any(one.slopes[model, at] for one in whole.values())]
            moves.append(" + ".join(f"{slope[at]} * (x{at} - {mean[at]})" for at in used) or "0.0")
            noises.append(
                " + ".join(f"abs({slope[at]}) * (abs(x{at}) + {size[at]})" for at in used) or "0.0"
            )
        steps = [f"{one} AS y{at}" for at, one in enumerate(moves)]
        steps += [f"{ROUNDING!r} * ({one}) AS n{at}" for at, one in enumerate(noises)]
        inner = f"SELECT code, w, {', '.join(steps)} FROM ({inner})"
        steps = [
            f"CASE WHEN abs(y{at}) > n{at} THEN w * y{at} ELSE CAST(0 AS DOUBLE) END AS z{at}"
            for at in range(models)
        ]
        inner = f"SELECT code, w, {', '.join(steps)} FROM ({inner})"
        names = [f"z{at}" for at in range(models)]
        products = [
            " * ".join(one) for k in (2, 3) for one in combinations_with_replacement(names, k)
        ]
        terms = []
        for some in (names[:1], names):
            tells = f"CASE WHEN {' OR '.join(f'{z} <> 0' for z in some)} THEN {{}} ELSE 0 END"
            terms += [tells.format(one) for one in ("1", "w", "w * w")]
        apart = "z0 - z1" if models > 1 else "z0"
        return {
            group: (totals, sizes)
            for group, totals, sizes in self._summed(inner, column, [*products, *terms, apart])
        }

    def _totals(
        self, inner: str, column: int | None, terms: Sequence[str]
    ) -> Iterator[tuple[int, list[float]]]:
        for code, totals, sizes in self._summed(inner, column, terms):
            yield code, [*totals, sizes[0]]

    def _summed(
        self, inner: str, column: int | None, terms: Sequence[str]
    ) -> Iterator[tuple[int, list[float], Sequence[float]]]:
        """By slice the count and the sums of terms, and the largest size of each."""
        largest = ", ".join(f"max(abs({one}))" for one in terms)
        sums = {
            group: ExactSums(figures=tuple(terms), largest=tuple(map(float, sizes)))
            for group, *sizes in self.fetch(f"SELECT code, {largest} FROM ({inner}) GROUP BY code")
        }
        if not sums:
            return
        wholes = ", ".join(
            f"sum(CAST({one.replace('{x}', f'({term})')} AS BIGINT))"
            for one, term in zip(
                scaled(sums, "0" if column is None else "code"), terms, strict=True
            )
        )
        for group, count, *totals in self.fetch(
            f"SELECT code, count(*), {wholes} FROM ({inner}) GROUP BY code"
        ):
            scale = sums[group]
            added = [math.ldexp(x, -by) for x, by in zip(totals, scale.fine, strict=True)]
            yield group, [count, *added], scale.largest


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Whole:
    """The weights of a part, the means of its figures, and the metric's value and derivatives."""

    rows: int
    powers: tuple[float, ...]
    mean: Floats
    size: Floats
    value: Floats
    slopes: Floats

    @classmethod
    def of(cls, totals: Sequence[float], metric: Metric) -> "_Whole":
        """From the count, powers of weights, weighted figures and sizes, and the largest."""
        count, *powers = totals[:4]
        figures = np.array(totals[4:-1]) / powers[0]
        mean, size = np.split(figures, 2)
        value, slopes = value_and_slopes(metric.name, mean)
        return cls(
            rows=int(count),
            powers=(*powers, totals[-1]),
            mean=mean,
            size=size,
            value=value,
            slopes=slopes,
        )

    def sample(self, totals: Sequence[float] | None, sizes: Sequence[float]) -> Weighted:
        """With what `WeightSums._moves` says of the part."""
        models, total = len(self.value), self.powers[0]
        squares, cubes = np.zeros((models,) * 2), np.zeros((models,) * 3)
        telling, effective, farthest = [0, 0], [0.0, 0.0], 0.0
        if totals is not None:
            after = iter(totals[1:])
            added = {
                one: next(after)
                for k in (2, 3)
                for one in combinations_with_replacement(range(models), k)
            }
            for at in np.ndindex(squares.shape):
                squares[at] = added[tuple(sorted(at))] / total**2
            for at in np.ndindex(cubes.shape):
                cubes[at] = added[tuple(sorted(at))] / total**3
            for who in range(2):
                telling[who] = round(next(after))
                effective[who] = effective_of_sums(next(after), next(after))
            farthest = sizes[-1] / total if models > 1 else 0.0
        moves = MoveSums(
            value=self.value,
            squares=squares,
            cubes=cubes,
            farthest=farthest,
            telling=(telling[0], telling[1]),
            effective=(effective[0], effective[1]),
        )
        return _weighted(moves, [self.rows], [self.powers])


def _weighted(
    inner: Cells | MoveSums, counts: Sequence[int], powers: Sequence[Sequence[float]]
) -> Weighted:
    """Entries of so many rows; `powers` are sums of weights, squares and cubes, and the largest."""
    total, squares, cubes, largest = np.array(powers, dtype=float).T
    count = np.array(counts, dtype=np.int64)
    if isinstance(inner, Cells):
        inner = replace(inner, count=count)
    return Weighted(
        weight=total,
        cluster=None,
        inner=inner,
        times=count,
        powers=WeightPowers(squares=squares, cubes=cubes, largest=largest),
    )


def _of_sizes(
    kinds: dict[Kind, list[tuple[Any, ...]]],
) -> tuple[list[Kind], list[int], list[tuple[float, ...]]]:
    """Sums of weights of all sizes, in units of the largest size of all."""
    most = max(row[0] for rows in kinds.values() for row in rows)
    ordered = sorted(kinds, key=lambda kind: tuple(map(str, kind)))
    counts, powers = [], []
    for kind in ordered:
        rows = kinds[kind]
        counts.append(sum(row[1] for row in rows))
        sums = (
            math.fsum(math.ldexp(row[2 + k], k * (row[0] - most) - _BITS) for row in rows)
            for k in (1, 2, 3)
        )
        largest = max(math.ldexp(row[2], row[0] - most) for row in rows)
        powers.append((*sums, largest))
    return ordered, counts, powers


_NONE = np.zeros(1)
_WEIGHTLESS = _weighted(
    MoveSums(
        value=_NONE,
        squares=_NONE[:, None],
        cubes=_NONE[:, None, None],
        farthest=0.0,
        telling=(0, 0),
        effective=(0.0, 0.0),
    ),
    [0],
    [(0.0,) * 4],
)
