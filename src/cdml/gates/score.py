"""Measured differences turned into what `gates.decide` reads."""

import math
from dataclasses import dataclass

from cdml.evidence.criterion import Criterion
from cdml.gates.decide import ObservedDifference
from cdml.statistics.difference import DifferenceDistribution, Paired, Side
from cdml.statistics.interval import ConfidenceInterval


def observed_difference(rule: Criterion, paired: Paired, confidence: float) -> ObservedDifference:
    """The difference and its one-sided bounds, turned so that better is +."""
    difference, threshold = paired.difference, rule.threshold(paired.champion)
    # A relative margin is in the bound already: Δ + share * |champion| is held against 0.
    moved = threshold if rule.relative else 0.0
    worse, better = _sides(rule)
    return ObservedDifference(
        challenger=paired.challenger,
        champion=paired.champion,
        estimate=rule.sign * difference.estimate,
        lower=rule.sign * difference.bound(worse, confidence, rule.share) + moved,
        upper=rule.sign * difference.bound(better, confidence, rule.share) + moved,
        threshold=threshold,
    )


def p_value(rule: Criterion, paired: Paired, *, regression: bool) -> float:
    """One-sided p of the claim that the margin is kept, or (regression) that it is broken."""
    worse, better = _sides(rule)
    threshold = 0.0 if rule.relative else rule.sign * rule.threshold(paired.champion)
    side = better if regression else worse
    return paired.difference.p_value(side, threshold, rule.share)


def _sides(rule: Criterion) -> tuple[Side, Side]:
    """The natural sides of the bound towards worse and of the one towards better."""
    return (Side.LOWER, Side.UPPER) if rule.greater_is_better else (Side.UPPER, Side.LOWER)


@dataclass(frozen=True, slots=True, kw_only=True)
class ExactDifference:
    """challenger - champion of figures that are no sample: a size, a measured latency."""

    challenger: float
    champion: float

    @property
    def estimate(self) -> float:
        """Challenger - champion."""
        return self.challenger - self.champion

    @property
    def method(self) -> str:
        """Nothing is inferred."""
        return "point"

    @property
    def standard_error(self) -> float:
        """None."""
        return 0.0

    def interval(self, confidence: float) -> ConfidenceInterval:
        """The point."""
        return ConfidenceInterval(
            low=self.estimate, high=self.estimate, confidence=confidence, method=self.method
        )

    def bound(self, side: Side, confidence: float, share: float = 0.0) -> float:
        """The point."""
        del side, confidence
        return self.estimate + share * abs(self.champion)

    def p_value(self, side: Side, against: float, share: float = 0.0) -> float:
        """0 where the point lies beyond, else 1."""
        figure = self.bound(side, 0.0, share)
        return 0.0 if (figure > against if side is Side.LOWER else figure < against) else 1.0

    def p_value_null(self) -> float:
        """1 where the values are equal, else 0."""
        return 1.0 if math.isclose(self.estimate, 0.0, abs_tol=0.0) else 0.0


def exact_difference(challenger: float, champion: float) -> Paired:
    """Two figures that are no sample."""
    difference: DifferenceDistribution = ExactDifference(challenger=challenger, champion=champion)
    return Paired(challenger=challenger, champion=champion, difference=difference)
