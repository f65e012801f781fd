"""How sure a value or a difference is."""

from typing import Self

from cdml.evidence.base import EvidenceModel, Number, Text
from cdml.statistics.interval import ConfidenceInterval, finite


class Interval(EvidenceModel):
    """A two-sided confidence interval; an open end is null."""

    low: Number | None
    """Lower end."""
    high: Number | None
    """Upper end."""
    confidence: Number
    """Chance that such an interval covers the true value: 0.95."""
    method: Text
    """How it was computed: `tango`, `delong`, `bca`, …"""

    @classmethod
    def from_interval(cls, interval: ConfidenceInterval, **more: float) -> Self:
        """A computed interval, and what else is written of it."""
        low, high = finite(interval.low), finite(interval.high)
        ends = {"low": low, "high": high, "confidence": interval.confidence}
        return cls(**ends, method=interval.method, **more)


class Difference(Interval):
    """challenger - champion in the metric's natural sign."""

    estimate: Number
    """The measured difference."""
