"""The verdict once more, from the figures in the evidence, under another configuration.

A pull request may have edited its own gates: what is deployed is judged by the gates of the
commit that deploys it. Figures that do not allow an answer make it inconclusive, never a pass.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from cdml.common.verdict import Verdict, worst
from cdml.config import Config
from cdml.config.gate_limits import out_of_range
from cdml.config.schema import PolicySettings
from cdml.evidence.criterion import ERRORS, Criterion
from cdml.evidence.schema import Comparison, ComparisonGate, Evaluation
from cdml.gates import reasons
from cdml.gates.bounds import judge_bounds
from cdml.gates.decide import ObservedDifference, decide, detect, soften
from cdml.gates.judges import unfit_judge
from cdml.gates.rules import GateSpec, comparison_rules, fewest_to_judge, policy_ref
from cdml.statistics.interval import holm

_OPEN = math.nan
_ANOTHER_QUESTION = (
    "The evidence does not match cdml.yaml: it was judged with another data.key, label, positive"
    " or task."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class RecomputedVerdict:
    """What the figures say now.

    There is a reason for each gate that is not a pass, the worst first.
    """

    verdict: Verdict
    reasons: tuple[str, ...]


VerdictReason = tuple[Verdict, str]


def recompute(
    evaluation: Evaluation | None, comparison: Comparison | None, config: Config
) -> RecomputedVerdict:
    """Judge the figures of earlier evidence by the gates of `config`."""
    metrics = evaluation.metrics if evaluation else ()
    bounds = [(gate.verdict, gate.reason) for gate in judge_bounds(config, metrics)]
    answers = [*bounds, *_compared(comparison, config, bounds)]
    if not config.gates:
        answers.append((Verdict.INCONCLUSIVE, "cdml.yaml has no gates."))
    policy = policy_ref(config)
    stages = [stage for stage in (evaluation, comparison) if stage is not None]
    if any(stage.policy.question != policy.question for stage in stages):
        answers.append((Verdict.INCONCLUSIVE, _ANOTHER_QUESTION))
    ordered = sorted(answers, key=lambda answer: -answer[0].severity)
    return RecomputedVerdict(
        verdict=worst(verdict for verdict, _ in answers),
        reasons=tuple(reason for verdict, reason in ordered if verdict is not Verdict.PASS),
    )


def _compared(
    comparison: Comparison | None, config: Config, bounds: Sequence[VerdictReason]
) -> list[VerdictReason]:
    specs = comparison_rules(config)
    if comparison is None:
        return [(Verdict.INCONCLUSIVE, "There is no comparison with the champion.")]
    if comparison.champion is None:
        if config.policy.first_model == "bounds" and bounds:
            return list(_errors(comparison, config))
        why = "holds every first model" if bounds else "has no bounds to decide by"
        return [(Verdict.INCONCLUSIVE, f"There is no champion, and cdml.yaml {why}.")]
    same = comparison.challenger.digest is not None
    if same and comparison.challenger.digest == comparison.champion.digest:
        return [(Verdict.PASS, "The challenger is identical to the champion.")]
    comparison = _in_range(specs, comparison)
    overall = (_overall(one, comparison, config) for one in specs)
    return [*overall, *_sliced(specs, comparison, config), *_errors(comparison, config)]


def _errors(comparison: Comparison, config: Config) -> Iterator[VerdictReason]:
    """Whether enough results were measured, as the comparison found it."""
    gates = [gate for gate in comparison.gates if gate.metric == ERRORS]
    for gate in gates:
        shares = [one for one in (gate.challenger, gate.champion) if one is not None]
        few = bool(shares) and max(shares) <= config.policy.max_errors
        yield worst((gate.verdict, Verdict.PASS if few else Verdict.INCONCLUSIVE)), gate.reason
    if config.data.error and not gates:
        yield (
            Verdict.INCONCLUSIVE,
            "The evidence does not say how many results failed (data.error).",
        )


def _in_range(specs: Sequence[GateSpec], comparison: Comparison) -> Comparison:
    """The comparison, without figures where a value lies outside the range that a gate declares."""
    declared = {one.metric.name: one.metric for one in specs}
    gates = []
    for gate in comparison.gates:
        metric = declared.get(gate.metric)
        outside = out_of_range(metric, gate.challenger, gate.champion) if metric else ""
        reason = f"{reasons.subject(gate.metric, gate.slice)} cannot be judged: {outside}."
        update = {"challenger": None, "champion": None, "reason": reason}
        gates.append(gate.model_copy(update=update) if outside else gate)
    return comparison.model_copy(update={"gates": tuple(gates)})


def _overall(spec: GateSpec, comparison: Comparison, config: Config) -> VerdictReason:
    """A gate's verdict on all rows; that of an unfit judge is held."""
    gate = next(_measured(spec.overall, comparison, overall=True), None)
    answer = _answer(spec.overall, gate, config)
    if spec.overall.corrected_by is None or gate is None or gate.challenger is None:
        return answer
    unfit = unfit_judge(gate.judge, spec.judge) if gate.judge else "its judge is not recorded"
    if not unfit:
        return answer
    reason = f"{spec.metric.name}: {unfit}."
    return _soft(spec.overall, config.policy, Verdict.INCONCLUSIVE, reason, measured=False)


def _answer(rule: Criterion, gate: ComparisonGate | None, config: Config) -> VerdictReason:
    """One gate's verdict by its bounds."""
    policy = config.policy
    figures = _figures(rule, gate, policy) if gate else None
    if gate is None or figures is None:
        reason = gate.reason if gate else f"{_missing(rule)}."
        return _soft(rule, policy, Verdict.INCONCLUSIVE, reason, measured=False)
    verdict = decide(rule.kind, figures)
    is_judged = not math.isnan(figures.lower) or verdict is not Verdict.INCONCLUSIVE
    reason = gate.reason if is_judged else _other(rule, gate)
    return _soft(rule, policy, verdict, reason, measured=is_judged)


def _sliced(
    specs: Sequence[GateSpec], comparison: Comparison, config: Config
) -> list[VerdictReason]:
    """Slices, those that are to detect a regression judged together."""
    answers: list[VerdictReason] = []
    detecting: list[tuple[Criterion, ComparisonGate, float]] = []
    for rule in (one.slices for one in specs if one.slices):
        gates = list(_measured(rule, comparison, overall=False))
        for column in set(config.data.slices) - {c for gate in gates for c in gate.slice or ()}:
            missing = f"{_missing(rule)} for the slices of {column}."
            answers.append(
                _soft(rule, config.policy, Verdict.INCONCLUSIVE, missing, measured=False)
            )
        for gate in gates:
            if not gate.informative >= fewest_to_judge(gate, config):
                continue
            if rule.detect:
                detecting.append((rule, gate, _regression(rule, gate, config.policy)))
            else:
                answers.append(_answer(rule, gate, config))
    # An unknown p has been told apart by then: it is inconclusive whatever the others say.
    adjusted = holm([p for _, _, p in detecting])
    for (rule, gate, p), p_adjusted in zip(detecting, adjusted, strict=True):
        is_judged = not math.isnan(p)
        verdict = detect(p_adjusted if is_judged else p, config.policy.confidence)
        reason = gate.reason if is_judged else _other(rule, gate)
        answers.append(_soft(rule, config.policy, verdict, reason, measured=is_judged))
    return answers


def _measured(
    rule: Criterion, comparison: Comparison, *, overall: bool
) -> Iterator[ComparisonGate]:
    """The gates of this metric and kind, one for each slice; those of the same margin first."""
    gates = [
        gate
        for gate in comparison.gates
        if (gate.metric, gate.criterion.kind) == (rule.metric, rule.kind)
        and gate.criterion.corrected_by == rule.corrected_by
        and (gate.slice is None) is overall
    ]
    seen: list[object] = []
    for gate in sorted(gates, key=lambda gate: gate.criterion.text != rule.text):
        if gate.slice not in seen:
            seen.append(gate.slice)
            yield gate


def _figures(
    rule: Criterion, gate: ComparisonGate, policy: PolicySettings
) -> ObservedDifference | None:
    """What the evidence lets us know of the bounds; NaN where it does not."""
    difference, bound = gate.difference, gate.bound
    if gate.challenger is None or gate.champion is None or difference is None or bound is None:
        return None
    # The bounds of a relative margin are of another sum for every margin.
    relative = rule.relative or gate.criterion.relative
    lower, upper = _OPEN, _OPEN
    if bound.confidence >= policy.confidence and (gate.criterion.text == rule.text or not relative):
        ends = (
            -math.inf if bound.lower is None else bound.lower,
            math.inf if bound.upper is None else bound.upper,
        )
        lower, upper = sorted(rule.sign * end for end in ends)
    return ObservedDifference(
        challenger=gate.challenger,
        champion=gate.champion,
        estimate=rule.sign * difference.estimate,
        lower=lower,
        upper=upper,
        threshold=rule.threshold(gate.champion),
    )


def _regression(rule: Criterion, gate: ComparisonGate, policy: PolicySettings) -> float:
    """One-sided p of the claim that a slice broke its margin; NaN where the figures do not tell."""
    figures = _figures(rule, gate, policy)
    if figures is None or gate.bound is None:
        return _OPEN
    if gate.criterion.text == rule.text and gate.bound.p_regression is not None:
        return gate.bound.p_regression
    return 1.0 if figures.upper >= figures.threshold else _OPEN


def _missing(rule: Criterion) -> str:
    corrected = f", corrected by {rule.corrected_by}," if rule.corrected_by else ""
    return f"{rule.metric}: {rule.text}{corrected} was not measured"


def _other(rule: Criterion, gate: ComparisonGate) -> str:
    return (
        f"{rule.metric}: cdml.yaml requires {rule.text}, the evidence was judged by {gate.rule},"
        " and its figures are not enough to decide again."
    )


def _soft(
    rule: Criterion, policy: PolicySettings, verdict: Verdict, reason: str, *, measured: bool
) -> VerdictReason:
    return soften(verdict, rule.tier, policy, measured=measured), reason
