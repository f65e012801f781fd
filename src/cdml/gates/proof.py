"""What the figures of a comparison prove, whatever its verdict counts for."""

from cdml.common.rule_kinds import RuleKind
from cdml.common.verdict import Verdict
from cdml.evidence.criterion import ERRORS
from cdml.evidence.schema import ComparisonGate
from cdml.gates.decide import TOLERANCE
from cdml.statistics import metrics

UNPROVEN = "no regression proven"
"""The mark of a slice that passed because nothing is proven against it."""
_LIKELY = 0.5
"""A margin is more likely broken than kept where the p of a regression lies below."""


def greater_is_better(gate: ComparisonGate) -> bool | None:
    """The direction of our metrics, else that of the criterion, else by the margin's side."""
    metric = metrics.find_metric(gate.metric)
    if metric is not None and metric.described:
        return metric.greater_is_better
    if gate.criterion.greater_is_better is not None:
        return gate.criterion.greater_is_better
    against = gate.bound.against if gate.bound else 0.0
    if against == 0 or metric is None:
        return None
    return (against < 0) is (gate.criterion.kind is RuleKind.NON_INFERIORITY)


def unproven(gate: ComparisonGate) -> bool:
    """Whether a gate passed although its figures do not prove that the margin is kept.

    A slice that is to detect a regression passes where none is proven. Its interval may still
    cross the margin, or lie beyond it with too little certainty for so many slices: that is no
    proof of anything. Evidence that lacks the bounds is read by what it has.
    """
    if gate.verdict is not Verdict.PASS or not gate.judged or gate.metric == ERRORS:
        return False
    margin = _margin(gate)
    return margin is None or not _within_margin(gate, margin)


def _margin(gate: ComparisonGate) -> float | None:
    """What the difference is held against, in the metric's own sign; None if unknown."""
    if gate.bound is not None:
        return gate.bound.against
    greater, rule = greater_is_better(gate), gate.criterion
    if greater is None or (rule.relative and gate.champion is None):
        return None
    return (1 if greater else -1) * rule.threshold(gate.champion or 0.0)


def _within_margin(gate: ComparisonGate, margin: float) -> bool:
    """Whether the end towards worse lies on the good side of the margin; said so that NaN fails."""
    slack = TOLERANCE * max(abs(x or 0.0) for x in (gate.challenger, gate.champion, margin))
    low, high = _ends(gate)
    above = low is not None and low >= margin - slack
    below = high is not None and high <= margin + slack
    greater = greater_is_better(gate)
    if greater is not None:
        return above if greater else below
    p_value = gate.bound.p_regression if gate.bound else None
    return (above or below) and p_value is not None and p_value >= _LIKELY


def _ends(gate: ComparisonGate) -> tuple[float | None, float | None]:
    """The one-sided bounds; where there are none, what decided, or else the interval's ends."""
    bound, difference = gate.bound, gate.difference
    if bound and not (bound.lower is None and bound.upper is None):
        return bound.lower, bound.upper
    if difference is None:
        return None, None
    if bound is None or bound.value is None:
        return difference.low, difference.high
    # Only one of them is known. That on the far side of the estimate says nothing of the near one.
    return (bound.value if bound.value <= difference.estimate else None), (
        bound.value if bound.value >= difference.estimate else None
    )
