"""Medians of the cases' scores, by the nearest rank: a score that a case has.

The median of ratings moves in whole steps, and so does what is known of it; a mean, or a share of
ratings from some value on, finds more with the same cases.
"""

import math

import numpy as np

from cdml.statistics import latency
from cdml.statistics.bca import batches, generator
from cdml.statistics.cases.case_means import CaseMeans, score_problem
from cdml.statistics.difference import Level, Paired
from cdml.statistics.interval import Unmeasured
from cdml.statistics.metrics import Range
from cdml.statistics.samples import Codes, CountArray, Floats

RESAMPLES = 4_000
_HALF = 0.5
_REACH = 6
"""Standard errors of the middle rank within which every drawn median lies."""
_ANY = Range(low=-math.inf, high=math.inf)


def compare_medians(
    metric: str,
    challenger: CaseMeans,
    champion: CaseMeans,
    within: Range | None = None,
) -> Paired | Unmeasured:
    """Two models on the same cases, in the same order, by percentiles of cases drawn again."""
    if problem := _problem(metric, (challenger, champion), within):
        return problem
    both = np.stack((challenger.mean, champion.mean))
    return latency.compare_quantiles(both, _HALF, _draws(metric, both))


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


def _draws(metric: str, both: Floats) -> Floats:
    """The two medians of cases drawn again, shape (resamples, 2).

    Cases of equal scores are drawn together, and scores far from the median count as one: drawing
    their numbers is drawing cases, whatever their number.
    """
    cases = both.shape[1]
    values, codes = zip(*(_near_median(scores) for scores in both), strict=True)
    kinds, count = np.unique(np.stack(codes), axis=1, return_counts=True)
    random = generator(metric.encode(), *(v.tobytes() for v in values), kinds.tobytes())
    parts = []
    for size in batches(2 * len(count), RESAMPLES):
        drawn = random.multinomial(cases, count / cases, size)
        parts.append(
            np.column_stack(
                [v[_middle(drawn, code)] for v, code in zip(values, kinds, strict=True)]
            )
        )
    return np.concatenate(parts)


def _near_median(scores: Floats) -> tuple[Floats, Codes]:
    """The different scores that a median can be, ascending, and the code of each case."""
    cases = len(scores)
    reach = int(_REACH * math.sqrt(cases) / 2) + 1
    ordered = np.sort(scores)
    low, high = ordered[max(0, cases // 2 - reach)], ordered[min(cases - 1, cases // 2 + reach)]
    values, codes = np.unique(np.clip(scores, low, high), return_inverse=True)
    return values, codes


def _middle(drawn: CountArray, code: Codes) -> Codes:
    """The code of the middle case of each draw; drawn has the shape (resamples, kinds)."""
    order = np.argsort(code, kind="stable")
    starts = np.flatnonzero(np.diff(code[order], prepend=-1))
    below = np.cumsum(np.add.reduceat(drawn[:, order], starts, axis=1), axis=1)
    middle: Codes = (below <= drawn[0].sum() // 2).sum(axis=1)
    return middle
