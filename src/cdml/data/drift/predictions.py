"""Does the champion say to these rows what it said to those it was judged on?

What it said then is kept with it as a profile; what it says now is found for the comparison anyway.
"""

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

from cdml.config.schema import DriftSettings
from cdml.data.drift.checks import judge_drift, not_compared, plan_drift
from cdml.data.drift.classes import Classes, profile_classes
from cdml.data.drift.measure import build_profile
from cdml.data.drift.profile_file import PREDICTIONS_FILE, ProfileDocument, write_profile
from cdml.data.drift.reference import stored_profile
from cdml.data.ports import DataPorts
from cdml.data.rules.quality import unjudged_finding
from cdml.errors import CdmlError
from cdml.evidence.schema import Check, Producer
from cdml.evidence.store import PREDICTIONS
from cdml.models.registry import Registry
from cdml.tables.table import Table

NAME = "prediction_drift"
_SCORE = "score"
_COLUMNS = ("prediction", _SCORE)


def keep_predictions(
    ports: DataPorts,
    output: Path,
    produced: Producer,
    find_classes: Callable[[Table], Classes | None],
) -> None:
    """Profile a model's predictions, and the classes of its label, next to the other evidence."""
    table = ports.tables.open(str(output / PREDICTIONS))
    data = table.ref.model_copy(update={"uri": PREDICTIONS})
    profile = build_profile(table, _other_columns(table), _may_disclose)
    if classes := find_classes(table):
        columns = (*profile.columns, profile_classes(table, classes))
        profile = replace(profile, columns=columns)
    write_profile(
        output / PREDICTIONS_FILE, ProfileDocument(produced=produced, data=data, profile=profile)
    )


def champion_profile(registry: Registry, champion: str) -> ProfileDocument | None:
    """What a champion said to the rows it was judged on, where it was kept.

    Raises:
        CdmlError: the registry does not answer, or what was kept cannot be read.
    """
    version = registry.resolve(champion)
    return stored_profile(version, registry, PREDICTIONS_FILE) if version is not None else None


def judge_predictions(
    ports: DataPorts, reference: ProfileDocument, predictions: Path, thresholds: DriftSettings
) -> Iterator[Check]:
    """Hold the champion's predictions (a Parquet file) against its own of then."""
    table = ports.tables.open(str(predictions))
    plan = plan_drift(table, reference.profile, _other_columns(table), thresholds)
    counts = table.count(plan.conditions)
    for finding in judge_drift(
        plan, table, counts, label="", thresholds=thresholds, may_disclose=_may_disclose
    ):  # fmt: skip
        yield finding.model_copy(update={"name": NAME})


def unknown_predictions(error: CdmlError, thresholds: DriftSettings) -> Check:
    """What was stored could not be read: reported, and inconclusive where drift can fail."""
    if thresholds.fail is not None:
        return not_compared(NAME, None, error.message, thresholds)
    return unjudged_finding(NAME, None, f"not compared: {error.message}")


def _other_columns(table: Table) -> frozenset[str]:
    return frozenset(field.name for field in table.fields if field.name not in _COLUMNS)


def _may_disclose(column: str) -> bool:
    """A prediction is a value of the label, which may be closed; a probability reveals nothing."""
    return column == _SCORE
