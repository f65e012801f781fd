"""Medians of the cases' scores, by the nearest rank: a score that a case has.

The median of ratings moves in whole steps, and so does what is known of it; a mean, or a share of
ratings from some value on, tells more with the same cases.
"""

import math

import numpy as np

from cdml.statistics import latency
from cdml.statistics.bca import RESAMPLES
from cdml.statistics.cases.case_means import CaseMeans, score_problem
from cdml.statistics.difference import Level, Paired
from cdml.statistics.interval import Unmeasured
from cdml.statistics.metrics import Range

_HALF = 0.5
_ANY = Range(low=-math.inf, high=math.inf)


def compare_medians(
    metric: str,
    challenger: CaseMeans,
    champion: CaseMeans,
    within: Range | None = None,
    resamples: int = RESAMPLES,
) -> Paired | Unmeasured:
    """Two models on the same cases, in the same order, by percentiles of cases drawn again."""
    if problem := _problem(metric, (challenger, champion), within):
        return problem
    both = np.stack((challenger.mean, champion.mean))
    return latency.compare_quantiles(metric, both, _HALF, resamples)


def measure_median(
    metric: str, scores: CaseMeans, confidence: float, within: Range | None = None
) -> Level | Unmeasured:
    """One model; the interval lies between two of the scores, whatever their distribution."""
    if problem := _problem(metric, (scores,), within):
        return problem
    return latency.measure_quantile(scores.mean, _HALF, confidence, within or _ANY)


def _problem(metric: str, models: tuple[CaseMeans, ...], within: Range | None) -> Unmeasured | None:
    if problem := score_problem(metric, models, within):
        return problem
    if models[0].cases < latency.FEWEST:
        return Unmeasured(reason=f"{models[0].cases:,} cases are too few to tell their median")
    return None
