"""Measured differences held against the gates."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from cdml.common.verdict import Verdict
from cdml.config.gate_limits import out_of_range
from cdml.config.rule_kinds import RuleKind
from cdml.config.schema import PolicySettings
from cdml.evidence.schema import ComparisonGate, DecidingBound, Difference
from cdml.gates import reasons, score
from cdml.gates.decide import GateRule, ObservedDifference, decide, detect, soften
from cdml.gates.rules import GateSpec
from cdml.statistics.difference import Paired
from cdml.statistics.interval import Unmeasured, finite, holm
from cdml.statistics.metrics import Metric
from cdml.statistics.sample_size import (
    describe_count,
    error_from_reach,
    rows_needed,
    smallest_detectable,
)

LEAST_SHOWN = 1e-4
"""Below this a p-value is as good as any."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MeasuredRule:
    """A rule and what was measured for it.

    Attributes:
        metric: what is compared.
        rule: what is asked.
        part: the slice, or None for all rows.
        rows: how many rows it has.
        counted: how many of them, or of their clusters, inform the metric.
        clusters: how many clusters they are of; None: each row stands for itself.
        found: the two values, or why there are none.
    """

    metric: Metric
    rule: GateRule
    part: Mapping[str, bool | int | float | str | None] | None
    rows: int
    counted: int
    found: Paired | Unmeasured
    clusters: int | None = None


def judge_comparisons(
    candidates: Sequence[MeasuredRule], policy: PolicySettings
) -> tuple[ComparisonGate, ...]:
    """Every candidate's verdict; slices that are to detect a regression are judged together."""
    candidates = [_in_range(candidate) for candidate in candidates]
    detecting = [c for c in candidates if c.rule.detect and _enough(c, policy)]
    p_values = [
        score.p_value(c.rule, c.found, regression=True)
        for c in detecting
        if isinstance(c.found, Paired)
    ]
    measured = [id(c) for c in detecting if isinstance(c.found, Paired)]
    adjusted = dict(zip(measured, holm(p_values), strict=True))
    return tuple(_gate(c, policy, adjusted.get(id(c)), len(measured)) for c in candidates)


def not_compared(spec: GateSpec, rows: int, why: str) -> ComparisonGate:
    """A gate that has nothing to compare, in words that follow the metric's name."""
    return ComparisonGate(
        metric=spec.metric.name,
        rows=rows,
        challenger=None,
        champion=None,
        difference=None,
        p_value=None,
        rule=spec.overall.text,
        bound=None,
        tier="advisory" if spec.overall.advisory else "critical",
        judged=False,
        verdict=Verdict.PASS,
        reason=f"{reasons.title(spec.metric.name)} {why}",
    )


def _in_range(candidate: MeasuredRule) -> MeasuredRule:
    """The candidate, unmeasured where a value lies outside the range that its gate declares."""
    paired = candidate.found
    if isinstance(paired, Unmeasured):
        return candidate
    outside = out_of_range(candidate.metric, paired.challenger, paired.champion)
    return replace(candidate, found=Unmeasured(reason=outside)) if outside else candidate


def _enough(candidate: MeasuredRule, policy: PolicySettings) -> bool:
    fewest = policy.fewest(clustered=candidate.clusters is not None)
    return candidate.part is None or candidate.counted >= fewest


def _gate(
    candidate: MeasuredRule, policy: PolicySettings, adjusted: float | None, among: int
) -> ComparisonGate:
    measured, rule = candidate.found, candidate.rule
    if isinstance(measured, Unmeasured):
        return _unmeasured(candidate, measured, policy)
    figures = score.observed_difference(rule, measured, policy.confidence)
    verdict = decide(rule.kind, figures)
    regression = score.p_value(rule, measured, regression=True)
    if adjusted is not None:
        is_finite = math.isfinite(regression)
        verdict = detect(adjusted if is_finite else regression, policy.confidence)
    reason = reasons.comparison(rule, candidate.part, figures, verdict, policy.confidence)
    needed = None
    judged = _enough(candidate, policy)
    if not judged:
        reason += f"; {_few(candidate, policy)}."
        verdict = Verdict.PASS
    elif adjusted is not None:
        reason += _detected(verdict, adjusted, among, figures)
    elif verdict is Verdict.INCONCLUSIVE:
        needed, advice = _settle(candidate, figures, policy)
        reason += f": {advice}"
    else:
        reason += "."
    ends = (rule.sign * figures.lower, rule.sign * figures.upper)
    by_upper = reasons.decided_below(rule, figures, verdict)
    return _written(candidate, measured).model_copy(
        update={
            "bound": DecidingBound(
                value=finite(rule.sign * (figures.upper if by_upper else figures.lower)),
                against=rule.sign * figures.threshold + 0.0,
                confidence=policy.confidence,
                p_value=finite(score.p_value(rule, measured, regression=by_upper)),
                lower=finite(min(ends)),
                upper=finite(max(ends)),
                p_regression=finite(regression),
            ),
            "difference": _difference(measured, policy.confidence),
            "judged": judged,
            "verdict": _softened(
                verdict, rule, policy, measured=not math.isnan(figures.lower + regression)
            ),
            "reason": reason,
            "rows_needed": needed,
        }
    )


def _few(candidate: MeasuredRule, policy: PolicySettings) -> str:
    clustered = candidate.clusters is not None
    few = describe_count(candidate.metric.counts, candidate.counted, clustered=clustered)
    fewest = policy.fewest(clustered=clustered)
    return f"{few} are too few to judge (policy.min_rows {fewest:,})"


def _written(candidate: MeasuredRule, paired: Paired | None) -> ComparisonGate:
    return ComparisonGate(
        metric=candidate.metric.name,
        slice=dict(candidate.part) if candidate.part is not None else None,
        rows=candidate.rows,
        counted=candidate.counted,
        clusters=candidate.clusters,
        challenger=paired.challenger if paired else None,
        champion=paired.champion if paired else None,
        difference=None,
        p_value=finite(paired.difference.p_value_null()) if paired else None,
        rule=candidate.rule.text,
        bound=None,
        tier="advisory" if candidate.rule.advisory else "critical",
        verdict=Verdict.INCONCLUSIVE,
        reason="",
    )


def _unmeasured(
    candidate: MeasuredRule, unmeasured: Unmeasured, policy: PolicySettings
) -> ComparisonGate:
    """Nothing measured: a slice too small to judge is only reported, all else holds."""
    judged = _enough(candidate, policy)
    verdict = Verdict.INCONCLUSIVE if judged else Verdict.PASS
    subject = reasons.subject(candidate.metric.name, candidate.part)
    return _written(candidate, None).model_copy(
        update={
            "judged": judged,
            "verdict": _softened(verdict, candidate.rule, policy, measured=False),
            "reason": f"{subject} could not be compared: {unmeasured.reason.rstrip('.')}.",
        }
    )


def _softened(
    verdict: Verdict, rule: GateRule, policy: PolicySettings, *, measured: bool
) -> Verdict:
    return soften(
        verdict,
        advisory=rule.advisory,
        warn_inconclusive=policy.on_inconclusive == "warn",
        measured=measured,
    )


def _difference(paired: Paired, confidence: float) -> Difference:
    interval = paired.difference.interval(confidence)
    return Difference(
        estimate=paired.difference.estimate,
        low=finite(interval.low),
        high=finite(interval.high),
        confidence=interval.confidence,
        method=interval.method,
    )


def _detected(verdict: Verdict, adjusted: float, among: int, figures: ObservedDifference) -> str:
    if verdict is Verdict.FAIL:
        p = f"p = {adjusted:.2g}" if adjusted >= LEAST_SHOWN else f"p < {LEAST_SHOWN:g}"
        return f"; proven among {among:,} slices looked at ({p}, Holm)."
    if verdict is Verdict.PASS and decide(RuleKind.NON_INFERIORITY, figures) is not Verdict.PASS:
        return "; no regression is proven, and none is ruled out."
    return "."


def _settle(
    candidate: MeasuredRule, figures: ObservedDifference, policy: PolicySettings
) -> tuple[int | None, str]:
    """Rows needed and the sentence about them.

    The error is that of the bound which left the question open, so that more rows than there are
    are always asked for.
    """
    confidence, rule, unit = policy.confidence, candidate.rule, "rows"
    rows = candidate.rows
    if candidate.clusters is not None:
        rows, unit = candidate.clusters, "clusters"
    distance = figures.estimate - figures.threshold
    below, above = figures.estimate - figures.lower, figures.upper - figures.estimate
    equal = rule.kind is RuleKind.NON_INFERIORITY
    needed = None
    if equal:
        margin, error = -figures.threshold, error_from_reach(below, confidence)
        needed = rows_needed(rows, error, margin, confidence)
    if needed is None or needed <= rows:
        equal, error = False, error_from_reach(below if distance > 0 else above, confidence)
        needed = rows_needed(rows, error, abs(distance), confidence)
    detectable = smallest_detectable(error_from_reach(below, confidence), confidence)
    return needed, reasons.what_would_settle(rows, needed, detectable, assumed=equal, unit=unit)
