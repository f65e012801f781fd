"""Differences of two values whose joint distribution is normal, or t, around the truth."""

import math
from dataclasses import dataclass

import numpy as np

from cdml.core.inference import student
from cdml.core.inference.difference import Side
from cdml.core.interval import Interval
from cdml.core.sample import Floats


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Linear:
    """challenger - champion with a symmetric distribution.

    Attributes:
        challenger, champion: the values.
        covariance: of the two values, shape (2, 2), challenger first.
        method: `paired-t`, `delong`, ...
        df: degrees of freedom; infinite for the normal distribution.
    """

    challenger: float
    champion: float
    covariance: Floats
    method: str
    df: float = math.inf

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
        return Interval(
            low=self.bound(Side.LOWER, one_sided),
            high=self.bound(Side.UPPER, one_sided),
            confidence=confidence,
            method=self.method,
        )

    def bound(self, side: Side, confidence: float, share: float = 0.0) -> float:
        """Estimate -+ quantile * standard error."""
        reach = student.quantile(confidence, self.df) * self._spread(share)
        return self._combined(share) + (-reach if side is Side.LOWER else reach)

    def p_value(self, side: Side, against: float, share: float = 0.0) -> float:
        """One-sided p of Δ + share * |champion| against a value."""
        distance = self._combined(share) - against
        towards = distance if side is Side.LOWER else -distance
        spread = self._spread(share)
        if spread == 0:
            return 0.0 if towards > 0 else 1.0
        return student.cdf(-towards / spread, self.df)

    def p_value_null(self) -> float:
        """Two-sided p for no difference."""
        spread = self._spread(0.0)
        if spread == 0:
            return 1.0 if self.estimate == 0 else 0.0
        return 2 * student.cdf(-abs(self.estimate) / spread, self.df)

    def _combined(self, share: float) -> float:
        return self.estimate + share * abs(self.champion)

    def _spread(self, share: float) -> float:
        weights = combination(self.champion, share)
        return math.sqrt(max(0.0, float(weights @ self.covariance @ weights)))


def combination(champion: float, share: float) -> Floats:
    """Weights of (challenger, champion) in Δ + share * |champion|."""
    return np.array([1.0, -1.0 + share * math.copysign(1.0, champion)])
