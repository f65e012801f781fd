"""deployment.json: what a deploy or a rollback did, or would do."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Literal

from cdml.ci.provenance import producer
from cdml.common.verdict import Verdict
from cdml.config.traffic_steps import ALL
from cdml.delivery.operation.executor import DETAIL
from cdml.delivery.operation.observation import OperationResult
from cdml.delivery.operation.runner import OperationRunner
from cdml.delivery.rollout.plan import Plan
from cdml.delivery.rollout.state_machine import traffic_percentage
from cdml.errors import DeploymentFailed, InputError, ServiceError
from cdml.evidence import store
from cdml.evidence.schema import Deployment, DeploymentStep, Served, Times
from cdml.journal.records import EntryKind, Release


@dataclass(frozen=True, slots=True, kw_only=True)
class OperationReport:
    """What is told of an operation.

    Attributes:
        verdict: pass; warn where it is not over; fail where it was undone.
        sentence: what serves now.
        steps: what was done.
        journal: the journal's commit afterwards.
        changed: whether anything serves that did not before.
        deployment: the platform's id of it, or None.
        parked_until: until when a canary waits to be resumed, or None.
        times: how long a rollback took, or None.
    """

    verdict: Verdict
    sentence: str
    steps: Sequence[DeploymentStep]
    journal: str | None
    changed: bool
    deployment: str | None = None
    parked_until: datetime | None = None
    times: Times | None = None


@dataclass(frozen=True, slots=True)
class Nothing:
    """That there was nothing to do, and nothing that serves to tell of."""

    sentence: str


def deployment_evidence(
    plan: Plan, outcome: OperationReport, operator: OperationRunner
) -> Deployment:
    """The evidence of an operation."""
    kind: Literal["deploy", "rollback"] = (
        "rollback" if plan.kind is EntryKind.ROLLBACK else "deploy"
    )
    reason = f" Reason: {plan.reason}" if plan.reason else ""
    ports = operator.ports
    return Deployment(
        verdict=outcome.verdict,
        reason=outcome.sentence[:DETAIL] + reason,
        produced=producer(ports.platform, ports.clock),
        operation=kind,
        model=operator.book.model,
        environment=plan.environment,
        target=plan.target,
        from_=_served(plan.from_) if plan.from_ else None,
        to=_served(plan.to),
        steps=tuple(outcome.steps),
        journal=outcome.journal,
        changed=outcome.changed,
        overrides=plan.overrides,
        deployment_id=outcome.deployment,
        parked_until=outcome.parked_until,
        times=outcome.times,
    )


def write_outcome(output: Path, deployment: Deployment, operator: OperationRunner) -> Deployment:
    """Write it. A full disk changes nothing of what was done, which the journal tells too."""
    try:
        store.write_evidence(output, deployment)
    except InputError as error:
        operator.ports.progress.note(f"{error.message} The journal keeps what was done.")
    return deployment


def planned_steps(plan: Plan) -> tuple[DeploymentStep, ...]:
    """The plan as steps that are not taken."""
    return tuple(
        DeploymentStep(name=name, state="planned", detail=detail)
        for name, detail in plan.steps.items()
    )


def report_deploy(
    plan: Plan, ended: OperationResult, operator: OperationRunner, output: Path
) -> Deployment:
    """Tell and keep how a deploy ended.

    Raises:
        DeploymentFailed: it was undone.
        ServiceError: it was not, and something else than before serves.
    """
    trouble, serving = ended.trouble, ended.found.serving
    version = f"v{plan.to.version}"
    sentence = f"{version} serves {plan.environment}; before, {version_name(plan.from_)} did."
    if ended.parked_until is not None:
        percent = traffic_percentage(serving, plan.to)
        sentence = (
            f"canary parked until {ended.parked_until:%Y-%m-%d %H:%M:%S} UTC: {version} has"
            f" {percent} % of the traffic of {plan.environment}. Go on with `cdml deploy --resume`."
        )
    if trouble is not None:
        harm = (
            f" {version} is quarantined." if ended.found.ledger.quarantine(plan.to.digest) else ""
        )
        sentence = (
            f"{version} was not deployed: {trouble.message}"
            f" {f'v{serving.version}' if serving.version else 'Nothing'}"
            f" serves {plan.environment}.{harm}"
        )
    verdict = Verdict.WARN if ended.parked_until else Verdict.PASS
    report = OperationReport(
        verdict=Verdict.FAIL if trouble else verdict,
        sentence=sentence,
        steps=operator.steps.taken,
        journal=ended.found.commit,
        changed=trouble is None and ended.parked_until is None,
        deployment=ended.deployment,
        parked_until=ended.parked_until,
    )
    made = deployment_evidence(plan, report, operator)
    # A resumed run is one of a schedule: its own commit brought nothing that is shipped here.
    by = made.produced.model_copy(update={"commit": ended.operation.commit})
    written = write_outcome(output, made.model_copy(update={"produced": by}), operator)
    if trouble is None:
        return written
    if plan.from_ is None or traffic_percentage(serving, plan.from_) == ALL:
        raise DeploymentFailed(sentence, trouble.hint) from trouble
    raise ServiceError(
        sentence, f"`cdml rollback` makes {version_name(plan.from_)} serve again."
    ) from trouble


def version_name(release: Release | None) -> str:
    """`v3`, or `nothing`."""
    return f"v{release.version}" if release else "nothing"


def _served(release: Release) -> Served:
    return Served(version=release.version, digest=release.digest)
