"""Training, and the stages of a gate, one by one and together."""

from collections.abc import Sequence
from pathlib import Path

from cdml.cli.command import command
from cdml.cli.progress import ConsoleProgress
from cdml.errors import ConfigurationError


def _need(value: str | None, option: str) -> str:
    if not value:
        raise ConfigurationError(f"{option} is missing.", f"Add {option} ….")
    return value


def _only_files(config: Path, challenger: str | None, champion: str | None) -> bool:
    """Whether both models are files, folders or tables of results, which need no registry."""
    from cdml.common.addresses import names_table
    from cdml.evidence.store import PREDICTIONS_FILES
    from cdml.models.uri import NONE

    def is_file(one: str) -> bool:
        folder = config.parent / one
        results = folder.is_dir() and not (folder / "MLmodel").exists()
        return one == NONE or one.endswith(PREDICTIONS_FILES) or results or names_table(one)

    return all(one and is_file(one) for one in (challenger, champion))


@command("train-model", records=True)
def train_model(config: Path, output_dir: Path, verify: bool) -> int:
    """Train the model, if its inputs changed. Runs your command, writes lineage.json."""
    from cdml.cli.output import print_training
    from cdml.training.train import train_model as train
    from cdml.training.verify import verify_training
    from cdml.wiring import Wiring

    with ConsoleProgress.of_command() as progress:
        wiring = Wiring.read(config, progress)
        run = verify_training if verify else train
        lineage = run(wiring.loaded, wiring, output=output_dir)
    return print_training(wiring.ci_run, output_dir, lineage)


@command("validate-data", records=True)
def validate_data(
    config: Path,
    output_dir: Path,
    data: str | None,
    reference: str | None,
    contract: str | None,
    model: str | None,
) -> int:
    """Check the evaluation data: contract, drift, leakage. Writes data.json."""
    from cdml.cli.output import print_stage
    from cdml.data.open_rows import require_agreement
    from cdml.data.validate import validate_data as validate
    from cdml.evaluation.score_model import identify
    from cdml.wiring import Wiring

    with ConsoleProgress.of_command() as progress:
        wiring = Wiring.read(config, progress, needs_registry=bool(model))
        judged = None
        if model:
            judged = identify(model, wiring.loaded, wiring).signature("the model")
            require_agreement(wiring.loaded, judged, model)
        evidence = validate(
            wiring.loaded,
            wiring,
            output=output_dir,
            data=data,
            reference=reference,
            contract=contract,
            judged=judged,
            signatures=[judged] if judged else [],
        )
    return print_stage(wiring.ci_run, output_dir, evidence)


@command("evaluate-model", records=True)
def evaluate_model(
    config: Path,
    output_dir: Path,
    model: str | None,
    predictions: str | None,
    data: str | None,
    reader: str | None,
    select: Sequence[str],
) -> int:
    """Score the model and measure it. Writes evaluation.json and predictions.parquet."""
    from cdml.cli.output import print_stage
    from cdml.evaluation.evaluate import evaluate_model as evaluate
    from cdml.results.selection import read_selection
    from cdml.wiring import Wiring

    if not model and not predictions:
        raise ConfigurationError("--model and --predictions are missing.", "Name one of them.")
    with ConsoleProgress.of_command() as progress:
        wiring = Wiring.read(
            config,
            progress,
            needs_registry=bool(model),
            selection=read_selection(reader, select),
        )
        evidence = evaluate(
            wiring.loaded,
            wiring,
            output=output_dir,
            model=model,
            predictions=predictions,
            data=data,
        )
    return print_stage(wiring.ci_run, output_dir, evidence)


@command("compare-to-champion", records=True)
def compare_to_champion(
    config: Path,
    output_dir: Path,
    challenger: str | None,
    champion: str | None,
    reader: str | None,
    select: Sequence[str],
) -> int:
    """Compare two models on the same rows. Writes comparison.json."""
    from cdml.cli.output import print_stage
    from cdml.evaluation.compare import compare_to_champion as compare
    from cdml.results.selection import read_selection
    from cdml.wiring import Wiring

    with ConsoleProgress.of_command() as progress:
        wiring = Wiring.read(
            config,
            progress,
            needs_registry=not _only_files(config, challenger, champion),
            selection=read_selection(reader, select),
        )
        evidence = compare(
            wiring.loaded,
            wiring,
            output=output_dir,
            challenger=_need(challenger, "--challenger"),
            champion=champion,
        )
    return print_stage(wiring.ci_run, output_dir, evidence)


@command("gate", records=True)
def gate(
    config: Path,
    output_dir: Path,
    model: str | None,
    predictions: str | None,
    data: str | None,
    champion: str | None,
    register: str | None,
    reader: str | None,
    select: Sequence[str],
) -> int:
    """Validate, evaluate and compare in one. The exit code is the verdict."""
    from cdml.cli.output import print_gate
    from cdml.pipeline import run_gate
    from cdml.results.selection import read_selection
    from cdml.wiring import Wiring

    with ConsoleProgress.of_command() as progress:
        only_files = not model and _only_files(config, predictions, champion)
        wiring = Wiring.read(
            config,
            progress,
            needs_registry=not only_files,
            selection=read_selection(reader, select),
        )
        if not model and not predictions:
            raise ConfigurationError("--model and --predictions are missing.", "Name one of them.")
        if register and not model:
            raise ConfigurationError(
                "--register needs a model, and --predictions is only a file.",
                "Add the model that made the predictions: --model ….",
            )
        done = run_gate(
            wiring.loaded,
            wiring,
            output=output_dir,
            model=model,
            predictions=predictions,
            data=data,
            champion=champion,
            register=register,
        )
    return print_gate(wiring.ci_run, output_dir, done)
