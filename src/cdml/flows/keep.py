"""Evidence kept with the version it speaks of, so that a deployment elsewhere finds it."""

from pathlib import Path

from cdml.core.verdict import worst
from cdml.errors import CdmlError
from cdml.evidence import store
from cdml.evidence.models import Comparison, DataEvidence, Evaluation, ModelRef
from cdml.ports import Progress, Registry


def keep(model: ModelRef, output: Path, *, registry: Registry, progress: Progress) -> None:
    """Log the stages so far, the metrics and the verdict with a registered version.

    A registry that only lets itself be read does not change the verdict: it is noted.

    Args:
        model: who was judged; nothing is kept of a model that is not registered.
        output: folder of the evidence.
        registry: where versions are.
        progress: told what could not be kept.
    """
    if model.version is None or not model.uri.startswith("models:/"):
        return
    evaluation = store.read(output, Evaluation)
    if evaluation is None or evaluation.model.digest != model.digest:
        return
    stages = [store.read(output, DataEvidence), evaluation, store.read(output, Comparison)]
    found = [stage for stage in stages if stage is not None]
    metrics = {
        measured.metric: measured.value
        for measured in evaluation.metrics
        if measured.slice is None and measured.value is not None
    }
    tags = {"cdml.verdict": worst(stage.verdict for stage in found).value}
    if model.digest is not None:
        tags["cdml.digest"] = model.digest
    try:
        version = registry.resolve(model.uri)
        if version is None:
            return
        files = [output / store.FILES[type(stage)] for stage in found]
        registry.log_evidence(version, files, metrics)
        registry.set_tags(version.name, version.version, tags)
    except CdmlError as error:
        progress.note(f"the evidence could not be kept with {model.uri}: {error.message}")
