"""Shares of rows: Wilson's interval, McNemar's test, and Tango's interval of a difference.

McNemar and Tango compare two shares on the same rows. Tango's score of a difference δ (Tango 1998,
Stat. Med. 17) is (observed - δ) over its standard error under the likeliest cell probabilities that
have exactly this difference. Its bounds hold for few rows, and with no discordant row at all, where
the usual ones (Wald) collapse.
"""

import math
from dataclasses import dataclass
from statistics import NormalDist

from cdml.statistics.difference import Side, TwoSided
from cdml.statistics.interval import ConfidenceInterval
from cdml.statistics.multinomial_bootstrap import score as multinomial_score
from cdml.statistics.student import incomplete_beta, normal_cdf

FEW_DISCORDANT = 25
"""Below this many discordant rows McNemar's test is exact, from there on mid-p."""


def wilson(hits: float, rows: float, confidence: float) -> ConfidenceInterval:
    """Wilson's score interval of a share (Wilson 1927); rows may be effective ones, above 0."""
    z = NormalDist().inv_cdf((1 + confidence) / 2)
    share = hits / rows
    scale = 1 + z * z / rows
    centre = (share + z * z / (2 * rows)) / scale
    reach = z * math.sqrt(share * (1 - share) / rows + z * z / (4 * rows * rows)) / scale
    return ConfidenceInterval(
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


_NORMAL = NormalDist()


@dataclass(frozen=True, slots=True, kw_only=True)
class Tango(TwoSided):
    """challenger - champion of a share of rows, at least 1, that are right.

    Counted are the rows on which both models, only the challenger (`gained`) and only the champion
    (`lost`) are right.
    """

    both: int
    gained: int
    lost: int
    rows: int

    @property
    def method(self) -> str:
        """How the interval is found."""
        return "tango"

    @property
    def estimate(self) -> float:
        """Challenger - champion."""
        return (self.gained - self.lost) / self.rows

    @property
    def standard_error(self) -> float:
        """Of the estimate, with two rows more in each direction (Agresti & Min 2005).

        It only plans for more rows, so it must not be 0 where none is discordant yet.
        """
        rows = self.rows + 4
        discordant = (self.gained + self.lost + 4) / rows
        difference = (self.gained - self.lost) / rows
        return math.sqrt((discordant - difference * difference) / rows)

    def bound(self, side: Side, confidence: float, share: float = 0.0) -> float:
        """The value whose score is the normal quantile."""
        z = _NORMAL.inv_cdf(confidence)
        target = z if side is Side.LOWER else -z
        ends = (-1.0, 1.0) if share == 0 else (min(-1.0, -1.0 + share), max(1.0, 1.0 + share))
        low, high = ends
        while (middle := (low + high) / 2) not in {low, high}:
            low, high = (middle, high) if self._score(middle, share) > target else (low, middle)
        return low if side is Side.LOWER else high

    def p_value(self, side: Side, against: float, share: float = 0.0) -> float:
        """One-sided p of Δ + share * |champion| against a value."""
        score = self._score(against, share)
        return normal_cdf(-score if side is Side.LOWER else score)

    def p_value_null(self) -> float:
        """McNemar's two-sided p; rows on which the models agree do not matter."""
        return mcnemar(self.gained, self.lost)

    def _score(self, against: float, share: float) -> float:
        """Falls from inf to -inf as `against` rises."""
        if share == 0:
            return self._tango(against)
        counts = (self.both, self.gained, self.lost, self.rows - self._right)
        return multinomial_score(counts, (share, 1.0, share - 1.0, 0.0), against)

    @property
    def _right(self) -> int:
        return self.both + self.gained + self.lost

    def _tango(self, against: float) -> float:
        n, b, c, d = self.rows, self.gained, self.lost, against
        distance = b - c - n * d
        if not -1 < d < 1:
            return math.copysign(math.inf, -d) if distance else 0.0
        linear = -b - c + (2 * n - b + c) * d
        constant = -c * d * (1 - d)
        if constant > 0:
            root = math.sqrt(max(0.0, linear * linear - 8 * n * constant))
        else:
            root = math.hypot(linear, math.sqrt(-8 * n * constant))  # no square that underflows
        lost = (root - linear) / (4 * n)
        variance = n * (2 * lost + d * (1 - d))
        if not variance > 0:
            return math.copysign(math.inf, distance) if distance else 0.0
        return distance / math.sqrt(variance)
