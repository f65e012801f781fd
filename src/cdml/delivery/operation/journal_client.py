"""The journal as a run reads and writes it."""

import threading
from collections.abc import Mapping
from dataclasses import dataclass, field

from cdml.delivery.ports import DeliveryPorts
from cdml.delivery.rollout.transitions import Transition
from cdml.errors import ServiceError
from cdml.journal import file as document
from cdml.journal.port import Moved
from cdml.journal.records import JournalDocument

PAUSES = (1.0, 3.0)
"""Seconds between attempts at one write."""


@dataclass(slots=True, kw_only=True)
class JournalClient:
    """The journal of one model in one environment, and what it said when this run first read it.

    A lease lasts from when the last write that succeeded was begun: nobody saw it earlier.
    """

    model: str
    environment: str
    ports: DeliveryPorts
    first_read: JournalDocument | None = None
    wrote_at: float | None = None  # by the monotonic clock
    last_attempt: tuple[Mapping[str, object], float] | None = (
        None  # what, and when it was first begun
    )
    mutex: threading.RLock = field(default_factory=threading.RLock, repr=False)

    def read(self) -> tuple[JournalDocument, str | None]:
        """The journal, and what the next write is based on.

        Raises:
            InputError: it is not a journal of this model and environment.
            ServiceError: it cannot be read.
        """
        with self.mutex:
            snapshot = self.ports.journal.read()
        ledger = document.parse_journal(snapshot, model=self.model, environment=self.environment)
        self.first_read = self.first_read or ledger
        return ledger, snapshot.commit

    def write(self, transition: Transition, expected: str | None) -> str:
        """Write, and after a lost answer find out whether it was written.

        Raises:
            Moved: somebody else wrote first.
            ServiceError: it cannot be written.
        """
        content = document.dump_journal(transition.ledger)
        with self.mutex:
            begun = self.ports.clock.monotonic()
            if self.last_attempt is not None and self.last_attempt[0] == content:
                begun = self.last_attempt[
                    1
                ]  # an attempt that nobody answered may have been seen since
            self.last_attempt = content, begun
            try:
                commit = self.ports.journal.write(content, transition.subject, expected)
            except (Moved, ServiceError):
                newest = self.ports.journal.read()
                if newest.commit is None or newest.document != content:
                    raise
                commit = newest.commit
            self.wrote_at = begun
        return commit

    def insist(self, transition: Transition, expected: str | None) -> str:
        """Write, and try again where the journal does not answer.

        Raises:
            Moved: somebody else wrote first.
            ServiceError: it did not answer in the end.
        """
        for pause in PAUSES:
            try:
                return self.write(transition, expected)
            except ServiceError as error:
                self.ports.progress.note(error.message)
                self.ports.clock.sleep(pause)
        return self.write(transition, expected)
