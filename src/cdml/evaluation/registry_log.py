"""What was judged kept with the model it speaks of, so that a deployment elsewhere finds it."""

import tempfile
from pathlib import Path

from cdml.common.scratch_folders import prefix as scratch_prefix
from cdml.common.verdict import worst
from cdml.data.drift import profile_file as profiles
from cdml.errors import CdmlError, InputError
from cdml.evaluation.ports import EvaluationPorts
from cdml.evidence import reference_rows, store
from cdml.evidence.schema import Comparison, DataEvidence, Evaluation, ModelRef
from cdml.models.registry import ModelVersion, Registry


def keep(model: ModelRef, output: Path, ports: EvaluationPorts) -> None:
    """As `log`; a registry that only lets itself be read does not change the verdict."""
    try:
        log(model, output, ports)
    except CdmlError as error:
        ports.progress.note(f"the evidence could not be kept with {model.uri}: {error.message}")


def log(model: ModelRef, output: Path, ports: EvaluationPorts) -> None:
    """Log the metrics, the verdict and the stages so far with a version, or with a run.

    The evidence of a whole gate is not replaced by that of an evaluation alone.

    Args:
        model: who was judged; nothing is kept of a model that lies in a folder.
        output: folder of the evidence.
        ports: the world.

    Raises:
        CdmlError: the registry refuses or does not answer.
    """
    evaluation = store.read(output, Evaluation)
    registered = model.uri.startswith(("models:/", "runs:/"))
    if not registered or evaluation is None or evaluation.model.digest != model.digest:
        return
    comparison = store.read(output, Comparison)
    stages = [store.read(output, DataEvidence), evaluation, comparison]
    found = [stage for stage in stages if stage is not None]
    metrics = {
        measured.metric: measured.value
        for measured in evaluation.metrics
        if measured.slice is None and measured.value is not None
    }
    registry = ports.registry
    version = registry.resolve(model.uri)
    if comparison is None and version is not None and "cdml.evidence" in version.tags:
        registry.log_result(model.uri, metrics, {})
        return
    tags = {"cdml.verdict": worst(stage.verdict for stage in found).value}
    if model.digest is not None:
        tags["cdml.digest"] = model.digest
    registry.log_result(model.uri, metrics, tags)
    if version is not None:
        files = [output / store.FILES[type(stage)] for stage in found]
        with tempfile.TemporaryDirectory(prefix=scratch_prefix("cdml-kept")) as scratch:
            own = _own_profile(version, registry, Path(scratch))
            beside = (
                _profile(output, own),
                output / profiles.PREDICTIONS_FILE,
                output / reference_rows.FILE,
            )
            there = (path for path in beside if path is not None and path.is_file())
            registry.log_evidence(version, [*files, *there])


def _profile(output: Path, own: Path | None) -> Path | None:
    """What the model was trained on: as this run saw the rows, or else as it is known already.

    A run that was given the champion's profile must not put it in the place of the model's own.
    """
    data = store.read(output, DataEvidence)
    if data is None or data.reference is None:
        return own
    made = data.profile is None
    return output / profiles.FILE if made or own is None else own


def _own_profile(version: ModelVersion, registry: Registry, into: Path) -> Path | None:
    """The profile kept with a version; evidence that somebody changed is replaced, and not read."""
    try:
        folder = registry.evidence(version, into)
    except InputError:
        return None
    path = folder / profiles.FILE if folder else None
    return path if path is not None and path.is_file() else None
