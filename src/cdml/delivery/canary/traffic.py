"""What two servers answered in a window of time: counts, and how long answers took."""

import math
from bisect import bisect_right
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from itertools import accumulate


@dataclass(frozen=True, slots=True, kw_only=True)
class Latencies:
    """Response times, of single requests or in the buckets of a histogram."""

    upper_ms: tuple[float, ...] = ()  # ascending; the upper end of each bucket, the last may be inf
    counts: tuple[int, ...] = ()  # shape (values,), as above

    def __post_init__(self) -> None:
        pairs = zip(self.upper_ms, self.upper_ms[1:], strict=False)
        if not (all(a < b for a, b in pairs) and all(end >= 0 for end in self.upper_ms)):
            raise ValueError("latencies are milliseconds from 0, ascending")
        if not (len(self.counts) == len(self.upper_ms) and all(n >= 0 for n in self.counts)):
            raise ValueError("each latency needs a count of at least 0")

    @classmethod
    def from_milliseconds(cls, milliseconds: Iterable[float]) -> "Latencies":
        """Of single requests, in any order.

        Raises:
            ValueError: one of them is NaN or negative.
        """
        counted = sorted(Counter(milliseconds).items())
        return cls(
            upper_ms=tuple(value for value, _ in counted),
            counts=tuple(count for _, count in counted),
        )

    @property
    def requests(self) -> int:
        """How many requests were timed."""
        return sum(self.counts)

    def together(self, other: "Latencies") -> "Latencies":
        """Of the requests of both, which are others."""
        counted = Counter(dict(zip(self.upper_ms, self.counts, strict=True)))
        counted.update(dict(zip(other.upper_ms, other.counts, strict=True)))
        ends = tuple(sorted(counted))
        return Latencies(upper_ms=ends, counts=tuple(counted[end] for end in ends))

    def above(self, limit_ms: float) -> int:
        """How many took longer; a bucket that the limit falls into counts as if all had."""
        return sum(self.counts[bisect_right(self.upper_ms, limit_ms) :])

    def quantile(self, share: float) -> float:
        """The smallest time within which this share was answered; infinite where none is known."""
        rank = share * self.requests
        reached = zip(self.upper_ms, accumulate(self.counts), strict=True)
        return next((end for end, count in reached if count and count >= rank), math.inf)


@dataclass(frozen=True, slots=True, kw_only=True)
class Answers:
    """What one server answered.

    An error is status 4xx or 5xx, no answer, or an answer that is no valid prediction (a model that
    raises is a 400 from MLflow's server); latencies are of the other requests.
    """

    requests: int = 0
    errors: int = 0
    latencies: Latencies = field(default_factory=Latencies)

    def __post_init__(self) -> None:
        if not 0 <= self.errors <= self.requests:
            raise ValueError(f"{self.errors} errors in {self.requests} requests cannot be")
        if not self.latencies.requests <= self.requests:
            raise ValueError(f"{self.latencies.requests} latencies of {self.requests} requests")

    def together(self, other: "Answers") -> "Answers":
        """What one server answered in two windows."""
        return Answers(
            requests=self.requests + other.requests,
            errors=self.errors + other.errors,
            latencies=self.latencies.together(other.latencies),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """What both servers answered from one moment (included) to another (excluded)."""

    since: datetime
    until: datetime
    champion: Answers = field(default_factory=Answers)
    challenger: Answers = field(default_factory=Answers)
    elsewhere: int = 0  # requests that neither was given
    unreadable: int = 0  # records that nobody can assign

    def __post_init__(self) -> None:
        if self.since.tzinfo is None or self.until.tzinfo is None:
            raise ValueError("a window needs a time zone")
        if not self.since < self.until:
            raise ValueError("a window ends after it begins")
        if not (self.elsewhere >= 0 and self.unreadable >= 0):
            raise ValueError("counts are at least 0")

    @property
    def requests(self) -> int:
        """Of both servers."""
        return self.champion.requests + self.challenger.requests

    @property
    def seconds(self) -> float:
        """How long it lasts."""
        return (self.until - self.since).total_seconds()
