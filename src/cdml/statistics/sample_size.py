"""How many rows or clusters a metric has, and how many would settle an open question.

Also the smallest difference that the rows at hand would show.
"""

import math
from collections.abc import Iterator
from statistics import NormalDist

import numpy as np

from cdml.statistics.metrics import Counts, Metric
from cdml.statistics.samples import (
    CaseScores,
    Cells,
    Flags,
    Floats,
    Moments,
    MoveSums,
    OneVsRest,
    Ranked,
    RankMoments,
    Replicates,
    RowFigures,
    Sample,
    ScoreSums,
    Timings,
    Weighted,
)

_INTEGER_TOLERANCE = 1e-9
"""What a sum of weights may miss of a whole number of rows."""
_MOST_ROWS = 2**63


def counted(metric: Metric, sample: Sample) -> int:
    """How many rows (or clusters) inform the metric: what `policy.min_rows` is held against.

    Of a judge's scores that labels correct, the labelled cases. Rows of unequal weight count as as
    many of equal weight as would have the same spread: (sum of w)^2 / sum of w^2 (Kish 1965). A
    cluster has its rows' mean weight.
    """
    match sample:
        case Replicates():
            return sample.units
        case CaseScores(labelled=int(labelled)):
            return labelled
        case Moments() | RowFigures() | Timings() | CaseScores():
            return sample.rows
        case _:
            return min(_counts(metric, sample), default=0)


def _counts(
    metric: Metric, sample: Weighted | Cells | Ranked | OneVsRest | RankMoments | ScoreSums
) -> Iterator[int]:
    """How many there are of each kind of rows."""
    match sample:
        case RankMoments() | ScoreSums():
            yield from sample.positives
            if metric.counts is not Counts.POSITIVES:
                yield from (sample.rows - positives for positives in sample.positives)
        case Weighted():
            yield from (_effective(sample, kind) for kind in _kinds(metric, sample.inner))
        case Cells():
            yield from (int(sample.count[kind].sum()) for kind in _kinds(metric, sample))
        case _:
            yield from (int(kind.sum()) for kind in _kinds(metric, sample))


def clusters(sample: Sample) -> int | None:
    """How many clusters the rows are of; None where every row stands for itself."""
    if isinstance(sample, Replicates):
        return sample.units if sample.clustered else None
    if not isinstance(sample, Weighted) or sample.cluster is None:
        return None
    return int(np.count_nonzero(np.bincount(sample.cluster[sample.weight > 0])))


def describe_count(counts: Counts, number: int, *, clustered: bool, by_case: bool = False) -> str:
    """`12 positives`, `12 cases`, or `12 clusters with positives`."""
    if not clustered:
        return f"{number:,} {'cases' if by_case else counts.value}"
    return f"{number:,} clusters" + ("" if counts is Counts.ROWS else f" with {counts.value}")


def _kinds(
    metric: Metric, sample: Cells | RowFigures | Ranked | OneVsRest | MoveSums
) -> Iterator[Flags]:
    """The kinds of rows that a metric needs; the rarest one limits what it can tell."""
    match sample:
        case RowFigures() | MoveSums():
            yield np.full(sample.rows, fill_value=True)
        case Ranked():
            yield sample.positive
            if metric.counts is not Counts.POSITIVES:
                yield ~sample.positive
        case OneVsRest():
            for one in sample.classes:
                yield one.positive
                yield ~one.positive
        case Cells() if sample.group is not None:
            for code in range(len(sample.groups)):
                for of_kind in _of_cells(metric, sample):
                    yield of_kind & (sample.group == code)
        case Cells():
            yield from _of_cells(metric, sample)


def _of_cells(metric: Metric, cells: Cells) -> Iterator[Flags]:
    match metric.counts:
        case Counts.POSITIVES:
            yield cells.label == 1
        case Counts.NEGATIVES:
            yield cells.label == 0
        case Counts.PREDICTED:
            yield cells.challenger == 1
            if cells.champion is not None:
                yield cells.champion == 1
        case Counts.SMALLER_CLASS:
            for code in range(len(cells.classes)):
                yield cells.label == code
        case _:
            yield np.full(len(cells.label), fill_value=True)


def _effective(sample: Weighted, chosen: Flags) -> int:
    at = chosen & (sample.weight > 0)
    weight = sample.weight[at]
    if sample.powers is not None:
        squares = float(sample.powers.squares[at].sum())
        return int(effective_of_sums(float(weight.sum()), squares) + _INTEGER_TOLERANCE)
    if sample.cluster is not None and len(weight):
        times = None if sample.times is None else sample.times[at]
        rows = np.bincount(sample.cluster[at], times)
        total = np.bincount(sample.cluster[at], weight)
        weight = total[rows > 0] / rows[rows > 0]
    return int(effective_rows(weight) + _INTEGER_TOLERANCE) if len(weight) else 0


def effective_rows(weight: Floats) -> float:
    """As many of equal weight as would have the same spread (Kish 1965); weights above 0."""
    share = near_one(weight)
    return float(share.sum() ** 2 / (share**2).sum())


def near_one(weight: Floats) -> Floats:
    """The same weights in a unit in which the largest is near 1, and has a square and a cube."""
    return np.ldexp(weight, -int(np.frexp(weight.max())[1]))


def effective_of_sums(total: float, squares: float) -> float:
    """The same of the sums of weights and of their squares; 0 of none."""
    return total * total / squares if squares > 0 else 0.0


POWER = 0.8


def rows_needed(rows: int, standard_error: float, distance: float, confidence: float) -> int | None:
    """How many rows show a difference that lies `distance` away from the margin.

    n = n_now * ((z_confidence + z_power) * SE / distance)^2, with 80 % power and a one-sided test.
    `rows` are those there are now, `distance` is that of the assumed true difference from the
    margin; None where no number of rows that a table holds would do.
    """
    if not (distance > 0 and standard_error > 0 and rows > 0):
        return None
    factor = _quantiles(confidence) * standard_error / distance
    needed = rows * factor * factor
    return math.ceil(needed) if needed < _MOST_ROWS else None


def error_from_reach(reach: float, confidence: float) -> float:
    """The standard error of a bound that lies `reach` away from the estimate."""
    return reach / NormalDist().inv_cdf(confidence)


def smallest_detectable(standard_error: float, confidence: float) -> float:
    """The true distance from the margin that the present rows show with 80 % power."""
    return _quantiles(confidence) * standard_error


def error_needed(distance: float, confidence: float) -> float | None:
    """The standard error that shows a difference so far from the margin; None where none does."""
    return distance / _quantiles(confidence) if distance > 0 else None


def _quantiles(confidence: float) -> float:
    normal = NormalDist()
    return normal.inv_cdf(confidence) + normal.inv_cdf(POWER)
