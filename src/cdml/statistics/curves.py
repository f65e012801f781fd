"""Curves and confusion matrices of a classifier, thinned to what a page can show.

Positives and negatives are sorted separately and never put in one order: that is twice as fast,
needs little memory, and any threshold is looked up in both. For very many rows, scores are counted
by bin, with a bound for how far the curve of the bins can be from the curve of the scores.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cdml.statistics.samples import Cells, CountArray, Floats, OneVsRest, Ranked, Sample, Weighted

BINS = 16_384
"""Bins of scores, at most and about."""
FEW_ROWS = 200_000
"""Rows whose scores are read one by one, as long as no bins save anything."""
LARGEST_ERROR = 5e-4
"""Of the area under a curve, if it is drawn through bins instead of scores."""
_LARGEST_SHARE = 0.01
"""Of all rows, in a bin of several scores."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ScoreBins:
    """Rows by score, ascending; all arrays have the shape (bins,), and no bin is empty.

    Attributes:
        positive, other: how many rows of the positive class, and of the others.
        low, high: the least and the largest score.
        total: the sum of the scores.
    """

    positive: Floats
    other: Floats
    low: Floats
    high: Floats
    total: Floats

    def called(self) -> tuple[Floats, Floats]:
        """Positives and others at or above each bin, from the highest down; first none."""
        right, wrong = (
            np.append(0.0, np.cumsum(rows[::-1])) for rows in (self.positive, self.other)
        )
        return right, wrong

    @property
    def fine(self) -> bool:
        """Whether curves through the bins have the areas of those through the scores, nearly.

        Between two bins a ROC curve rises within their rectangle, so that its area differs from
        the chord's by at most |Δx||Δy|/2, and precision lies between what it would be if all
        positives of the bin came first or last. Where a bin holds one score both are exact.
        """
        right, wrong = self.called()
        if not (right[-1] > 0 and wrong[-1] > 0):
            return True
        several = (self.low < self.high)[::-1]
        if np.any(
            (self.positive + self.other)[::-1][several] > _LARGEST_SHARE * (right + wrong)[-1]
        ):
            return False
        hit, missed = np.diff(right) / right[-1], np.diff(wrong) / wrong[-1]
        best = right[1:] / np.maximum(right[1:] + wrong[:-1], 1)
        least = right[:-1] / np.maximum(right[:-1] + wrong[1:], 1)
        roc = np.sum((hit * missed)[several]) / 2
        precision = np.sum((hit * (best - least))[several])
        return bool(roc <= LARGEST_ERROR and precision <= LARGEST_ERROR)

    def calibration(self, parts: int) -> tuple[Floats, Floats]:
        """Share of positives over the mean score, in parts of about equally many rows."""
        rows = self.positive + self.other
        before = np.append(0.0, np.cumsum(rows))
        ends = np.searchsorted(before, np.linspace(0, before[-1], parts + 1)[:-1])
        starts = _distinct(ends[ends < len(rows)])
        count = np.add.reduceat(rows, starts)
        return (
            np.add.reduceat(self.total, starts) / count,
            np.add.reduceat(self.positive, starts) / count,
        )


POINTS = 1000
"""Points of a curve at most."""
MOST_SCORES = 5_000_000
"""Scores that are read into memory; of a multiclass model, for a picture only."""
_STRETCHES = POINTS // 2
_GRID = 100_000
"""Scores of a class beyond which thresholds are only some of them, evenly spread."""
_BINS = 20

Points = tuple[Floats, Floats]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Class:
    """The rows of one class.

    Attributes:
        score: ascending, shape (rows,).
        weight: of each, in that order; None where all count 1.
    """

    score: Floats
    weight: Floats | None

    @classmethod
    def from_scores(cls, score: Floats, weight: Floats | None) -> "_Class":
        if weight is None:
            return cls(score=np.sort(score), weight=None)
        order = np.argsort(score)
        return cls(score=score[order], weight=weight[order])

    def some(self) -> tuple[Floats, Floats]:
        """Scores to take as thresholds: all, or evenly spread ones, the largest among them."""
        return self.score[:: -(-len(self.score) // _GRID) or 1], self.score[-1:]

    def up_to(self, ends: NDArray[np.intp]) -> Floats:
        """Rows, by weight, before each of these places."""
        if self.weight is None:
            return ends.astype(np.float64)
        return np.append(0.0, np.cumsum(self.weight))[ends]

    def summed(self, low: int, high: int) -> tuple[float, float]:
        """Rows by weight, and their scores, from one place to before another."""
        score = self.score[low:high]
        if self.weight is None:
            return float(high - low), float(score.sum())
        weight = self.weight[low:high]
        return float(weight.sum()), float(weight @ score)


def _distinct(values: NDArray[Any]) -> NDArray[Any]:
    """The values in order, each once; `np.unique` would import masked arrays first."""
    ordered = np.sort(values)
    return np.concatenate((ordered[:1], ordered[1:][ordered[1:] != ordered[:-1]]))


def curves(sample: Sample | ScoreBins, *, champion: bool = False) -> Mapping[str, Points]:
    """ROC, precision-recall and calibration of a model's scores; those that exist.

    `roc` is true positive rate over false positive rate, straight between its points;
    `precision_recall` precision over recall, a step that ends at each point: both of at most
    `POINTS` points and with the area of the whole curve within 1e-3. `calibration` is the share
    of positives over the mean score, in bins of about equally many rows; equal scores share one.
    A multiclass model has the curves of all its classes together, each against the rest
    (micro-average). Weights of rows count; their order never does.
    Through bins of scores both areas are within `LARGEST_ERROR` more, if the bins are `fine`.
    Of anything but scores, or bins of them, there are no curves.
    """
    if isinstance(sample, ScoreBins):
        return _drawn(*sample.called(), sample.calibration(_BINS))
    classes = _classes(sample, champion=champion)
    if classes is None:
        return {}
    positive, other = classes
    thresholds = _distinct(np.concatenate((*positive.some(), *other.some())))
    right, wrong = (_called(one, thresholds) for one in classes)
    if not right[-1] + wrong[-1] > 0:
        return {}
    return _drawn(right, wrong, _calibration(positive, other, thresholds))


def _drawn(right: Floats, wrong: Floats, calibration: Points) -> Mapping[str, Points]:
    """The curves through positives and others that are called positive, more and more of them."""
    drawn = {"calibration": calibration}
    new = np.append(True, np.diff(right + wrong) > 0)
    right, wrong = right[new], wrong[new]
    if right[-1] > 0:
        drawn["precision_recall"] = _by_recall(right, wrong)
        if wrong[-1] > 0:
            drawn["roc"] = _thin(wrong / wrong[-1], right / right[-1])
    return drawn


def _classes(sample: Sample, *, champion: bool) -> tuple[_Class, _Class] | None:
    """Positives and others; None where there are no scores, or too many to put in order."""
    weight, inner = (
        (sample.weight, sample.inner) if isinstance(sample, Weighted) else (None, sample)
    )
    parts: Sequence[Ranked] = ()
    if isinstance(inner, Ranked):
        parts = (inner,)
    elif isinstance(inner, OneVsRest) and inner.rows * len(inner.classes) <= MOST_SCORES:
        parts = inner.classes
    sides = [part.champion if champion else part.challenger for part in parts]
    lengths = [side for side in sides if side is not None and len(side)]
    if not lengths or len(lengths) < len(parts):
        return None
    flags = [part.positive for part in parts]

    def chosen(*, flag: bool) -> _Class:
        score = [side[one == flag] for side, one in zip(lengths, flags, strict=True)]
        of_rows = None if weight is None else np.concatenate([weight[one == flag] for one in flags])
        return _Class.from_scores(np.concatenate(score) if score[1:] else score[0], of_rows)

    return chosen(flag=True), chosen(flag=False)


def _called(one: _Class, thresholds: Floats) -> Floats:
    """Rows above, and rows at or above each threshold, from the highest down; first none."""
    places = np.empty(2 * len(thresholds) + 1, dtype=np.intp)
    places[0] = len(one.score)
    places[1::2] = np.searchsorted(one.score, thresholds, side="right")[::-1]
    places[2::2] = np.searchsorted(one.score, thresholds, side="left")[::-1]
    below = one.up_to(places)
    above: Floats = below[0] - below
    return above


def _thin(x: Floats, y: Floats) -> Points:
    """Some points of a curve that only rises, from (0, 0) to (1, 1).

    Both ends of each of n stretches of equal length |Δx| + |Δy| = 2/n stay. Within one the area
    between the curve and its chord is at most |Δx||Δy|/2 ≤ (2/n)²/8, in all 1/(2n): 1e-3.
    """
    if len(x) <= POINTS:
        return x, y
    stretch = np.minimum((x + y) / 2 * _STRETCHES, _STRETCHES - 1).astype(int)
    new = np.diff(stretch) != 0
    keep = np.concatenate(([True], new)) | np.concatenate((new, [True]))
    return x[keep], y[keep]


def _by_recall(right: Floats, wrong: Floats) -> Points:
    """Mean precision over stretches of recall: the area, Σ precision·Δrecall, stays what it is."""
    gained = np.diff(right, prepend=0.0)
    counts = gained > 0
    right, called, gained = right[counts], (right + wrong)[counts], gained[counts]
    recall, precision = right / right[-1], right / called
    if len(recall) <= POINTS:
        return recall, precision
    stretch = np.minimum(recall * POINTS, POINTS - 1).astype(int)
    starts = np.flatnonzero(np.diff(stretch, prepend=-1))
    area = np.add.reduceat(precision * gained, starts)
    return recall[np.append(starts[1:], len(recall)) - 1], area / np.add.reduceat(gained, starts)


def _calibration(positive: _Class, other: _Class, thresholds: Floats) -> Points:
    places = [np.searchsorted(one.score, thresholds) for one in (positive, other)]
    below, rows = places[0] + places[1], len(positive.score) + len(other.score)
    ends = np.searchsorted(below, np.linspace(0, rows, _BINS + 1)[1:-1])
    cuts = _distinct(ends[(ends > 0) & (ends < len(thresholds))])
    edges = [
        [0, *(int(place[cut]) for cut in cuts), len(one.score)]
        for place, one in zip(places, (positive, other), strict=True)
    ]
    x, y = [], []
    for at in range(len(cuts) + 1):
        true, true_sum = positive.summed(edges[0][at], edges[0][at + 1])
        false, false_sum = other.summed(edges[1][at], edges[1][at + 1])
        if true + false > 0:
            x.append((true_sum + false_sum) / (true + false))
            y.append(true / (true + false))
    return np.array(x), np.array(y)


CLASSES = 20
"""Classes that have a row and a column."""
OTHER = "(other)"


def crosstab(
    sample: Sample, *, champion: bool = False
) -> tuple[tuple[str, ...], CountArray] | None:
    """Classes and rows by label and prediction, shape (classes, classes).

    Beyond the `CLASSES` that occur most as label or prediction, classes are counted together. Rows
    are counted, whatever their weight.
    Of anything but joint counts there is no matrix.
    """
    cells = sample.inner if isinstance(sample, Weighted) else sample
    if not isinstance(cells, Cells):
        return None
    predicted = cells.champion if champion else cells.challenger
    if predicted is None:
        return None
    many = len(cells.classes)
    counts = np.zeros((many, many), dtype=np.int64)
    np.add.at(counts, (cells.label, predicted), cells.count)
    if many <= CLASSES:
        return cells.classes, counts
    frequent = np.argsort(-(counts.sum(axis=0) + counts.sum(axis=1)), kind="stable")[:CLASSES]
    retained = np.sort(frequent)
    place = np.full(many, CLASSES)
    place[retained] = np.arange(CLASSES)
    table = np.zeros((CLASSES + 1, CLASSES + 1), dtype=np.int64)
    np.add.at(table, (place[:, None], place[None, :]), counts)
    return (*(cells.classes[code] for code in retained), OTHER), table
