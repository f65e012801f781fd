"""The mean of scores that cannot leave a range: an interval that cannot leave it either.

Gaffke's bound (Gaffke 2005; Learned-Miller & Thomas 2019, arXiv:1905.06208): one more score at the
end of the range, then the quantile of the mean under weights that are uniform on the simplex. For
scores of 0 and 1 that is the exact bound of Clopper & Pearson (1934), so 0 of n still has an upper
bound. For many scores it nears the t bound with its skewness corrected. No distribution is known
for which it promises too much, however few the scores.

The mean lies below m exactly where a sum of exponential variables, each times its score less m,
lies below 0. Its probability is a saddlepoint approximation (Lugannani & Rice 1980, in the form of
Barndorff-Nielsen 1986), within 0.003 of the range for two scores and far less for more; where only
two values occur it is the beta distribution.
"""

import math
from statistics import NormalDist

import numpy as np

from cdml.statistics.interval import ConfidenceInterval
from cdml.statistics.metrics import Range
from cdml.statistics.samples import Floats
from cdml.statistics.student import incomplete_beta

GRID = 256
"""With more different scores than this, each is split between its neighbours on such a grid.

That leaves the mean as it is and raises the variance by (range / 256)² / 4 at the most.
"""

_NORMAL = NormalDist()
_STEPS = 60
_CLOSE = 1e-12


def bounded_interval(scores: Floats, within: Range, confidence: float) -> ConfidenceInterval:
    """The two-sided interval of the mean of independent scores, at least one, within the range."""
    unit = (scores - within.low) / within.width
    one_sided = (1 + confidence) / 2
    low, high = 1 - _upper(1 - unit, one_sided), _upper(unit, one_sided)
    exact = bool(np.isin(unit, (0.0, 1.0)).all())
    return ConfidenceInterval(
        low=within.low + low * within.width,
        high=within.low + high * within.width,
        confidence=confidence,
        method="clopper-pearson" if exact else "gaffke",
    )


def beta_quantile(probability: float, a: float, b: float) -> float:
    """The x with I_x(a, b) = probability, by bisection to the last digit; a, b above 0."""
    low, high = 0.0, 1.0
    while (middle := (low + high) / 2) not in {low, high}:
        below = incomplete_beta(middle, a, b) < probability
        low, high = (middle, high) if below else (low, middle)
    return high


def _upper(unit: Floats, confidence: float) -> float:
    """The one-sided upper bound of scores in [0, 1]."""
    value, count = _with_end(unit)
    if len(value) == 1:
        return 1.0
    if len(value) == 2:  # noqa: PLR2004 - two values are a beta distribution
        low, high = value
        return float(low + (high - low) * beta_quantile(confidence, count[1], count[0]))
    return _quantile(value, count, confidence)


def _with_end(unit: Floats) -> tuple[Floats, Floats]:
    """The scores that occur, ascending, how often each does, and one more at 1."""
    value, times = np.unique(np.append(unit, 1.0), return_counts=True)
    count = times.astype(np.float64)
    if len(value) <= GRID:
        return value, count
    at = value * GRID
    below = np.minimum(at.astype(np.int64), GRID - 1)
    above = at - below
    on_grid = np.bincount(below, count * (1 - above), GRID + 1).astype(np.float64)
    on_grid += np.bincount(below + 1, count * above, GRID + 1)
    occupied = on_grid > 0
    return np.arange(GRID + 1)[occupied] / GRID, on_grid[occupied]


def _quantile(value: Floats, count: Floats, confidence: float) -> float:
    """Where the mean under Dirichlet weights lies below with this probability."""
    total = count.sum()
    mean = float(count @ value / total)
    spread = math.sqrt(float(count @ (value - mean) ** 2) / (total * (total + 1)))
    target = _NORMAL.inv_cdf(confidence)
    low, high, at, tilt = mean, 1.0, min(mean + target * spread, (mean + 1) / 2), 0.0
    previous = (mean, 0.0)
    for _ in range(_STEPS):
        score, tilt = _score(value - at, count, tilt)
        low, high = (at, high) if score < target else (low, at)
        slope = (score - previous[1]) / (at - previous[0]) if at != previous[0] else 0.0
        previous = (at, score)
        following = at + (target - score) / slope if slope > 0 else low
        if not low < following < high:
            following = (low + high) / 2
        if abs(following - at) <= _CLOSE * (high - mean + spread):
            break
        at = following
    return min(at, 1.0)


def _score(distance: Floats, count: Floats, start: float) -> tuple[float, float]:
    """The normal quantile of P(sum of count-many exponentials times distance <= 0), and the tilt.

    The distances sum to less than 0, so the tilt lies between 0 and one over the largest.
    """
    ceiling = 1 / float(distance.max())
    low, high = 0.0, ceiling
    tilt = start if 0 < start < ceiling else 0.0
    for _ in range(_STEPS):
        share = distance / (1 - tilt * distance)
        slope, curvature = float(count @ share), float(count @ (share * share))
        low, high = (tilt, high) if slope < 0 else (low, tilt)
        following = tilt - slope / curvature
        if not low < following < high:
            following = (low + high) / 2
        if abs(following - tilt) <= _CLOSE * ceiling:
            break
        tilt = following
    cumulant = -float(count @ np.log1p(-tilt * distance))
    root = math.sqrt(max(0.0, -2 * cumulant))
    share = distance / (1 - tilt * distance)
    wald = tilt * math.sqrt(float(count @ (share * share)))
    if root < 1e-6:  # noqa: PLR2004 - at the mean itself, where the correction is 0 over 0
        return root, tilt
    return root + math.log(wald / root) / root, tilt
