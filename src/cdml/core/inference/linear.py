"""Differences of two values that are, to first order, sums over the rows.

Their distribution is t, corrected for skewness. A t interval of skewed figures (the log-loss of
an over-confident model, the few rows that an accurate model orders wrongly) lets far more than
the stated share through, even with hundreds of rows; Hall's transformation (Hall 1992, JRSS B 54)
puts that right, and a bound is never closer than the plain t bound.
"""

import math
from dataclasses import dataclass

import numpy as np

from cdml.core.inference import student
from cdml.core.inference.difference import Side
from cdml.core.interval import Interval
from cdml.core.sample import Floats

PSEUDO_ROWS = 2
"""Rows of the largest influence that are added where that is known (see `core.inference.cells`)."""


MOST_CARE = 1.25
"""How much wider the spread of moments becomes at the most: Hall's correction is large by then."""

_NO_SKEW = 1e-6


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Linear:
    """challenger - champion, and how the rows move it.

    Attributes:
        challenger, champion: the values.
        covariance: of the two values, shape (2, 2), challenger first.
        third: their third central moments, shape (2, 2, 2).
        rows: how many rows they are from.
        method: `paired-t`, `delong`, ...
        df: degrees of freedom of the bounds; infinite for the normal distribution.
        extreme: the largest that one row moves the difference, and the champion.
        published: degrees of freedom of the two-sided interval as the literature gives it,
            without the corrections of the bounds; None: it is made of the bounds.
    """

    challenger: float
    champion: float
    covariance: Floats
    third: Floats
    rows: int
    method: str
    df: float = math.inf
    extreme: tuple[float, float] = (0.0, 0.0)
    published: float | None = None

    @property
    def estimate(self) -> float:
        """Challenger - champion."""
        return self.challenger - self.champion

    @property
    def standard_error(self) -> float:
        """Of the estimate."""
        return self._spread(0.0)

    def interval(self, confidence: float) -> Interval:
        """The two-sided interval."""
        one_sided = (1 + confidence) / 2
        if self.published is not None:
            reach = student.quantile(one_sided, self.published) * self.standard_error
            low, high = self.estimate - reach, self.estimate + reach
        else:
            low, high = (self.bound(side, one_sided) for side in (Side.LOWER, Side.UPPER))
        return Interval(low=low, high=high, confidence=confidence, method=self.method)

    def bound(self, side: Side, confidence: float, share: float = 0.0) -> float:
        """The estimate, less or more as far as its skewness asks for."""
        t = student.quantile(confidence, self.df)
        reach = max(t, _skewed(t, self._careful_skewness(side, share))) * self._careful_spread(
            share
        )
        return self._combined(share) + (-reach if side is Side.LOWER else reach)

    def p_value(self, side: Side, against: float, share: float = 0.0) -> float:
        """One-sided p of Δ + share * |champion| against a value."""
        distance = self._combined(share) - against
        towards = distance if side is Side.LOWER else -distance
        spread = self._careful_spread(share)
        if spread == 0:
            return 0.0 if towards > 0 else 1.0
        t = towards / spread
        return student.cdf(-min(t, _straight(t, self._careful_skewness(side, share))), self.df)

    def p_value_null(self) -> float:
        """Two-sided p for no difference."""
        spread = self.standard_error
        if spread == 0:
            return 1.0 if self.estimate == 0 else 0.0
        df = self.df if self.published is None else self.published
        return 2 * student.cdf(-abs(self.estimate) / spread, df)

    def _combined(self, share: float) -> float:
        return self.estimate + share * abs(self.champion)

    def _spread(self, share: float) -> float:
        weights = combination(self.champion, share)
        return math.sqrt(max(0.0, float(weights @ self.covariance @ weights)))

    def _careful_spread(self, share: float) -> float:
        """The spread with a few rows more of the kind that moves the value most.

        How far that is, is known of ranks; of moments, |skewness| * spread is the least that it
        can be, and taken twice, up to `MOST_CARE`.
        """
        spread = self._spread(share)
        largest = self.extreme[0] + abs(share) * self.extreme[1]
        if largest:
            return math.hypot(spread, math.sqrt(PSEUDO_ROWS) * largest)
        wider = math.hypot(1, 2 * math.sqrt(PSEUDO_ROWS) * self._skewness(share))
        return spread * min(wider, MOST_CARE)

    def _skewness(self, share: float) -> float:
        weights = combination(self.champion, share)
        spread = self._spread(share)
        third = float(np.einsum("ijk,i,j,k", self.third, weights, weights, weights))
        return third / spread**3 if spread > 0 else 0.0

    def _careful_skewness(self, side: Side, share: float) -> float:
        """Towards the side, less three standard errors: few rows show less skew than there is."""
        skew = self._skewness(share) if side is Side.LOWER else -self._skewness(share)
        return skew - 3 * math.sqrt(6) / self.rows


def _straight(t: float, skew: float) -> float:
    """Hall's transformation of a t value with this skewness to one without any; it is monotone."""
    if abs(skew) < _NO_SKEW:
        return t
    return ((1 + skew * t / 3) ** 3 - 1) / skew + skew / 6


def _skewed(t: float, skew: float) -> float:
    """The inverse of `_straight`."""
    if abs(skew) < _NO_SKEW:
        return t
    return 3 * (math.cbrt(1 + skew * (t - skew / 6)) - 1) / skew


def combination(champion: float, share: float) -> Floats:
    """Weights of (challenger, champion) in Δ + share * |champion|."""
    return np.array([1.0, -1.0 + share * math.copysign(1.0, champion)])
