"""What metrics would be if scores were calibrated: an estimate without labels, never a verdict.

If a score is the chance that its row is positive, the rows that are predicted positive are expected
to have as many true positives as their scores add up to, and likewise for the other cells. Of
several classes this holds of each, against all others. That is confidence-based performance
estimation (CBPE; NannyML's documentation, "How it works: performance estimation"). Where
what the scores mean has changed (concept drift), it is wrong and cannot notice.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from cdml.config import LoadedConfig
from cdml.config.monitoring import MonitoringSettings
from cdml.errors import InputError
from cdml.evaluation.prediction_store import Layout
from cdml.evidence.monitor import EstimatedMetric, PerformanceEstimate
from cdml.monitoring.columns import estimate_columns
from cdml.monitoring.ports import MonitoringPorts
from cdml.monitoring.serving import ServingPeriod, period_of
from cdml.monitoring.windows import ExpectedCells, Grid, WindowQuery
from cdml.statistics.metrics import Task
from cdml.tables.table import Table

ASSUMPTION = (
    "Holds only if the scores are calibrated and still mean what they meant at the gate (no concept"
    " drift)."
)

_WITHOUT = {
    Task.REGRESSION: "a predicted number does not say how far it is off, so nothing is estimated"
    " for a regression",
    Task.GENERATION: "there are no probabilities of classes",
}
"""Tasks that are not estimated, and why."""


@dataclass(frozen=True, kw_only=True)
class EstimateLook:
    """Estimates the last window that has ended, before its labels arrive."""

    loaded: LoadedConfig
    settings: MonitoringSettings
    ports: MonitoringPorts
    grid: Grid

    def estimate(
        self,
        periods: Sequence[ServingPeriod],
        log: Table,
        layout: Layout,
        classes: Iterable[str] = (),
    ) -> PerformanceEstimate | str:
        """Of the version that serves; or why there is none.

        `classes` are those of a binary label at its gate.
        """
        columns = estimate_columns(self.loaded.config, self.settings, log, layout, classes)
        last = self.grid.number(self.ports.clock.now()) - 1
        if layout.task in _WITHOUT:
            return _WITHOUT[layout.task]
        if columns is None:
            wanted = "score" if layout.task is Task.BINARY else "score_<class>"
            return f"the log has no probabilities ({wanted})"
        query = WindowQuery(
            columns=columns,
            grid=self.grid,
            first=last,
            last=last,
            starts=tuple(one.since for one in periods),
            figures=(),
        )
        try:
            rows = self.ports.prediction_log.expect(log, query)
        except InputError as error:
            return error.message.rstrip(".")
        place = len(periods) - 1
        own = [one for one in rows if period_of(one.version, one.at, periods) == place]
        metrics = expected_metrics(own)
        if not metrics:
            return "the last window that has ended has no prediction with usable probabilities"
        return PerformanceEstimate(
            start=self.grid.start(last),
            rows=round(sum(one.rows for one in own if one.label == own[0].label)),
            assumption=ASSUMPTION,
            metrics=metrics,
        )


def expected_metrics(rows: Sequence[ExpectedCells]) -> tuple[EstimatedMetric, ...]:
    """The metrics of the expected confusion counts; those that are not defined are left out.

    Of several classes, precision, recall and F1 are averaged over the classes that are predicted or
    expected. A class without a prediction has a precision of 0, as in scikit-learn.
    """
    labels = sorted({one.label for one in rows if one.label is not None})
    if labels:
        return tuple(_of_classes([_total(rows, name) for name in labels]))
    tp, fp, fn, tn = _total(rows, None)
    shares = {
        "accuracy": (tp + tn, tp + fp + fn + tn),
        "precision": (tp, tp + fp),
        "recall": (tp, tp + fn),
        "f1": (2 * tp, 2 * tp + fp + fn),
    }
    return tuple(
        EstimatedMetric(metric=name, value=part / total)
        for name, (part, total) in shares.items()
        if total > 0
    )


_Cells = tuple[float, float, float, float]


def _total(rows: Sequence[ExpectedCells], label: str | None) -> _Cells:
    own = [one for one in rows if one.label == label]
    return (
        sum(one.true_positives for one in own),
        sum(one.false_positives for one in own),
        sum(one.false_negatives for one in own),
        sum(one.true_negatives for one in own),
    )


def _of_classes(classes: Sequence[_Cells]) -> Iterator[EstimatedMetric]:
    every = sum(classes[0])
    if every <= 0:
        return
    right = sum(tp for tp, *_ in classes)
    yield EstimatedMetric(metric="accuracy", value=right / every)
    there = [(tp, fp, fn) for tp, fp, fn, _ in classes if tp + fp + fn > 0]
    by_metric = {
        "precision_macro": [(tp, tp + fp) for tp, fp, _ in there],
        "recall_macro": [(tp, tp + fn) for tp, _, fn in there],
        "f1_macro": [(2 * tp, 2 * tp + fp + fn) for tp, fp, fn in there],
    }
    for name, shares in by_metric.items():
        values = [part / total if total > 0 else 0.0 for part, total in shares]
        yield EstimatedMetric(metric=name, value=sum(values) / len(values))
