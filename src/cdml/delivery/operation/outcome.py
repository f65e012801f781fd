"""deployment.json: what a deploy or a rollback did, or would do."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from cdml.ci.provenance import producer
from cdml.common.verdict import Verdict
from cdml.config.traffic_steps import ALL
from cdml.delivery.operation.executor import DETAIL
from cdml.delivery.operation.observation import OperationResult
from cdml.delivery.operation.runner import OperationRunner
from cdml.delivery.rollout.state_machine import traffic_percentage
from cdml.errors import DeploymentFailed, InputError, ServiceError
from cdml.evidence import store
from cdml.evidence.schema import Deployment, DeploymentStep, Served, Times
from cdml.journal.records import EntryKind, Operation, Release


@dataclass(frozen=True, slots=True)
class Nothing:
    """That there was nothing to do, and nothing that serves to tell of."""

    sentence: str


def make_evidence(
    operator: OperationRunner,
    operation: Operation,
    sentence: str,
    *,
    journal: str | None,
    verdict: Verdict = Verdict.PASS,
    changed: bool = False,
    steps: Sequence[DeploymentStep] | None = None,
    deployment: str | None = None,
    parked_until: datetime | None = None,
    times: Times | None = None,
) -> Deployment:
    """The evidence of an operation; its steps are by default what the operator did."""
    reason = f" Reason: {operation.reason}" if operation.reason else ""
    made = producer(operator.ports.ci_run, operator.ports.clock)
    return Deployment(
        verdict=verdict,
        reason=sentence[:DETAIL] + reason,
        # A resumed run is one of a schedule: its own commit brought nothing that is shipped here.
        produced=made.model_copy(update={"commit": operation.commit}),
        operation="rollback" if operation.kind is EntryKind.ROLLBACK else "deploy",
        model=operator.book.model,
        environment=operator.book.environment,
        target=operator.ports.target.name,
        from_=_served(operation.from_) if operation.from_ else None,
        to=_served(operation.to),
        steps=tuple(operator.steps.taken if steps is None else steps),
        journal=journal,
        changed=changed,
        overrides=operation.overrides,
        deployment_id=deployment,
        parked_until=parked_until,
        times=times,
    )


def write_outcome(operator: OperationRunner, evidence: Deployment) -> Deployment:
    """Write it. A full disk changes nothing of what was done; the journal has it, too."""
    try:
        store.write_evidence(operator.output, evidence)
    except InputError as error:
        operator.ports.progress.note(f"{error.message} The journal still records the operation.")
    return evidence


def report_deploy(operator: OperationRunner, ended: OperationResult) -> Deployment:
    """The evidence of how a deploy ended; written here where it failed.

    Raises:
        DeploymentFailed: it was undone.
        ServiceError: it was not, and something else than before serves.
    """
    trouble, serving, paused_until = ended.trouble, ended.observation.serving, ended.parked_until
    before, to, where = ended.operation.from_, ended.operation.to, operator.book.environment
    version = f"v{to.version}"
    sentence = f"{version} serves {where}; before, {version_name(before)} did."
    if paused_until is not None:
        sentence = (
            f"The canary is paused until {paused_until:%Y-%m-%d %H:%M:%S} UTC: {version} has"
            f" {traffic_percentage(serving, to)} % of the traffic of {where}. Resume it with"
            " `cdml deploy --resume`."
        )
    if trouble is not None:
        harm = (
            f" {version} is quarantined." if ended.observation.ledger.quarantine(to.digest) else ""
        )
        sentence = (
            f"{version} was not deployed: {trouble.message}"
            f" {f'v{serving.version}' if serving.version else 'Nothing'} serves {where}.{harm}"
        )
    verdict = Verdict.WARN if paused_until else Verdict.PASS
    evidence = make_evidence(
        operator,
        ended.operation,
        sentence,
        journal=ended.observation.commit,
        verdict=Verdict.FAIL if trouble else verdict,
        changed=trouble is None and paused_until is None,
        deployment=ended.deployment,
        parked_until=paused_until,
    )
    if trouble is None:
        return evidence
    write_outcome(operator, evidence)
    if before is None or traffic_percentage(serving, before) == ALL:
        raise DeploymentFailed(sentence, trouble.hint) from trouble
    raise ServiceError(
        sentence, f"To restore {version_name(before)}, run `cdml rollback`."
    ) from trouble


def version_name(release: Release | None) -> str:
    """`v3`, or `nothing`."""
    return f"v{release.version}" if release else "nothing"


def _served(release: Release) -> Served:
    return Served(version=release.version, digest=release.digest)
