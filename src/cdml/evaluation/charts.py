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


def draw_model(
    part: PredictionSlice,
    metrics: Sequence[Metric],
    layout: Layout,
    predictions: Path,
    ports: EvaluationPorts,
    *,
    champion: bool = False,
    closed: bool,
) -> Picture:
    """A model on all rows; scores that none of the metrics reads are not read for a picture.

    Where the contract classifies the label (`closed`), no chart reveals a value of it. Classes are
    values, and so is a residual with its prediction. Curves of scores are none.
    """
    if layout.task is Task.REGRESSION:
        residuals = {} if closed else ports.samples.residuals(predictions, layout)
        return Picture(curves={name: _curve(*points) for name, points in residuals.items()})
    if layout.task not in _SCORES:
        return Picture()
    points: Mapping[str, Points] = {}
    if any(metric.needs_score for metric in metrics):
        bins = _bins(part, metrics, layout, predictions, ports)
        if bins is not None:
            points = curves(bins)
        elif _few_enough(part, layout):
            points = curves(part.sample(_SCORES[layout.task]), champion=champion)
    matrix = None if closed else crosstab(part.sample(_OUTCOMES), champion=champion)
    confusion = None
    if matrix is not None:
        counts = tuple(tuple(map(int, row)) for row in matrix[1])
        confusion = ConfusionCounts(classes=matrix[0], counts=counts)
    return Picture(
        curves={
            name: _curve(*map(list, pair))
            for name, pair in points.items()
            if not closed or name in _OF_SCORES
        },
        confusion=confusion,
    )


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
    """Whether the scores of all classes may be read into memory."""
    return part.rows * max(len(_classes(part, layout)), 1) <= MOST_SCORES


def _classes(part: PredictionSlice, layout: Layout) -> tuple[str, ...]:
    """Of a multiclass task, those that stand in either model's file."""
    cells = part.sample(_OUTCOMES)
    counted = cells.inner if isinstance(cells, Weighted) else cells
    multiclass = layout.task is Task.MULTICLASS
    return counted.classes if multiclass and isinstance(counted, Cells) else ()


def _curve(x: Sequence[float], y: Sequence[float]) -> Curve:
    return Curve(
        x=tuple(round(float(one), _DIGITS) for one in x),
        y=tuple(round(float(one), _DIGITS) for one in y),
    )
