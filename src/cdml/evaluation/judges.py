"""Judges' scores that human labels correct: what was used, for the evidence."""

from cdml.evidence.judges import JudgeRecord
from cdml.statistics.cases.case_scores import compare_judged, measure_judged
from cdml.statistics.difference import Level, Paired
from cdml.statistics.interval import ConfidenceInterval, Unmeasured, finite
from cdml.statistics.metrics import Metric
from cdml.statistics.samples import CaseScores, Sample


def record_judge(metric: Metric, sample: Sample, confidence: float) -> JudgeRecord | None:
    """What labels did to one part of the data; None for a metric without labels."""
    corrected_by = metric.corrected_by
    if corrected_by is None or not isinstance(sample, CaseScores):
        return None
    compared = sample.champion is not None
    corrected = (
        compare_judged(metric, sample) if compared else measure_judged(metric, sample, confidence)
    )
    labelled = sample.labelled or 0
    record = JudgeRecord(
        corrected_by=corrected_by,
        labelled=labelled,
        unlabelled=sample.rows - labelled,
        labels=sample.labels,
    )
    if isinstance(corrected, Unmeasured):
        return record
    return record.model_copy(
        update={
            "weight": corrected.weight,
            "width": _width(corrected.value, confidence),
            "width_of_labels": _width(corrected.labels_alone, confidence),
        }
    )


def _width(value: Paired | Level, confidence: float) -> float | None:
    interval = (
        value.difference.interval(confidence) if isinstance(value, Paired) else value.interval
    )
    if not isinstance(interval, ConfidenceInterval):
        return None
    return finite(interval.high - interval.low)
