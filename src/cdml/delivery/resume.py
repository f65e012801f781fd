"""Resume a paused or interrupted canary, and end standby servers whose time is over."""

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

from cdml.config import LoadedConfig
from cdml.delivery.checks.release_checks import Checks
from cdml.delivery.lost_lock import repeat_until_locked
from cdml.delivery.operation.outcome import Nothing, make_evidence, report_deploy, write_outcome
from cdml.delivery.operation.runner import OperationRunner
from cdml.delivery.ports import DeliveryPorts
from cdml.delivery.rollout.state_machine import outlived
from cdml.delivery.rollout.transitions import Transition
from cdml.delivery.target import set_operation
from cdml.errors import CdmlError
from cdml.evidence import store
from cdml.evidence.schema import Deployment
from cdml.journal.port import Moved
from cdml.journal.records import EntryKind


def end_warm(operator: OperationRunner, window: timedelta) -> str:
    """End a standby server after its window, and tell; empty where there is nothing to end.

    The journal says so first, with a number that every later operation outbids: the target refuses
    this order once somebody stages what it was about to end. Trouble is reported and leaves
    the server where it is, for the next run.

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
    ending = Transition(
        replace(observation.ledger, generation=observation.ledger.generation + 1),
        f"deploy: stop the standby v{warm.version} of {observation.ledger.environment}",
    )
    try:
        operator.book.write(ending, observation.commit)
        set_operation(ports.target, operator.id)
        operator.effects.splitting.retire(fence=ending.ledger.generation)
    except Moved:
        return ""
    except CdmlError as error:
        ports.progress.note(f"The standby v{warm.version} keeps running: {error.message}")
        return ""
    operator.steps.add("end", ending.subject)
    return f" The standby v{warm.version} was stopped."


def resume(
    loaded: LoadedConfig,
    ports: DeliveryPorts,
    *,
    output: Path,
    environment: str | None = None,
    checks: Checks | None = None,
) -> Deployment | Nothing:
    """Carry the open operation on, from where its run left it; or find that nothing ever served.

    A paused canary is looked at once and paused again, promoted, or aborted: the journal says
    how. Where nothing is open, a standby server is ended after `deploy.rollback_window`; without
    one only the journal is read: what runs on a schedule has mostly nothing to do.

    Raises:
        LockHeld: its run still works on it; or another operation came first, or took over.
        DeploymentFailed: it was aborted.
        ServiceError: the registry, the journal or the target failed.
    """
    operator = OperationRunner.configured(loaded, ports, environment, checks, output=output)
    store.remove_evidence(output, Deployment)
    ended = repeat_until_locked(operator, operator.resume)
    if ended is not None:
        return write_outcome(operator, report_deploy(operator, ended))
    window = loaded.config.deploy.rollback_window
    after = end_warm(operator, timedelta(seconds=window)) if window is not None else ""
    ledger, commit = operator.book.read()
    if ledger.current is None:
        return Nothing("Nothing to resume: nothing has served yet.")
    serving = ledger.current.release
    evidence = make_evidence(
        operator,
        operator.plan(EntryKind.DEPLOY, serving, serving),
        f"Nothing to resume: v{serving.version} serves {ledger.environment}.{after}",
        journal=commit,
    )
    return write_outcome(operator, evidence)
