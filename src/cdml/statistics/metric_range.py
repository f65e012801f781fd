"""What is known of a difference, and which claims of it are of harm, by what the metric is."""

import math
from dataclasses import dataclass, replace

from cdml.statistics.difference import DifferenceDistribution, Level, Paired, Side
from cdml.statistics.fairness import GapDifference
from cdml.statistics.interval import ConfidenceInterval
from cdml.statistics.metrics import Metric, Range
from cdml.statistics.skewed_means import Linear
from cdml.statistics.user_metrics import Outer


@dataclass(frozen=True, slots=True, kw_only=True)
class Ranged:
    """A difference of two values, with what is certain of it whatever the rows are.

    Two values differ by no more than the metric's range allows. And |champion| is no less than 0,
    so Δ + share * |champion| lies on the share's side of Δ: a wider relative margin is never
    harder to keep, however uncertain the champion's value is.

    Attributes:
        inner: how it is inferred.
        range: of the metric; None where it is not known.
    """

    inner: DifferenceDistribution
    range: Range | None

    @property
    def estimate(self) -> float:
        """Challenger - champion."""
        return self.inner.estimate

    @property
    def method(self) -> str:
        """How the interval is found."""
        return self.inner.method

    @property
    def standard_error(self) -> float:
        """Of the estimate."""
        return self.inner.standard_error

    def interval(self, confidence: float) -> ConfidenceInterval:
        """The two-sided interval, within what two such values can differ."""
        return clipped(self.inner.interval(confidence), *self._ends(0.0))

    def bound(self, side: Side, confidence: float, share: float = 0.0) -> float:
        """The one-sided bound, within what is possible."""
        bound = self.inner.bound(side, confidence, share)
        if share:
            farther = max if share > 0 else min
            bound = farther(bound, self.inner.bound(side, confidence))
        low, high = self._ends(share)
        return min(max(bound, low), high)

    def p_value(self, side: Side, against: float, share: float = 0.0) -> float:
        """One-sided p; what cannot be otherwise is certain, and what cannot be is not claimed."""
        low, high = self._ends(share)
        if side is Side.UPPER:
            low, high = -high, -low
        value = against if side is Side.LOWER else -against
        if value < low:
            return 0.0
        if value >= high:
            return 1.0
        p_value = self.inner.p_value(side, against, share)
        if not share:
            return p_value
        either = min if (share > 0) is (side is Side.LOWER) else max
        return either(p_value, self.inner.p_value(side, against))

    def p_value_null(self) -> float:
        """Two-sided p for no difference at all."""
        return self.inner.p_value_null()

    def _ends(self, share: float) -> tuple[float, float]:
        """The least and the most that challenger - champion + share * |champion| can be."""
        if self.range is None or math.isinf(self.range.width):
            return -math.inf, math.inf
        low, high = self.range.low, self.range.high
        champions = (low, high, min(max(0.0, low), high))
        taken = [share * abs(champion) - champion for champion in champions]
        return low + min(taken), high + max(taken)


def ranged(metric: Metric, paired: Paired) -> Paired:
    """The comparison, with the metric's direction and range."""
    harm = Side.UPPER if metric.greater_is_better else Side.LOWER
    difference = Ranged(inner=directed(paired.difference, harm), range=metric.range)
    return replace(paired, difference=difference)


def directed(difference: DifferenceDistribution, harm: Side) -> DifferenceDistribution:
    """With the side on which claims are of harm, where that makes a difference."""
    match difference:
        case Linear() | GapDifference():
            return replace(difference, harm=harm)
        case Outer():
            return replace(difference, linear=replace(difference.linear, harm=harm))
        case _:
            return difference


def level_within(metric: Metric, level: Level) -> Level:
    """One model's value, its interval within the metric's range."""
    return level if metric.range is None else within_range(level, metric.range)


def within_range(level: Level, values: Range) -> Level:
    """The value, with what of its interval is possible."""
    if not isinstance(level.interval, ConfidenceInterval):
        return level
    return replace(level, interval=clipped(level.interval, values.low, values.high))


def clipped(interval: ConfidenceInterval, low: float, high: float) -> ConfidenceInterval:
    """What of the interval is possible."""
    return replace(
        interval, low=min(max(interval.low, low), high), high=max(min(interval.high, high), low)
    )
