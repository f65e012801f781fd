"""A measured range, or the reason why there is none; and Holm's correction of many claims."""

import math
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class ConfidenceInterval:
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


def holm(p_values: Sequence[float]) -> tuple[float, ...]:
    """p-values adjusted by Holm's step-down (Holm 1979, Scand. J. Stat. 6), in the given order.

    "One of these slices regressed" is a union of claims: each is made only where its adjusted p
    is small enough, which keeps the chance of any false one below the level. NaN counts as 1.
    """
    valid = [p if p == p else 1.0 for p in p_values]  # noqa: PLR0124 - NaN differs from itself
    adjusted = [1.0] * len(valid)
    reached = 0.0
    for rank, index in enumerate(sorted(range(len(valid)), key=valid.__getitem__)):
        reached = max(reached, min(1.0, (len(valid) - rank) * valid[index]))
        adjusted[index] = reached
    return tuple(adjusted)
