"""Shares of rows: Wilson's interval, and McNemar's test of two shares on the same rows."""

import math
from statistics import NormalDist

from cdml.statistics.interval import Interval
from cdml.statistics.student import incomplete_beta

FEW_DISCORDANT = 25
"""Below this many discordant rows McNemar's test is exact, from there on mid-p."""


def wilson(hits: float, rows: float, confidence: float) -> Interval:
    """Wilson's score interval of a share (Wilson 1927); rows may be effective ones, above 0."""
    z = NormalDist().inv_cdf((1 + confidence) / 2)
    share = hits / rows
    scale = 1 + z * z / rows
    centre = (share + z * z / (2 * rows)) / scale
    reach = z * math.sqrt(share * (1 - share) / rows + z * z / (4 * rows * rows)) / scale
    return Interval(
        low=0.0 if hits == 0 else max(0.0, centre - reach),
        high=1.0 if hits == rows else min(1.0, centre + reach),
        confidence=confidence,
        method="wilson",
    )


def mcnemar(gained: int, lost: int) -> float:
    """Two-sided p for equal shares, given the rows on which just one of two models is right.

    Exact where there are few such rows, mid-p (Fagerland, Lydersen & Laake 2013) otherwise.
    """
    discordant, fewer = gained + lost, min(gained, lost)
    if discordant == 0:
        return 1.0
    # P(X <= k) of a binomial with chance 1/2 is I_{1/2}(n - k, k + 1).
    tail = 1.0 if fewer == discordant else incomplete_beta(0.5, discordant - fewer, fewer + 1)
    if discordant >= FEW_DISCORDANT:
        tail -= 0.5 * _chance(fewer, discordant)
    return min(1.0, 2 * tail)


def _chance(hits: int, rows: int) -> float:
    log = math.lgamma(rows + 1) - math.lgamma(hits + 1) - math.lgamma(rows - hits + 1)
    return math.exp(log - rows * math.log(2))
