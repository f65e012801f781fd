"""Curves of a classifier's scores, thinned to what a page can show."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from cdml.core.sample import Flags, Floats, OneVsRest, Ranked, Sample, Weighted

POINTS = 1000
"""Points of a curve at most."""
MOST_SCORES = 10_000_000
"""Scores of a multiclass model that are put in order for a picture."""
_STRETCHES = POINTS // 2
_BINS = 20

Points = tuple[Floats, Floats]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Scored:
    """Scores from the highest down, shape (rows,) each."""

    score: Floats
    positive: Floats
    weight: Floats


def curves(sample: Sample, *, champion: bool = False) -> Mapping[str, Points]:
    """ROC, precision-recall and calibration of a model's scores; those that exist.

    `roc` is true positive rate over false positive rate, straight between its points;
    `precision_recall` precision over recall, a step that ends at each point: both of at most
    `POINTS` points, and both with the area of the whole curve (within 1e-3, and exactly).
    `calibration` is the share of positives over the mean score, in bins of equally many rows. A
    multiclass model has the curves of all its classes together, each against the rest
    (micro-average). Weights of rows count.

    Args:
        sample: the scores; of anything else there are no curves.
        champion: whether the curves are the champion's, where the sample is of two models.
    """
    scored = _scored(sample, champion=champion)
    if scored is None or not scored.weight.sum() > 0:
        return {}
    last = np.append(np.flatnonzero(np.diff(scored.score)), len(scored.score) - 1)
    right = np.cumsum(scored.weight * scored.positive)[last]
    called = np.cumsum(scored.weight)[last]
    positives, negatives = right[-1], called[-1] - right[-1]
    found = {"calibration": _calibration(scored)}
    if positives > 0:
        found["precision_recall"] = _by_recall(right / positives, right, called)
        if negatives > 0:
            rates = (called - right) / negatives, right / positives
            found["roc"] = _thin(*(np.append(0.0, rate) for rate in rates))
    return found


def _scored(sample: Sample, *, champion: bool) -> _Scored | None:
    """All scores in one row; None where there are none, or too many to put in order."""
    weight, of = (sample.weight, sample.of) if isinstance(sample, Weighted) else (None, sample)
    if isinstance(of, Ranked):
        parts: tuple[Ranked, ...] = (of,)
    elif isinstance(of, OneVsRest) and of.rows * len(of.classes) <= MOST_SCORES:
        parts = of.classes
    else:
        return None
    sides = [part.champion if champion else part.challenger for part in parts]
    found = [side for side in sides if side is not None and len(side)]
    if not found or len(found) < len(parts):
        return None
    score = np.concatenate(found)
    positive: Flags = np.concatenate([part.positive for part in parts])
    each = np.ones(len(score)) if weight is None else np.tile(weight, len(parts))
    order = np.argsort(-score, kind="stable")
    return _Scored(
        score=score[order], positive=positive[order].astype(float), weight=each[order].astype(float)
    )


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


def _by_recall(recall: Floats, right: Floats, called: Floats) -> Points:
    """Mean precision over stretches of recall: the area, Σ precision·Δrecall, stays what it is."""
    gained = np.diff(recall, prepend=0.0)
    counts = gained > 0
    recall, gained = recall[counts], gained[counts]
    precision = right[counts] / called[counts]
    if len(recall) <= POINTS:
        return recall, precision
    stretch = np.minimum(recall * POINTS, POINTS - 1).astype(int)
    starts = np.flatnonzero(np.diff(stretch, prepend=-1))
    area = np.add.reduceat(precision * gained, starts)
    return recall[np.append(starts[1:], len(recall)) - 1], area / np.add.reduceat(gained, starts)


def _calibration(scored: _Scored) -> Points:
    """By bins of equally many rows; equal scores may be split, which their means forgive."""
    rows = len(scored.score)
    edges = np.linspace(0, rows, min(_BINS, rows) + 1).round().astype(int)[:-1]
    weight = scored.weight[::-1]
    each = np.add.reduceat(weight, edges)
    filled = each > 0
    x, y = (
        np.add.reduceat(weight * figure[::-1], edges)[filled] / each[filled]
        for figure in (scored.score, scored.positive)
    )
    return x, y
