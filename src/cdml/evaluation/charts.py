"""What the page draws of the models: curves, a confusion matrix, residuals."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from cdml.evaluation.ports import EvaluationPorts
from cdml.evaluation.prediction_store import Layout, PredictionSlice
from cdml.evidence.charts import ConfusionCounts, Curve, Picture
from cdml.statistics.curves import FEW_ROWS, MOST_SCORES, Points, ScoreBins, crosstab, curves
from cdml.statistics.metrics import METRICS, Metric, Statistic, Task
from cdml.statistics.samples import Cells, Weighted

_OUTCOMES = METRICS["accuracy"]
_SCORES = {Task.BINARY: METRICS["roc_auc"], Task.MULTICLASS: METRICS["roc_auc_ovr"]}
_DIGITS = 7
_OF_SCORES = frozenset({"roc", "precision_recall", "calibration"})


def of_classifier(
    part: PredictionSlice,
    metrics: Sequence[Metric],
    layout: Layout,
    predictions: Path,
    ports: EvaluationPorts,
    *,
    champion: bool = False,
) -> Picture:
    """A classifier on all rows.

    Scores are read where one of the metrics, which the rows were reduced for, reads them.
    """
    if layout.task not in _SCORES:
        return Picture()
    matrix = crosstab(part.sample(_OUTCOMES), champion=champion)
    points: Mapping[str, Points] = {}
    if any(metric.needs_score for metric in metrics):
        bins = _bins(part, metrics, layout, predictions, ports)
        if bins is not None:
            points = curves(bins)
        elif _few_enough(part, layout):
            points = curves(part.sample(_SCORES[layout.task]), champion=champion)
    return Picture(
        curves=_curves(points),
        confusion=None
        if matrix is None
        else ConfusionCounts(
            classes=matrix[0], counts=tuple(tuple(map(int, row)) for row in matrix[1])
        ),
    )


def without_values(picture: Picture, *, closed: bool) -> Picture:
    """A picture of which nothing tells a value of the label, where those may not be shown.

    Classes are values, and so is a residual beside its prediction. Curves of scores are none.
    """
    if not closed:
        return picture
    of_scores = {name: curve for name, curve in picture.curves.items() if name in _OF_SCORES}
    return Picture(curves=of_scores)


def _bins(
    part: PredictionSlice,
    metrics: Sequence[Metric],
    layout: Layout,
    predictions: Path,
    ports: EvaluationPorts,
) -> ScoreBins | None:
    """Scores by bin, where that saves memory and draws the same curves."""
    in_memory = any(metric.family.reads is Statistic.SCORES for metric in metrics)
    if layout.weight or layout.cluster or part.rows <= FEW_ROWS:
        return None
    if in_memory and _few_enough(part, layout):
        return None
    bins = ports.samples.score_bins(predictions, layout, _classes(part, layout))
    return bins if bins.fine else None


def _few_enough(part: PredictionSlice, layout: Layout) -> bool:
    """Whether the scores of all classes may be put in order."""
    return part.rows * max(len(_classes(part, layout)), 1) <= MOST_SCORES or (
        layout.task is Task.BINARY
    )


def _classes(part: PredictionSlice, layout: Layout) -> tuple[str, ...]:
    """Of a multiclass task, those that stand in either model's file."""
    cells = part.sample(_OUTCOMES)
    counted = cells.of if isinstance(cells, Weighted) else cells
    multiclass = layout.task is Task.MULTICLASS
    return counted.classes if multiclass and isinstance(counted, Cells) else ()


def residual_charts(predictions: Path, layout: Layout, ports: EvaluationPorts) -> Picture:
    """A regression: prediction - label over the prediction."""
    residuals = ports.samples.residuals(predictions, layout)
    return Picture(curves={name: _curve(*points) for name, points in residuals.items()})


def champion_charts(
    part: PredictionSlice,
    metrics: Sequence[Metric],
    layout: Layout,
    predictions: Path,
    ports: EvaluationPorts,
) -> Picture:
    """The champion of two models, of what their comparison has read.

    Scores that no gate reads are not read for a picture.
    """
    if layout.task is Task.REGRESSION:
        return residual_charts(predictions, layout, ports)
    return of_classifier(part, metrics, layout, predictions, ports, champion=True)


def _curves(points_by_name: Mapping[str, Points]) -> dict[str, Curve]:
    return {name: _curve(*map(list, points)) for name, points in points_by_name.items()}


def _curve(x: Sequence[float], y: Sequence[float]) -> Curve:
    return Curve(
        x=tuple(round(float(one), _DIGITS) for one in x),
        y=tuple(round(float(one), _DIGITS) for one in y),
    )
