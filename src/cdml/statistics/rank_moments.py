"""Moments of metrics of ranks from whole numbers added up: exact, in whatever order rows come."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from cdml.statistics.ranks import corrections
from cdml.statistics.samples import RankMoments

Models = tuple[int, ...]
"""Models whose figures are multiplied; 0 is the challenger, 1 the champion."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WholeSums:
    """Sums over the rows of one label; each row has one whole figure of each model.

    Attributes:
        rows: how many rows.
        fine: sums of figures, and of products of two.
        coarse: the same and products of three, of figures in units of 2^shift.
        champion, distance: least and largest figure of the last model, and of the first less it.
        same_order: whether both models put these rows among all at the same ranks.
    """

    rows: int
    fine: Mapping[Models, int]
    coarse: Mapping[Models, int]
    shift: int
    champion: tuple[int, int]
    distance: tuple[int, int]
    same_order: bool

    @classmethod
    def of_none(cls, models: int) -> "WholeSums":
        """Those of no rows."""
        none: dict[Models, int] = {(model,): 0 for model in range(models)}
        return cls(
            rows=0,
            fine=none,
            coarse=none,
            shift=0,
            champion=(0, 0),
            distance=(0, 0),
            same_order=True,
        )

    @property
    def models(self) -> int:
        """How many models there are."""
        return sum(1 for models in self.fine if len(models) == 1)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Label:
    """Rows of one label, whose moves are (figure - centre) * scale."""

    sums: WholeSums
    centre: tuple[Fraction, ...]
    scale: float

    def square(self, i: int, j: int) -> float:
        """The sum of the products of two moves."""
        fine, a, b = self.sums.fine, self.centre[i], self.centre[j]
        exact = fine[_sorted(i, j)] - a * fine[j,] - b * fine[i,] + self.sums.rows * a * b
        return float(exact) * self.scale * self.scale

    def cube(self, i: int, j: int, k: int) -> float:
        """The sum of the products of three moves."""
        sums = self.sums.coarse
        a, b, c = (self.centre[model] / 2**self.sums.shift for model in (i, j, k))
        twos = a * sums[_sorted(j, k)] + b * sums[_sorted(i, k)] + c * sums[_sorted(i, j)]
        ones = a * b * sums[k,] + a * c * sums[j,] + b * c * sums[i,]
        exact = sums[_sorted(i, j, k)] - twos + ones - self.sums.rows * a * b * c
        unit = math.ldexp(self.scale, self.sums.shift)
        return float(exact) * unit * unit * unit

    @property
    def distances(self) -> float:
        """The sum of the squared differences of two models' moves."""
        fine, off = self.sums.fine, self.centre[0] - self.centre[1]
        squares = fine[0, 0] - 2 * fine[0, 1] + fine[1, 1]
        exact = squares - 2 * off * (fine[0,] - fine[1,]) + self.sums.rows * off * off
        return float(exact) * self.scale * self.scale

    @property
    def extreme(self) -> tuple[float, float]:
        """The largest of those differences, and of the champion's moves."""
        off = self.centre[0] - self.centre[-1]
        return (
            max(float(abs(one - off)) for one in self.sums.distance) * self.scale,
            max(float(abs(one - self.centre[-1])) for one in self.sums.champion) * self.scale,
        )


def auc_moments(positives: WholeSums, others: WholeSums) -> RankMoments:
    """Of ROC AUC: figures are twice the rows of the other class on the right side, ties half.

    The figures of the positives may all be off by the same number.
    """
    if _too_few(positives, others):
        return _nothing(positives, others)
    pairs = 2 * positives.rows * others.rows
    value = [others.fine[model,] / pairs for model in range(others.models)]
    factors = corrections("roc_auc", positives.rows + others.rows, positives.rows)
    labels = [
        _Label(
            sums=sums,
            centre=tuple(Fraction(sums.fine[model,], sums.rows) for model in range(sums.models)),
            scale=factor / pairs,
        )
        for sums, factor in zip((positives, others), factors, strict=True)
    ]
    return _added(labels, value, (positives.rows,))


def precision_moments(positives: WholeSums, others: WholeSums, unit: int) -> RankMoments:
    """Of average precision: figures are the positives times a row's moves, in units of 2^-unit.

    Those of positives are larger by the value, as a row's moves together come to nothing.
    """
    if _too_few(positives, others):
        return _nothing(positives, others)
    value = tuple(
        Fraction(positives.fine[model,] + others.fine[model,], positives.rows)
        for model in range(positives.models)
    )
    factors = corrections("average_precision", positives.rows + others.rows, positives.rows)
    labels = [
        _Label(sums=sums, centre=centre, scale=factor / positives.rows / 2**unit)
        for sums, centre, factor in zip(
            (positives, others), (value, (Fraction(0),) * len(value)), factors, strict=True
        )
    ]
    return _added(labels, [float(one / 2**unit) for one in value], (positives.rows,))


def one_vs_rest_moments(
    labels: Sequence[WholeSums], own: Sequence[Sequence[int]], unit: int
) -> RankMoments:
    """Of the mean of the areas of each class against all others.

    Args:
        labels: the sums of each class's rows. A row's figure adds up those of `auc_moments` over
            the classes, each divided by twice the pairs of a row of the class and another, times
            all rows, in units of 2^-unit.
        own: by class and model, the sum of the class's rows' figures against the others, as
            `auc_moments` has them, less twice the others.
        unit: see `labels`.
    """
    positives, models = tuple(one.rows for one in labels), max(one.models for one in labels)
    rows = sum(positives)
    if any(not 1 < many < rows - 1 for many in positives):
        return no_moments(rows, positives, models)
    area = [
        [1 + Fraction(one, 2 * many * (rows - many)) for one in sums]
        for sums, many in zip(own, positives, strict=True)
    ]
    # What a row moves an area by is that area apart from its figure, shared among its class.
    of_others = [
        sum(areas[model] / (rows - many) for areas, many in zip(area, positives, strict=True))
        for model in range(models)
    ]
    factor, _ = corrections("roc_auc_ovr", rows, positives[0])
    moved = []
    for sums, areas, many in zip(labels, area, positives, strict=True):
        centre = tuple(
            rows * 2**unit * (others - one / (rows - many) + (one - 1) / many)
            for one, others in zip(areas, of_others, strict=True)
        )
        scale = math.ldexp(factor / (len(labels) * rows), -unit)
        moved.append(_Label(sums=sums, centre=centre, scale=scale))
    value = [float(sum(areas[model] for areas in area) / len(area)) for model in range(models)]
    return _added(moved, value, positives)


def _added(
    labels: Sequence[_Label], value: Sequence[float], positives: tuple[int, ...]
) -> RankMoments:
    """The moments; `split` is of two labels only."""
    models = len(value)
    squares, cubes = np.zeros((models,) * 2), np.zeros((models,) * 3)
    for label in labels:
        for at in np.ndindex(squares.shape):
            squares[at] += label.square(*at)
        for at in np.ndindex(cubes.shape):
            cubes[at] += label.cube(*at)
    extremes = [label.extreme for label in labels]
    split = (0.0, 0.0)
    if models > 1 and len(positives) == 1:
        split = labels[0].distances, labels[1].distances
    return RankMoments(
        rows=sum(label.sums.rows for label in labels),
        positives=positives,
        value=np.array(value),
        squares=squares,
        cubes=cubes,
        split=split,
        extreme=(max(one for one, _ in extremes), max(one for _, one in extremes)),
        same_order=all(label.sums.same_order for label in labels),
    )


def _too_few(positives: WholeSums, others: WholeSums) -> bool:
    return min(positives.rows, others.rows) <= 1


def _nothing(positives: WholeSums, others: WholeSums) -> RankMoments:
    models = max(positives.models, others.models)
    return no_moments(positives.rows + others.rows, (positives.rows,), models)


def no_moments(rows: int, positives: tuple[int, ...], models: int) -> RankMoments:
    """Those of rows of which too few are of a class."""
    return RankMoments(
        rows=rows,
        positives=positives,
        value=np.full(models, math.nan),
        squares=np.zeros((models,) * 2),
        cubes=np.zeros((models,) * 3),
    )


def _sorted(*models: int) -> Models:
    return tuple(sorted(models))
