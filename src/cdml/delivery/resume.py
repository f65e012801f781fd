"""Resume a paused or interrupted canary, and end standby servers whose time is over."""

import secrets
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, cast

from cdml.common.verdict import Verdict
from cdml.config import LoadedConfig
from cdml.delivery.checks.release_checks import Checks
from cdml.delivery.lost_lock import after_loss
from cdml.delivery.operation import outcome
from cdml.delivery.operation.outcome import Nothing, OperationReport
from cdml.delivery.operation.runner import OperationRunner
from cdml.delivery.ports import DeliveryPorts
from cdml.delivery.rollout.plan import Plan
from cdml.delivery.rollout.state_machine import outlived
from cdml.delivery.rollout.transitions import Transition
from cdml.errors import CdmlError, Overtaken
from cdml.evidence import store
from cdml.evidence.schema import Deployment
from cdml.journal.port import Moved
from cdml.journal.records import EntryKind

if TYPE_CHECKING:
    from cdml.delivery.target import SplittingTarget


def end_warm(operator: OperationRunner, window: timedelta) -> str:
    """End a standby server after its window, and tell; empty where there is nothing to end.

    The journal says so first, with a number that every later operation outbids: the target refuses
    this order once somebody stages what it was about to end. Trouble is told and leaves the server
    where it is, for the next run.

    Raises:
        ServiceError: the journal or the target cannot be read.
    """
    ports = operator.ports
    if not ports.target.splits_traffic:
        return ""
    observation, now = operator.look(), ports.clock.now()
    warm = outlived(observation.ledger, observation.serving, window, now)
    if warm is None:
        return ""
    transition = Transition(
        ledger=replace(observation.ledger, generation=observation.ledger.generation + 1),
        subject=f"deploy: end v{warm.version}, kept warm in {observation.ledger.environment}",
    )
    try:
        operator.book.write(transition, observation.commit)
        cast("SplittingTarget", ports.target).retire(fence=transition.ledger.generation)
    except Moved:
        return ""
    except CdmlError as error:
        ports.progress.note(f"v{warm.version} stays warm: {error.message}")
        return ""
    operator.steps.did("end", transition.subject)
    return f" v{warm.version}, kept warm without traffic, was ended."


def resume(
    loaded: LoadedConfig,
    ports: DeliveryPorts,
    *,
    output: Path,
    environment: str | None = None,
    checks: Checks | None = None,
) -> Deployment | Nothing:
    """Carry the open operation on, from where its run left it; or find that nothing ever served.

    A paused canary is looked at once and paused again, promoted, or taken back: how, the journal
    says. Where nothing is open, a standby server is ended after `deploy.rollback_window`; without
    one only the journal is asked: what runs on a schedule has mostly nothing to do.

    Raises:
        LockHeld: its run still works on it; or another operation came first, or took over.
        DeploymentFailed: it was taken back.
        ServiceError: the registry, the journal or the target failed.
    """
    operator = OperationRunner.of(loaded, ports, environment, checks, output=output)
    store.remove_evidence(output, Deployment)
    try:
        ended = operator.resume(secrets.token_hex(8))
    except Overtaken as error:
        raise after_loss(operator, error) from error
    if ended is None:
        window = loaded.config.deploy.rollback_window
        after = end_warm(operator, timedelta(seconds=window)) if window is not None else ""
        return _nothing(operator, output, after)
    plan = Plan.of(ended.operation, environment=operator.book.environment, target=ports.target.name)
    return outcome.report_deploy(plan, ended, operator, output)


def _nothing(operator: OperationRunner, output: Path, after: str) -> Deployment | Nothing:
    where = operator.book.environment
    ledger, commit = operator.book.read()
    if ledger.current is None:
        return Nothing("Nothing to resume: nothing ever served.")
    serving = ledger.current.release
    plan = Plan(
        kind=EntryKind.DEPLOY,
        environment=where,
        target=operator.ports.target.name,
        from_=serving,
        to=serving,
    )
    report = OperationReport(
        verdict=Verdict.PASS,
        sentence=f"Nothing to resume: v{serving.version} serves {where}.{after}",
        steps=operator.steps.taken,
        journal=commit,
        changed=False,
    )
    return outcome.write_outcome(
        output, outcome.deployment_evidence(plan, report, operator), operator
    )
