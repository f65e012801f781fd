"""What is known of the difference between two models, and of one model's value."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from cdml.statistics.interval import ConfidenceInterval, Unmeasured


class Side(StrEnum):
    """Which end a one-sided bound closes."""

    LOWER = "lower"
    UPPER = "upper"


class DifferenceDistribution(Protocol):
    """The sampling distribution of challenger - champion, in the metric's natural sign.

    `share` makes a margin relative: what is bounded is Δ + share * |champion|, one linear
    combination of the two values, so that the champion's own uncertainty counts too. A challenger
    of a metric to maximise is no worse by more than 1 % of the champion where the lower bound at
    share 0.01 lies above 0; of a metric to minimise, where the upper bound at share -0.01 lies
    below 0.
    """

    @property
    def estimate(self) -> float:
        """Challenger - champion."""
        ...

    @property
    def method(self) -> str:
        """How the interval is found: `tango`, `bca`, `delong`, `paired-t`, ..."""
        ...

    @property
    def standard_error(self) -> float:
        """Of the estimate; finite, at least 0."""
        ...

    def interval(self, confidence: float) -> ConfidenceInterval:
        """The two-sided interval of Δ."""
        ...

    def bound(self, side: Side, confidence: float, share: float = 0.0) -> float:
        """The one-sided bound of Δ + share * |champion|; may be infinite, never NaN."""
        ...

    def p_value(self, side: Side, against: float, share: float = 0.0) -> float:
        """One-sided p.

        With `Side.LOWER` the claim is that Δ + share * |champion| lies above `against`, with
        `Side.UPPER` that it lies below. It falls below 1 - confidence exactly where the bound of
        that side and confidence lies beyond `against`.
        """
        ...

    def p_value_null(self) -> float:
        """Two-sided p for no difference at all."""
        ...


class TwoSided:
    """What a distribution's one-sided bounds and p-values make of both sides."""

    __slots__ = ()

    def interval(self: DifferenceDistribution, confidence: float) -> ConfidenceInterval:
        """The two-sided interval."""
        low, high = (self.bound(side, (1 + confidence) / 2) for side in Side)
        return ConfidenceInterval(low=low, high=high, confidence=confidence, method=self.method)

    def p_value_null(self: DifferenceDistribution) -> float:
        """Two-sided p for no difference."""
        if self.estimate == 0:
            return 1.0
        return min(1.0, 2 * min(self.p_value(side, 0.0) for side in Side))


@dataclass(frozen=True, slots=True, kw_only=True)
class Paired:
    """The finite values of two models on the same rows, and what is known of their difference."""

    challenger: float
    champion: float
    difference: DifferenceDistribution


@dataclass(frozen=True, slots=True, kw_only=True)
class Level:
    """One model's finite value.

    The ends of the two-sided interval at confidence 2c - 1 are the one-sided bounds at c. It is
    Unmeasured where the rows give a value but no idea of its error.
    """

    value: float
    interval: ConfidenceInterval | Unmeasured


def level(paired: Paired, confidence: float) -> Level:
    """The challenger's value, where the champion is a model without error.

    The perfect model's value is the same on all rows, so the interval of the challenger is that
    of its distance, moved there.
    """
    distance = paired.difference.interval(confidence)
    interval = ConfidenceInterval(
        low=paired.champion + distance.low,
        high=paired.champion + distance.high,
        confidence=confidence,
        method=distance.method,
    )
    return Level(value=paired.challenger, interval=interval)
