"""One question for every metric: what is its value, and how sure is the difference."""

from collections.abc import Callable

import numpy as np

from cdml.core.inference import confusion, moments, ordered
from cdml.core.inference.difference import Level, Paired
from cdml.core.inference.resampled import RESAMPLES
from cdml.core.interval import Unmeasured
from cdml.core.metrics import Counts, Family, Metric
from cdml.core.sample import Cells, Moments, OneVsRest, Ranked, Sample


def compare(metric: Metric, sample: Sample, *, resamples: int = RESAMPLES) -> Paired | Unmeasured:
    """Two models on the same rows.

    Args:
        metric: what to compare by.
        sample: the statistics that the metric's family reads, of both models.
        resamples: how many to draw, where the metric's distribution is found by resampling.
    """
    if sample.rows == 0:
        return Unmeasured(reason="there are no rows")
    match metric.family, sample:
        case ((Family.PROPORTION | Family.CELLS), Cells()):
            return confusion.compare(metric.name, sample, resamples)
        case ((Family.MEAN | Family.MOMENTS), Moments()):
            return moments.compare(metric.name, sample)
        case Family.RANKS, (Ranked() | OneVsRest()):
            return ordered.compare(metric.name, sample)
        case _:
            return _unread(metric, sample)


def measure(metric: Metric, sample: Sample, confidence: float) -> Level | Unmeasured:
    """One model's value with its two-sided interval; the sample's challenger is measured."""
    if sample.rows == 0:
        return Unmeasured(reason="there are no rows")
    match metric.family, sample:
        case ((Family.PROPORTION | Family.CELLS), Cells()):
            return confusion.measure(metric.name, sample, confidence)
        case ((Family.MEAN | Family.MOMENTS), Moments()):
            return moments.measure(metric.name, sample, confidence)
        case Family.RANKS, (Ranked() | OneVsRest()):
            return ordered.measure(metric.name, sample, confidence)
        case _:
            return _unread(metric, sample)


def counted(metric: Metric, sample: Sample) -> int:
    """How many rows inform the metric: what `policy.min_rows` is held against."""
    match sample:
        case Cells():
            return _COUNTED[metric.counts](sample)
        case Ranked():
            positives = int(sample.positive.sum())
            return positives if metric.counts is Counts.POSITIVES else _smaller(sample)
        case OneVsRest():
            return min((_smaller(ranked) for ranked in sample.classes), default=0)
        case Moments():
            return sample.rows


def _smaller(ranked: Ranked) -> int:
    positives = int(ranked.positive.sum())
    return min(positives, ranked.rows - positives)


def _labelled(cells: Cells, code: int) -> int:
    return int(cells.count[cells.label == code].sum())


def _fewest_predicted(cells: Cells) -> int:
    predictions = [p for p in (cells.challenger, cells.champion) if p is not None]
    return min(int(cells.count[predicted == 1].sum()) for predicted in predictions)


def _smallest_class(cells: Cells) -> int:
    rows = np.bincount(cells.label, cells.count, len(cells.classes))
    return int(rows.min(initial=cells.rows))


_COUNTED: dict[Counts, Callable[[Cells], int]] = {
    Counts.ROWS: lambda cells: cells.rows,
    Counts.POSITIVES: lambda cells: _labelled(cells, 1),
    Counts.NEGATIVES: lambda cells: _labelled(cells, 0),
    Counts.PREDICTED: _fewest_predicted,
    Counts.SMALLER_CLASS: _smallest_class,
}


def _unread(metric: Metric, sample: Sample) -> Unmeasured:
    return Unmeasured(
        reason=f"{metric.name} cannot be measured from {type(sample).__name__.lower()}"
    )
