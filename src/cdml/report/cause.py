"""Why a verdict is not a pass, in the few words that a headline has room for."""

from collections.abc import Iterator

from cdml.common.verdict import Verdict
from cdml.config.rule_kinds import Edge, Kind
from cdml.evidence.schema import BoundGate, Check, ComparisonGate
from cdml.gates import reasons
from cdml.gates.proof import greater_is_better
from cdml.report import figures
from cdml.report.evidence_set import Gathered

Gate = BoundGate | ComparisonGate


def cause(gathered: Gathered) -> str:
    """The worst gate in words, and what would settle it; else the data's worst check, or a stage.

    What decides for all rows is named before what decides for a slice. Empty for a pass.
    """
    verdict = gathered.verdict
    if verdict is Verdict.PASS:
        return ""
    gates = [gate for gate in _gates(gathered) if gate.verdict is verdict]
    checks = gathered.data.checks if gathered.data else ()
    broken = [check for check in checks if check.verdict is verdict]
    if gates:
        said = _said(min(gates, key=lambda gate: gate.slice is not None))
    elif gathered.failures and verdict is Verdict.INCONCLUSIVE:
        return f"{' and '.join(one.command for one in gathered.failures)} stopped"
    elif gathered.missing and verdict is Verdict.INCONCLUSIVE:
        return f"{' and '.join(gathered.missing)} left no evidence"
    elif broken:
        said = _broken(broken[0])
    else:
        return _of_a_stage(gathered)
    more = len(gates) + len(broken) - 1
    return f"{said} (and {more:,} more)" if more else said


def _broken(check: Check) -> str:
    of = f" of {check.column}" if check.column is not None else ""
    told = {Verdict.FAIL: "failed", Verdict.WARN: "warns"}.get(
        check.verdict, "could not be decided"
    )
    return f"the check {check.name}{of} {told}"


def _of_a_stage(gathered: Gathered) -> str:
    """What a stage says for itself, where none of its parts has decided."""
    said = (stage.reason for stage in gathered.stages if stage.verdict is gathered.verdict)
    return next((reasons.inside(reason.strip().rstrip(".")) for reason in said if reason), "")


def _gates(gathered: Gathered) -> Iterator[Gate]:
    yield from gathered.comparison.gates if gathered.comparison else ()
    yield from gathered.evaluation.gates if gathered.evaluation else ()


def _said(gate: Gate) -> str:
    subject = reasons.inside(reasons.subject(gate.metric, gate.slice))
    if isinstance(gate, BoundGate):
        return _bound(gate, subject)
    if gate.difference is None or gate.bound is None:
        return f"{subject} could not be compared"
    gain = gate.rule.startswith(Kind.SUPERIORITY.value)
    worse = {True: "dropped", False: "risen", None: "got worse"}[greater_is_better(gate)]
    if gate.verdict is not Verdict.FAIL:  # a warning may stand for what is not proven
        told = "may not have improved enough" if gain else f"may have {worse}"
        return f"{subject} {told}{_settled(gate)}"
    if gain:
        return f"{subject} did not improve enough ({_moved(gate)})"
    verb = {"dropped": "dropped", "risen": "rose"}.get(worse, worse)
    return f"{subject} {verb} ({_moved(gate)})"


def _moved(gate: ComparisonGate) -> str:
    before = figures.value(gate.champion, like=(gate.challenger,))
    return f"{before} to {figures.value(gate.challenger, like=(gate.champion,))}"


def _settled(gate: ComparisonGate) -> str:
    """How many rows more would tell; silent where no number is known to."""
    now, unit = (gate.rows, "rows") if gate.clusters is None else (gate.clusters, "clusters")
    if gate.rows_needed is None or gate.rows_needed <= now:
        return ""
    return f"; about {gate.rows_needed - now:,} more {unit} would tell"


def _bound(gate: BoundGate, subject: str) -> str:
    if gate.value is None:
        return f"{subject} could not be measured"
    least = gate.rule.startswith(Edge.AT_LEAST.value)
    side, limit = "below" if least else "above", gate.rule.partition(" ")[2]
    if gate.verdict is Verdict.INCONCLUSIVE:
        return f"{subject} may be {side} {limit}"
    return f"{subject} is {figures.value(gate.value, (figures.limit(gate.rule),))}, {side} {limit}"
