"""deployment.json: what a deploy or a rollback did, or would do."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from cdml.core.journal import Release
from cdml.core.plan import Plan
from cdml.core.verdict import Verdict
from cdml.evidence import store
from cdml.evidence.models import Deployment, Served, Step
from cdml.flows.operation import DETAIL
from cdml.flows.producer import producer
from cdml.ports import Ports


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What is told of an operation.

    Attributes:
        verdict: pass, or fail where it was undone.
        sentence: what serves now.
        steps: what was done.
        journal: the journal's commit afterwards.
        changed: whether anything serves that did not before.
        deployment: the platform's id of it, or None.
    """

    verdict: Verdict
    sentence: str
    steps: Sequence[Step]
    journal: str | None
    changed: bool
    deployment: str | None = None


def evidence(plan: Plan, outcome: Outcome, *, model: str, ports: Ports) -> Deployment:
    """The evidence of an operation."""
    kind: Literal["deploy", "rollback"] = "rollback" if plan.kind == "rollback" else "deploy"
    reason = f" Reason: {plan.reason}" if plan.reason else ""
    return Deployment(
        verdict=outcome.verdict,
        reason=outcome.sentence[:DETAIL] + reason,
        produced=producer(ports.platform, ports.clock),
        operation=kind,
        model=model,
        environment=plan.environment,
        target=plan.target,
        from_=_served(plan.from_) if plan.from_ else None,
        to=_served(plan.to),
        steps=tuple(outcome.steps),
        journal=outcome.journal,
        changed=outcome.changed,
        overrides=plan.overrides,
        deployment_id=outcome.deployment,
    )


def keep(output: Path, told: Deployment) -> Deployment:
    """Write it."""
    store.write(output, told)
    return told


def planned(plan: Plan) -> tuple[Step, ...]:
    """The plan as steps that are not taken."""
    return tuple(
        Step(name=name, state="planned", detail=detail) for name, detail in plan.steps.items()
    )


def _served(release: Release) -> Served:
    return Served(version=release.version, digest=release.digest)
