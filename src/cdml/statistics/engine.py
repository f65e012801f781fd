"""One question for every metric: what is its value, and how sure is the difference."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from cdml.statistics import (
    calibration,
    confusion,
    fairness,
    latency,
    means,
    rank_metrics,
    user_metrics,
    weighted,
)
from cdml.statistics.bca import RESAMPLES
from cdml.statistics.difference import Level, Paired
from cdml.statistics.interval import Unmeasured
from cdml.statistics.metric_range import level_within, ranged
from cdml.statistics.metrics import Family, Metric
from cdml.statistics.samples import (
    Cells,
    Moments,
    OneVsRest,
    Ranked,
    Replicates,
    Sample,
    Timings,
    Weighted,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Method:
    """How a family's metrics are measured, and from which statistics."""

    reads: tuple[type, ...]
    compare: Callable[..., Paired | Unmeasured]
    measure: Callable[[str, Any, float], Level | Unmeasured]
    resampled: bool = False


_OF_CELLS = _Method(
    reads=(Cells,), compare=confusion.compare, measure=confusion.measure, resampled=True
)
_OF_MOMENTS = _Method(reads=(Moments,), compare=means.compare, measure=means.measure)
_METHODS: Mapping[Family, _Method] = {
    Family.PROPORTION: _OF_CELLS,
    Family.CELLS: _OF_CELLS,
    Family.MEAN: _OF_MOMENTS,
    Family.MOMENTS: _OF_MOMENTS,
    Family.RANKS: _Method(
        reads=(Ranked, OneVsRest), compare=rank_metrics.compare, measure=rank_metrics.measure
    ),
    Family.CALIBRATION: _Method(
        reads=(Ranked,), compare=calibration.compare, measure=calibration.measure
    ),
    Family.LATENCY: _Method(
        reads=(Timings,), compare=latency.compare, measure=latency.measure, resampled=True
    ),
    Family.CUSTOM: _Method(
        reads=(Replicates,), compare=user_metrics.compare, measure=user_metrics.measure
    ),
    Family.FAIRNESS: _Method(reads=(Cells,), compare=fairness.compare, measure=fairness.measure),
}


def compare(metric: Metric, sample: Sample, *, resamples: int = RESAMPLES) -> Paired | Unmeasured:
    """Two models on the same rows.

    Args:
        metric: what to compare by.
        sample: the statistics that the metric's family reads, of both models.
        resamples: how many to draw, where the metric's distribution is found by resampling.
    """
    result = _compared(metric, sample, resamples)
    if isinstance(result, Unmeasured):
        return result
    return ranged(metric, result)


def _compared(metric: Metric, sample: Sample, resamples: int) -> Paired | Unmeasured:
    if isinstance(sample, Weighted):
        return weighted.compare(metric, sample)
    method = _method(metric, sample)
    if isinstance(method, Unmeasured):
        return method
    if method.resampled:
        return method.compare(metric.name, sample, resamples)
    return method.compare(metric.name, sample)


def measure(metric: Metric, sample: Sample, confidence: float) -> Level | Unmeasured:
    """One model's value with its two-sided interval; the sample's challenger is measured."""
    result = _measured(metric, sample, confidence)
    return result if isinstance(result, Unmeasured) else level_within(metric, result)


def _measured(metric: Metric, sample: Sample, confidence: float) -> Level | Unmeasured:
    if isinstance(sample, Weighted):
        return weighted.measure(metric, sample, confidence)
    method = _method(metric, sample)
    if isinstance(method, Unmeasured):
        return method
    return method.measure(metric.name, sample, confidence)


def _method(metric: Metric, sample: Sample) -> _Method | Unmeasured:
    if sample.rows == 0:
        return Unmeasured(reason="there are no rows")
    method = _METHODS.get(metric.family)
    if method is None or not isinstance(sample, method.reads):
        kind = type(sample).__name__.lower()
        return Unmeasured(reason=f"{metric.name} cannot be measured from {kind}")
    return method
