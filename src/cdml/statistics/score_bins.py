"""A classifier's scores counted by bin, and how far a curve of the bins can be from theirs."""

from dataclasses import dataclass

import numpy as np

from cdml.statistics.samples import Floats

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
        starts = np.unique(ends[ends < len(rows)])
        count = np.add.reduceat(rows, starts)
        return (
            np.add.reduceat(self.total, starts) / count,
            np.add.reduceat(self.positive, starts) / count,
        )
