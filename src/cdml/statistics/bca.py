"""Differences whose distribution is known by resampling, read with BCa (Efron 1987)."""

from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import blake2b
from statistics import NormalDist

import numpy as np

from cdml.statistics.difference import Side, TwoSided
from cdml.statistics.samples import Floats
from cdml.statistics.skewed_means import combination
from cdml.statistics.student import normal_cdf

RESAMPLES = 10_000

_NORMAL = NormalDist()
_ROUNDING = 1e-12
_POLE = 1e-3
"""How near to nothing the denominator of the acceleration comes."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Bca:
    """The distribution of one figure, bias-corrected and accelerated.

    Attributes:
        estimate: the figure on the sample.
        draws: the figure on each resample, ascending.
        acceleration: skewness of the figure's influence values, over 6 sqrt(rows).
    """

    estimate: float
    draws: Floats
    acceleration: float

    def quantile(self, probability: float) -> float:
        """The one-sided bound below which the truth lies with this probability.

        Beyond the outermost draws it lies as far out as the normal distribution's.
        """
        first, last = float(self.draws[0]), float(self.draws[-1])
        if first == last:
            return first
        normal = self.estimate + self._spread * _NORMAL.inv_cdf(probability)
        if probability <= self._level_at(self._edge):
            return min(first, normal)
        if probability >= self._level_at(1 - self._edge):
            return max(last, normal)
        shifted = self._bias + _NORMAL.inv_cdf(probability)
        level = _NORMAL.cdf(self._bias + shifted / max(1 - self.acceleration * shifted, _POLE))
        return float(np.quantile(self.draws, level))

    def level(self, value: float) -> float:
        """The probability whose quantile is `value`: the inverse of `quantile`; it never falls."""
        first, last = float(self.draws[0]), float(self.draws[-1])
        if first == last:
            return 0.0 if value < first else 1.0
        level = self._level_at(self._position(value))
        if first <= value < last:
            return level
        normal = normal_cdf((value - self.estimate) / self._spread)
        return min(level, normal) if value < first else max(level, normal)

    def _level_at(self, position: float) -> float:
        """The probability that a share of the draws stands for."""
        shifted = _NORMAL.inv_cdf(position) - self._bias
        return normal_cdf(shifted / max(1 + self.acceleration * shifted, _POLE) - self._bias)

    @property
    def _spread(self) -> float:
        return float(self.draws.std())

    @property
    def _bias(self) -> float:
        """The normal quantile of the share of draws below the estimate, equal ones half."""
        below = np.searchsorted(self.draws, self.estimate - _ROUNDING, side="left")
        within = np.searchsorted(self.draws, self.estimate + _ROUNDING, side="right")
        return _NORMAL.inv_cdf(self._inside((below + within) / (2 * len(self.draws))))

    def _position(self, value: float) -> float:
        """The largest level of the draws' interpolated quantile function at or below `value`."""
        last = len(self.draws) - 1
        above = int(np.searchsorted(self.draws, value, side="right"))
        if above in {0, last + 1}:
            return self._inside(above / (last + 1))
        low, high = self.draws[above - 1], self.draws[above]
        return self._inside((above - 1 + float((value - low) / (high - low))) / last)

    def _inside(self, level: float) -> float:
        return min(max(level, self._edge), 1 - self._edge)

    @property
    def _edge(self) -> float:
        """The share that the outermost draws stand for."""
        return 1 / (len(self.draws) + 1)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Draws(TwoSided):
    """challenger - champion, and both on resamples.

    Attributes:
        challenger, champion: the values on the sample.
        draws: the two values on each resample, shape (resamples, 2), challenger first.
    """

    challenger: float
    champion: float
    draws: Floats

    @property
    def estimate(self) -> float:
        """Challenger - champion."""
        return self.challenger - self.champion

    @property
    def standard_error(self) -> float:
        """The standard deviation of the resampled differences."""
        return float((self.draws[:, 0] - self.draws[:, 1]).std())


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Resampled(Draws):
    """challenger - champion, known by resampling the rows.

    Attributes:
        influence: how far a row (or each row of a cell) moves the two values, shape (m, 2).
        weight: rows that have this influence, shape (m,).
    """

    influence: Floats
    weight: Floats

    @property
    def method(self) -> str:
        """How the interval is found."""
        return "bca"

    def bound(self, side: Side, confidence: float, share: float = 0.0) -> float:
        """The BCa quantile of Δ + share * |champion|, on the same resamples."""
        bound = self._bca(side, share).quantile(1 - confidence)
        return bound if side is Side.LOWER else -bound

    def p_value(self, side: Side, against: float, share: float = 0.0) -> float:
        """One-sided p, from the confidence at which the bound meets the value."""
        return self._bca(side, share).level(against if side is Side.LOWER else -against)

    def _bca(self, side: Side, share: float) -> Bca:
        """The distribution, turned round for the upper side: ties count against every claim."""
        sign = 1.0 if side is Side.LOWER else -1.0
        weights = sign * combination(self.champion, share)
        figure = self.estimate + share * abs(self.champion)
        draws = self.draws[:, 0] - self.draws[:, 1]
        if share:
            draws = draws + share * np.abs(self.draws[:, 1])
        return Bca(
            estimate=sign * figure,
            draws=np.sort(sign * draws),
            acceleration=acceleration(self.influence @ weights, self.weight),
        )


def acceleration(influence: Floats, weight: Floats) -> float:
    """Sum of w L^3 over 6 (sum of w L^2)^1.5, with L centred; 0 where nothing varies."""
    centred = influence - np.average(influence, weights=weight)
    square = float(weight @ centred**2)
    return float(weight @ centred**3) / (6 * square**1.5) if square > 0 else 0.0


def generator(*parts: bytes) -> "np.random.Generator":  # whoever draws imports it
    """Random numbers that are the same for the same statistics, on every machine."""
    digest = blake2b(digest_size=16)
    for part in parts:
        digest.update(len(part).to_bytes(8, "big"))
        digest.update(part)
    return np.random.Generator(np.random.PCG64(int.from_bytes(digest.digest(), "big")))


def batches(width: int, resamples: int) -> Iterator[int]:
    """Sizes of the batches in which to resample rows of `width` figures, a few MB at a time."""
    size = max(1, min(resamples, 2_000_000 // max(1, width)))
    yield from (min(size, resamples - start) for start in range(0, resamples, size))


def defined(draws: Floats) -> Floats | None:
    """The draws on which both figures exist; None where more than one in a hundred has none."""
    finite = draws[np.isfinite(draws).all(axis=1)]
    return finite if len(finite) >= 0.99 * len(draws) else None
