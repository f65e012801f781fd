"""Evidence stored with a model version, and the model's history that it makes.

A deployment elsewhere finds the evidence there.
"""

import tempfile
from collections.abc import Iterator
from pathlib import Path

from cdml.common.scratch_folders import prefix as scratch_prefix
from cdml.common.verdict import worst
from cdml.config import Config
from cdml.errors import CdmlError, InputError
from cdml.evaluation.ports import EvaluationPorts
from cdml.evidence import lineage, reference_rows, store
from cdml.evidence.charts import PastVersion
from cdml.evidence.schema import Comparison, DataEvidence, Evaluation, ModelRef
from cdml.models.registry import ModelVersion, Registry


def log_if_possible(model: ModelRef, output: Path, ports: EvaluationPorts) -> None:
    """As `log_evidence`; a registry that only lets itself be read does not change the verdict."""
    try:
        log_evidence(model, output, ports)
    except CdmlError as error:
        ports.progress.note(f"the evidence could not be stored with {model.uri}: {error.message}")


def log_evidence(model: ModelRef, output: Path, ports: EvaluationPorts) -> None:
    """Log the metrics, the verdict and the stages so far with a version, or with a run.

    The evidence of a whole gate is not replaced by that of an evaluation alone. Nothing is kept of
    a model that lies in a folder.

    Raises:
        CdmlError: the registry refuses or does not answer.
    """
    evaluation = store.read_evidence(output, Evaluation)
    registered = model.uri.startswith(("models:/", "runs:/"))
    if not registered or evaluation is None or evaluation.model.digest != model.digest:
        return
    comparison = store.read_evidence(output, Comparison)
    stages = [store.read_evidence(output, DataEvidence), evaluation, comparison]
    written = [stage for stage in stages if stage is not None]
    registry = ports.registry
    version = registry.resolve(model.uri)
    if comparison is None and version is not None and "cdml.evidence" in version.tags:
        registry.log_result(model.uri, evaluation.overall, {})
        return
    tags = {"cdml.verdict": worst(stage.verdict for stage in written).value}
    if model.digest is not None:
        tags["cdml.digest"] = model.digest
    registry.log_result(model.uri, evaluation.overall, tags)
    if version is not None:
        files = [output / store.FILES[type(stage)] for stage in written]
        with tempfile.TemporaryDirectory(prefix=scratch_prefix("cdml-kept")) as scratch:
            stored = _stored_evidence(version, registry, Path(scratch))
            attachments = (
                *_profiles(output, stored),
                _lineage(output, stored, model.digest),
                output / reference_rows.FILE,
            )
            there = (path for path in attachments if path is not None and path.is_file())
            registry.log_evidence(version, [*files, *there])


def _profiles(output: Path, stored: Path) -> tuple[Path, Path]:
    """What the model was trained on, as this run saw the rows, or else as stored; its predictions.

    A run that was given the champion's profile must not put it in the place of the model's own.
    """
    from cdml.data.drift.profile_file import FILE, PREDICTIONS_FILE  # files alone have no profiles

    predictions = output / PREDICTIONS_FILE
    data = store.read_evidence(output, DataEvidence)
    if data is None or data.reference is None:
        return stored / FILE, predictions
    own = data.profile is not None and (stored / FILE).is_file()
    return (stored if own else output) / FILE, predictions


def _lineage(output: Path, stored: Path, digest: str | None) -> Path | None:
    """What the model was trained with: by this run, or else as it is stored already."""
    return next(
        (one / lineage.FILE for one in (output, stored) if lineage.lineage_of(one, digest)), None
    )


def _stored_evidence(version: ModelVersion, registry: Registry, into: Path) -> Path:
    """The evidence stored with a version, `into` an empty folder if there is none.

    Evidence that somebody changed is replaced, and not read.
    """
    try:
        return registry.evidence(version, into / "stored") or into
    except InputError:
        return into


MOST = 10
"""Versions that are looked at, the newest."""
_TAG = "cdml.evidence"
_METRICS = 100


def past_versions(
    config: Config, rows: str, compared: tuple[ModelRef, ModelRef | None], ports: EvaluationPorts
) -> tuple[PastVersion, ...]:
    """Earlier versions with their metrics, oldest first; shown on the page, deciding nothing.

    A registry that does not tell does no harm, nor does evidence that somebody changed. Models that
    are no registry's have no past, and no registry is queried. `rows` is the digest of those that
    are judged now.
    """
    challenger = compared[0]
    if not any(one.uri.startswith("models:/") for one in compared if one):
        return ()
    try:
        versions = ports.registry.find(config.model, {})
    except CdmlError as error:
        ports.progress.note(f"the model's earlier versions could not be read: {error.message}")
        return ()
    others = [
        version
        for version in versions
        if _TAG in version.tags and version.digest != challenger.digest
    ]
    if not others:
        return ()
    past: list[PastVersion] = []
    with ports.progress.step("reading the model's history", len(others[-MOST:])) as step:
        for version in others[-MOST:]:
            past += _of_version(version, rows, ports.registry)
            step.advance()
    return tuple(past)


def _of_version(version: ModelVersion, rows: str, registry: Registry) -> Iterator[PastVersion]:
    try:
        with tempfile.TemporaryDirectory(prefix=scratch_prefix("cdml-past")) as scratch:
            folder = registry.evidence(version, Path(scratch))
            evaluation = store.read_evidence(folder, Evaluation) if folder else None
            if folder is None or evaluation is None:
                return
            stages = (
                store.read_evidence(folder, DataEvidence),
                store.read_evidence(folder, Comparison),
            )
    except CdmlError:
        return
    verdicts = (stage.verdict for stage in (*stages, evaluation) if stage is not None)
    yield PastVersion(
        version=version.version,
        verdict=worst(verdicts),
        time=evaluation.produced.time,
        same_rows=evaluation.data.digest == rows,
        metrics=dict(list(evaluation.overall.items())[:_METRICS]),
    )
