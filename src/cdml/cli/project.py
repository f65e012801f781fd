"""What a project begins with, and what there is to know before a run."""

from pathlib import Path

import click

from cdml.cli.command import command
from cdml.cli.progress import ConsoleProgress
from cdml.errors import CdmlError, ConfigurationError


@command("init")
def init(force: bool, llm: bool, train: bool, monitor: bool, data: str | None, target: str) -> int:
    """Write cdml.yaml, workflows and a data contract. All are commented; fill them in."""
    from cdml.scaffold.init import CONFIG, DATA, holds_credentials
    from cdml.scaffold.init import init as write_files
    from cdml.wiring import TablesByScheme, Wiring

    folder = Path.cwd()
    if llm:
        alone = data is None and target == "registry" and not (train or monitor)
        return _init_llm(folder, force=force, alone=alone)
    try:
        present = Wiring.read(folder / "cdml.yaml", ConsoleProgress(), needs_registry=False)
        delivery = present.loaded.config.deploy
    except CdmlError:
        delivery = None
    written = write_files(
        folder,
        force=force,
        data=data,
        tables=TablesByScheme() if data is not None else None,
        target=target,
        settings=delivery,
        train=train,
        monitor=monitor,
    )
    for path in written:
        click.echo(f"wrote {path}")
    if data is not None and holds_credentials(data):
        click.echo(
            f"The data's address contains credentials, so cdml.yaml uses {DATA} instead. Set"
            " that variable, and allow it in CI with `env-allow: DATA_URL`."
        )
    if any(path.name == CONFIG for path in written):
        click.echo("next: fill in cdml.yaml, then check the data: cdml validate-data")
        click.echo("      Before you commit, read what each workflow needs: its first lines.")
    return 0


def _init_llm(folder: Path, *, force: bool, alone: bool) -> int:
    from cdml.scaffold.init_llm import init_llm

    if not alone:
        raise ConfigurationError(
            "--llm cannot be combined with --data, --target, --train or --monitor, because no model"
            " is trained or deployed.",
            "Leave them out.",
        )
    for path in init_llm(folder, force=force):
        click.echo(f"wrote {path}")
    click.echo(
        "next: write your evaluation's command after EVALUATE in the gate's workflow, and the"
    )
    click.echo("      columns of its results in cdml.yaml. docs/llm.md shows both.")
    return 0


@command("isolation")
def isolation() -> int:
    """Print how models are isolated here. It is namespaces, sudo or none."""
    from cdml.wiring import RunHost, walls_here

    host = RunHost(Path.cwd(), ConsoleProgress())
    walls = "none"
    try:
        walls = walls_here(host.ci_run)
    finally:  # later steps have to know also where that is too little
        host.ci_run.set_outputs({"isolation": walls})
    click.echo(f"isolation: {walls}")
    return 0


@command("schema")
def schema() -> int:
    """Print the JSON Schema of cdml.yaml."""
    from cdml.config.json_schema import json_schema

    click.echo(json_schema(), nl=False)
    return 0
