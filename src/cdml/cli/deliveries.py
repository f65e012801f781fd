"""What the commands that deliver do: as `cdml.cli.runs`, and everybody is told how it ended."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cdml.cli import output as tell
from cdml.cli.progress import ConsoleProgress
from cdml.errors import ConfigurationError
from cdml.wiring import Wiring

if TYPE_CHECKING:  # evidence brings libraries that words alone do not need
    from cdml.delivery.operation.outcome import Nothing
    from cdml.evidence.schema import Deployment


def deploy(
    config: Path,
    output: Path,
    *,
    model: str | None,
    evidence: str | None,
    environment: str | None,
    reason: str | None,
    dry_run: bool,
    override: tuple[str, ...],
    resume: bool,
    adopt: bool,
    repair: bool,
) -> int:
    """Deploy and give 0; everything else is an error with its own code."""
    from cdml.delivery.branch_protection import warn_unprotected
    from cdml.delivery.deploy import deploy as flow
    from cdml.delivery.divergence import chosen_cure

    if resume:
        beside = (model, evidence, override, dry_run, adopt, repair)
        return _resume(config, output, environment=environment, alone=not any(beside))
    cure = chosen_cure(adopt=adopt, repair=repair, reason=reason or "")
    wiring = Wiring.read(config, ConsoleProgress(), delivery=environment)
    warn_unprotected(wiring.loaded, wiring, environment)
    return _deliver(
        flow,
        wiring,
        output,
        quietly=dry_run,
        model=model,
        evidence=config.parent / evidence if evidence else None,
        environment=environment,
        dry_run=dry_run,
        override=tuple(filter(None, ",".join(override).replace(" ", "").split(","))),
        reason=reason or "",
        cure=cure,
    )


def _resume(config: Path, output: Path, *, environment: str | None, alone: bool) -> int:
    """Go on with what is open and give 0."""
    from cdml.delivery.resume import resume as flow

    if not alone:
        raise ConfigurationError(
            "--resume goes on with what the journal says is open.",
            "Leave the other options out, except --environment.",
        )
    wiring = Wiring.read(config, ConsoleProgress(), delivery=environment)
    return _deliver(flow, wiring, output, environment=environment)


def rollback(
    config: Path,
    output: Path,
    *,
    to: str | None,
    environment: str | None,
    reason: str | None,
    request_id: str | None,
) -> int:
    """Roll back and give 0; everything else is an error with its own code."""
    from cdml.delivery.rollback import rollback as flow

    wiring = Wiring.read(config, ConsoleProgress(), delivery=environment)
    return _deliver(
        flow,
        wiring,
        output,
        served=True,
        to=to,
        environment=environment,
        reason=reason or "",
        request_id=request_id or None,
    )


def _deliver(
    flow: Callable[..., "Deployment | Nothing"],
    wiring: Wiring,
    output: Path,
    *,
    quietly: bool = False,
    served: bool = False,
    **words: Any,
) -> int:
    """Deploy or roll back, and tell everybody how it ended."""
    from cdml.delivery.notify import notify
    from cdml.delivery.operation.outcome import Nothing

    if wiring.target.splits_traffic:
        from cdml.delivery.checks.canary import CanaryJudge

        words["checks"] = CanaryJudge(loaded=wiring.loaded, ports=wiring, served=served)

    def told(found: "Deployment") -> None:
        if not quietly:
            notify(wiring.loaded, wiring, found)

    with tell.failed_delivery(wiring.platform, output, told):
        found = flow(wiring.loaded, wiring, output=output, **words)
    if isinstance(found, Nothing):
        return tell.nothing_delivered(wiring.platform, output, found.sentence)
    told(found)
    return tell.print_deployment(wiring.platform, output, found)
