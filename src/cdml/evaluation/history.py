"""The model's past, as the evidence kept with its earlier versions tells it."""

import tempfile
from collections.abc import Iterator
from pathlib import Path

from cdml.common.scratch_folders import prefix as scratch_prefix
from cdml.common.verdict import worst
from cdml.config import Config
from cdml.errors import CdmlError
from cdml.evaluation.ports import EvaluationPorts
from cdml.evidence import store
from cdml.evidence.charts import PastVersion
from cdml.evidence.schema import Comparison, DataEvidence, Evaluation, ModelRef
from cdml.models.registry import ModelVersion, Registry

MOST = 10
"""Versions that are looked at, the newest."""
_KEPT = "cdml.evidence"
_METRICS = 100


def past(
    config: Config, rows: str, compared: tuple[ModelRef, ModelRef | None], ports: EvaluationPorts
) -> tuple[PastVersion, ...]:
    """Earlier versions with their metrics, oldest first; told on the page, deciding nothing.

    A registry that does not tell does no harm, nor does evidence that somebody changed. Models
    that are no registry's have no past, and no registry is asked.

    Args:
        config: names the model.
        rows: digest of the rows that are judged now.
        compared: the challenger, who has no past in itself, and the champion.
        ports: the world.
    """
    challenger = compared[0]
    if not any(one.uri.startswith("models:/") for one in compared if one):
        return ()
    try:
        known = ports.registry.find(config.model, {})
    except CdmlError as error:
        ports.progress.note(f"the model's earlier versions are not told: {error.message}")
        return ()
    others = [
        version
        for version in known
        if _KEPT in version.tags and version.digest != challenger.digest
    ]
    if not others:
        return ()
    found: list[PastVersion] = []
    with ports.progress.step("reading the model's past", len(others[-MOST:])) as step:
        for version in others[-MOST:]:
            found += _of_version(version, rows, ports.registry)
            step.advance()
    return tuple(found)


def _of_version(version: ModelVersion, rows: str, registry: Registry) -> Iterator[PastVersion]:
    try:
        with tempfile.TemporaryDirectory(prefix=scratch_prefix("cdml-past")) as scratch:
            folder = registry.evidence(version, Path(scratch))
            evaluation = store.read(folder, Evaluation) if folder else None
            if folder is None or evaluation is None:
                return
            stages = (store.read(folder, DataEvidence), store.read(folder, Comparison))
    except CdmlError:
        return
    verdicts = (stage.verdict for stage in (*stages, evaluation) if stage is not None)
    measured = {
        one.metric: one.value
        for one in evaluation.metrics
        if one.slice is None and one.value is not None
    }
    yield PastVersion(
        version=version.version,
        verdict=worst(verdicts),
        time=evaluation.produced.time,
        same_rows=evaluation.data.digest == rows,
        metrics=dict(list(measured.items())[:_METRICS]),
    )
