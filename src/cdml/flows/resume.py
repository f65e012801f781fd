"""Go on with a canary that was parked, or whose run stopped."""

import secrets
from pathlib import Path

from cdml.config import Loaded
from cdml.core.journal import Kind
from cdml.core.plan import Plan
from cdml.core.verdict import Verdict
from cdml.errors import InputError
from cdml.evidence import store
from cdml.evidence.models import Deployment
from cdml.flows import outcome
from cdml.flows.checks import Checks
from cdml.flows.operation import Operator
from cdml.flows.outcome import Outcome
from cdml.ports import Ports


def resume(
    loaded: Loaded,
    ports: Ports,
    *,
    output: Path,
    environment: str | None = None,
    checks: Checks | None = None,
) -> Deployment:
    """Carry the open operation on, from where its run left it; or find that there is none.

    A parked canary is looked at once and parked again, promoted, or taken back.

    Args:
        loaded: the configuration; of a canary under way the journal says how it goes.
        ports: the world.
        output: folder of the evidence.
        environment: where; the configuration's by default.
        checks: what is asked of the version.

    Raises:
        InputError: there is nothing to resume, and nothing ever served.
        LockHeld: its run still works on it.
        DeploymentFailed: it was taken back.
        ServiceError: the registry, the journal or the target failed.
    """
    operator = Operator.of(loaded, ports, environment, checks)
    store.remove(output, Deployment)
    ended = operator.resume(secrets.token_hex(8))
    where, target = operator.book.environment, ports.target.name
    if ended is not None:
        plan = Plan.of(ended.operation, environment=where, target=target)
        return outcome.of_deploy(plan, ended, operator, output)
    ledger, commit = operator.book.read()
    if ledger.current is None:
        raise InputError(f"There is nothing to resume in {where}, and nothing ever served.")
    serving = ledger.current.release
    plan = Plan(kind=Kind.DEPLOY, environment=where, target=target, from_=serving, to=serving)
    told = Outcome(
        verdict=Verdict.PASS,
        sentence=f"Nothing to resume: v{serving.version} serves {where}.",
        steps=operator.steps.taken,
        journal=commit,
        changed=False,
    )
    return outcome.keep(output, outcome.evidence(plan, told, operator), operator)
