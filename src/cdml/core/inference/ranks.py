"""Metrics of the order of scores: ROC-AUC (DeLong) and average precision.

Each model's value comes with one figure per row, how far that row moves the value; their
covariance over the rows is that of the two values.
"""

from dataclasses import dataclass

import numpy as np

from cdml.core.sample import Codes, Flags, Floats


def total(figures: Floats, power: int) -> float:
    """The sum of the figures' powers, the same to the last bit in whatever order they come."""
    ordered = np.sort(figures)
    product = ordered.copy()
    for _ in range(power - 1):
        product *= ordered
    return float(product.sum())


def joint_moments(first: Floats, second: Floats) -> tuple[Floats, Floats]:
    """Sums of the products of two figures and of three, shapes (2, 2) and (2, 2, 2)."""
    apart, together = first - second, first + second
    aa, bb = total(first, 2), total(second, 2)
    ab = (aa + bb - total(apart, 2)) / 2
    aaa, bbb = total(first, 3), total(second, 3)
    plus, minus = total(together, 3), total(apart, 3)
    aab, abb = (plus - minus - 2 * bbb) / 6, (plus + minus - 2 * aaa) / 6
    third = [[[aaa, aab], [aab, abb]], [[aab, abb], [abb, bbb]]]
    return np.array([[aa, ab], [ab, bb]]), np.array(third)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Ties:
    """Scores in order, as groups of equal ones.

    Attributes:
        order: the rows, by ascending score, shape (rows,).
        start: where each group starts in that order, shape (groups,).
        size, positives: rows and positives of each group, shape (groups,).
    """

    order: Codes
    start: Codes
    size: Codes
    positives: Codes

    @classmethod
    def of(cls, positive: Flags, score: Floats) -> "Ties":
        """Sort the scores; O(n log n)."""
        order = np.argsort(score)
        ordered = score[order]
        start = np.flatnonzero(np.concatenate(([True], ordered[1:] != ordered[:-1])))
        return cls(
            order=order,
            start=start,
            size=np.diff(start, append=len(ordered)),
            positives=np.add.reduceat(positive[order], start, dtype=np.int64),
        )

    def spread(self, of_group: Floats) -> Floats:
        """The figure of each row's group, in the rows' own order."""
        of_row = np.empty(len(self.order))
        of_row[self.order] = np.repeat(of_group, self.size)
        return of_row


def same_order(first: Floats, second: Floats) -> bool:
    """Whether one score rises exactly where the other does, as after a recalibration."""
    order = np.argsort(first)
    steps = np.sign(np.diff(first[order]))
    return bool((steps == np.sign(np.diff(second[order]))).all())


def placements(positive: Flags, score: Floats) -> Floats:
    """The share of the other class that each row's score is on the right side of; ties half.

    Their mean over the positives, and over the negatives, is the AUC; from them DeLong, DeLong &
    Clarke-Pearson (1988) take its covariance. By ranks, as in Sun & Xu (2014).
    """
    ties = Ties.of(positive, score)
    negatives = ties.size - ties.positives
    below = np.cumsum(negatives) - negatives / 2
    above = ties.positives.sum() - np.cumsum(ties.positives) + ties.positives / 2
    of_positive = ties.spread(below / negatives.sum())
    of_negative = ties.spread(above / ties.positives.sum())
    return np.where(positive, of_positive, of_negative)


def auc_influence(positive: Flags, score: Floats) -> tuple[float, Floats]:
    """The AUC, and each row's share in its error: (placement - AUC) / rows of its class."""
    placed = placements(positive, score)
    positives = int(positive.sum())
    auc = total(placed[positive], 1) / positives
    return auc, (placed - auc) / np.where(positive, positives, len(positive) - positives)


def precision_influence(positive: Flags, score: Floats) -> tuple[float, Floats]:
    """Average precision as scikit-learn defines it, and its derivative by each row's weight.

    With groups of equal scores from the best down, a_g positives in group g and P_g the precision
    down to and with it: AP = sum a_g P_g / W. A row of group g adds to the counts of g and all
    groups below it (infinitesimal jackknife, Jaeckel 1972).
    """
    ties = Ties.of(positive, score)
    groups = ties.positives[::-1].astype(float)
    reached = np.cumsum(ties.size[::-1])
    precision = np.cumsum(groups) / reached
    total = groups.sum()
    value = float(groups @ precision / total)
    share = groups / reached
    gained = np.cumsum(share[::-1])[::-1]
    lost = np.cumsum((share * precision)[::-1])[::-1]
    of_positive = ties.spread((precision - value + gained - lost)[::-1])
    of_negative = ties.spread(-lost[::-1])
    return value, np.where(positive, of_positive, of_negative) / total
