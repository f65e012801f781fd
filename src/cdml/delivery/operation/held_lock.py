"""The lock that a run holds: renewed while it works, and looked at before each of its writes."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from cdml.delivery.operation.journal_client import JournalClient
from cdml.delivery.ports import DeliveryPorts
from cdml.delivery.rollout import transitions
from cdml.errors import CdmlError, Overtaken, ServiceError
from cdml.journal.lease import holding
from cdml.journal.port import Moved
from cdml.journal.records import JournalDocument

PARTS = 3
"""A lease is renewed when this part of it is over."""


@dataclass(slots=True, kw_only=True)
class HeldLock:
    """Our lock on the open operation; `lease` is how many seconds it is good for after a write.

    Its lease counts from before the last write of ours, and an observer's from when it saw that
    write: ours is over first, whatever the clocks of the machines say.
    """

    book: JournalClient
    ports: DeliveryPorts
    fence: int
    lease: float
    renewed: bool = False
    lost: bool = field(default=False, init=False)

    @contextmanager
    def renewing(self) -> Iterator[None]:
        """Renew the lock in the background for as long as the block lasts, and work under it."""
        often = transitions.LEASE.total_seconds() / PARTS
        with self.ports.clock.every(often, self._beat), holding(self):
            yield

    def follow(self, ledger: JournalDocument) -> None:
        """Take over what the run itself wrote."""
        if ledger.operation is not None:
            self.lease = transitions.lease_duration(ledger.operation).total_seconds()

    def left(self) -> float:
        """Seconds for which nobody else can take the lock."""
        wrote_at = self.book.wrote_at
        if self.lost or wrote_at is None:
            return 0.0
        return wrote_at + self.lease - self.ports.clock.monotonic()

    def ensure(self) -> None:
        """Renew the lock where a third of the lease is over.

        Raises:
            Overtaken: another operation has it.
            ServiceError: the lease is over, and the journal does not answer.
        """
        if self.lost:
            raise overtaken()
        if self._is_due():
            try:
                self.renew()
            except ServiceError:
                if self.left() <= 0:
                    raise
        if self.lost:
            raise overtaken()

    def confirm(self) -> None:
        """See in the journal that the lock is ours, and renew it where that is due.

        Raises:
            Overtaken: another operation has it.
            ServiceError: the journal does not answer.
        """
        if self.lost:
            raise overtaken()
        if self._is_due():
            self.renew()
        else:
            ledger, _ = self.book.read()
            self.lost = not self._is_ours(ledger)
        if self.lost:
            raise overtaken()

    def renew(self) -> None:
        """Write that we are still at it; whoever wrote in between is not overwritten.

        Raises:
            ServiceError: the journal does not answer.
        """
        with self.book.mutex:
            while True:
                ledger, commit = self.book.read()
                self.lost = not self._is_ours(ledger)
                if self.lost or ledger.parked_until is not None:
                    return
                try:
                    self.book.write(transitions.renew(ledger, self.ports.clock.now()), commit)
                except Moved:
                    continue
                self.renewed = True
                return

    def _beat(self) -> None:
        if self.lost or not self._is_due():
            return
        try:
            self.renew()
        except CdmlError as error:  # the lease is for longer; whoever writes next looks again
            self.ports.progress.note(error.message)

    def _is_due(self) -> bool:
        return self.left() <= self.lease * (PARTS - 1) / PARTS

    def _is_ours(self, ledger: JournalDocument) -> bool:
        return ledger.generation == self.fence and ledger.operation is not None


def overtaken(versions: tuple[str, ...] = ()) -> Overtaken:
    """That we hold the lock no more, and what we may have given traffic or the alias to by then."""
    return Overtaken(
        "Another operation took over the lock, so this one stopped.",
        "Run `cdml history` to see what serves.",
        versions=versions,
    )
