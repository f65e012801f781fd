"""Metrics of the order of scores: ROC-AUC (DeLong) and average precision, also weighted.

Each model's value comes with one figure per row, how far that row moves the value; their
covariance over the rows is that of the two values. With weights, sums of weights stand in the place
of numbers of rows, and the figures of the rows are the derivatives of the value by their weights,
times those weights.
"""

import math
from dataclasses import dataclass

import numpy as np

from cdml.statistics.samples import Codes, Flags, Floats


def powers(figures: Floats) -> tuple[float, float]:
    """The sums of the squares and of the cubes, the same to the last bit in any order of rows."""
    ordered = np.sort(figures)
    product = ordered * ordered
    squares = float(product.sum())
    product *= ordered
    return squares, float(product.sum())


def joint_moments(first: Floats, second: Floats) -> tuple[Floats, Floats]:
    """Sums of the products of two figures and of three, shapes (2, 2) and (2, 2, 2)."""
    (aa, aaa), (bb, bbb) = powers(first), powers(second)
    distances, minus = powers(first - second)
    _, plus = powers(first + second)
    ab = (aa + bb - distances) / 2
    aab, abb = (plus - minus - 2 * bbb) / 6, (plus + minus - 2 * aaa) / 6
    third = [[[aaa, aab], [aab, abb]], [[aab, abb], [abb, bbb]]]
    return np.array([[aa, ab], [ab, bb]]), np.array(third)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Ties:
    """Scores in order, as groups of equal ones.

    Attributes:
        order: the rows, by ascending score, shape (rows,).
        size, positives: rows and positives of each group, shape (groups,).
    """

    order: Codes
    size: Codes
    positives: Codes

    @classmethod
    def from_scores(cls, positive: Flags, score: Floats) -> "Ties":
        """Sort the scores; O(n log n)."""
        order = ascending(score)
        ordered = score[order]
        differs = np.empty(len(ordered), dtype=bool)
        differs[:1] = True
        np.not_equal(ordered[1:], ordered[:-1], out=differs[1:])
        del ordered
        start = np.flatnonzero(differs)
        positives = np.add.reduceat(positive[order], start, dtype=np.int64)
        size = np.full(len(start), len(order))
        size[:-1] = start[1:]
        size -= start
        return cls(order=order, size=size, positives=positives)

    def spread(self, of_group: Floats) -> Floats:
        """The figure of each row's group, in the rows' own order."""
        of_row = np.empty(len(self.order))
        alone = len(of_group) == len(self.order)
        of_row[self.order] = of_group if alone else np.repeat(of_group, self.size)
        return of_row


def ascending(score: Floats) -> Codes:
    """The rows by ascending score, in twice the speed of `argsort`.

    Sorting is much faster than sorting indices. So the index takes the place of a score's last
    bits, and what these would have ordered otherwise is then put right.
    """
    bits = max(1, (len(score) - 1).bit_length())
    keys = np.ascontiguousarray(score, dtype=np.float64).view(np.int64) >> bits
    keys <<= bits
    keys |= np.arange(len(keys))
    keys.sort()
    keys &= (1 << bits) - 1
    ordered = score[keys]
    if (ordered[1:] < ordered[:-1]).any():
        keys = keys[np.argsort(ordered, kind="stable")]
    order: Codes = keys
    return order


def corrections(metric: str, rows: int, positives: int) -> tuple[float, float]:
    """What a positive's move and another's are multiplied by for ddof 1.

    The classes of a single AUC are drawn apart, each with its own (DeLong).
    """
    sizes = (rows, rows) if metric != "roc_auc" else (positives, rows - positives)
    for_positive, for_negative = (math.sqrt(n / (n - 1)) for n in sizes)
    return for_positive, for_negative


def same_order(first: Floats, second: Floats) -> bool:
    """Whether one score rises exactly where the other does, as after a recalibration."""
    order = np.argsort(first)
    steps = np.sign(np.diff(first[order]))
    return bool((steps == np.sign(np.diff(second[order]))).all())


def auc_influence(positive: Flags, score: Floats) -> tuple[float, Floats]:
    """The AUC, and each row's share in its error: (placement - AUC) / rows of its class.

    A row's placement is the share of the other class that its score is on the right side of, ties
    half. Their mean over the positives, and over the negatives, is the AUC; from them DeLong,
    DeLong & Clarke-Pearson (1988) take its covariance. By ranks, as in Sun & Xu (2014).
    """
    ties = Ties.from_scores(positive, score)
    negatives = ties.size - ties.positives
    count, others = int(ties.positives.sum()), int(negatives.sum())
    scale = 2 * count * others
    # Twice as many, so that halves are whole numbers, whose sum is the same in any order.
    placed = np.cumsum(negatives)
    placed *= 2
    placed -= negatives
    del negatives
    auc = int(ties.positives @ placed) / scale
    of_positive = placed / scale
    of_positive -= auc / count
    np.cumsum(ties.positives, out=placed)
    np.subtract(count, placed, out=placed)
    placed *= 2
    placed += ties.positives
    of_negative = placed / scale
    of_negative -= auc / others
    del placed
    if len(ties.size) == len(positive):
        return auc, ties.spread(np.where(ties.positives > 0, of_positive, of_negative))
    return auc, np.where(positive, ties.spread(of_positive), ties.spread(of_negative))


def precision_influence(positive: Flags, score: Floats) -> tuple[float, Floats]:
    """Average precision as scikit-learn defines it, and its derivative by each row's weight.

    With groups of equal scores from the best down, a_g positives in group g and P_g the precision
    down to and with it: AP = sum a_g P_g / W. A row of group g adds to the counts of g and all
    groups below it (infinitesimal jackknife, Jaeckel 1972).
    """
    ties = Ties.from_scores(positive, score)
    groups = ties.positives[::-1].astype(float)
    reached = np.cumsum(ties.size[::-1]).astype(float)
    precision = np.cumsum(groups) / reached
    total = groups.sum()
    value = float(groups @ precision / total)
    groups /= reached
    share = groups
    del reached
    lost = np.cumsum((share * precision)[::-1])[::-1]
    precision += np.cumsum(share[::-1])[::-1]
    precision -= lost
    precision -= value
    del groups, share
    moves = ties.spread(precision[::-1])
    del precision
    np.copyto(moves, ties.spread(-lost[::-1]), where=~positive)
    moves /= total
    return value, moves


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
    def from_scores(cls, positive: Flags, score: Floats, weight: Floats) -> "_Groups":
        scores, of_row = np.unique(score, return_inverse=True)
        return cls(
            of_row=of_row,
            positives=summed(of_row, weight * positive, len(scores)),
            negatives=summed(of_row, weight * ~positive, len(scores)),
        )


def auc(positive: Flags, score: Floats, weight: Floats) -> tuple[float, Floats]:
    """The weighted share of pairs in the right order, ties half, and each row's share in it."""
    groups = _Groups.from_scores(positive, score, weight)
    total_positive, total_negative = groups.positives.sum(), groups.negatives.sum()
    below = (np.cumsum(groups.negatives) - groups.negatives / 2) / total_negative
    above = 1 - (np.cumsum(groups.positives) - groups.positives / 2) / total_positive
    value = float(groups.positives @ below / total_positive)
    placed = np.where(positive, below[groups.of_row], above[groups.of_row])
    return value, weight * (placed - value) / np.where(positive, total_positive, total_negative)


def average_precision(positive: Flags, score: Floats, weight: Floats) -> tuple[float, Floats]:
    """Average precision as scikit-learn weights it, and each row's share in it."""
    groups = _Groups.from_scores(positive, score, weight)
    positives = groups.positives[::-1]
    reached = np.cumsum(positives + groups.negatives[::-1])
    # Groups of weight 0 at the top have no precision, and no part in anything.
    precision = np.divide(
        np.cumsum(positives), reached, out=np.zeros_like(reached), where=reached > 0
    )
    share = np.divide(positives, reached, out=np.zeros_like(reached), where=reached > 0)
    total = positives.sum()
    value = float(positives @ precision / total)
    gained = np.cumsum(share[::-1])[::-1]
    lost = np.cumsum((share * precision)[::-1])[::-1]
    of_positive = (precision - value + gained - lost)[::-1][groups.of_row]
    of_negative = -lost[::-1][groups.of_row]
    return value, weight * np.where(positive, of_positive, of_negative) / total
