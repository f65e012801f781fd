"""The lock under which an adapter writes: for how long it is good, and whether it still is.

What writes to a place that knows no precondition (a registry's alias) checks here before each
write. What waits for an answer reads here how long it may. Outside an operation no question arises.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Protocol


class Lease(Protocol):
    """A lock that is held, for a time."""

    def left(self) -> float:
        """Seconds for which nobody else can take it; 0 or less where it may have been taken."""
        ...

    def ensure(self) -> None:
        """Renew it where it is over.

        Raises:
            Overtaken: another operation has it.
            ServiceError: it is over, and the journal does not answer.
        """
        ...

    def confirm(self) -> None:
        """See in the journal that it is still ours.

        Raises:
            Overtaken: another operation has it.
            ServiceError: the journal does not answer.
        """
        ...


_HELD: ContextVar[Lease | None] = ContextVar("held", default=None)


@contextmanager
def holding(lease: Lease) -> Iterator[None]:
    """Whatever is done in the block is done under this lease."""
    token = _HELD.set(lease)
    try:
        yield
    finally:
        _HELD.reset(token)


def seconds_left() -> float | None:
    """How long what begins now may take; None where no lock is held."""
    lease = _HELD.get()
    return None if lease is None else lease.left()


def ensure() -> None:
    """Go on only under a lock that is good.

    Raises:
        Overtaken, ServiceError: see `Lease.ensure`.
    """
    lease = _HELD.get()
    if lease is not None:
        lease.ensure()


def confirm() -> None:
    """Write only under a lock that the journal still says is ours.

    Raises:
        Overtaken, ServiceError: see `Lease.confirm`.
    """
    lease = _HELD.get()
    if lease is not None:
        lease.confirm()
