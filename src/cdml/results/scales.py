"""Whether a column of figures seems to be on one scale in one file and on another in the other.

A better or worse model moves figures; another unit multiplies them all. Where the files differ by
a factor that units differ by, and look alike otherwise, nobody can say which of both it was.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass

from cdml.results import column_names as names

_FACTORS = (100.0, 1e3, 1e6, 1e9)
"""Per cent; thousandths, such as milliseconds; millionths; and billionths."""
_NEAR = 2.0
"""A model moves most figures by less than this factor, one way or the other."""
_ALIKE = 0.25
"""By how much of the larger the spreads of the logarithms differ at the most."""
_ROUNDING = 1e-3
_PER_CENT = (20.0, 100.0)
"""The largest value of shares in per cent is between these."""
_RAISED = 3.0
"""How many times as large a mean in per cent is at the least: one outlier is no scale."""
_GRADES = ((5.0, 10.0), (5.0, 100.0), (10.0, 100.0))
"""The best grades of two scales."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Spread:
    """The figures of one file: least, greatest, mean, and whether any has a fraction.

    `log_mean` and `log_deviation` are of the natural logarithms of the figures above 0, NaN where
    there are none.
    """

    low: float
    high: float
    mean: float
    log_mean: float
    log_deviation: float
    fractions: bool


def describe_two_scales(
    column: str, first: Spread, second: Spread, *, greater_is_better: bool
) -> str:
    """How the figures of two files seem to be on two scales; empty if they do not."""
    small, large = sorted((first, second), key=lambda one: one.high)
    if not min(small.low, large.low) >= 0:
        return ""
    factor = next(_factors(column, small, large, greater_is_better=greater_is_better), None)
    if factor is None:
        return ""
    return (
        f"{column} is at most {small.high:g} in one file and {large.high:g} in the other, as if"
        f" written in another unit ({factor:,.0f} to 1)"
    )


def _factors(
    column: str, small: Spread, large: Spread, *, greater_is_better: bool
) -> Iterator[float]:
    """The factors that two scales may differ by."""
    most = max(small.log_deviation, large.log_deviation)
    if abs(small.log_deviation - large.log_deviation) <= _ALIKE * most + _ROUNDING:
        apart = large.log_mean - small.log_mean
        yield from (one for one in _units(column) if abs(apart - math.log(one)) <= math.log(_NEAR))
    least, greatest = _PER_CENT
    share = small.fractions and small.high <= 1 and not names.has_no_largest_value(column)
    if share and least < large.high <= greatest and large.mean >= _RAISED * small.mean:
        yield greatest
    grades = greater_is_better and not (small.fractions or large.fractions)
    if grades and (small.high, large.high) in _GRADES and min(small.low, large.low) >= 1:
        ratio = large.high / small.high
        if ratio / _NEAR <= large.mean / small.mean <= ratio * _NEAR:
            yield ratio


def _units(column: str) -> tuple[float, ...]:
    """Time has no hundredths; another model may cost a thousandth, and tokens have no unit."""
    if names.is_tokens(column):
        return ()
    if names.is_cost(column):
        return _FACTORS[2:]
    return _FACTORS[1:] if names.is_latency(column) else _FACTORS
