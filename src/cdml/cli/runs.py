"""What each command does: wire, run the flow, tell the result, hand on outputs."""

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

from cdml.cli import output as tell
from cdml.cli.progress import ConsoleProgress
from cdml.errors import CdmlError, ConfigurationError
from cdml.wiring import RunHost, Wiring, walls_here

if TYPE_CHECKING:  # evidence brings libraries that words alone do not need
    from cdml.config.delivery import DeploySettings


def _need(value: str | None, option: str) -> str:
    """A value without which there is no question to ask."""
    if not value:
        raise ConfigurationError(f"{option} is missing.", f"Name it: {option} ….")
    return value


def validate_data(
    config: Path,
    output: Path,
    *,
    data: str | None,
    reference: str | None,
    contract: str | None,
    model: str | None,
) -> int:
    """Run the stage and give its exit code."""
    from cdml.data.model_inputs import require_agreement
    from cdml.data.validate import validate_data as flow
    from cdml.evaluation.score_model import identify

    with ConsoleProgress() as progress:
        wiring = Wiring.read(config, progress, needs_registry=bool(model))
        judged = None
        if model:
            judged = identify(model, wiring.loaded, wiring).signature("the model")
            require_agreement(wiring.loaded, judged, model)
        found = flow(
            wiring.loaded,
            wiring,
            output=output,
            data=data,
            reference=reference,
            contract=contract,
            judged=judged,
            signatures=[judged] if judged else [],
        )
    return tell.print_stage(wiring.platform, output, found)


def evaluate_model(
    config: Path, output: Path, *, model: str | None, predictions: str | None, data: str | None
) -> int:
    """Run the stage and give its exit code."""
    from cdml.evaluation.evaluate import evaluate_model as flow

    if not model and not predictions:
        raise ConfigurationError("--model and --predictions are missing.", "Name one of them.")
    with ConsoleProgress() as progress:
        wiring = Wiring.read(config, progress, needs_registry=bool(model))
        found = flow(
            wiring.loaded,
            wiring,
            output=output,
            model=model,
            predictions=predictions,
            data=data,
        )
    return tell.print_stage(wiring.platform, output, found)


def compare_to_champion(
    config: Path, output: Path, *, challenger: str | None, champion: str | None
) -> int:
    """Run the stage and give its exit code."""
    from cdml.evaluation.compare import compare_to_champion as flow
    from cdml.evidence.store import PREDICTIONS_FILES

    files = (challenger, champion)
    scored = all(one and one.endswith(PREDICTIONS_FILES) for one in files)
    with ConsoleProgress() as progress:
        wiring = Wiring.read(config, progress, needs_registry=not scored)
        found = flow(
            wiring.loaded,
            wiring,
            output=output,
            challenger=_need(challenger, "--challenger"),
            champion=champion,
        )
    return tell.print_stage(wiring.platform, output, found)


def gate(
    config: Path,
    output: Path,
    *,
    model: str | None,
    predictions: str | None,
    data: str | None,
    champion: str | None,
    register: str | None,
) -> int:
    """Run the whole gate and give the exit code of the worst verdict."""
    from cdml.pipeline import run_gate as flow

    with ConsoleProgress() as progress:
        wiring = Wiring.read(config, progress)
        found = flow(
            wiring.loaded,
            wiring,
            output=output,
            model=_need(model, "--model"),
            predictions=predictions,
            data=data,
            champion=champion,
            register=register,
        )
    return tell.print_gate(wiring.platform, output, found)


def history(config: Path, output: Path, *, environment: str | None, style: str, sign: bool) -> int:
    """Print the journal; and sign it where that is asked for."""
    from cdml.journal.history import history_table, sign_journal
    from cdml.journal.history import read_history as flow
    from cdml.journal.signature import Keys

    del output
    wiring = Wiring.read(config, ConsoleProgress(), needs_registry=False, delivery=environment)
    journal = wiring.unverified_journal if sign else wiring.journal
    found = flow(wiring.loaded, journal=journal, environment=environment)
    click.echo(json.dumps(found, indent=1) if style == "json" else history_table(found))
    if sign:
        keys = Keys.of(wiring.environment)
        commit = sign_journal(wiring.loaded, journal=journal, keys=keys, environment=environment)
        click.echo(f"The journal is signed, as printed, by {commit}.", err=True)
    return 0


def init(folder: Path, *, force: bool, data: str | None, target: str) -> int:
    """Write the files to begin with."""
    from cdml.scaffold.init import DATA, holds_credentials
    from cdml.scaffold.init import init as flow
    from cdml.wiring import TablesByScheme

    opener = TablesByScheme() if data is not None else None
    settings = _delivery(folder / "cdml.yaml")
    written = flow(folder, force=force, data=data, tables=opener, target=target, settings=settings)
    for path in written:
        click.echo(f"wrote {path}")
    if data is not None and holds_credentials(data):
        click.echo(
            f"The address of the data holds credentials, so cdml.yaml says {DATA} in its place: set"
            " that variable, and allow it in CI with `env-allow: DATA_URL`."
        )
    return 0


def _delivery(config: Path) -> "DeploySettings | None":
    """How a configuration delivers, where there is one that can be read."""
    try:
        return Wiring.read(config, ConsoleProgress(), needs_registry=False).loaded.config.deploy
    except CdmlError:
        return None


def isolation(folder: Path) -> int:
    """Say what isolates models here; also where that is too little, for the steps that follow.

    Raises:
        ConfigurationError: isolation is required, and there is none.
    """
    host = RunHost(folder, ConsoleProgress())
    found = "none"
    try:
        found = walls_here()
    finally:
        host.platform.outputs({"isolation": found})
    click.echo(f"isolation: {found}")
    return 0
