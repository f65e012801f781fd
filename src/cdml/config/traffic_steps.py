"""How a release gets its traffic: shares that rise, and what was seen at them so far."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any, ClassVar

ALL = 100
"""Percent."""


class TrafficPart:
    """How a part of the journal's document stands in JSON: no other keys, no underscores."""

    __slots__ = ()
    __pydantic_config__: ClassVar[Mapping[str, str | Callable[[str], str]]] = {
        "extra": "forbid",
        "alias_generator": lambda name: name.rstrip("_"),
    }


@dataclass(frozen=True, slots=True, kw_only=True)
class Ramp(TrafficPart):
    """How a release gets its traffic: shares in percent, rising to 100; times in seconds.

    `step` is the index of the share that was intended last, `since` when the first was; the judge
    looks `every` so often and remembers `state`. It is watched for `bake` with all traffic before
    it is committed, aborted after `timeout`, and waits `park` for `--resume` (None: its run
    waits).
    """

    steps: tuple[int, ...] = (100,)
    step: int = 0
    every: float = 60.0
    timeout: float = 3600.0
    bake: float = 0.0
    park: float | None = None
    since: datetime | None = None
    state: Mapping[str, Any] | None = None

    def __post_init__(self) -> None:
        rising = all(low < high for low, high in pairwise((0, *self.steps)))
        if not (rising and self.steps and self.steps[-1] == ALL):
            raise ValueError(f"{self.steps} are no shares that rise to 100")
        if not 0 <= self.step < len(self.steps):
            raise ValueError(f"there is no step {self.step} among {len(self.steps)}")

    @property
    def percent(self) -> int:
        """The share that was intended last."""
        return self.steps[self.step]

    @property
    def last(self) -> bool:
        """Whether all traffic was intended; nobody intends that before the verdict."""
        return self.step == len(self.steps) - 1

    def overdue(self, now: datetime) -> bool:
        """Whether a canary has had its time."""
        return self.since is not None and now - self.since >= timedelta(seconds=self.timeout)
