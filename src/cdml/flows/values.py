"""One model's figures, part by part."""

from collections.abc import Iterator, Mapping, Sequence

from cdml.core import inference
from cdml.core.interval import Interval, Unmeasured, finite
from cdml.core.metrics import Family, Metric
from cdml.evidence.models import Interval as IntervalEvidence
from cdml.evidence.models import MetricValue
from cdml.ports import Part, Progress

NO_OPERATION = "it is measured when a model is scored, and only its predictions are given"


def sampled(metrics: Sequence[Metric]) -> tuple[Metric, ...]:
    """Those whose statistics the predictions are reduced to, each once."""
    return tuple(metric for metric in of_rows(metrics) if metric.family is not Family.CUSTOM)


def of_rows(metrics: Sequence[Metric]) -> tuple[Metric, ...]:
    """Those that are measured of rows, each once."""
    found = {metric.name: metric for metric in metrics if metric.of_rows}
    return tuple(found.values())


def held(metrics: Sequence[Metric], rows: int) -> str:
    """Which metrics hold scores in memory, for whoever waits; empty where none does."""
    ordered = sorted({m.name for m in metrics if m.family in {Family.RANKS, Family.CALIBRATION}})
    if not ordered:
        return ""
    verb = "holds" if len(ordered) == 1 else "hold"
    return f"; {', '.join(ordered)} {verb} the scores of {rows:,} rows in memory"


def measure(
    parts: Sequence[Part],
    metrics: Sequence[Metric],
    operations: Mapping[str, float],
    confidence: float,
    progress: Progress,
) -> tuple[MetricValue, ...]:
    """Every metric on every part; what has no value says why.

    Args:
        parts: all rows, then the slices.
        metrics: what to measure.
        operations: latencies and size, by metric; empty where only predictions are known.
        confidence: of the two-sided intervals.
        progress: told part by part.
    """
    found: list[MetricValue] = []
    asked = of_rows(metrics)
    label = f"measuring {len(asked)} metrics on {len(parts)} parts of the data"
    label += held(asked, parts[0].rows)
    with progress.step(label, len(parts)) as step:
        for part in parts:
            found += (_value(metric, part, confidence) for metric in asked)
            step.advance()
    return (*found, *_operations(metrics, operations, parts[0].rows))


def _value(metric: Metric, part: Part, confidence: float) -> MetricValue:
    level = inference.measure(metric, part.sample(metric), confidence)
    place = dict(part.slice) if part.slice is not None else None
    if isinstance(level, Unmeasured):
        return MetricValue(
            metric=metric.name, slice=place, rows=part.rows, value=None, reason=level.reason
        )
    return MetricValue(
        metric=metric.name,
        slice=place,
        rows=part.rows,
        value=level.value,
        interval=_interval(level.interval) if isinstance(level.interval, Interval) else None,
        reason=None if isinstance(level.interval, Interval) else level.interval.reason,
    )


def _interval(interval: Interval) -> IntervalEvidence:
    return IntervalEvidence(
        low=finite(interval.low),
        high=finite(interval.high),
        confidence=interval.confidence,
        method=interval.method,
    )


def _operations(
    metrics: Sequence[Metric], operations: Mapping[str, float], rows: int
) -> Iterator[MetricValue]:
    asked = [metric.name for metric in metrics if not metric.of_rows]
    for name in dict.fromkeys((*asked, *operations)):
        value = operations.get(name)
        yield MetricValue(
            metric=name, rows=rows, value=value, reason=None if value is not None else NO_OPERATION
        )
