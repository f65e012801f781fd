"""Whether the lock of an operation that is open may be taken: by its lease, or the platform."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from cdml.core.journal import Ledger
from cdml.core.rollout import may_take_over
from cdml.errors import ServiceError
from cdml.ports import Ports

ASK_EVERY = timedelta(seconds=15)
"""Between two questions to the platform about the run that holds the lock."""


@dataclass(slots=True, kw_only=True)
class Holder:
    """Who holds the lock, as far as the platform knows.

    The journal is read before the platform is asked, and taking over is a compare-and-swap with
    what was read: whatever a run wrote before it ended is seen.

    Attributes:
        ports: the world.
        is_over: whether the holder's run was found to be over when it was asked about last.
        asked_at: when that was, or None.
        told: what is known already of why the platform cannot say.
    """

    ports: Ports
    is_over: bool = False
    asked_at: datetime | None = None
    told: str = ""

    def yields(self, ledger: Ledger, *, resumes: bool = False, rolls_back: bool = False) -> bool:
        """Whether the lock of the open operation may be taken.

        Args:
            ledger: the journal.
            resumes, rolls_back: as in `may_take_over`.
        """
        self.is_over = False
        now = self.ports.clock.now()
        if may_take_over(ledger, now, resumes=resumes, rolls_back=rolls_back):
            return True
        if ledger.operation is None or ledger.parked_until is not None or not self._due(now):
            return False
        self.is_over = self._ask(ledger.lock.run if ledger.lock else None)
        return may_take_over(
            ledger, now, resumes=resumes, rolls_back=rolls_back, is_over=self.is_over
        )

    def _due(self, now: datetime) -> bool:
        if self.asked_at is not None and now - self.asked_at < ASK_EVERY:
            return False
        self.asked_at = now
        return True

    def _ask(self, run: str | None) -> bool:
        """Whether the run is over; who cannot say has not said so, and the lease decides."""
        platform = self.ports.platform
        if run is None or run == platform.run_url():
            return False
        try:
            is_over = platform.run_is_over(run)
        except ServiceError as error:
            said = f"Whether {run} still works is not known: {error.message} {error.hint}".strip()
            if said != self.told:
                self.ports.progress.note(said)
            self.told = said
            return False
        if is_over:
            self.ports.progress.note(f"{run} is over; its operation is taken over now.")
        return is_over
