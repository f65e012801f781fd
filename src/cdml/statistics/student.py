"""Student's t distribution; importing scipy for it takes longer than a whole comparison."""

import math
from functools import lru_cache
from statistics import NormalDist

_NORMAL = NormalDist()
_STEPS = 200
_CLOSE = 1e-10  # of a step, after which the next would be no step at all


def normal_cdf(z: float) -> float:
    """P(Z <= z), exact far out in the lower tail too."""
    return 0.5 * math.erfc(-z / math.sqrt(2))


def cdf(t: float, df: float) -> float:
    """P(T <= t); infinite degrees of freedom are the normal distribution."""
    if math.isinf(df):
        return normal_cdf(t)
    tail = 0.5 * incomplete_beta(df / (df + t * t), df / 2, 0.5)
    return 1 - tail if t > 0 else tail


@lru_cache(maxsize=1024)
def quantile(probability: float, df: float) -> float:
    """The t with P(T <= t) = probability, 0 < probability < 1; by Newton's method, kept in."""
    start = _NORMAL.inv_cdf(probability)
    if math.isinf(df) or start == 0:
        return start
    if start > 0:
        return -quantile(1 - probability, df)
    low, high = 2 * start - 1, start  # t has the heavier tails
    while cdf(low, df) > probability:
        low *= 2
    t = max(low, start + (start**3 + start) / (4 * df))  # Abramowitz & Stegun 26.7.5
    for _ in range(_STEPS):
        tail = cdf(t, df)
        low, high = (t, high) if tail < probability else (low, t)
        density = _density(t, df)
        step = low
        if tail > 0 and density > 0:  # of the logarithm, nearly straight where the tail is long
            step = t - math.log(tail / probability) * tail / density
        step = step if low < step < high else (low + high) / 2
        if abs(step - t) <= _CLOSE * abs(t):
            return step
        t = step
    return t


def _density(t: float, df: float) -> float:
    front = math.lgamma((df + 1) / 2) - math.lgamma(df / 2) - 0.5 * math.log(df * math.pi)
    return math.exp(front - (df + 1) / 2 * math.log1p(t * t / df))


def incomplete_beta(x: float, a: float, b: float) -> float:
    """Regularised incomplete beta function I_x(a, b), 0 <= x <= 1.

    By its continued fraction (Abramowitz & Stegun 26.5.8), evaluated with Lentz's method.
    """
    if x in {0.0, 1.0}:
        return x
    if x > (a + 1) / (a + b + 2):
        return 1 - incomplete_beta(1 - x, b, a)
    log_front = (
        math.lgamma(a + b) - math.lgamma(a) - math.lgamma(b) + a * math.log(x) + b * math.log1p(-x)
    )
    return math.exp(log_front) / (a * _continued_fraction(x, a, b))


def _continued_fraction(x: float, a: float, b: float) -> float:
    tiny, precision = 1e-300, 1e-15
    value, c, d = 1.0, 1.0, 0.0
    for step in range(1, 10_000):
        m = step // 2
        if step % 2:
            term = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1))
        else:
            term = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m))
        d = 1 / ((1 + term * d) or tiny)
        c = (1 + term / c) or tiny
        value *= c * d
        if abs(c * d - 1) < precision:
            break
    return value
