"""What would settle an open question: rows needed, and the smallest difference to be seen."""

import math
from statistics import NormalDist

POWER = 0.8


def rows_needed(rows: int, standard_error: float, distance: float, confidence: float) -> int | None:
    """How many rows show a difference that lies `distance` away from the margin.

    n = n_now * ((z_confidence + z_power) * SE / distance)^2, with 80 % power and a one-sided test.

    Args:
        rows: how many there are now.
        standard_error: of the difference, on those rows.
        distance: from the assumed true difference to the margin, in the metric's unit.
        confidence: one-sided.

    Returns:
        Rows in all, or None where no number of rows would (no distance, nothing known).
    """
    if not (distance > 0 and standard_error > 0 and rows > 0):
        return None
    factor = _quantiles(confidence) * standard_error / distance
    needed = rows * factor * factor
    return math.ceil(needed) if math.isfinite(needed) else None


def error_of(reach: float, confidence: float) -> float:
    """The standard error of a bound that lies `reach` away from the estimate."""
    return reach / NormalDist().inv_cdf(confidence)


def smallest_detectable(standard_error: float, confidence: float) -> float:
    """The true distance from the margin that the present rows show with 80 % power."""
    return _quantiles(confidence) * standard_error


def _quantiles(confidence: float) -> float:
    normal = NormalDist()
    return normal.inv_cdf(confidence) + normal.inv_cdf(POWER)
