"""Where models serve."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from cdml.journal.records import Release, Serving, TrafficShare

__all__ = ["ServerAnswer", "Serving", "SplittingTarget", "Target", "TrafficShare"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerAnswer:
    """What a server said to one request; without a status, why it said nothing."""

    status: int | None
    body: bytes
    seconds: float = math.inf


class Target(Protocol):
    """Where models serve. Every effect is idempotent and carries the fencing number."""

    name: str
    splits_traffic: bool

    def observe(self) -> Serving:
        """What serves now; never assumed.

        Raises:
            ServiceError: the target did not answer.
        """
        ...

    def switch(self, to: Release, *, fence: int) -> None:
        """Give all traffic to a release, and return when it has it.

        Raises:
            InputError: the release is gone, so that no retry can help.
            ServiceError: the target did not answer; the switch may or may not have happened.
        """
        ...


@runtime_checkable
class OperationWriter(Protocol):
    """A target that writes the id of the operation to what it changes."""

    def set_operation(self, operation: str) -> None:
        """Set the journal's operation that the next effects belong to."""
        ...


@runtime_checkable
class PreviewingTarget(Protocol):
    """A target that can say what a deploy would change, without changing it."""

    def preview(self, to: Release) -> Sequence[str]:
        """What a deploy of a release would change, in lines for people, without secrets.

        Raises:
            CdmlError: what the deploy would stop at.
        """
        ...


def set_operation(target: Target, operation: str) -> None:
    """Set it where the target writes it."""
    if isinstance(target, OperationWriter):
        target.set_operation(operation)


class SplittingTarget(Target, Protocol):
    """A target that serves two releases side by side; `splits_traffic` is true."""

    def stage(self, to: Release, *, fence: int) -> None:
        """Start a server for a release next to the one that serves, without traffic.

        Returns when the server says that it is ready. What was kept warm gives way, after the
        requests it still answers. Nothing is done where the release is there already.

        Raises:
            InputError: the release cannot be served: its server ended, or never was ready.
            ServiceError: the target did not answer.
        """
        ...

    def send_request(self, release: Release, body: bytes, *, timeout: float) -> ServerAnswer:
        """Send JSON for MLflow's `/invocations` to the server of a release, past the traffic.

        Raises:
            ServiceError: no server of this release answered in time.
        """
        ...

    def shift(self, to: Release, percent: int, *, fence: int) -> None:
        """Give a staged release its share of the traffic, 0 to 100, and return when it has it.

        Raises:
            InputError: the release is not staged.
            ServiceError: the target did not answer; the shift may or may not have happened.
        """
        ...

    def retire(self, *, fence: int) -> None:
        """End what gets no traffic, after the requests it still answers.

        Raises:
            ServiceError: the target did not answer.
        """
        ...
