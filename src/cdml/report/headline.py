"""The verdict in words: which model, what it means for the reader, and why it is not a pass."""

from cdml.common.rule_kinds import RuleKind
from cdml.common.verdict import Verdict
from cdml.evidence.criterion import ERRORS
from cdml.evidence.failure import DELIVERIES
from cdml.evidence.schema import BoundGate, Check, ComparisonGate, Deployment
from cdml.gates import reasons
from cdml.gates.proof import greater_is_better
from cdml.report import figures
from cdml.report.evidence_set import EvidenceSet

EvidenceGate = BoundGate | ComparisonGate


def main_cause(gathered: EvidenceSet) -> str:
    """The worst gate in words, and what would settle it; else the data's worst check, or a stage.

    What decides for all rows is named before what decides for a slice. Empty for a pass.
    """
    verdict = gathered.verdict
    if verdict is Verdict.PASS:
        return ""
    gates = [gate for gate in gathered.gates if gate.verdict is verdict]
    broken = [check for check in gathered.checks if check.verdict is verdict]
    if gates:
        sentence = _describe_gate(min(gates, key=lambda gate: gate.slice is not None))
    elif gathered.failures and verdict is Verdict.INCONCLUSIVE:
        return f"{' and '.join(one.command for one in gathered.failures)} stopped"
    elif gathered.missing and verdict is Verdict.INCONCLUSIVE:
        return f"{' and '.join(gathered.missing)} left no evidence"
    elif broken:
        sentence = _broken(broken[0])
    else:
        return _of_a_stage(gathered)
    others = " and ".join(
        f"{count:,} more {name}{'s' * (count > 1)}"
        for count, name in (
            (len(gates) - 1, "gate"),
            (len(broken) - (not gates), "data check"),
        )
        if count > 0
    )
    return f"{sentence}; {others} {_VERBS[verdict]}" if others else sentence


def _broken(check: Check) -> str:
    suffix = f" of {check.column}" if check.column is not None else ""
    return f"the data check {check.name}{suffix} {_VERBS[check.verdict]}"


def _of_a_stage(gathered: EvidenceSet) -> str:
    """What a stage says for itself, where none of its parts has decided."""
    sentences = (stage.reason for stage in gathered.stages if stage.verdict is gathered.verdict)
    return next((reasons.inside(reason.strip().rstrip(".")) for reason in sentences if reason), "")


def _describe_gate(gate: EvidenceGate) -> str:
    subject = reasons.inside(reasons.subject(gate.metric, gate.slice))
    if isinstance(gate, BoundGate):
        return _bound(gate, subject)
    if gate.metric == ERRORS:
        return "too many results could not be measured"
    unfit = gate.judge is not None and gate.judge.unfit
    if unfit or gate.difference is None or gate.bound is None:
        why = "cannot be compared: its judge is not fit" if unfit else "could not be compared"
        return f"{subject} {why}"
    gain = gate.criterion.kind is RuleKind.SUPERIORITY
    if gate.verdict is not Verdict.FAIL:  # a warning may stand for what is not proven
        change = (
            f"a sufficient improvement in {subject} is not proven"
            if gain
            else f"a regression in {subject} is not ruled out"
        )
        return f"{change}{_settled(gate)}"
    if gain:
        return f"{subject} did not improve enough ({_moved(gate)})"
    verb = {True: "dropped", False: "rose", None: "got worse"}[greater_is_better(gate)]
    return f"{subject} {verb} ({_moved(gate)})"


def _moved(gate: ComparisonGate) -> str:
    before = figures.value(gate.champion, like=(gate.challenger,))
    return f"{before} to {figures.value(gate.challenger, like=(gate.champion,))}"


def _settled(gate: ComparisonGate) -> str:
    """How many more rows would settle it; empty if no number would."""
    if gate.rows_needed is None or gate.rows_needed <= gate.size:
        return ""
    return f"; about {gate.rows_needed - gate.size:,} more {gate.unit} would settle it"


def _bound(gate: BoundGate, subject: str) -> str:
    if gate.value is None:
        return f"{subject} could not be measured"
    least = gate.at_least
    side, limit = "below" if least else "above", gate.rule.partition(" ")[2]
    if gate.verdict is Verdict.INCONCLUSIVE:
        return f"{subject} may be {side} {limit}"
    return f"{subject} is {figures.value(gate.value, (gate.limit,))}, {side} {limit}"


ICONS = {
    Verdict.PASS: "✅",
    Verdict.WARN: "⚠️",
    Verdict.INCONCLUSIVE: "⏸️",
    Verdict.FAIL: "❌",
}
_VERBS = {
    Verdict.WARN: "warned",
    Verdict.INCONCLUSIVE: "could not be decided",
    Verdict.FAIL: "failed",
}
_WORDS = {
    Verdict.PASS: "Passed",
    Verdict.WARN: "Passed with warnings",
    Verdict.INCONCLUSIVE: "Held",
    Verdict.FAIL: "Rejected",
}


_DOUBTED = "its figures do not pass the gates of this branch"


def headline(gathered: EvidenceSet, model: str) -> str:
    """One sentence without its full stop; names in it are not yet escaped."""
    verdict = gathered.verdict
    if gathered.deployment:
        return _delivered(gathered.deployment)
    if not gathered.stages:
        return _unjudged(gathered, model)
    why = _DOUBTED if gathered.doubted else main_cause(gathered)
    sentence = f"{_WORDS[verdict]}: {_meaning(gathered, verdict, _challenger(gathered, model))}"
    return f"{sentence}; {why}" if why else sentence


def _unjudged(gathered: EvidenceSet, model: str) -> str:
    """Which command ended before there was a verdict."""
    stopped = [failure.command for failure in gathered.failures]
    if any(command in DELIVERIES for command in stopped):
        return f"Not finished: {' and '.join(stopped)} of {model} ended with an error"
    cause = f"{' and '.join(stopped)} stopped" if stopped else "the gate ended"
    return f"Not judged: {cause} before there was a verdict on the new {model}"


def _meaning(gathered: EvidenceSet, verdict: Verdict, challenger: str) -> str:
    champion = _champion(gathered)
    unfinished = gathered.missing or gathered.failures or gathered.outdated
    if unfinished and verdict is Verdict.INCONCLUSIVE:
        return f"{challenger} was not fully judged"
    if gathered.same_model and verdict in {Verdict.PASS, Verdict.WARN}:
        return f"{challenger} is identical to the champion, so there was nothing to compare"
    if verdict is Verdict.FAIL:
        return f"{challenger} must not {champion}"
    if verdict is Verdict.INCONCLUSIVE:
        return f"{challenger} is not proven good enough to {champion}"
    return f"{challenger} may {champion}"


def _challenger(gathered: EvidenceSet, model: str) -> str:
    for stage in (gathered.evaluation, gathered.comparison):
        reference = getattr(stage, "model", None) or getattr(stage, "challenger", None)
        if reference is not None and reference.version:
            return f"{model} version {reference.version}"
    return f"the new {model}"


def _champion(gathered: EvidenceSet) -> str:
    """What passing would mean."""
    comparison = gathered.comparison
    if comparison is None:
        return "replace the champion"
    if comparison.champion is None:
        return "become the first champion"
    version = comparison.champion.version
    return f"replace the champion{f' (version {version})' if version else ''}"


def _delivered(deployment: Deployment) -> str:
    version = f"{deployment.model} version {deployment.to.version}"
    place = f"in {deployment.environment}"
    before = f" (previously version {deployment.from_.version})" if deployment.from_ else ""
    if deployment.verdict.exit_code != 0:
        operation = "Rollback" if deployment.operation == "rollback" else "Deployment"
        return f"{operation} failed: {version} {place}"
    if deployment.parked_until is not None:
        return f"Paused: {version} keeps a share of the traffic {place}{before}"
    if not deployment.changed:
        return f"Nothing to do: {version} already serves {place}"
    if deployment.operation == "rollback":
        return f"Rolled back: {version} serves {place} again{before}"
    return f"Deployed: {version} serves {place}{before}"
