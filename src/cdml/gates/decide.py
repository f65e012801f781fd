"""From figures to verdicts. All conditions are pass tests, so that NaN and nothing never pass.

Inside this module better is always +, whatever the metric's direction; see docs/statistics.md.
"""

import math
from dataclasses import dataclass

from cdml.common.rule_kinds import BoundEdge, RuleKind
from cdml.common.verdict import Verdict
from cdml.config.schema import PolicySettings
from cdml.evidence.criterion import Tier

TOLERANCE = 1e-12
"""Share of the values compared up to which two figures count as equal: 0.85 - 0.80 is 0.05."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ObservedDifference:
    """What is known of one difference; better is +.

    The bounds are one-sided, NaN where not known. For a relative margin they are of Δ + share *
    |champion|, moved so that they are held against `threshold`, which is -m or +δ.
    """

    challenger: float
    champion: float
    estimate: float
    lower: float
    upper: float
    threshold: float

    @property
    def slack(self) -> float:
        """Distances below this are float error."""
        return TOLERANCE * max(abs(self.challenger), abs(self.champion), abs(self.threshold))


def decide(kind: RuleKind, figures: ObservedDifference) -> Verdict:
    """Three ways: proven, refuted, or open.

    Non-inferiority requires "no worse by more than m": a difference of exactly -m is allowed.
    Superiority requires "better by more than δ": a difference of exactly δ is not enough.
    """
    slack = figures.slack
    if kind is RuleKind.NON_INFERIORITY:
        keeps_bound = figures.lower >= figures.threshold - slack
    else:
        keeps_bound = figures.lower > figures.threshold + slack
    if keeps_bound:
        return Verdict.PASS
    if figures.upper < figures.threshold - slack:
        return Verdict.FAIL
    return Verdict.INCONCLUSIVE


def detect(adjusted_p: float, confidence: float) -> Verdict:
    """A slice fails where its regression is proven among all that were looked at."""
    if adjusted_p > 1 - confidence:
        return Verdict.PASS
    return Verdict.FAIL if adjusted_p <= 1 - confidence else Verdict.INCONCLUSIVE


def within(edge: BoundEdge, limit: float, value: float, *, low: float, high: float) -> Verdict:
    """Whether a value keeps a bound.

    `low` and `high` are the ends of its interval, or the value twice to judge the point. NaN was
    not measured.
    """
    slack = TOLERANCE * max(abs(limit), abs(value))
    sign = 1 if edge is BoundEdge.AT_LEAST else -1
    worse, better = (low, high) if edge is BoundEdge.AT_LEAST else (high, low)
    if not math.isfinite(value):
        return Verdict.INCONCLUSIVE
    if sign * (worse - limit) >= -slack:
        return Verdict.PASS
    if sign * (better - limit) < -slack:
        return Verdict.FAIL
    return Verdict.INCONCLUSIVE


def soften(verdict: Verdict, tier: Tier, policy: PolicySettings, *, measured: bool) -> Verdict:
    """What a verdict counts for.

    `on_inconclusive: warn` forgives figures that cannot tell, never figures that are missing.
    """
    if tier == "advisory" and verdict in {Verdict.FAIL, Verdict.INCONCLUSIVE}:
        return Verdict.WARN
    if verdict is Verdict.INCONCLUSIVE and policy.on_inconclusive == "warn" and measured:
        return Verdict.WARN
    return verdict
