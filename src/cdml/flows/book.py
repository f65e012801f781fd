"""The journal as a run reads and writes it."""

from dataclasses import dataclass
from datetime import timedelta

from cdml.core.journal import Ledger
from cdml.core.transitions import Transition
from cdml.errors import ServiceError
from cdml.evidence import journal as document
from cdml.ports import Moved, Ports

PAUSES = (1.0, 3.0)
"""Seconds between attempts at one write."""
SKEW = timedelta(minutes=2)
"""How far this machine's clock may be behind that of whoever wrote the journal last."""


@dataclass(slots=True, kw_only=True)
class Book:
    """The journal of one model in one environment.

    Attributes:
        model, environment: whose journal.
        ports: the world.
        asked: the journal when this run first read it.
    """

    model: str
    environment: str
    ports: Ports
    asked: Ledger | None = None

    def read(self) -> tuple[Ledger, str | None]:
        """The journal, and what the next write is based on.

        Raises:
            InputError: it is not a journal of this model and environment.
            ServiceError: it cannot be read, or was written at a time that is yet to come here.
        """
        snapshot = self.ports.journal.read()
        ledger = document.parse(snapshot, model=self.model, environment=self.environment)
        self._check_clock(ledger)
        self.asked = self.asked or ledger
        return ledger, snapshot.commit

    def write(self, transition: Transition, expected: str | None) -> str:
        """Write, and find out where nobody told whether it was written.

        Raises:
            Moved: somebody else wrote first.
            ServiceError: it cannot be written.
        """
        content = document.dump(transition.ledger)
        try:
            return self.ports.journal.write(content, transition.subject, expected)
        except (Moved, ServiceError):
            newest = self.ports.journal.read()
            if newest.commit is None or newest.document != content:
                raise
            return newest.commit

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

    def _check_clock(self, ledger: Ledger) -> None:
        """Leases are times: who lives in the past must not judge them."""
        operation = ledger.operation
        written = operation.effects[-1].at if operation and operation.effects else None
        now = self.ports.clock.now()
        if written is not None and written - now > SKEW:
            raise ServiceError(
                f"The journal was written at {written:%Y-%m-%d %H:%M:%S} UTC, and here it is only"
                f" {now:%H:%M:%S} on {now:%Y-%m-%d}: leases cannot be judged.",
                "Set this machine's clock (or that of the run before) by a time server.",
            )
