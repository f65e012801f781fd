"""What the page draws of the models: curves, a confusion matrix, residuals."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from cdml.core.crosstab import crosstab
from cdml.core.curves import Points, curves
from cdml.core.metrics import METRICS, Metric, Task
from cdml.evidence.pictures import Confusion, Curve, Picture
from cdml.ports import Layout, Part, Ports

_OUTCOMES = METRICS["accuracy"]
_SCORES = {Task.BINARY: METRICS["roc_auc"], Task.MULTICLASS: METRICS["roc_auc_ovr"]}
_DIGITS = 7


def of_part(
    part: Part, task: Task, metrics: Sequence[Metric], *, champion: bool = False
) -> Picture:
    """A classifier on all rows.

    Args:
        part: all rows.
        task: what the model predicts.
        metrics: what the rows were reduced for; scores are read where one of them reads them.
        champion: whether the champion of two models is drawn.
    """
    if task not in _SCORES:
        return Picture()
    scored = any(metric.needs_score for metric in metrics)
    points = curves(part.sample(_SCORES[task]), champion=champion) if scored else {}
    matrix = crosstab(part.sample(_OUTCOMES), champion=champion)
    return Picture(
        curves=_curves(points),
        confusion=None
        if matrix is None
        else Confusion(classes=matrix[0], counts=tuple(tuple(map(int, row)) for row in matrix[1])),
    )


def of_residuals(predictions: Path, layout: Layout, ports: Ports) -> Picture:
    """A regression: prediction - label over the prediction."""
    found = ports.samples.residuals(predictions, layout)
    return Picture(curves={name: _curve(*points) for name, points in found.items()})


def of_champion(
    part: Part,
    metrics: Sequence[Metric],
    layout: Layout,
    predictions: Path,
    ports: Ports,
) -> Picture:
    """The champion of two models, of what their comparison has read.

    Scores that no gate reads are not read for a picture.

    Args:
        part: all rows of both models.
        metrics: what the rows were reduced for.
        layout: the columns.
        predictions: the champion's.
        ports: the world.
    """
    if layout.task is Task.REGRESSION:
        return of_residuals(predictions, layout, ports)
    return of_part(part, layout.task, metrics, champion=True)


def _curves(found: Mapping[str, Points]) -> dict[str, Curve]:
    return {name: _curve(*map(list, points)) for name, points in found.items()}


def _curve(x: Sequence[float], y: Sequence[float]) -> Curve:
    return Curve(
        x=tuple(round(float(one), _DIGITS) for one in x),
        y=tuple(round(float(one), _DIGITS) for one in y),
    )
