"""Differences of two values that are, to first order, sums over the rows.

Their distribution is t, corrected for skewness. A t interval of skewed figures (the log-loss of
an over-confident model, the few rows that an accurate model orders wrongly) lets far more than
the stated share through, even with hundreds of rows; Hall's transformation (Hall 1992, JRSS B 54)
puts that right, and a bound is never closer than the plain t bound.

Hall's transformation is flat where T nears -3 over the skewness: from there on a larger loss
hardly looks more certain. So a bound lies at most a fixed number of times as far out as the plain
t bound, and p is the inverse of that one function. A claim of harm is corrected less than a claim
that lets a model pass: care must not hide what is to be found.
"""

import math
from dataclasses import dataclass

import numpy as np

from cdml.statistics import student
from cdml.statistics.difference import Side
from cdml.statistics.interval import ConfidenceInterval
from cdml.statistics.samples import Floats

PSEUDO_ROWS = 2
"""Rows of the largest influence that are added where that is known (see `cell_counts`)."""

MOST_CARE = 1.25
"""How much wider the spread of moments becomes at the most: Hall's correction is large by then."""

SKEW_ERRORS = 3
"""Standard errors that are added to the skewness: few rows show less of it than there is."""

FARTHEST = 2.0
"""How many times as far out as plain t a bound that lets pass lies at the most."""

FARTHEST_OF_HARM = 1.25
"""The same of a claim of harm."""

_NO_SKEW = 1e-6


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Linear:
    """challenger - champion, and how the rows move it.

    Attributes:
        challenger, champion: the values.
        covariance: of the two values, shape (2, 2), challenger first.
        third: their third central moments, shape (2, 2, 2).
        rows: how many rows (or clusters) they are from.
        method: `paired-t`, `delong`, ...
        df: degrees of freedom of the bounds; infinite for the normal distribution.
        extreme: the largest that one row moves the difference, and the champion.
        extreme_of_harm: the former, where harm is claimed; None: the same.
        fewest: rows (or clusters) of the kind that the metric is about, where not all are.
        published: degrees of freedom of the two-sided interval as the literature gives it,
            without the corrections of the bounds; None: it is made of the bounds.
        harm: the side whose claims are that the challenger is worse; None: that is not known.
    """

    challenger: float
    champion: float
    covariance: Floats
    third: Floats
    rows: int
    method: str
    df: float = math.inf
    extreme: tuple[float, float] = (0.0, 0.0)
    extreme_of_harm: float | None = None
    fewest: float | None = None
    published: float | None = None
    harm: Side | None = None

    @property
    def estimate(self) -> float:
        """Challenger - champion."""
        return self.challenger - self.champion

    @property
    def standard_error(self) -> float:
        """Of the estimate; never less than of rows that all differ alike."""
        return max(self._spread(0.0), self._unseen * abs(self.estimate))

    def interval(self, confidence: float) -> ConfidenceInterval:
        """The two-sided interval."""
        one_sided = (1 + confidence) / 2
        if self.published is not None:
            reach = student.quantile(one_sided, self.published) * self.standard_error
            low, high = self.estimate - reach, self.estimate + reach
        else:
            low, high = (
                self._claim(side, 0.0, harm=False).bound(side, one_sided, self.df) for side in Side
            )
        return ConfidenceInterval(low=low, high=high, confidence=confidence, method=self.method)

    def bound(self, side: Side, confidence: float, share: float = 0.0) -> float:
        """The estimate, less or more by what its skewness requires."""
        return self._claim(side, share, harm=side is self.harm).bound(side, confidence, self.df)

    def p_value(self, side: Side, against: float, share: float = 0.0) -> float:
        """One-sided p of Δ + share * |champion| against a value."""
        return self._claim(side, share, harm=side is self.harm).p_value(side, against, self.df)

    def p_value_null(self) -> float:
        """Two-sided p for no difference."""
        spread = self.standard_error
        if spread == 0:
            return 1.0 if self.estimate == 0 else 0.0
        df = self.df if self.published is None else self.published
        return 2 * student.cdf(-abs(self.estimate) / spread, df)

    def _claim(self, side: Side, share: float, *, harm: bool) -> "_Claim":
        skew = self._skewness(share)
        skew = skew if side is Side.LOWER else -skew
        return _Claim(
            estimate=self.estimate + share * abs(self.champion),
            spread=self._wide_spread(share, harm=harm),
            skewness=skew if harm else skew - SKEW_ERRORS * math.sqrt(6) / self.rows,
            farthest=FARTHEST_OF_HARM if harm else FARTHEST,
            unseen=self._unseen,
        )

    @property
    def _unseen(self) -> float:
        """The spread that two rows bring in which are like no row here, over the difference."""
        return math.sqrt(PSEUDO_ROWS) / (self.rows if self.fewest is None else self.fewest)

    def _spread(self, share: float) -> float:
        weights = combination(self.champion, share)
        return math.sqrt(max(0.0, float(weights @ self.covariance @ weights)))

    def _wide_spread(self, share: float, *, harm: bool) -> float:
        """The spread with a few rows more of the kind that moves the value most.

        How far that is, is known of ranks; of moments, |skewness| * spread is the least that it
        can be, and taken twice, up to `MOST_CARE`.
        """
        spread = self._spread(share)
        largest = self.extreme[0] + abs(share) * self.extreme[1]
        if harm and self.extreme_of_harm is not None:
            largest = self.extreme_of_harm
        if harm or largest:
            return math.hypot(spread, math.sqrt(PSEUDO_ROWS) * largest)
        wider = math.hypot(1, 2 * math.sqrt(PSEUDO_ROWS) * self._skewness(share))
        return spread * min(wider, MOST_CARE)

    def _skewness(self, share: float) -> float:
        weights = combination(self.champion, share)
        spread = self._spread(share)
        third = float(np.einsum("ijk,i,j,k", self.third, weights, weights, weights))
        return third / spread**3 if spread > 0 else 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class _Claim:
    """That the truth lies beyond a value: an increasing function of t, and its inverse.

    There are two bounds, and the farther one counts: that of the spread seen, and that of the few
    rows not seen which do not share the difference. The latter decides where all rows differ by
    nearly the same amount: this proves that there is a difference, but not beyond all doubt.

    Attributes:
        estimate: of what is bounded.
        spread: its standard error.
        skewness: towards the side that is bounded; below 0 where the bound has to lie farther out.
        farthest: how many times as far as plain t at the most.
        unseen: the spread of rows that were not seen, over the estimate.
    """

    estimate: float
    spread: float
    skewness: float
    farthest: float
    unseen: float

    def bound(self, side: Side, confidence: float, df: float) -> float:
        """Where p is 1 - confidence."""
        t = student.quantile(confidence, df)
        # From here on towards the side is down.
        at = self.estimate if side is Side.LOWER else -self.estimate
        seen = at - max(t, min(self.farthest * t, _skewed(t, self.skewness))) * self.spread
        unseen = at - t * self.unseen * abs(at)
        lower = min(seen, unseen if at < 0 else max(0.0, unseen))
        return lower if side is Side.LOWER else -lower

    def p_value(self, side: Side, against: float, df: float) -> float:
        """One-sided p; it falls as the value lies farther off, however far that is."""
        at, value = self.estimate, against
        if side is Side.UPPER:
            at, value = -at, -value
        t = _over(at - value, self.spread)
        t = min(t, max(t / self.farthest, _straight(t, self.skewness)))
        if at > value and not value < 0 <= at:  # rows without a difference take it to 0 at most
            t = min(t, _over(at - value, self.unseen * abs(at)))
        return student.cdf(-t, df)


def _over(distance: float, spread: float) -> float:
    """The t value; a distance of nothing is no evidence, even without any spread."""
    if spread > 0:
        return distance / spread
    return math.inf if distance > 0 else -math.inf


def _straight(t: float, skew: float) -> float:
    """Hall's transformation of a t value with this skewness to one without any; it never falls."""
    if abs(skew) < _NO_SKEW:
        return t
    if math.isinf(t):
        return t
    root = 1 + skew * t / 3
    return (root * root * root - 1) / skew + skew / 6


def _skewed(t: float, skew: float) -> float:
    """The inverse of `_straight`."""
    if abs(skew) < _NO_SKEW:
        return t
    return 3 * (math.cbrt(1 + skew * (t - skew / 6)) - 1) / skew


def combination(champion: float, share: float) -> Floats:
    """Weights of (challenger, champion) in Δ + share * |champion|."""
    return np.array([1.0, -1.0 + share * math.copysign(1.0, champion)])
