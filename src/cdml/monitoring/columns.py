"""Which columns of the two tables are read, and what each means."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from cdml.config import Config
from cdml.config.monitoring import MonitoringSettings
from cdml.evaluation.prediction_store import Layout
from cdml.monitoring.known_classes import negative_classes
from cdml.monitoring.windows import Columns
from cdml.statistics.metrics import Task
from cdml.statistics.sequential.figures import Figure
from cdml.tables.table import Table

_PREDICTION, _SCORE, _VERSION = "prediction", "score", "version"


def columns_of(
    config: Config,
    settings: MonitoringSettings,
    predictions: Table,
    layout: Layout,
    figures: Sequence[Figure],
    classes: Iterable[str] = (),
) -> Columns:
    """The columns that the figures read; probabilities only if one needs them.

    `classes` are those of a binary label at the gates of the versions that are read.
    """
    names = [field.name for field in predictions.fields]
    scored = any(figure.metric.needs_score for figure in figures)
    version = settings.version or (_VERSION if _VERSION in names else None)
    return Columns(
        key=settings.key,
        time=settings.time,
        prediction=_prediction(config),
        scores=_scores(config, layout.task, names) if scored else {},
        version=version,
        label_time=settings.label_time,
        layout=layout,
        negatives=negative_classes(config, layout.task, classes),
    )


def estimate_columns(
    config: Config,
    settings: MonitoringSettings,
    predictions: Table,
    layout: Layout,
    classes: Iterable[str] = (),
) -> Columns | None:
    """The columns of the predictions and of each probability; None without probabilities."""
    names = [field.name for field in predictions.fields]
    scores = _scores(config, layout.task, names)
    if not scores or not set(scores.values()) <= set(names):
        return None
    return replace(
        columns_of(config, settings, predictions, layout, (), classes), scores=dict(scores)
    )


def prediction_columns(config: Config) -> Mapping[str, str]:
    """The columns of the log by their names in a profile of predictions."""
    return {_PREDICTION: _prediction(config), _SCORE: _score_columns(config).get(_SCORE, _SCORE)}


def needed_columns(config: Config, settings: MonitoringSettings) -> frozenset[str]:
    """The columns without which no window is judged."""
    named = (*settings.key, settings.time, settings.version, settings.label_time)
    others = (config.data.label, _prediction(config), _SCORE, *_score_columns(config).values())
    return frozenset(name for name in (*named, *others) if name is not None)


def _prediction(config: Config) -> str:
    answer = config.data.answer
    named = answer.columns.prediction if answer else None
    return _PREDICTION if named is None else str(named)


def _score_columns(config: Config) -> Mapping[str, str]:
    """What `data.answer.score` names, by the column's usual name."""
    answer = config.data.answer.columns if config.data.answer else None
    if answer is None:
        return {}
    if answer.scores is not None:
        return {f"{_SCORE}_{name}": str(column) for name, column in answer.scores.items()}
    return {} if answer.score is None else {_SCORE: str(answer.score)}


def _scores(config: Config, task: Task, names: Sequence[str]) -> Mapping[str, str]:
    if named := _score_columns(config):
        return named
    if task is Task.BINARY:
        return {_SCORE: _SCORE}
    return {name: name for name in names if name.startswith(f"{_SCORE}_")}
