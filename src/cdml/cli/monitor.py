"""The command that watches what serves."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from cdml.cli.command import command
from cdml.cli.progress import ConsoleProgress

if TYPE_CHECKING:  # evidence brings libraries that words alone do not need
    from cdml.evidence.monitor import Monitoring
    from cdml.wiring import Wiring


@command("monitor", records=True)
def monitor(config: Path, output_dir: Path, environment: str | None, dry_run: bool) -> int:
    """Judge what serves by its logs. Joins predictions and labels, writes monitor.json."""
    from cdml.monitoring.monitor import monitor as look
    from cdml.wiring import Wiring

    # This process holds the token and the keys of a delivery.
    isolated = "a command that may roll back"
    wiring = Wiring.read(config, ConsoleProgress(), delivery=environment, isolated=isolated)
    evidence = look(
        wiring.loaded, wiring, output=output_dir, environment=environment, dry_run=dry_run
    )
    return _print_monitoring(wiring, output_dir, evidence)


def _print_monitoring(wiring: "Wiring", output: Path, evidence: "Monitoring") -> int:
    """What every rule of the serving version came to, the alarms, and the verdict."""
    from cdml.cli.output import hand_on, print_verdict
    from cdml.common.markdown import terminal

    for version in evidence.versions[:1]:
        click.echo(
            f"  v{version.version} in {terminal(evidence.environment)} since"
            f" {version.since:%Y-%m-%d %H:%M} UTC"
        )
        for rule in version.rules:
            click.echo(f"  {rule.verdict.value:13} {terminal(rule.reason)}")
        for one in version.not_monitored:
            click.echo(f"  not judged    {terminal(one.metric)}: {terminal(one.reason)}")
    listed = [one for one in evidence.drift if one.role != "input" or one.verdict != "pass"]
    for drift in listed:
        click.echo(f"  {drift.verdict.value:13} {terminal(drift.column)}: {terminal(drift.reason)}")
    if others := len(evidence.drift) - len(listed):
        click.echo(f"  pass          {others:,} more columns have not drifted for long")
    for skipped in evidence.not_compared:
        click.echo(f"  not compared  {terminal(skipped.column)}: {terminal(skipped.reason)}")
    if estimate := evidence.estimate:
        values = ", ".join(f"{one.metric} {one.value:.3f}" for one in estimate.metrics)
        window = f"{estimate.start:%Y-%m-%d %H:%M} UTC"
        click.echo(f"  estimated     {values} in the window of {window}, without labels.")
        click.echo(f"                {estimate.assumption}")
    elif evidence.not_estimated:
        click.echo(f"  estimated     nothing: {terminal(evidence.not_estimated)}.")
    for alarm in evidence.alarms:
        click.echo(f"  {alarm.verdict.value:13} {terminal(alarm.reason)}")
    print_verdict(evidence.verdict, evidence.reason)
    return hand_on(wiring.ci_run, output, evidence.verdict)
