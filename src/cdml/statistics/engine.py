"""One question for every metric: what is its value, and how sure is the difference."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from typing import Any

from cdml.errors import ConfigurationError
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
from cdml.statistics.cases.case_scores import compare_scores, measure_scores
from cdml.statistics.difference import Level, Paired
from cdml.statistics.interval import Unmeasured
from cdml.statistics.metric_range import level_within, ranged
from cdml.statistics.metrics import Metric
from cdml.statistics.samples import (
    CaseScores,
    Cells,
    Moments,
    OneVsRest,
    Ranked,
    RankMoments,
    Replicates,
    Sample,
    ScoreSums,
    Timings,
    Weighted,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimator:
    """How a family's metrics are measured, from statistics of the classes `reads`.

    `compare` and `measure` get the metric's name and the statistics; where it is `resampled`,
    `compare` also the number of resamples; `measure` the confidence. `rows` is how rows with
    weights or in clusters are measured; without it they cannot be.
    """

    reads: tuple[type, ...]
    compare: Callable[..., Paired | Unmeasured]
    measure: Callable[[str, Any, float], Level | Unmeasured]
    resampled: bool = False
    rows: weighted.RowEstimator = weighted.NOTHING


CELLS = PROPORTION = Estimator(
    reads=(Cells,),
    compare=confusion.compare,
    measure=confusion.measure,
    resampled=True,
    rows=weighted.BY_CELLS,
)
MEAN = MOMENTS = Estimator(
    reads=(Moments,), compare=means.compare, measure=means.measure, rows=weighted.BY_FIGURES
)
RANKS = Estimator(
    reads=(Ranked, OneVsRest, RankMoments),
    compare=rank_metrics.compare,
    measure=rank_metrics.measure,
    rows=weighted.BY_RANKS,
)
CALIBRATION = Estimator(
    reads=(Ranked, ScoreSums),
    compare=calibration.compare,
    measure=calibration.measure,
    rows=weighted.BY_BINS,
)
FAIRNESS = Estimator(
    reads=(Cells,), compare=fairness.compare, measure=fairness.measure, rows=weighted.BY_GROUPS
)
CUSTOM = Estimator(reads=(Replicates,), compare=user_metrics.compare, measure=user_metrics.measure)
LATENCY = Estimator(
    reads=(Timings,), compare=latency.compare, measure=latency.measure, resampled=True
)


def compare(metric: Metric, sample: Sample, *, resamples: int = RESAMPLES) -> Paired | Unmeasured:
    """Two models on the same rows, from the statistics that the metric's family reads."""
    result = _compared(metric, sample, resamples)
    if isinstance(result, Unmeasured):
        return result
    return ranged(metric, result)


def _compared(metric: Metric, sample: Sample, resamples: int) -> Paired | Unmeasured:
    if isinstance(sample, CaseScores):
        return compare_scores(metric, sample)
    estimator = _estimator(metric, sample)
    if isinstance(estimator, Unmeasured):
        return estimator
    if isinstance(sample, Weighted):
        return weighted.compare(metric, sample, estimator.rows)
    if estimator.resampled:
        return estimator.compare(metric.name, sample, resamples)
    return estimator.compare(metric.name, sample)


def measure(metric: Metric, sample: Sample, confidence: float) -> Level | Unmeasured:
    """One model's value with its two-sided interval; the sample's challenger is measured."""
    result = _measured(metric, sample, confidence)
    return result if isinstance(result, Unmeasured) else level_within(metric, result)


def _measured(metric: Metric, sample: Sample, confidence: float) -> Level | Unmeasured:
    if isinstance(sample, CaseScores):
        return measure_scores(metric, sample, confidence)
    estimator = _estimator(metric, sample)
    if isinstance(estimator, Unmeasured):
        return estimator
    if isinstance(sample, Weighted):
        return weighted.measure(metric, sample, confidence, estimator.rows)
    return estimator.measure(metric.name, sample, confidence)


def _estimator(metric: Metric, sample: Sample) -> Estimator | Unmeasured:
    """That of the metric's family; rows with weights are looked at by itself."""
    if sample.rows == 0:
        return Unmeasured(reason="there are no rows")
    estimator = _load(metric.family.estimator) if metric.family.estimator else None
    if estimator is None or not isinstance(sample, (*estimator.reads, Weighted)):
        kind = type(sample).__name__.lower()
        return Unmeasured(reason=f"{metric.name} cannot be measured from {kind}")
    return estimator


@cache
def _load(place: str) -> Estimator:
    module, _, attribute = place.partition(":")
    estimator = getattr(import_module(module), attribute, None)
    if isinstance(estimator, Estimator):
        return estimator
    raise ConfigurationError(f"{place} is no estimator of a family of metrics.")
