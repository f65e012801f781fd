"""Measured differences held against the gates."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

from cdml.common.counts import count
from cdml.common.rule_kinds import RuleKind
from cdml.common.verdict import Verdict
from cdml.config.gate_limits import out_of_range
from cdml.config.schema import PolicySettings
from cdml.evidence.criterion import Criterion
from cdml.evidence.interval import Difference
from cdml.evidence.judges import JudgeRecord
from cdml.evidence.schema import ComparisonGate, DecidingBound
from cdml.gates import reasons, score
from cdml.gates.decide import ObservedDifference, decide, detect, soften
from cdml.gates.judges import explained_by_style
from cdml.statistics.cases.variance_split import VarianceSplit
from cdml.statistics.difference import Paired
from cdml.statistics.interval import Unmeasured, finite, holm
from cdml.statistics.metrics import Metric
from cdml.statistics.sample_size import (
    describe_count,
    error_from_reach,
    rows_needed,
    smallest_detectable,
)

SMALLEST_P = 1e-4
"""Below this a p-value is as good as any."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MeasuredRule:
    """A rule and what was measured for it.

    `counted` are the rows (or clusters) that inform the metric. Without clusters each row stands
    for itself. `split` is there for cases with trials, `judge` for a judge's scores that labels
    correct, and `unfit` says why that judge may not decide.
    """

    metric: Metric
    rule: Criterion
    rows: int
    counted: int
    measured: Paired | Unmeasured
    clusters: int | None = None
    by_case: bool = False
    split: VarianceSplit | None = None
    judge: JudgeRecord | None = None
    unfit: str | None = None

    @property
    def unit(self) -> str:
        """What is counted."""
        if self.judge is not None:
            return "labelled cases"
        if self.clusters is not None:
            return "clusters"
        return "cases" if self.by_case else "rows"

    def fewest(self, policy: PolicySettings) -> int:
        """How many of them a slice needs to be judged."""
        return policy.fewest(clustered=self.clusters is not None, by_case=self.by_case)

    def enough(self, policy: PolicySettings) -> bool:
        """Whether there are rows enough to judge by; all rows together always are."""
        return self.rule.slice is None or self.counted >= self.fewest(policy)


def judge_comparisons(
    candidates: Sequence[MeasuredRule], policy: PolicySettings
) -> tuple[ComparisonGate, ...]:
    """Every candidate's verdict; slices that are to detect a regression are judged together."""
    candidates = [_in_range(candidate, policy) for candidate in candidates]
    p_values = [_p_detected(candidate, policy) for candidate in candidates]
    detected = [p for p in p_values if p is not None]
    adjusted = iter(holm(detected))
    return tuple(
        _with_judge(
            _gate(candidate, policy, None if p is None else next(adjusted), len(detected)),
            candidate,
            policy,
        )
        for candidate, p in zip(candidates, p_values, strict=True)
    )


def _with_judge(
    gate: ComparisonGate, candidate: MeasuredRule, policy: PolicySettings
) -> ComparisonGate:
    """The gate, held where the judge is unfit; a pass warns where style could explain it."""
    if candidate.judge is None or not gate.judged:
        return gate
    update: dict[str, object] = {}
    if candidate.unfit:
        held = soften(Verdict.INCONCLUSIVE, gate.tier, policy, measured=False)
        why = candidate.unfit if gate.slice is None else "its judge may not decide"
        reason = f"{reasons.subject(gate.metric, gate.slice)} is held: {why}. {gate.reason}"
        judge = candidate.judge.model_copy(update={"unfit": candidate.unfit})
        update = {"verdict": held, "reason": reason, "judge": judge}
    elif gate.verdict is Verdict.PASS and (style := explained_by_style(candidate.judge)):
        update = {"verdict": Verdict.WARN, "reason": f"{gate.reason} {style}"}
    return gate.model_copy(update=update)


def not_compared(rule: Criterion, rows: int, why: str) -> ComparisonGate:
    """A gate that has nothing to compare, in words that follow the metric's name."""
    return ComparisonGate.from_criterion(
        rule,
        rows=rows,
        judged=False,
        verdict=Verdict.PASS,
        reason=f"{reasons.title(rule.metric)} {why}",
    )


def _in_range(candidate: MeasuredRule, policy: PolicySettings) -> MeasuredRule:
    """The candidate, unmeasured where its values or its margin do not fit the metric's range."""
    values = candidate.measured
    if isinstance(values, Unmeasured):
        return candidate
    problem = out_of_range(candidate.metric, values.challenger, values.champion)
    problem = problem or _margin_problem(candidate, values, policy.confidence)
    return replace(candidate, measured=Unmeasured(reason=problem)) if problem else candidate


def _margin_problem(candidate: MeasuredRule, values: Paired, confidence: float) -> str:
    """Why a model that is proven worse would pass whatever it answers; or empty.

    A metric of unknown range is not below 0, unless a value shows it. A slice may have a small
    value, by which the margin was not chosen.
    """
    possible, rule, champion = candidate.metric.range, candidate.rule, values.champion
    if rule.slice is not None or rule.kind is not RuleKind.NON_INFERIORITY:
        return ""
    best_is_high = rule.sign > 0
    worst = 0.0 if best_is_high else math.inf
    if possible is not None:
        worst = possible.low if best_is_high else possible.high
    accepted = champion + rule.sign * rule.threshold(champion)
    known = rule.sign * (values.challenger - worst) >= 0
    if not known or rule.sign * (accepted - worst) > 0:
        return ""
    plain = Criterion(
        metric=rule.metric, kind=rule.kind, margin=0.0, greater_is_better=best_is_high
    )
    if not score.observed_difference(plain, values, confidence).upper < 0:
        return ""
    way = "fall" if best_is_high else "rise"
    wider = ", or declare a wider range at the gate" if candidate.metric.column else ""
    return (
        f"every model passes, because the champion's value is {champion:.3g} and {rule.text} lets"
        f" it {way} to {worst:g}; lower the margin{wider}"
    )


def _p_detected(candidate: MeasuredRule, policy: PolicySettings) -> float | None:
    """One-sided p of a regression, where this is a slice that is to detect one."""
    rule, values = candidate.rule, candidate.measured
    if not rule.detect or isinstance(values, Unmeasured) or not candidate.enough(policy):
        return None
    return score.p_value(rule, values, regression=True)


def _gate(
    candidate: MeasuredRule, policy: PolicySettings, adjusted: float | None, among: int
) -> ComparisonGate:
    values, rule, judged = candidate.measured, candidate.rule, candidate.enough(policy)
    if isinstance(values, Unmeasured):
        # Nothing measured: a slice too small to judge is only reported, all else holds.
        subject = reasons.subject(rule.metric, rule.slice)
        unmeasured = Verdict.INCONCLUSIVE if judged else Verdict.PASS
        return ComparisonGate.from_criterion(
            rule,
            rows=candidate.rows,
            counted=candidate.counted,
            clusters=candidate.clusters,
            by_case=candidate.by_case,
            judged=judged,
            judge=candidate.judge,
            verdict=soften(unmeasured, rule.tier, policy, measured=False),
            reason=f"{subject} could not be compared: {values.reason.rstrip('.')}.",
        )
    figures = score.observed_difference(rule, values, policy.confidence)
    verdict = decide(rule.kind, figures)
    regression = score.p_value(rule, values, regression=True)
    if adjusted is not None:
        verdict = detect(adjusted if math.isfinite(regression) else regression, policy.confidence)
    reason = reasons.comparison(rule, figures, verdict, policy.confidence)
    needed = None
    if not judged:
        few = _describe_counted(candidate)
        fewest = candidate.fewest(policy)
        reason += f"; {few} are too few to judge (policy.min_rows {fewest:,})."
        verdict = Verdict.PASS
    elif adjusted is not None:
        reason += _detected(verdict, adjusted, among, figures)
    elif verdict is Verdict.INCONCLUSIVE:
        needed, settled = _settle(candidate, figures, policy)
        reason += f"; {settled}"
    else:
        reason += "."
    by_upper = reasons.decided_below(rule, figures, verdict)
    ends = (rule.sign * figures.lower, rule.sign * figures.upper)
    return ComparisonGate.from_criterion(
        rule,
        rows=candidate.rows,
        counted=candidate.counted,
        clusters=candidate.clusters,
        by_case=candidate.by_case,
        challenger=values.challenger,
        champion=values.champion,
        difference=Difference.from_interval(
            values.difference.interval(policy.confidence), estimate=values.difference.estimate
        ),
        p_value=finite(values.difference.p_value_null()),
        bound=DecidingBound(
            value=finite(ends[by_upper]),
            against=rule.sign * figures.threshold + 0.0,
            confidence=policy.confidence,
            p_value=finite(score.p_value(rule, values, regression=by_upper)),
            lower=finite(min(ends)),
            upper=finite(max(ends)),
            p_regression=finite(regression),
        ),
        judged=judged,
        verdict=soften(
            verdict, rule.tier, policy, measured=not math.isnan(figures.lower + regression)
        ),
        reason=reason,
        rows_needed=needed,
        judge=candidate.judge,
    )


def _describe_counted(candidate: MeasuredRule) -> str:
    if candidate.judge is not None:
        return f"{candidate.counted:,} {candidate.unit}"
    clustered = candidate.clusters is not None
    return describe_count(
        candidate.metric.counts, candidate.counted, clustered=clustered, by_case=candidate.by_case
    )


def _detected(verdict: Verdict, adjusted: float, among: int, figures: ObservedDifference) -> str:
    if verdict is Verdict.FAIL:
        p = f"p = {adjusted:.2g}" if adjusted >= SMALLEST_P else f"p < {SMALLEST_P:g}"
        return f"; proven after correcting for {count(among, 'slice')} ({p}, Holm)."
    if verdict is Verdict.PASS and decide(RuleKind.NON_INFERIORITY, figures) is not Verdict.PASS:
        return "; a regression is neither proven nor ruled out."
    return "."


def _settle(
    candidate: MeasuredRule, figures: ObservedDifference, policy: PolicySettings
) -> tuple[int | None, str]:
    """Rows needed and the sentence about them.

    The error is that of the bound which left the question open, so that more rows than there are
    are always required.
    """
    confidence, rule, unit = policy.confidence, candidate.rule, candidate.unit
    rows = candidate.rows if candidate.clusters is None else candidate.clusters
    if candidate.judge is not None:
        rows = candidate.judge.labelled
    distance = figures.estimate - figures.threshold
    below, above = figures.estimate - figures.lower, figures.upper - figures.estimate
    equal = rule.kind is RuleKind.NON_INFERIORITY
    away, error = -figures.threshold, error_from_reach(below, confidence)
    needed = rows_needed(rows, error, away, confidence) if equal else None
    if needed is None or needed <= rows:
        equal, away = False, abs(distance)
        error = error_from_reach(below if distance > 0 else above, confidence)
        needed = rows_needed(rows, error, away, confidence)
    trials = None
    if candidate.split is not None:
        trials = candidate.split.needed(away, confidence, error).trials or 0
    detectable = smallest_detectable(error_from_reach(below, confidence), confidence)
    return needed, reasons.what_would_settle(
        rows, needed, detectable, assumed=equal, unit=unit, trials=trials
    )
