"""The last lines of a command: the result for people, and outputs for later steps."""

import os
from collections.abc import Callable, Iterator, Mapping
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
from cdml.gates.proof import UNPROVEN, unproven

if TYPE_CHECKING:  # the flows bring libraries that telling does not need
    from cdml.evidence.lineage import Lineage
    from cdml.pipeline import GateRun
    from cdml.report.publish import Reported

_COLOURS = {
    Verdict.PASS: "green",
    Verdict.WARN: "yellow",
    Verdict.INCONCLUSIVE: "yellow",
    Verdict.FAIL: "red",
}
_MOST_LISTED = 20
_NAMED = 3


def print_stage(
    ci_run: CiRun, output: Path, evidence: DataEvidence | Evaluation | Comparison
) -> int:
    """One stage: what did not pass, then the verdict."""
    _print_findings(evidence)
    print_verdict(evidence.verdict, evidence.reason)
    return hand_on(ci_run, output, evidence.verdict)


def print_gate(ci_run: CiRun, output: Path, run: "GateRun") -> int:
    """The three stages of a gate and what they add up to."""
    for part in (run.data, run.evaluation, run.comparison):
        _print_findings(part)
    unlisted = map(_unlisted_reason, (run.comparison, run.evaluation, run.data))
    print_verdict(run.verdict, next(filter(None, unlisted), ""))
    if (version := run.comparison.registered) is not None:
        _print_registered(terminal(version.uri), ci_run)
    digest, registered = run.evaluation.model.digest, run.version
    outputs = {"digest": digest or "", "version": registered.version if registered else ""}
    return hand_on(ci_run, output, run.verdict, outputs)


def print_training(ci_run: CiRun, output: Path, lineage: "Lineage") -> int:
    """The model that was trained, or that had been; with a verification, what it gave."""
    uri, checked = terminal(lineage.model.uri), lineage.verification
    if checked is not None:
        print_verdict(checked.verdict, checked.reason)
    elif lineage.trained:
        click.echo(f"trained: {uri} in {lineage.seconds:,.1f} s")
        click.echo(f"next: cdml gate --model {uri}")
    else:
        click.echo(f"unchanged inputs: {uri} has been trained with them, so nothing was trained")
    outputs = {
        "model": lineage.model.uri,
        "digest": lineage.model.digest or "",
        "version": lineage.model.version or "",
        "trained": str(lineage.trained).lower(),
    }
    return hand_on(ci_run, output, checked.verdict if checked else Verdict.PASS, outputs)


def _print_registered(uri: str, ci_run: CiRun) -> None:
    """The version that a deployment needs, and how it gets it."""
    click.echo(f"registered: {uri}")
    by_hand = f"cdml deploy --model {uri}"
    request = ci_run.trigger().pull_request
    if request is None:
        click.echo(f"next: {by_hand}")
    else:
        click.echo(f"next: merge pull request {request.number}, and cdml deploy ships it")
        click.echo(f"      or by hand: {by_hand}")


def print_in_progress(ci_run: CiRun, address: str | None) -> int:
    """Where it was said that the gate has begun, if anywhere."""
    _print_comment(address)
    ci_run.set_outputs({"comment-url": address or ""})
    return 0


def print_unjudged(ci_run: CiRun, output: Path, address: str | None) -> None:
    """That there is no verdict, and where that is said; the error itself comes last."""
    _print_comment(address)
    hand_on(ci_run, output, Verdict.INCONCLUSIVE, {"comment-url": address or ""})


def print_report(ci_run: CiRun, output: Path, report: "Reported") -> int:
    """The report, and where its files are."""
    from cdml.report.formats.console import console_lines
    from cdml.report.report_formats import FORMATS, MARKDOWN, PAGE

    if report.view:
        for line in console_lines(report.view, _paint):
            click.echo(line)
        click.echo()
    else:
        click.echo(f"{_paint_verdict(report.verdict)} {terminal(report.headline)}")
    labels = {**dict.fromkeys(FORMATS, ""), MARKDOWN: "report", PAGE: "page"}
    for name, path in report.files.items():
        if label := labels.get(name, name):
            click.echo(f"{label}: {path}")
    _print_comment(report.comment_url)
    return hand_on(ci_run, output, report.verdict, {"comment-url": report.comment_url or ""})


def print_deployment(ci_run: CiRun, output: Path, deployment: Deployment) -> int:
    """What serves now."""
    for step in deployment.steps:
        click.echo(f"  {step.state:8} {terminal(step.name)} {terminal(step.detail)}".rstrip())
    click.echo(f"{deployment.operation}: {terminal(deployment.reason)}")
    if deployment.times is not None:
        click.echo(f"times: {_describe_times(deployment.times)}")
    return hand_on(ci_run, output, deployment.verdict, _delivery_outputs(deployment))


def print_nothing_delivered(ci_run: CiRun, output: Path, sentence: str) -> int:
    """That there was nothing to deploy, or no paused canary to resume."""
    click.echo(f"deploy: {terminal(sentence)}")
    empty = dict.fromkeys(("version", "digest", "deployment-id", "parked-until"), "")
    return hand_on(ci_run, output, Verdict.PASS, {"changed": "false", **empty})


@contextmanager
def hand_on_failure(
    ci_run: CiRun, output: Path, notify: Callable[[Deployment], None]
) -> Iterator[None]:
    """Hand on what there is of an operation that ended with an error, and notify others.

    An error before it began leaves the evidence of an earlier one, which is not this one's.
    """
    path = output / FILES[Deployment]
    before = path.read_bytes() if path.is_file() else None
    try:
        yield
    except CdmlError:
        if path.is_file() and path.read_bytes() != before:
            deployment = read_evidence(output, Deployment)
            if deployment is not None:
                hand_on(ci_run, output, deployment.verdict, _delivery_outputs(deployment))
                notify(deployment)
        raise


def _delivery_outputs(deployment: Deployment) -> dict[str, str]:
    until = deployment.parked_until.isoformat() if deployment.parked_until else ""
    parked = {"parked-until": until} if deployment.operation == "deploy" else {}
    return {
        "version": deployment.to.version,
        "digest": deployment.to.digest,
        "changed": str(deployment.changed).lower(),
        "deployment-id": deployment.deployment_id or "",
        **parked,
    }


def _describe_times(times: Times) -> str:
    """When it was requested, and how much later traffic was back, and all was verified."""
    parts = [f"requested {times.requested:%Y-%m-%d %H:%M:%S} UTC"]
    for name, at in (("traffic restored", times.restored), ("verified", times.verified)):
        if at is not None:
            parts.append(f"{name} after {(at - times.requested).total_seconds():.1f} s")
    return ", ".join(parts)


def hand_on(
    ci_run: CiRun, output: Path, verdict: Verdict, outputs: Mapping[str, str] | None = None
) -> int:
    """Hand on what every command does, and more; the exit code of the verdict."""
    report = output / "report.md"
    every = {
        "verdict": verdict.value,
        "evidence": str(output),
        "report": str(report) if report.is_file() else "",
    }
    ci_run.set_outputs({**every, **(outputs or {})})
    return verdict.exit_code


def _print_comment(address: str | None) -> None:
    if address:
        click.echo(f"comment: {terminal(address)}")


def _print_findings(evidence: DataEvidence | Evaluation | Comparison) -> None:
    parts = evidence.checks if isinstance(evidence, DataEvidence) else evidence.gates
    bad = sorted(
        (part for part in parts if part.verdict is not Verdict.PASS),
        key=lambda part: -part.verdict.severity,
    )
    if isinstance(evidence, Comparison) and (
        open_ := [gate for gate in evidence.gates if unproven(gate)]
    ):
        names = ", ".join(reasons.subject(gate.metric, gate.slice) for gate in open_[:_NAMED])
        more = f" and {len(open_) - _NAMED:,} more" if open_[_NAMED:] else ""
        click.echo(f"  {UNPROVEN}: {terminal(names + more)}")
    for part in bad[:_MOST_LISTED]:
        about = (
            f"{part.name} {part.column or ''}".rstrip() + ": " if isinstance(part, Check) else ""
        )
        click.echo(f"  {_paint_verdict(part.verdict)} {terminal(about + part.reason)}")
    if len(bad) > _MOST_LISTED:
        click.echo(f"  … {len(bad) - _MOST_LISTED} more in the evidence")


def _unlisted_reason(evidence: object) -> str:
    """Why a stage did not pass, if none of its findings says it."""
    assert isinstance(evidence, DataEvidence | Evaluation | Comparison)  # noqa: S101 - for types
    parts = evidence.checks if isinstance(evidence, DataEvidence) else evidence.gates
    listed = any(part.verdict is not Verdict.PASS for part in parts)
    return "" if listed or evidence.verdict is Verdict.PASS else evidence.reason


def print_verdict(verdict: Verdict, reason: str) -> None:
    """The verdict, coloured, and why."""
    click.echo(f"verdict: {_paint_verdict(verdict)} {terminal(reason)}".rstrip())


def _paint_verdict(verdict: Verdict) -> str:
    return _paint(verdict.value, verdict)


def _paint(text: str, verdict: Verdict | None) -> str:
    """Coloured for a terminal; `click.echo` takes colours away from what is none."""
    if verdict is None or os.environ.get("NO_COLOR"):
        return text
    return click.style(text, fg=_COLOURS[verdict], bold=True)
