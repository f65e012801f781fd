"""The last lines of a command: what was found, for people; outputs, for later steps."""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

from cdml.ci.run import CiRun
from cdml.common.markdown import terminal
from cdml.common.verdict import Verdict
from cdml.errors import CdmlError
from cdml.evidence.schema import Check, Comparison, DataEvidence, Deployment, Evaluation, Times
from cdml.evidence.store import FILES, read_evidence
from cdml.gates import reasons
from cdml.gates.proof import unproven
from cdml.report.formats import console
from cdml.report.report_formats import FORMATS, MARKDOWN, PAGE
from cdml.report.rows import UNPROVEN

if TYPE_CHECKING:  # the flows bring libraries that telling does not need
    from cdml.pipeline import GateRun
    from cdml.report.publish import Reported

_COLOURS = {
    Verdict.PASS: "green",
    Verdict.WARN: "yellow",
    Verdict.INCONCLUSIVE: "yellow",
    Verdict.FAIL: "red",
}
_SHOWN = 20
_NAMED = 3


def print_stage(ci_run: CiRun, output: Path, found: DataEvidence | Evaluation | Comparison) -> int:
    """One stage: what did not pass, then the verdict."""
    _findings(found)
    _verdict(found.verdict, found.reason)
    ci_run.set_outputs(_common(found.verdict, output))
    return found.verdict.exit_code


def print_gate(ci_run: CiRun, output: Path, found: "GateRun") -> int:
    """The three stages of a gate and what they add up to."""
    for part in (found.data, found.evaluation, found.comparison):
        _findings(part)
    _verdict(found.verdict, "")
    _registered(found.comparison, ci_run)
    ci_run.set_outputs(
        {
            **_common(found.verdict, output),
            "digest": found.evaluation.model.digest or "",
            "version": found.version.version if found.version else "",
        }
    )
    return found.verdict.exit_code


def _registered(found: Comparison, ci_run: CiRun) -> None:
    """The version that a deployment needs, and how it gets it."""
    if found.registered is None:
        return
    click.echo(f"registered: {terminal(found.registered.uri)}")
    by_hand = f"cdml deploy --model {terminal(found.registered.uri)}"
    request = ci_run.trigger().pull_request
    if request is None:
        click.echo(f"next: {by_hand}")
    else:
        click.echo(f"next: merge pull request {request.number}; then cdml deploy ships it")
        click.echo(f"      by hand: {by_hand}")


def print_in_progress(ci_run: CiRun, address: str | None) -> int:
    """Where it was said that the gate has begun, if anywhere."""
    if address:
        click.echo(f"comment: {terminal(address)}")
    ci_run.set_outputs({"comment-url": address or ""})
    return 0


def unjudged(ci_run: CiRun, output: Path, address: str | None) -> None:
    """That there is no verdict, and where it is told; the error itself comes last."""
    if address:
        click.echo(f"comment: {terminal(address)}")
    told = _common(Verdict.INCONCLUSIVE, output)
    ci_run.set_outputs({**told, "comment-url": address or ""})


def print_report(ci_run: CiRun, output: Path, found: "Reported") -> int:
    """The report, and where its files are."""
    if found.view:
        for line in console.console_lines(found.view, _painted):
            click.echo(line)
        click.echo()
    else:
        click.echo(f"{_coloured(found.verdict)} {terminal(found.headline)}")
    labels = {**dict.fromkeys(FORMATS, ""), MARKDOWN: "report", PAGE: "page"}
    for name, path in found.files.items():
        if label := labels.get(name, name):
            click.echo(f"{label}: {path}")
    if found.comment_url:
        click.echo(f"comment: {terminal(found.comment_url)}")
    ci_run.set_outputs(
        {
            **_common(found.verdict, output),
            "comment-url": found.comment_url or "",
        }
    )
    return found.verdict.exit_code


def print_deployment(ci_run: CiRun, output: Path, found: Deployment) -> int:
    """What serves now."""
    for step in found.steps:
        click.echo(f"  {step.state:8} {terminal(step.name)} {terminal(step.detail)}".rstrip())
    click.echo(f"{found.operation}: {terminal(found.reason)}")
    if found.times is not None:
        click.echo(f"times: {_times(found.times)}")
    _delivery_outputs(ci_run, output, found)
    return found.verdict.exit_code


def nothing_delivered(ci_run: CiRun, output: Path, sentence: str) -> int:
    """That there was nothing to deploy, or nothing parked to go on with."""
    click.echo(f"deploy: {terminal(sentence)}")
    names = ("version", "digest", "deployment-id", "parked-until")
    told = {**_common(Verdict.PASS, output), "changed": "false", **dict.fromkeys(names, "")}
    ci_run.set_outputs(told)
    return Verdict.PASS.exit_code


@contextmanager
def failed_delivery(
    ci_run: CiRun, output: Path, notify: Callable[[Deployment], None]
) -> Iterator[None]:
    """Hand on what is known of an operation that ended with an error, and tell others.

    An error before it began leaves the evidence of an earlier one, which is not this one's.
    """
    path = output / FILES[Deployment]
    before = path.read_bytes() if path.is_file() else None
    try:
        yield
    except CdmlError:
        if path.is_file() and path.read_bytes() != before:
            found = read_evidence(output, Deployment)
            if found is not None:
                _delivery_outputs(ci_run, output, found)
                notify(found)
        raise


def _delivery_outputs(ci_run: CiRun, output: Path, found: Deployment) -> None:
    until = found.parked_until.isoformat() if found.parked_until else ""
    parked = {"parked-until": until} if found.operation == "deploy" else {}
    ci_run.set_outputs(
        {
            **_common(found.verdict, output),
            "version": found.to.version,
            "digest": found.to.digest,
            "changed": str(found.changed).lower(),
            "deployment-id": found.deployment_id or "",
            **parked,
        }
    )


def _times(times: Times) -> str:
    """When it was asked for, and how much later traffic was back, and all was verified."""
    told = [f"requested {times.requested:%Y-%m-%d %H:%M:%S} UTC"]
    for name, at in (("traffic restored", times.restored), ("verified", times.verified)):
        if at is not None:
            told.append(f"{name} after {(at - times.requested).total_seconds():.1f} s")
    return ", ".join(told)


def _common(verdict: Verdict, output: Path) -> dict[str, str]:
    """What every command hands on."""
    report = output / "report.md"
    return {
        "verdict": verdict.value,
        "evidence": str(output),
        "report": str(report) if report.is_file() else "",
    }


def _findings(found: DataEvidence | Evaluation | Comparison) -> None:
    parts = found.checks if isinstance(found, DataEvidence) else found.gates
    bad = sorted(
        (part for part in parts if part.verdict is not Verdict.PASS),
        key=lambda part: -part.verdict.severity,
    )
    if isinstance(found, Comparison) and (
        open_ := [gate for gate in found.gates if unproven(gate)]
    ):
        names = ", ".join(reasons.subject(gate.metric, gate.slice) for gate in open_[:_NAMED])
        more = f" and {len(open_) - _NAMED:,} more" if open_[_NAMED:] else ""
        click.echo(f"  {UNPROVEN}: {terminal(names + more)}")
    for part in bad[:_SHOWN]:
        about = (
            f"{part.name} {part.column or ''}".rstrip() + ": " if isinstance(part, Check) else ""
        )
        click.echo(f"  {_coloured(part.verdict)} {terminal(about + part.reason)}")
    if len(bad) > _SHOWN:
        click.echo(f"  … and {len(bad) - _SHOWN} more, in the evidence")


def _verdict(verdict: Verdict, reason: str) -> None:
    click.echo(f"verdict: {_coloured(verdict)} {terminal(reason)}".rstrip())


def _coloured(verdict: Verdict) -> str:
    return _painted(verdict.value, verdict)


def _painted(text: str, verdict: Verdict | None) -> str:
    """Coloured for a terminal; `click.echo` takes colours away from what is none."""
    if verdict is None or os.environ.get("NO_COLOR"):
        return text
    return click.style(text, fg=_COLOURS[verdict], bold=True)
