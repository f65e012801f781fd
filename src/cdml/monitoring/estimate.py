"""What metrics would be if scores were calibrated: an estimate without labels, never a verdict.

If a score is the chance that its row is positive, the rows that are predicted positive are expected
to have as many true positives as their scores add up to, and likewise for the other cells: that is
confidence-based performance estimation (CBPE; NannyML's documentation, "How it works: performance
estimation"). Where what the scores mean has changed (concept drift), it is wrong and cannot notice.
"""

from collections.abc import Sequence
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


@dataclass(frozen=True, kw_only=True)
class EstimateLook:
    """Estimates the last window that has ended, before its labels arrive."""

    loaded: LoadedConfig
    settings: MonitoringSettings
    ports: MonitoringPorts
    grid: Grid

    def estimate(
        self, periods: Sequence[ServingPeriod], log: Table, layout: Layout
    ) -> PerformanceEstimate | None:
        """Of the version that serves; None without rows or scores, or for another task."""
        columns = estimate_columns(self.loaded.config, self.settings, log, layout)
        last = self.grid.number(self.ports.clock.now()) - 1
        if columns is None or layout.task is not Task.BINARY:
            return None
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
            self.ports.progress.note(f"Metrics are not estimated: {error.message}")
            return None
        place = len(periods) - 1
        own = [one for one in rows if period_of(one.version, one.at, periods) == place]
        metrics = expected_metrics(own)
        if not metrics:
            return None
        return PerformanceEstimate(
            start=self.grid.start(last),
            rows=round(sum(one.rows for one in own)),
            assumption=ASSUMPTION,
            metrics=metrics,
        )


def expected_metrics(rows: Sequence[ExpectedCells]) -> tuple[EstimatedMetric, ...]:
    """The metrics of the expected confusion counts; those that are not defined are left out."""
    tp, fp = sum(one.true_positives for one in rows), sum(one.false_positives for one in rows)
    fn, tn = sum(one.false_negatives for one in rows), sum(one.true_negatives for one in rows)
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
