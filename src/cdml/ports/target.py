"""Where models serve."""

from dataclasses import dataclass
from typing import Protocol

from cdml.ports.registry import ModelVersion


@dataclass(frozen=True, slots=True, kw_only=True)
class Serving:
    """What a target serves now, observed.

    Attributes:
        version: the version that gets the traffic; None where nothing serves.
        digest: its digest as the target knows it, or None where it cannot tell.
    """

    version: str | None
    digest: str | None


class Target(Protocol):
    """Where models serve. Every effect is idempotent and carries the fencing number."""

    name: str
    splits_traffic: bool

    def observe(self) -> Serving:
        """What serves now; never assumed."""
        ...

    def switch(self, to: ModelVersion, *, fence: int) -> None:
        """Give all traffic to a version, and return when it has it."""
        ...
