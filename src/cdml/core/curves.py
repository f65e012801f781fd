"""Curves of a classifier's scores, thinned to what a page can show."""

from collections.abc import Mapping

import numpy as np

from cdml.core.sample import Floats, Ranked

POINTS = 200
_BINS = 20

Points = tuple[Floats, Floats]


def curves(ranked: Ranked) -> Mapping[str, Points]:
    """ROC, precision-recall and calibration of the challenger's scores; those that exist.

    `roc` is true positive rate over false positive rate, `precision_recall` precision over
    recall, both at most `POINTS` thresholds; `calibration` the share of positives over the mean
    score, in bins of equally many rows.
    """
    order = np.argsort(-ranked.challenger, kind="stable")
    scores, positive = ranked.challenger[order], ranked.positive[order].astype(float)
    last = np.append(np.flatnonzero(np.diff(scores)), len(scores) - 1)
    right = np.cumsum(positive)[last]
    called = last + 1.0
    positives, negatives = right[-1], len(scores) - right[-1]
    found = {"calibration": _calibration(scores[::-1], positive[::-1])}
    if positives > 0:
        found["precision_recall"] = _thin(right / positives, right / called)
        if negatives > 0:
            found["roc"] = _thin(
                np.append(0.0, (called - right) / negatives), np.append(0.0, right / positives)
            )
    return found


def _thin(x: Floats, y: Floats) -> Points:
    keep = np.unique(np.linspace(0, len(x) - 1, min(len(x), POINTS)).round().astype(int))
    return x[keep], y[keep]


def _calibration(scores: Floats, positive: Floats) -> Points:
    """By bins of equally many rows; equal scores may be split, which their means forgive."""
    edges = np.linspace(0, len(scores), min(_BINS, len(scores)) + 1).round().astype(int)
    starts, rows = edges[:-1], np.diff(edges)
    return np.add.reduceat(scores, starts) / rows, np.add.reduceat(positive, starts) / rows
