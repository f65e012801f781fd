"""Quantiles of what single requests took, of two models that got the same ones.

The requests are drawn again, in pairs; a quantile of few figures is no smooth function of them,
so percentiles of the draws are read (Efron & Tibshirani 1993, chapter 13), farther out by as much
as t is than the normal: only the few requests beyond a quantile tell of it. One model's quantile
lies between two order statistics, whatever the distribution.
"""

import math
from bisect import bisect_left, bisect_right
from dataclasses import dataclass
from functools import partial
from statistics import NormalDist

import numpy as np

from cdml.statistics import student
from cdml.statistics.bca import RESAMPLES, Bca, Draws, batches, generator
from cdml.statistics.difference import Level, Paired, Side
from cdml.statistics.interval import ConfidenceInterval, Unmeasured
from cdml.statistics.metrics import Range, find_metric
from cdml.statistics.samples import Floats, Timings
from cdml.statistics.student import incomplete_beta

_NORMAL = NormalDist()
FEWEST = 20
BEYOND = 3
"""Requests that have to be expected beyond a quantile, for the slowest ones to tell of it.

With three, all of them miss what is slower than the quantile one time in twenty. With 2.5, a
challenger that hangs on 6 % of its requests passed for the champion 10 % of the time.
"""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Percentiles(Draws):
    """challenger - champion in milliseconds, by the percentiles of its draws.

    `df` are the degrees of freedom of the t that decides which percentile is read.
    """

    df: float

    @property
    def method(self) -> str:
        """How the interval is found."""
        return "bootstrap"

    def bound(self, side: Side, confidence: float, share: float = 0.0) -> float:
        """The percentile of Δ + share * champion."""
        level = student.normal_cdf(student.quantile(1 - confidence, self.df))
        bound = self._read(side, share).quantile(level)
        return bound if side is Side.LOWER else -bound

    def p_value(self, side: Side, against: float, share: float = 0.0) -> float:
        """One-sided p, from the percentile that the value is."""
        tail = self._read(side, share).level(against if side is Side.LOWER else -against)
        return student.cdf(_NORMAL.inv_cdf(tail), self.df) if 0 < tail < 1 else tail

    def _read(self, side: Side, share: float) -> Bca:
        sign = 1.0 if side is Side.LOWER else -1.0
        draws = np.sort(sign * (self.draws[:, 0] - (1 - share) * self.draws[:, 1]))
        return Bca(estimate=float(np.median(draws)), draws=draws, acceleration=0.0)


def compare(metric: str, sample: Timings, resamples: int = RESAMPLES) -> Paired | Unmeasured:
    """Two models by a quantile of their latencies."""
    if sample.champion is None:
        return Unmeasured(reason="the champion has no latencies")
    share = _share(metric)
    if problem := _too_few(sample.rows, share):
        return problem
    both = np.stack((sample.challenger, sample.champion))
    ordered = both[:, np.lexsort((np.maximum(*both), np.minimum(*both)))]
    random = generator(metric.encode(), np.sort(ordered, axis=0).tobytes())
    draws = [
        _quantile(ordered[:, random.integers(0, sample.rows, (size, sample.rows))], share)
        for size in batches(2 * sample.rows, resamples)
    ]
    return compare_quantiles(both, share, np.concatenate(draws, axis=1).T)


def compare_quantiles(both: Floats, share: float, draws: Floats) -> Paired:
    """Two quantiles of figures in pairs, shape (2, pairs), the challenger's first.

    `draws` are the two quantiles of pairs drawn again, shape (resamples, 2).
    """
    challenger, champion = (float(value) for value in _quantile(both, share))
    difference = Percentiles(
        challenger=challenger,
        champion=champion,
        draws=draws,
        df=2 * both.shape[1] * min(share, 1 - share),
    )
    return Paired(challenger=challenger, champion=champion, difference=difference)


def measure(metric: str, sample: Timings, confidence: float) -> Level | Unmeasured:
    """One model by a quantile of its latencies, by the nearest rank."""
    share = _share(metric)
    if problem := _too_few(sample.rows, share):
        return Level(value=float(_quantile(sample.challenger, share)), interval=problem)
    return measure_quantile(sample.challenger, share, confidence, Range(low=0.0, high=math.inf))


def measure_quantile(figures: Floats, share: float, confidence: float, within: Range) -> Level:
    """A quantile by the nearest rank, between two order statistics or an end of the range."""
    value, rows = float(_quantile(figures, share)), len(figures)
    ordered, tail = np.sort(figures), (1 - confidence) / 2
    below = partial(_at_most, requests=rows, share=share)
    low = bisect_right(range(rows), tail, key=below) - 1
    high = bisect_left(range(rows), 1 - tail, key=below)
    interval = ConfidenceInterval(
        low=min(value, float(ordered[low]) if low >= 0 else within.low),
        high=max(value, float(ordered[high]) if high < rows else within.high),
        confidence=confidence,
        method="order-statistics",
    )
    return Level(value=value, interval=interval)


def _share(metric: str) -> float:
    named = find_metric(metric)
    if named is None or named.quantile is None:
        raise ValueError(f"{metric} is no quantile")
    return named.quantile


def _too_few(requests: int, share: float) -> Unmeasured | None:
    if requests >= FEWEST and requests * (1 - share) >= BEYOND:
        return None
    return Unmeasured(
        reason=f"{requests:,} requests are too few to measure the {100 * share:g} % quantile"
    )


def _quantile(figures: Floats, share: float) -> Floats:
    """By the nearest rank, along the last axis."""
    rank = min(figures.shape[-1] - 1, int(share * figures.shape[-1]))
    quantile: Floats = np.partition(figures, rank, axis=-1)[..., rank]
    return quantile


def _at_most(hits: int, requests: int, share: float) -> float:
    """P(X <= hits) of a binomial: that so many at most lie below the quantile."""
    return incomplete_beta(1 - share, requests - hits, hits + 1)
