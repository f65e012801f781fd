"""A measured range, or the reason why there is none."""

import math
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Interval:
    """A confidence interval; it cannot exist with NaN or reversed ends.

    Attributes:
        low: lower end, in the metric's natural unit; may be -inf.
        high: upper end; may be inf.
        confidence: two-sided coverage, in (0, 1).
        method: how it was found, e.g. `delong`, `tango`, `bca`.
    """

    low: float
    high: float
    confidence: float
    method: str

    def __post_init__(self) -> None:
        if not self.low <= self.high:
            raise ValueError(f"an interval needs low <= high, got {self.low} and {self.high}")
        if not 0 < self.confidence < 1:
            raise ValueError(f"confidence lies between 0 and 1, got {self.confidence}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Unmeasured:
    """Nothing could be measured, and why; it never passes a gate."""

    reason: str


def finite(value: float) -> float | None:
    """The value, or None where it is NaN or infinite and must not be written as a number."""
    return value if math.isfinite(value) else None
