"""Metrics as figures between 0 and 1, where 1 is good: what the sequential test can judge."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import StrEnum

from cdml.statistics.metrics import Family, Loss, Metric, Summary, Task, find_metric

LARGEST_LOG_LOSS = -math.log(0.001)
"""Largest log loss of a row that counts, unless `monitoring.clip` has another."""


Part = tuple[str, str]
"""A slice: its column, and the value as text."""


class Form(StrEnum):
    """How a window's rows become a figure."""

    MEAN = "mean"  # of a figure of each row that informs the metric
    WINDOW = "window"  # one value of the window as a whole


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """A metric in the form in which windows are judged.

    `worst` and `best` are its values that become 0 and 1; `clipped` says that rows beyond the worst
    count as it.
    """

    metric: Metric
    form: Form
    worst: float
    best: float
    clipped: bool = False

    @property
    def key(self) -> str:
        """Distinguishes it from the same metric on another scale."""
        return f"{self.metric.name} {self.worst:g} {self.best:g}"

    def key_of(self, part: Part | None) -> str:
        """The same within a slice; None: all rows."""
        return self.key if part is None else f"{self.key} {part[0]}={part[1]}"

    def scale(self, value: float) -> float:
        """A natural value between 0 and 1."""
        return min(max((value - self.worst) / (self.best - self.worst), 0.0), 1.0)

    def natural(self, scaled: float) -> float:
        """The inverse of `scale`."""
        return self.worst + scaled * (self.best - self.worst)


@dataclass(frozen=True, slots=True)
class Unsupported:
    """Why a metric cannot be judged in production."""

    reason: str


_OF_ROWS = frozenset({"recall", "precision", "specificity"})
"""Shares of the rows of one label, or of one prediction."""
_OF_WINDOWS = frozenset({"balanced_accuracy", "f1", "matthews_corrcoef", "roc_auc"})


def figure_of(metric: Metric, task: Task, clip: Mapping[str, float]) -> Figure | Unsupported:
    """How a metric is judged in production, or why it is not."""
    if not metric.of_rows:
        return Unsupported("it is measured of the model's process, not of logged predictions")
    if metric.labels is not None:
        return Unsupported("it is corrected by human labels, which production does not have")
    if metric.family is Family.MEAN or metric.summary is Summary.RATE:
        return _mean(metric, clip)
    of_rows = metric.name in _OF_ROWS and task is Task.BINARY
    if of_rows or metric.family is Family.PROPORTION:
        return Figure(metric=metric, form=Form.MEAN, worst=0.0, best=1.0)
    if _form(metric) is Form.WINDOW and task is Task.BINARY and metric.range is not None:
        return Figure(metric=metric, form=Form.WINDOW, worst=metric.worst, best=metric.best)
    return Unsupported("no sequential test of this metric is implemented")


def restored_figure(name: str, worst: float, best: float) -> Figure:
    """The figure of a metric that was judged before, on the scale of that time.

    Raises:
        ValueError: no metric has this name.
    """
    metric = find_metric(name)
    if metric is None:
        raise ValueError(f"unknown metric {name!r}")
    metric = replace(metric, greater_is_better=best > worst)
    return Figure(metric=metric, form=_form(metric), worst=worst, best=best)


def _form(metric: Metric) -> Form:
    by_window = metric.name in _OF_WINDOWS or metric.beta is not None
    return Form.WINDOW if by_window else Form.MEAN


def _mean(metric: Metric, clip: Mapping[str, float]) -> Figure | Unsupported:
    """A loss, or a column of figures, of which the largest that counts is known."""
    if metric.loss is Loss.COLUMN:
        if metric.summary not in {Summary.MEAN, Summary.RATE}:
            return Unsupported("no sequential test of this metric is implemented")
        if metric.column is None or metric.range is None or math.isinf(metric.range.width):
            return Unsupported("its values have no declared range; add `range` to the rule")
        return Figure(metric=metric, form=Form.MEAN, worst=metric.worst, best=metric.best)
    default = {Loss.BRIER: 1.0, Loss.LOG: LARGEST_LOG_LOSS}
    largest = clip.get(metric.name, default.get(metric.loss or Loss.SQUARED))
    if largest is None:
        return Unsupported(f"its values have no limit; set `monitoring.clip.{metric.name}`")
    clipped = metric.loss is not Loss.BRIER
    return Figure(metric=metric, form=Form.MEAN, worst=largest, best=0.0, clipped=clipped)
