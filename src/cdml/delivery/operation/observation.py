"""What a run finds, and what it leaves behind."""

from dataclasses import dataclass
from datetime import datetime

from cdml.errors import CdmlError
from cdml.journal.records import Ledger, Operation, Serving


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """The journal and the target at one moment.

    Attributes:
        ledger: the journal's document.
        commit: what the next write is based on.
        serving: what the target serves.
    """

    ledger: Ledger
    commit: str | None
    serving: Serving


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """How far an operation was carried.

    Attributes:
        found: the world afterwards.
        operation: as it last was.
        trouble: why it was undone, or None.
        deployment: the platform's id of it, or None.
        restored_at: when `to` was first seen to have all traffic, or None.
    """

    found: Found
    operation: Operation
    trouble: CdmlError | None
    deployment: str | None
    restored_at: datetime | None

    @property
    def parked_until(self) -> datetime | None:
        """Until when it waits to be resumed; None where it is over."""
        return self.found.ledger.parked_until
