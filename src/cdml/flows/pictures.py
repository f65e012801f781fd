"""What the page draws of the models: curves, a confusion matrix, residuals."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from cdml.core.crosstab import crosstab
from cdml.core.curves import Points, curves
from cdml.core.metrics import METRICS, Metric, Task
from cdml.errors import InputError
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


def of_champion(challenger: Path, champion: Path, layout: Layout, ports: Ports) -> Picture | None:
    """The champion of two models that were paired; None where it cannot be drawn.

    What cannot be drawn has been judged all the same: it is noted, and no more.
    """
    try:
        if layout.task is Task.REGRESSION:
            return of_residuals(champion, layout, ports)
        if layout.task not in _SCORES:
            return None
        metrics = tuple(filter(None, (_OUTCOMES, _scores((challenger, champion), layout, ports))))
        whole = replace(layout, slices=(), sensitive=None)
        [part] = ports.samples.reduce(challenger, champion, whole, metrics)
        return of_part(part, layout.task, metrics, champion=True)
    except InputError as error:
        ports.progress.note(f"the champion's curves cannot be drawn: {error.message}")
        return None


def _scores(files: Sequence[Path], layout: Layout, ports: Ports) -> Metric | None:
    """What reads the scores, where both models give any."""
    for file in files:
        names = [field.name for field in ports.samples.columns(file)]
        if not any(name == "score" or name.startswith("score_") for name in names):
            return None
    return _SCORES[layout.task]


def _curves(found: Mapping[str, Points]) -> dict[str, Curve]:
    return {name: _curve(*map(list, points)) for name, points in found.items()}


def _curve(x: Sequence[float], y: Sequence[float]) -> Curve:
    return Curve(
        x=tuple(round(float(one), _DIGITS) for one in x),
        y=tuple(round(float(one), _DIGITS) for one in y),
    )
