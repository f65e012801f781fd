"""Gaps between groups: the largest difference of a rate between any two of them.

A gap is a maximum, so chance alone opens one where there is none: a champion without any looks
unfair, and a challenger that brings one in looks no worse. A bootstrap repeats that mistake (it
lets 20 % through). What is bounded here is made of plain differences. With d the difference of
two groups' rates, c the challenger's, p the champion's,

    gap_c - gap_p  =  max_P min_Q (c_P - p_Q)

over pairs of groups P and Q. The upper bound takes the worst P (an intersection-union test), and
for it the best Q, of as many as may be the champion's largest, at a confidence that allows for
the choice (Bonferroni). Pairs that are far from the largest gap are left out.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from statistics import NormalDist

import numpy as np

from cdml.statistics.difference import Level, Paired, Side
from cdml.statistics.interval import ConfidenceInterval, Unmeasured
from cdml.statistics.samples import Cells, Codes, Flags, Floats, Weighted
from cdml.statistics.skewed_means import PSEUDO_ROWS, Linear

FAR = NormalDist().inv_cdf(0.995)
"""Standard errors from the largest gap beyond which a pair of groups is not the largest."""
MOST_PAIRS = 4_000

_LABELS = {
    "demographic_parity_difference": None,
    "equal_opportunity_difference": (1,),
    "equalized_odds_difference": (0, 1),
}
"""The labels among whose rows rates of positive predictions are compared; None: among all."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Rates:
    """Rates of positive predictions by stratum: a group, or a group's rows of one label.

    Shapes: value (models, strata), the challenger first; influence, how far each of m draws moves
    them, (m, models, strata); draws, how often each was drawn, (m,); rows and label, which only
    strata that are compared share, (strata,).
    """

    value: Floats
    influence: Floats
    draws: Floats
    rows: Floats
    label: Codes


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Gaps:
    """One model's pairs of groups that may have the largest gap.

    Shapes: value (pairs,), the largest first; influence (pairs, m).
    """

    value: Floats
    influence: Floats


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class GapDifference:
    """challenger - champion of two gaps.

    `draws`: how often each figure of influence was drawn; `fewest`: rows of the smallest stratum;
    `harm`: the side whose claims are that the challenger is worse, where that is known.
    """

    challenger: _Gaps
    champion: _Gaps
    draws: Floats
    rows: int
    fewest: float
    harm: Side | None = None

    @property
    def estimate(self) -> float:
        """Of the two largest gaps."""
        return float(self.challenger.value[0] - self.champion.value[0])

    @property
    def method(self) -> str:
        """How the interval is found."""
        return "gap-t"

    @property
    def standard_error(self) -> float:
        """Of the two pairs with the largest gaps."""
        return self._pair_difference(0, 0, 0.0).standard_error

    def interval(self, confidence: float) -> ConfidenceInterval:
        """The two-sided interval."""
        careful = replace(self, harm=None)
        low, high = (careful.bound(side, (1 + confidence) / 2) for side in Side)
        return ConfidenceInterval(low=low, high=high, confidence=confidence, method=self.method)

    def bound(self, side: Side, confidence: float, share: float = 0.0) -> float:
        """The worst of one model's pairs, for each the best of the other's."""
        chosen = len(self._others(side))
        beyond = 1 - (1 - confidence) / chosen
        ends = self._each(share, lambda one: one.bound(side, beyond))
        return float(ends.max(axis=0).min() if side is Side.LOWER else ends.min(axis=1).max())

    def p_value(self, side: Side, against: float, share: float = 0.0) -> float:
        """One-sided p of Δ + share * gap of the champion against a value."""
        p_values = self._each(share, lambda one: one.p_value(side, against))
        axis = 0 if side is Side.LOWER else 1
        return float(min(1.0, len(self._others(side)) * p_values.min(axis=axis).max()))

    def p_value_null(self) -> float:
        """Two-sided p for no difference."""
        return min(1.0, 2 * min(self.p_value(side, 0.0) for side in Side))

    def _others(self, side: Side) -> Floats:
        """The pairs among which the best may be chosen."""
        return (self.challenger if side is Side.LOWER else self.champion).value

    def _each(self, share: float, statistic: Callable[[Linear], float]) -> Floats:
        """A figure of every pair against every pair, shape (challenger's, champion's)."""
        pairs = [
            [
                statistic(self._pair_difference(mine, other, share))
                for other in range(len(self.champion.value))
            ]
            for mine in range(len(self.challenger.value))
        ]
        return np.array(pairs)

    def _pair_difference(self, mine: int, other: int, share: float) -> Linear:
        """The difference of two pairs of groups, the champion's a share nearer to nothing."""
        remaining = max(0.0, 1 - share)
        moves = self.challenger.influence[mine] - remaining * self.champion.influence[other]
        covariance, third = np.zeros((2, 2)), np.zeros((2, 2, 2))
        covariance[0, 0] = self.draws @ moves**2
        third[0, 0, 0] = self.draws @ moves**3
        return Linear(
            challenger=float(self.challenger.value[mine] - remaining * self.champion.value[other]),
            champion=0.0,
            covariance=covariance,
            third=third,
            rows=self.rows,
            method=self.method,
            df=self.fewest - 1,
            extreme=(1 / self.fewest, 0.0),
            fewest=self.fewest,
            harm=self.harm,
        )


def rates(metric: str, cells: Cells, weighted: Weighted | None = None) -> Rates | Unmeasured:
    """The rates that a metric compares, or which of them does not exist.

    Rows with weights or in clusters have `cells` as their `inner`.
    """
    if cells.group is None or len(cells.groups) <= 1:
        return Unmeasured(reason=f"{metric} needs at least two groups")
    labels = _LABELS[metric]
    alike = np.zeros_like(cells.label) if labels is None else cells.label
    compared = (0,) if labels is None else labels
    stratum = np.array([(one, g) for one in compared for g in range(len(cells.groups))])
    within = (alike[:, None] == stratum[:, 0]) & (cells.group[:, None] == stratum[:, 1])
    rows = cells.count @ within
    if (rows <= 1).any():
        group = cells.groups[stratum[int(rows.argmin()), 1]]
        suffix = "" if labels is None else " of each class that is compared"
        return Unmeasured(reason=f"{metric} needs at least two rows{suffix} of the group {group}")
    predicted = [p == 1 for p in (cells.challenger, cells.champion) if p is not None]
    counted = cells.count if weighted is None else weighted.weight
    total = counted @ within
    value = np.stack([(counted * yes) @ within / total for yes in predicted])
    differences = np.stack(predicted, axis=1)[:, :, None] - value
    if weighted is None:
        influence = differences * (within / np.sqrt(rows * (rows - 1.0)))[:, None, :]
        draws = cells.count.astype(float)
    elif weighted.powers is not None:
        weight, draws = weighted.powers.typical
        influence = differences * (weight[:, None] * within / total)[:, None, :]
        draws = draws * _unbiased(int(cells.count.sum()))
        rows = total**2 / (weighted.powers.squares @ within)
    else:
        moves = differences * (weighted.weight[:, None] * within / total)[:, None, :]
        influence, rows = _by_cluster(moves, within, weighted.weight, weighted.codes)
        draws = np.full(len(influence), _unbiased(len(influence)))
    return Rates(value=value, influence=influence, draws=draws, rows=rows, label=stratum[:, 0])


def _unbiased(draws: int) -> float:
    return draws / max(1, draws - 1)


def _by_cluster(
    moves: Floats, within: Flags, weight: Floats, cluster: Codes
) -> tuple[Floats, Floats]:
    """The influence of each cluster, and how many of equal weight each stratum has (Kish)."""
    influence = np.zeros((int(cluster.max()) + 1, *moves.shape[1:]))
    np.add.at(influence, cluster, moves)
    of_stratum = np.zeros((len(influence), within.shape[1]))
    np.add.at(of_stratum, cluster, weight[:, None] * within)
    return influence, of_stratum.sum(axis=0) ** 2 / (of_stratum**2).sum(axis=0)


def compare(metric: str, cells: Cells) -> Paired | Unmeasured:
    """Two models by the gap between groups."""
    return compared(metric, rates(metric, cells))


def compared(metric: str, rates: Rates | Unmeasured) -> Paired | Unmeasured:
    """Two models by their rates."""
    if isinstance(rates, Unmeasured):
        return rates
    if len(rates.value) == 1:
        return Unmeasured(reason="the champion has no predictions")
    return _paired(metric, rates, _largest(rates, 0), _largest(rates, 1))


def measure(metric: str, cells: Cells, confidence: float) -> Level | Unmeasured:
    """One model by the gap between groups; the interval is kept between 0 and 1."""
    return level(metric, rates(metric, cells), confidence)


def level(metric: str, rates: Rates | Unmeasured, confidence: float) -> Level | Unmeasured:
    """One model by its rates."""
    if isinstance(rates, Unmeasured):
        return rates
    none = _Gaps(value=np.zeros(1), influence=np.zeros((1, len(rates.draws))))
    paired = _paired(metric, rates, _largest(rates, 0), none)
    if isinstance(paired, Unmeasured):
        return paired
    interval = paired.difference.interval(confidence)
    clipped = replace(interval, low=max(0.0, interval.low), high=min(1.0, interval.high))
    return Level(value=paired.challenger, interval=clipped)


def _paired(metric: str, rates: Rates, mine: _Gaps, other: _Gaps) -> Paired | Unmeasured:
    if len(mine.value) * len(other.value) > MOST_PAIRS:
        return Unmeasured(
            reason=f"too many groups are too small to tell their gaps in {metric} apart;"
            " merge small groups"
        )
    difference = GapDifference(
        challenger=mine,
        champion=other,
        draws=rates.draws,
        rows=int(rates.rows.sum()),
        fewest=max(2.0, float(rates.rows.min())),
    )
    return Paired(
        challenger=float(mine.value[0]), champion=float(other.value[0]), difference=difference
    )


def _largest(rates: Rates, model: int) -> _Gaps:
    """The pairs whose gap is the largest, or not far enough from it to be told apart."""
    alike = rates.label[:, None] == rates.label
    one, other = np.nonzero(alike & ~np.eye(len(alike), dtype=bool))
    value = rates.value[model, one] - rates.value[model, other]
    influence = (rates.influence[:, model, one] - rates.influence[:, model, other]).T
    order = np.argsort(-value, kind="stable")
    value, influence = value[order], influence[order]
    error = np.sqrt((influence - influence[0]) ** 2 @ rates.draws)
    unseen = np.sqrt(PSEUDO_ROWS) / rates.rows.min()
    near = value[0] - value <= FAR * np.hypot(error, unseen)
    return _Gaps(value=value[near], influence=influence[near])
