"""Metrics of a column of results, case by case: means, rates, failures, pass@k, pass^k, medians."""

import numpy as np

from cdml.statistics.cases.case_means import CaseMeans, compare_cases, measure_cases
from cdml.statistics.cases.medians import compare_medians, measure_median
from cdml.statistics.cases.pass_rates import Trials, rates_of_passes
from cdml.statistics.cases.variance_split import VarianceSplit, split_variance
from cdml.statistics.difference import Level, Paired
from cdml.statistics.interval import Unmeasured
from cdml.statistics.judges.prediction_powered import (
    Corrected,
    JudgedCases,
    compare_corrected,
    measure_corrected,
)
from cdml.statistics.metrics import Metric, Summary
from cdml.statistics.samples import CaseScores, CountArray


def compare_scores(metric: Metric, scores: CaseScores) -> Paired | Unmeasured:
    """Two models by a metric of a column."""
    if scores.champion is None:
        return Unmeasured(reason=f"{metric.name} has no champion to compare with")
    if metric.labels is not None:
        corrected = compare_judged(metric, scores)
        return corrected if isinstance(corrected, Unmeasured) else corrected.value
    models = [_summarised(metric, model) for model in (scores.challenger, scores.champion)]
    for model in models:
        if isinstance(model, Unmeasured):
            return model
    challenger, champion = (model for model in models if isinstance(model, CaseMeans))
    compare = compare_medians if metric.summary is Summary.MEDIAN else compare_cases
    return compare(metric.name, challenger, champion, metric.range)


def measure_scores(metric: Metric, scores: CaseScores, confidence: float) -> Level | Unmeasured:
    """One model by a metric of a column; the challenger is measured."""
    if metric.labels is not None:
        corrected = measure_judged(metric, scores, confidence)
        return corrected if isinstance(corrected, Unmeasured) else corrected.value
    model = _summarised(metric, scores.challenger)
    if isinstance(model, Unmeasured):
        return model
    measure = measure_median if metric.summary is Summary.MEDIAN else measure_cases
    return measure(metric.name, model, confidence, metric.range)


def compare_judged(metric: Metric, scores: CaseScores) -> Corrected[Paired] | Unmeasured:
    """Two models by a judge's scores, corrected by labels."""
    cases = judged_cases(metric, scores)
    return cases if isinstance(cases, Unmeasured) else compare_corrected(metric.name, cases)


def measure_judged(
    metric: Metric, scores: CaseScores, confidence: float
) -> Corrected[Level] | Unmeasured:
    """One model by a judge's scores, corrected by labels; the challenger is measured."""
    cases = judged_cases(metric, scores)
    if isinstance(cases, Unmeasured):
        return cases
    return measure_corrected(metric.name, cases, confidence)


def judged_cases(metric: Metric, scores: CaseScores) -> JudgedCases | Unmeasured:
    """The judge's and people's scores side by side."""
    models = [scores.challenger, *([scores.champion] if scores.champion else [])]
    if scores.human is None:
        return Unmeasured(reason=f"{metric.name} was measured without its labels")
    labels = scores.human[~np.isnan(scores.human)]
    if np.isinf(labels).any():
        return Unmeasured(reason="some of people's scores are infinite")
    if metric.range is not None and not np.all(
        (labels >= metric.range.low) & (labels <= metric.range.high)
    ):
        return Unmeasured(
            reason=f"{metric.name} is {metric.range}, and people's scores go from {labels.min():g}"
            f" to {labels.max():g}"
        )
    return JudgedCases(
        judge=np.column_stack([model.mean for model in models]),
        human=scores.human,
        within=metric.range,
    )


def split_scores(metric: Metric, scores: object) -> VarianceSplit | None:
    """Cases and trials as sources of the variance; None where more trials are no remedy."""
    averaged = metric.summary in {Summary.MEAN, Summary.RATE} and metric.labels is None
    if not isinstance(scores, CaseScores) or not averaged:
        return None
    split = split_variance(scores.challenger, scores.champion)
    return None if isinstance(split, Unmeasured) else split


def _summarised(metric: Metric, scores: CaseMeans) -> CaseMeans | Unmeasured:
    """What the metric takes of each case."""
    match metric.summary:
        case Summary.FAILURES:
            failed = np.where(np.isnan(scores.mean), np.nan, (scores.mean > 0).astype(float))
            return CaseMeans.of_cases(failed)
        case Summary.SHARE:
            reached = (scores.mean >= (metric.threshold or 0.0)).astype(float)
            return CaseMeans.of_cases(np.where(np.isnan(scores.mean), np.nan, reached))
        case Summary.ANY_PASSES:
            return _passes(metric, scores, Trials.ANY)
        case Summary.ALL_PASS:
            return _passes(metric, scores, Trials.ALL)
        case _:
            return scores


def _passes(metric: Metric, scores: CaseMeans, which: Trials) -> CaseMeans | Unmeasured:
    passes: CountArray = np.rint(np.nan_to_num(scores.mean) * scores.trials).astype(np.int64)
    if not np.allclose(passes, scores.mean * scores.trials, atol=1e-6):
        return Unmeasured(reason=f"{metric.name} needs scores of 0 and 1 on every trial")
    return rates_of_passes(which, metric.k or 1, passes, scores.trials)
