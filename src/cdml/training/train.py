"""`cdml train-model`: train where inputs changed, and record what with."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from cdml.ci.provenance import producer
from cdml.common.background import BackgroundTask
from cdml.common.scratch_folders import prefix as scratch_prefix
from cdml.config import LoadedConfig
from cdml.config.training import CURRENT, PRINTED, TrainingSettings
from cdml.errors import CdmlError, ConfigurationError, InputError
from cdml.evidence.lineage import (
    FILE,
    FINGERPRINT,
    Lineage,
    TrainingEnvironment,
    read_lineage,
    write_lineage,
)
from cdml.evidence.schema import ModelRef
from cdml.evidence.store import file_digest, remove_files, text_digest
from cdml.models.digest import model_digest
from cdml.models.mlmodel import read_mlmodel
from cdml.models.registry import ModelVersion, Registry, TrainingRuns
from cdml.training.fingerprint import fingerprint
from cdml.training.inputs import (
    InputState,
    changed_inputs,
    name_some,
    read_inputs,
    read_parameters,
)
from cdml.training.machine import TrainingJob, TrainingProcessEnd
from cdml.training.model_folder import emptied
from cdml.training.ports import TrainingPorts

SEED = "CDML_SEED"


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainingPlan:
    """What is about to be trained: everything that is recorded before the command runs.

    Folders to leave out of the inputs are in `without`: training and cdml write there.
    """

    settings: TrainingSettings
    inputs: InputState
    without: tuple[Path, ...]
    environment: TrainingEnvironment
    clean: bool | None
    fingerprint: str
    registry: BackgroundTask[Registry]
    """Made in the background, because MLflow takes two seconds to import."""


def train_model(loaded: LoadedConfig, ports: TrainingPorts, *, output: Path) -> Lineage:
    """Train, or name the registered version that has been trained from the same inputs.

    Writes lineage.json into `output`.

    Raises:
        ConfigurationError: `training` is missing, or its command or folder cannot be used.
        InputError: an input is missing or changed meanwhile; or the command failed, took too long,
            or wrote no model. An earlier model in the folder is there again.
        ServiceError: the registry does not answer.
    """
    remove_files(output / FILE)
    plan = plan_training(loaded, ports, output)
    may_be = ports.may_be_registered((FINGERPRINT, plan.fingerprint))
    reusable = trained_before(loaded, ports, plan) if may_be else None
    if reusable is not None:
        write_lineage(output, reusable)
        return reusable
    with trained_model(loaded, ports, plan) as (folder, uri, end):
        lineage = describe_training(loaded, ports, plan, folder, uri, end)
        lineage = _recorded(loaded, ports, plan, lineage, output)
        write_lineage(output, lineage)
    return lineage


def plan_training(loaded: LoadedConfig, ports: TrainingPorts, output: Path) -> TrainingPlan:
    """Read the inputs and the environment; raises as `train_model`."""
    settings = loaded.config.training
    if settings is None:
        raise ConfigurationError(
            f"{loaded.path} has no training.",
            "Add training with command, inputs and model; docs/training.md has an example.",
        )
    model = () if settings.model == PRINTED else (loaded.folder / settings.model,)
    without = (*model, output, loaded.folder / "mlruns")
    registry = BackgroundTask(lambda: ports.registry)
    with ports.progress.step("reading the inputs of the training"):
        inputs = read_inputs(loaded, settings.inputs, ports, without=without)
        environment = _environment(loaded, settings, ports)
        clean = ports.training_machine.is_clean(loaded.folder)
    return TrainingPlan(
        settings=settings,
        inputs=inputs,
        without=without,
        environment=environment,
        clean=clean,
        fingerprint=fingerprint(settings.command, inputs.inputs, environment, settings.seed),
        registry=registry,
    )


def trained_before(
    loaded: LoadedConfig, ports: TrainingPorts, plan: TrainingPlan
) -> Lineage | None:
    """The lineage of the newest registered version with this fingerprint; None without one."""
    with ports.progress.step("looking for a registered version with these inputs"):
        name, registry = loaded.config.model, plan.registry.result()
        for version in reversed(registry.find(name, {FINGERPRINT: plan.fingerprint})):
            lineage = recorded_lineage(ports, version)
            if lineage is not None and lineage.fingerprint == plan.fingerprint:
                model = ModelRef(
                    uri=f"models:/{version.name}/{version.version}",
                    version=version.version,
                    digest=version.digest,
                )
                return lineage.model_copy(update={"model": model, "trained": False})
    return None


def recorded_lineage(ports: TrainingPorts, version: ModelVersion) -> Lineage | None:
    """The lineage stored with a version, if it is that of the version's files."""
    with tempfile.TemporaryDirectory(prefix=scratch_prefix("cdml-lineage")) as scratch:
        try:
            folder = ports.registry.evidence(version, Path(scratch))
            lineage = read_lineage(folder) if folder else None
        except InputError as error:
            ports.progress.note(f"version {version.version} is not used: {error.message}")
            return None
    fits = lineage is not None and version.digest in (None, lineage.model.digest)
    return lineage if fits else None


@contextmanager
def trained_model(
    loaded: LoadedConfig, ports: TrainingPorts, plan: TrainingPlan, *, keep: bool = True
) -> Iterator[tuple[Path, str, TrainingProcessEnd]]:
    """Run the command; the model's folder, its address, and how the command ended.

    What the command wrote stays only if the block ends in order, and to `keep` it. Raises as
    `train_model`.
    """
    settings = plan.settings
    with tempfile.TemporaryDirectory(prefix=scratch_prefix("cdml-trained")) as scratch:
        if settings.model == PRINTED:
            end = _run(loaded, ports, plan)
            if end.address is None:
                raise InputError(
                    "The training command printed no address of a model.",
                    "Print it, such as runs:/<run>/model, or name the folder in training.model.",
                )
            folder = plan.registry.result().fetch(end.address, Path(scratch))
            read_mlmodel(folder)
            yield folder, end.address, end
            return
        folder = loaded.folder / settings.model
        with emptied(folder, loaded.folder, keep=keep):
            end = _run(loaded, ports, plan)
            if not folder.is_dir() or not any(folder.iterdir()):
                raise InputError(
                    f"The training command ended well, but wrote nothing to {settings.model}.",
                    "Let it save the model there, or correct training.model.",
                )
            if not (folder / "MLmodel").is_file():
                raise InputError(
                    f"The training command wrote no MLmodel file to {settings.model}.",
                    "Save the model with MLflow, such as mlflow.sklearn.save_model.",
                )
            read_mlmodel(folder)
            yield folder, settings.model, end


def describe_training(
    loaded: LoadedConfig,
    ports: TrainingPorts,
    plan: TrainingPlan,
    folder: Path,
    uri: str,
    end: TrainingProcessEnd,
) -> Lineage:
    """The lineage of a model that has just been trained."""
    printed = uri.removeprefix(PRINTED).strip("/").partition("/")[0]
    return Lineage(
        model=ModelRef(uri=uri, digest=model_digest(folder)),
        fingerprint=plan.fingerprint,
        command=plan.settings.command,
        inputs=plan.inputs.inputs,
        parameters=read_parameters(loaded, plan.inputs),
        environment=plan.environment,
        hardware=ports.training_machine.hardware(),
        seed=plan.settings.seed,
        clean=plan.clean,
        seconds=round(end.seconds, 3),
        run=printed if plan.settings.model == PRINTED else None,
        produced=producer(ports.ci_run, ports.clock),
    )


def _run(loaded: LoadedConfig, ports: TrainingPorts, plan: TrainingPlan) -> TrainingProcessEnd:
    settings = plan.settings
    seed = {} if settings.seed is None else {
        SEED: str(settings.seed), "PYTHONHASHSEED": str(settings.seed),
    }  # fmt: skip
    job = TrainingJob(
        command=settings.command,
        folder=loaded.folder,
        variables=seed,
        lock=None if settings.environment == CURRENT else loaded.folder / settings.environment,
        seconds=settings.timeout,
    )
    with ports.progress.step("training"):
        end = ports.training_machine.run(job)
    last = f" Its last line: {end.last_line[:300].rstrip('. ')}." if end.last_line else ""
    if end.timed_out:
        raise InputError(
            f"The training command was stopped after {settings.timeout:,.0f} s.{last}",
            "Raise training.timeout, or make the command faster.",
        )
    if end.code != 0:
        raise InputError(
            f"The training command failed with exit code {end.code}.{last}",
            "The log above has its output. Nothing was registered.",
        )
    after = read_inputs(loaded, settings.inputs, ports, without=plan.without, earlier=plan.inputs)
    if changed := changed_inputs(plan.inputs, after):
        raise InputError(
            f"Inputs changed while the training ran: {name_some(changed)}.",
            "Let the command write elsewhere, or leave what it writes out of training.inputs.",
        )
    return end


def _environment(
    loaded: LoadedConfig, settings: TrainingSettings, ports: TrainingPorts
) -> TrainingEnvironment:
    if settings.environment == CURRENT:
        installed = ports.training_machine.packages(settings.command[0], loaded.folder)
        return TrainingEnvironment(
            source=CURRENT,
            digest=text_digest("\n".join(installed.packages)),
            python=installed.python,
        )
    try:
        digest = file_digest(loaded.folder / settings.environment)
    except OSError as error:
        raise InputError(
            f"training.environment: {settings.environment} cannot be read: {error.strerror}.",
            "Name a file of locked requirements, or set it to current.",
        ) from error
    return TrainingEnvironment(source=settings.environment, digest=digest)


def _recorded(
    loaded: LoadedConfig,
    ports: TrainingPorts,
    plan: TrainingPlan,
    lineage: Lineage,
    output: Path,
) -> Lineage:
    """The lineage with the run that recorded it; a registry that refuses does not lose a model."""
    try:
        registry = plan.registry.result()
        if not isinstance(registry, TrainingRuns):
            return lineage
        with ports.progress.step("recording the training in the registry"):
            run = lineage.run or registry.new_run(loaded.config.model)
            lineage = lineage.model_copy(update={"run": run})
            with tempfile.TemporaryDirectory(prefix=scratch_prefix("cdml-lineage")) as scratch:
                registry.log_training(
                    run,
                    parameters=lineage.parameters,
                    tags=_tags(lineage),
                    file=write_lineage(Path(scratch), lineage),
                )
    except CdmlError as error:
        ports.progress.note(
            f"the training could not be recorded in the registry: {error.message} {output / FILE}"
            " has what would have been recorded."
        )
    return lineage


def _tags(lineage: Lineage) -> dict[str, str]:
    commit = lineage.produced.commit
    tags = {
        FINGERPRINT: lineage.fingerprint,
        "cdml.digest": lineage.model.digest or "",
        "cdml.commit": commit or "",
        "cdml.clean": "" if lineage.clean is None else str(lineage.clean).lower(),
        "cdml.seed": "" if lineage.seed is None else str(lineage.seed),
        "cdml.packages": f"{lineage.environment.source} {lineage.environment.digest}",
        "cdml.machine": lineage.hardware.processor,
        "cdml.gpus": ", ".join(lineage.hardware.gpus),
        "cdml.seconds": str(lineage.seconds),
    }
    return {name: value for name, value in tags.items() if value}
