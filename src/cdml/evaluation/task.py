"""What kind of model the configuration speaks of, and whether its gates fit."""

from collections.abc import Mapping, Sequence

from cdml.config import Config
from cdml.errors import ConfigurationError, InputError
from cdml.evaluation.prediction_store import Layout
from cdml.gates.rules import metric_of_gate
from cdml.statistics import metrics
from cdml.statistics.metrics import Metric, Task
from cdml.tables.query import Field, LogicalType


def layout(config: Config, fields: Sequence[Field]) -> Layout:
    """The columns of a predictions file, by the configuration.

    The label's type in `fields` may tell the task.

    Raises:
        ConfigurationError: a gate's metric is not defined for the task.
        InputError: there is no label column.
    """
    task = infer(config, fields)
    for gate in config.gates:
        metric = metric_of_gate(gate)
        if metric.tasks and task not in metric.tasks:
            raise ConfigurationError(
                f"{metric.name} is a metric of {' and '.join(sorted(metric.tasks))} models,"
                f" but this is a {task} model.",
                "data.positive makes a task binary; data.task sets any other."
                if task is not Task.BINARY
                else "Leave data.positive out for a multiclass or regression task.",
            )
    if task is Task.BINARY and config.data.positive is None:
        raise ConfigurationError(
            "data.positive is missing.",
            "Binary classification needs the positive class, e.g. `positive: true`.",
        )
    return Layout(
        key=config.data.key,
        label=config.data.label,
        slices=config.data.slices,
        task=task,
        positive=config.data.positive,
        max_slices=config.data.max_slices,
        weight=config.data.weight,
        cluster=config.data.cluster,
        sensitive=config.data.sensitive,
        cost=config.data.cost,
        classes=config.data.classes,
        by_case=config.data.by_case,
        styles=_styles(config, fields),
    )


_ANSWERS = ("output", "answer", "response", "completion")
"""Columns of texts whose length may sway a judge."""


def _styles(config: Config, fields: Sequence[Field]) -> Mapping[str, str]:
    """Columns of an answer's length and position, as judges name them or as they are called."""
    judges = [gate.judge for gate in config.gates if gate.judge is not None]
    texts = {field.name for field in fields if field.type is LogicalType.STRING}
    recognised = [name for name in _ANSWERS if name in texts and config.data.trial is None]
    found = {
        "length": next((one.length for one in judges if one.length), next(iter(recognised), None)),
        "position": next((one.position for one in judges if one.position), None),
    }
    return {style: column for style, column in found.items() if column is not None}


def infer(config: Config, fields: Sequence[Field]) -> Task:
    """The task: as it is said, else binary where a positive class is, else by gates and label.

    Raises:
        InputError: only the label could tell, and there is none.
    """
    if config.data.task is not None:
        return config.data.task
    if config.data.positive is not None:
        return Task.BINARY
    requested = [metric_of_gate(gate) for gate in config.gates]
    if (
        config.data.label is None
        or any(metric.tasks == {Task.GENERATION} for metric in requested)
        or _only_columns(requested)
    ):
        return Task.GENERATION
    possible = {Task.MULTICLASS, Task.REGRESSION}
    for metric in requested:
        if metric.tasks & possible:
            possible &= metric.tasks
    if len(possible) == 1:
        return possible.pop()
    label = next((field for field in fields if field.name == config.data.label), None)
    if label is None:
        raise InputError(
            f"the data has no label column {config.data.label!r}.",
            f"The columns are {', '.join(field.name for field in fields)}.",
        )
    return Task.REGRESSION if label.type is LogicalType.NUMBER else Task.MULTICLASS


def _only_columns(requested: Sequence[Metric]) -> bool:
    """Whether there are figures to average, and nothing that reads the predictions."""
    of_rows = [metric for metric in requested if metric.of_rows]
    return any(of_rows) and not any(metric.of_outcomes for metric in of_rows)


def defaults(task: Task, fields: Sequence[Field]) -> tuple[Metric, ...]:
    """What an evaluation always measures, as far as there are probabilities for it."""
    names = [field.name for field in fields]
    of_classes = task is Task.MULTICLASS  # a column `score` says nothing of several
    scored = any(n.startswith("score_") if of_classes else n == "score" for n in names)
    defaults = (metrics.METRICS[name] for name in _DEFAULTS[task])
    return tuple(metric for metric in defaults if scored or not metric.needs_score)


_DEFAULTS = {
    Task.BINARY: (
        "roc_auc",
        "average_precision",
        "log_loss",
        "brier_score_loss",
        "expected_calibration_error",
        "accuracy",
        "precision",
        "recall",
        "f1",
    ),
    Task.MULTICLASS: ("accuracy", "balanced_accuracy", "f1_macro", "log_loss", "roc_auc_ovr"),
    Task.REGRESSION: ("root_mean_squared_error", "mean_absolute_error", "r2"),
    Task.GENERATION: (),
}
