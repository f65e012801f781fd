"""ROC-AUC and average precision of rows that do not count the same.

As in `statistics.ranks`, with sums of weights in the place of numbers of rows; the figures of
the rows are the derivatives of the value by their weights, times those weights.
"""

from dataclasses import dataclass

import numpy as np

from cdml.statistics.samples import Codes, Flags, Floats


def summed(code: Codes, weight: Floats, groups: int) -> Floats:
    """The weights of each group, shape (groups,)."""
    return np.bincount(code, weight, groups).astype(float)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Groups:
    """Equal scores, from the worst to the best.

    Attributes:
        of_row: the group of each row, shape (rows,).
        positives, negatives: weights of each group, shape (groups,).
    """

    of_row: Codes
    positives: Floats
    negatives: Floats

    @classmethod
    def of(cls, positive: Flags, score: Floats, weight: Floats) -> "_Groups":
        scores, of_row = np.unique(score, return_inverse=True)
        return cls(
            of_row=of_row,
            positives=summed(of_row, weight * positive, len(scores)),
            negatives=summed(of_row, weight * ~positive, len(scores)),
        )


def auc(positive: Flags, score: Floats, weight: Floats) -> tuple[float, Floats]:
    """The weighted share of pairs in the right order, ties half, and each row's share in it."""
    groups = _Groups.of(positive, score, weight)
    total_positive, total_negative = groups.positives.sum(), groups.negatives.sum()
    below = (np.cumsum(groups.negatives) - groups.negatives / 2) / total_negative
    above = 1 - (np.cumsum(groups.positives) - groups.positives / 2) / total_positive
    value = float(groups.positives @ below / total_positive)
    placed = np.where(positive, below[groups.of_row], above[groups.of_row])
    return value, weight * (placed - value) / np.where(positive, total_positive, total_negative)


def average_precision(positive: Flags, score: Floats, weight: Floats) -> tuple[float, Floats]:
    """Average precision as scikit-learn weights it, and each row's share in it."""
    groups = _Groups.of(positive, score, weight)
    found = groups.positives[::-1]
    reached = np.cumsum(found + groups.negatives[::-1])
    # Groups of weight 0 at the top have no precision, and no part in anything.
    precision = np.divide(np.cumsum(found), reached, out=np.zeros_like(reached), where=reached > 0)
    share = np.divide(found, reached, out=np.zeros_like(reached), where=reached > 0)
    total = found.sum()
    value = float(found @ precision / total)
    gained = np.cumsum(share[::-1])[::-1]
    lost = np.cumsum((share * precision)[::-1])[::-1]
    of_positive = (precision - value + gained - lost)[::-1][groups.of_row]
    of_negative = -lost[::-1][groups.of_row]
    return value, weight * np.where(positive, of_positive, of_negative) / total
