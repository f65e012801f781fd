"""What to do next, in one line at the end of a report."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from cdml.common.verdict import Verdict
from cdml.evidence.criterion import ERRORS
from cdml.evidence.schema import BoundGate, Check, Comparison, ComparisonGate, ModelRef
from cdml.gates import reasons
from cdml.report.evidence_set import EvidenceSet
from cdml.report.figures import slice_name

AnyGate = BoundGate | ComparisonGate

_VERSION = re.compile(r"models:/[\w.-]+/\d+", re.ASCII)
"""What a shell takes as it is, for it is there to be copied."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NextStep:
    """What to do next; names in it are not yet escaped.

    `command` ships the model by hand; empty where there is nothing to ship.
    """

    text: str = ""
    command: str = ""


def next_step(gathered: EvidenceSet) -> NextStep:
    """What the verdict requires of whoever opened the pull request."""
    if gathered.deployment is not None:
        return NextStep()
    if gathered.verdict is Verdict.FAIL:
        return NextStep(text=_rejected(gathered))
    if gathered.verdict is Verdict.INCONCLUSIVE:
        return NextStep(text=_held(gathered))
    checked = "read the warnings, and merge if they are acceptable."
    merge = checked if gathered.verdict is Verdict.WARN else "merge."
    sentence, command = _shipped(gathered)
    return NextStep(text=f"{merge} {sentence}", command=command)


def _shipped(gathered: EvidenceSet) -> tuple[str, str]:
    """What a deployment will ship, and the command that ships it by hand."""
    compared = gathered.comparison
    if gathered.same_model or compared is None:
        return "The champion stays.", ""
    if compared.registered is not None:
        ships = f"The deploy job then ships version {compared.registered.version}"
        command = deploy_command(compared.registered)
        return f"{ships}; by hand:" if command else f"{ships}.", command
    command = deploy_command(compared.challenger)
    if command:
        return "Then deploy it:", command
    if compared.challenger.digest is None:
        return "cdml has only its predictions: deploy it with your platform's own step.", ""
    return "To deploy it, register a version: cdml gate --register NAME.", ""


def deploy_command(model: ModelRef) -> str:
    """What ships a version by hand; empty where the registry has no such version."""
    return f"cdml deploy --model {model.uri}" if _VERSION.fullmatch(model.uri) else ""


def _rejected(gathered: EvidenceSet) -> str:
    gates = [gate for gate in gathered.gates if gate.verdict is Verdict.FAIL]
    if gates:
        return f"{_look_at(gates, gathered.comparison)}, then push a better model."
    broken = [check for check in gathered.checks if check.verdict is Verdict.FAIL]
    if broken:
        return f"fix the data, or the contract if it is wrong: {_named(broken)}."
    return "see why the figures do not pass the gates of this branch."


def _look_at(gates: Sequence[AnyGate], compared: Comparison | None) -> str:
    """Which cases or rows to look at for which metric."""
    worst = min(gates, key=lambda gate: gate.slice is not None)
    metric = reasons.inside(reasons.title(worst.metric))
    changed = compared.cases.changed if compared and compared.cases else None
    if worst.slice is None and changed and changed.broken and changed.metric == worst.metric:
        return f"look at the cases that broke, such as {changed.broken[0].case}"
    if worst.slice is None:
        return f"find out why {metric} breaks {worst.rule}"
    unit = worst.unit if isinstance(worst, ComparisonGate) else "rows"
    where = f"{slice_name(worst.slice)} ({worst.rows:,} {unit})"
    return f"look at {where}, where {metric} breaks {worst.rule}"


def _held(gathered: EvidenceSet) -> str:
    if gathered.failures:
        names = " and ".join(one.command for one in gathered.failures)
        return f"fix the error that stopped {names}, and run the job again."
    if gathered.missing:
        names = " and ".join(gathered.missing)
        return f"read the log to see why {names} left no evidence, and run the job again."
    gates = [gate for gate in gathered.gates if gate.verdict is Verdict.INCONCLUSIVE]
    if gates:
        return _settle(min(gates, key=lambda gate: gate.slice is not None))
    undecided = [check for check in gathered.checks if check.verdict is Verdict.INCONCLUSIVE]
    if undecided:
        return (
            "fix the data or the contract, and run the job again:"
            f" {_named(undecided, 'is inconclusive')}."
        )
    compared = gathered.comparison
    if compared is not None and compared.champion is None:
        return (
            "give cdml.yaml a bound (at_least or at_most) and set policy.first_model to bounds,"
            " because there is no champion to compare with."
        )
    return "give cdml.yaml a gate that can decide, and run the job again."


def _settle(gate: AnyGate) -> str:
    """What would settle an open question."""
    subject = reasons.inside(reasons.subject(gate.metric, gate.slice))
    rule = f"{subject} ({gate.rule})"
    bounded = isinstance(gate, BoundGate)
    if gate.metric == ERRORS:
        return "find out why the instrument failed, and measure those cases again."
    if (gate.value if isinstance(gate, BoundGate) else gate.difference) is None:
        verb = "measured" if bounded else "compared"
        return f"fix what kept {subject} from being {verb}, and run the job again."
    if isinstance(gate, ComparisonGate) and gate.judge and gate.judge.unfit:
        return f"label a random sample of cases, or improve the judge, to settle {rule}."
    if isinstance(gate, BoundGate):
        return f"add evaluation data to settle {rule}, or change that gate."
    more = (gate.rows_needed or 0) - gate.size
    if more > 0:
        where = f" of {slice_name(gate.slice)}" if gate.slice else ""
        to = "" if gate.by_case else " to data.evaluation"
        return f"add about {more:,} {gate.unit}{where}{to} to settle {rule}."
    return f"improve the model, or change that gate: more {gate.unit} will not settle {rule}."


def _named(checks: Sequence[Check], verb: str = "fails") -> str:
    """The first of some checks, and how many others there are."""
    suffix = f" of {checks[0].column}" if checks[0].column is not None else ""
    more = f" (and {len(checks) - 1:,} more)" if checks[1:] else ""
    return f"{checks[0].name}{suffix} {verb}{more}"
