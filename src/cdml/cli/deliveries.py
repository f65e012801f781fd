"""The commands that deliver, after which everybody hears how it ended; and the journal."""

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import click

from cdml.cli.command import command
from cdml.cli.progress import ConsoleProgress
from cdml.errors import ConfigurationError

if TYPE_CHECKING:  # evidence brings libraries that words alone do not need
    from collections.abc import Callable, Mapping
    from typing import Any

    from cdml.delivery.operation.outcome import Nothing
    from cdml.evidence.schema import Deployment
    from cdml.wiring import Wiring


@command("deploy", records=True)
def deploy(
    config: Path,
    output_dir: Path,
    model: str | None,
    evidence: str | None,
    environment: str | None,
    dry_run: bool,
    override: tuple[str, ...],
    resume: bool,
    adopt: bool,
    repair: bool,
    reason: str | None,
) -> int:
    """Deploy exactly the model that the gate judged. Writes deployment.json and the journal."""
    from cdml.delivery.branch_protection import warn_unprotected
    from cdml.delivery.deploy import deploy as ship
    from cdml.delivery.divergence import chosen_cure
    from cdml.delivery.resume import resume as go_on
    from cdml.wiring import Wiring

    if resume and any((model, evidence, override, dry_run, adopt, repair)):
        raise ConfigurationError(
            "--resume continues the operation that is open in the journal.",
            "Use it alone or with --environment.",
        )
    cure = None if resume else chosen_cure(adopt=adopt, repair=repair, reason=reason or "")
    wiring = Wiring.read(config, ConsoleProgress(), delivery=environment)
    if resume:
        operate = partial(go_on, wiring.loaded, wiring, output=output_dir, environment=environment)
        return _deliver(operate, wiring, output_dir)
    warn_unprotected(wiring.loaded, wiring, environment)
    operate = partial(
        ship,
        wiring.loaded,
        wiring,
        output=output_dir,
        model=model,
        evidence=config.parent / evidence if evidence else None,
        environment=environment,
        dry_run=dry_run,
        override=tuple(filter(None, ",".join(override).replace(" ", "").split(","))),
        reason=reason or "",
        cure=cure,
    )
    return _deliver(operate, wiring, output_dir, quietly=dry_run)


@command("rollback", records=True)
def rollback(
    config: Path,
    output_dir: Path,
    to: str | None,
    environment: str | None,
    reason: str | None,
    request_id: str | None,
) -> int:
    """Roll back to an earlier version. Writes deployment.json and the journal."""
    from cdml.delivery.rollback import rollback as take_back
    from cdml.wiring import Wiring

    wiring = Wiring.read(config, ConsoleProgress(), delivery=environment)
    operate = partial(
        take_back,
        wiring.loaded,
        wiring,
        output=output_dir,
        to=to,
        environment=environment,
        reason=reason or "",
        request_id=request_id or None,
    )
    return _deliver(operate, wiring, output_dir, served=True)


@command("history")
def history(
    config: Path,
    output_dir: Path,
    environment: str | None,
    format: str,  # noqa: A002 - the option's name
    sign: bool,
) -> int:
    """Print which version served when, from the journal."""
    import json

    from cdml.journal.history import history_table, read_history, sign_journal
    from cdml.journal.signature import Keys
    from cdml.wiring import Wiring

    del output_dir
    wiring = Wiring.read(config, ConsoleProgress(), needs_registry=False, delivery=environment)
    journal = wiring.unverified_journal if sign else wiring.journal
    entries = read_history(wiring.loaded, journal=journal, environment=environment)
    watched = _watched(wiring, environment)
    if format == "json":
        click.echo(
            json.dumps({**entries, **({"monitoring": watched} if watched else {})}, indent=1)
        )
    else:
        click.echo(history_table(entries))
        if watched:
            from cdml.monitoring.history import monitored_lines

            click.echo(f"watched in production:\n{monitored_lines(watched)}")
    if sign:
        keys = Keys.from_environment(wiring.environment)
        commit = sign_journal(wiring.loaded, journal=journal, keys=keys, environment=environment)
        click.echo(f"Signed the journal above in commit {commit}.", err=True)
    return 0


def _watched(wiring: "Wiring", environment: str | None) -> "list[Mapping[str, Any]]":
    """What monitoring found of each version; nothing where cdml.yaml has no `monitoring`."""
    from cdml.monitoring.history import monitored_periods

    if wiring.loaded.config.monitoring is None:
        return []
    return monitored_periods(wiring.loaded, state=wiring.monitoring_state, environment=environment)


def _deliver(
    operate: "Callable[..., Deployment | Nothing]",
    wiring: "Wiring",
    output: Path,
    *,
    quietly: bool = False,
    served: bool = False,
) -> int:
    """Run an operation, with its canary where the target splits traffic, and report its end."""
    from cdml.cli.output import hand_on_failure, print_deployment, print_nothing_delivered
    from cdml.delivery.notify import notify
    from cdml.delivery.operation.outcome import Nothing

    if wiring.target.splits_traffic:
        from cdml.delivery.checks.canary import CanaryJudge

        checks = CanaryJudge(loaded=wiring.loaded, ports=wiring, served=served)
        operate = partial(operate, checks=checks)

    def inform(deployment: "Deployment") -> None:
        if not quietly:
            notify(wiring.loaded, wiring, deployment)

    with hand_on_failure(wiring.ci_run, output, inform):
        outcome = operate()
    if isinstance(outcome, Nothing):
        return print_nothing_delivered(wiring.ci_run, output, outcome.sentence)
    inform(outcome)
    return print_deployment(wiring.ci_run, output, outcome)
