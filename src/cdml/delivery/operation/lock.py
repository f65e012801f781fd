"""Whether the lock of an operation that is open may be taken.

No two machines' clocks are compared. A holder is dead by its CI system's word, or when the
journal has stood still for a whole lease before our own eyes: each holder writes at every third of
it. What one command saw, the next one on the same machine knows.
"""

import json
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from cdml.delivery.ports import DeliveryPorts
from cdml.delivery.rollout import transitions
from cdml.delivery.rollout.state_machine import GRACE, may_take_over
from cdml.errors import InputError, LockHeld, ServiceError
from cdml.evidence.store import write_atomically
from cdml.journal.records import JournalDocument

POLL_SECONDS = 15.0
"""Seconds between two questions to the CI system about the run that holds the lock."""
WATCHED = "journal-watched.json"
"""Ends the name of the file in which a machine remembers since when it has seen a lock."""

_SCHEMA = "cdml.journal-watched/1"


@dataclass(frozen=True, slots=True, kw_only=True)
class Watched:
    """A commit of the journal, and since when this machine has seen it by the clock of its boot."""

    commit: str
    since: float
    boot: str


@dataclass(slots=True, kw_only=True)
class LockHolder:
    """Who holds the lock, as far as we have seen and the CI system knows.

    The journal is read before the CI system is queried, and taking over is a compare-and-swap with
    what was read: whatever a run wrote before it ended is seen.
    """

    ports: DeliveryPorts
    memory: Path  # a file that outlives a command
    is_over: bool = False
    queried_at: float | None = None
    noted: str = ""
    watched: Watched | None = None
    preempted: tuple[str, float] | None = None

    def yields(
        self,
        ledger: JournalDocument,
        commit: str | None,
        *,
        resumes: bool = False,
        rolls_back: bool = False,
    ) -> bool:
        """Whether the lock of the open operation may be taken; see `may_take_over`."""
        self.is_over = False
        still, unheeded = self._stood_still(ledger, commit), self._unheeded(ledger)

        def may(*, is_over: bool = False) -> bool:
            return may_take_over(
                ledger,
                self.ports.clock.now(),
                resumes=resumes,
                rolls_back=rolls_back,
                stood_still=still,
                unheeded=unheeded,
                is_over=is_over,
            )

        if may():
            return True
        if ledger.operation is None or ledger.parked_until is not None or not self._due():
            return False
        self.is_over = self._is_run_over(ledger.lock.run if ledger.lock else None)
        return self.is_over and may(is_over=True)

    def refusal(self, ledger: JournalDocument) -> LockHeld:
        """Who holds the lock, and what this machine has seen of it: no clock but its own counts."""
        if (lock := ledger.lock) is None:
            raise ValueError("nobody holds the lock")
        holder = f"Operation {lock.operation} ({lock.run or 'started in a terminal'})"
        if ledger.parked_until is not None:
            return LockHeld(
                f"{holder} paused a canary until {lock.expires_at:%Y-%m-%d %H:%M:%S} UTC.",
                "Resume it with `cdml deploy --resume`, or abort it with `cdml rollback`.",
            )
        now, lease = self.ports.clock.monotonic(), _lease(ledger)
        silent = now - self.watched.since if self.watched else 0.0
        return LockHeld(
            f"{holder} holds the lock. Its lease ends when this machine has seen no sign of"
            f" life for {lease:.0f} s ({silent:.0f} s so far).",
            "Try again when it is done. If its run is dead, run again after the lease. With the"
            " permission `actions: read`, cdml can ask GitHub and need not wait.",
        )

    def remember(self) -> None:
        """Keep what was seen for the next command. Without a disk it begins anew."""
        if self.watched is None or not self.watched.boot:
            return
        seen = {"commit": self.watched.commit, "since": self.watched.since}
        content = json.dumps({"schema": _SCHEMA, "boot": self.watched.boot, **seen})
        with suppress(InputError):
            write_atomically(self.memory, content.encode())

    def _stood_still(self, ledger: JournalDocument, commit: str | None) -> bool:
        """Whether nobody wrote for a whole lease, as this machine has seen itself."""
        clock = self.ports.clock
        if commit is None:
            return False
        now = clock.monotonic()
        if self.watched is None or self.watched.commit != commit:
            seen, since = _read(self.memory), now
            if seen and (seen.commit, seen.boot) == (commit, clock.boot) and seen.since <= now:
                since = seen.since
            self.watched = Watched(commit=commit, since=since, boot=clock.boot)
        return now - self.watched.since >= _lease(ledger)

    def _unheeded(self, ledger: JournalDocument) -> bool:
        """Whether a rollback has been requesting room for `GRACE`, as we have seen."""
        request, now = ledger.preempt, self.ports.clock.monotonic()
        if request is None:
            self.preempted = None
            return False
        if self.preempted is None or self.preempted[0] != request.operation:
            self.preempted = (request.operation, now)
        return now - self.preempted[1] >= GRACE.total_seconds()

    def _due(self) -> bool:
        now = self.ports.clock.monotonic()
        if self.queried_at is not None and now - self.queried_at < POLL_SECONDS:
            return False
        self.queried_at = now
        return True

    def _is_run_over(self, run: str | None) -> bool:
        """Whether the run is over; who cannot say has not said so, and the lease decides."""
        ci_run = self.ports.ci_run
        if run is None or run == ci_run.url():
            return False
        try:
            is_over = ci_run.is_over(run)
        except ServiceError as error:
            message = f"It is unknown whether {run} has ended: {error.sentences}"
            if message != self.noted:
                self.ports.progress.note(message)
            self.noted = message
            return False
        if is_over:
            self.ports.progress.note(f"{run} has ended; taking over its operation.")
        return is_over


def _lease(ledger: JournalDocument) -> float:
    """Seconds without a sign of life after which the holder counts as dead."""
    operation = ledger.operation
    lease = transitions.lease_duration(operation) if operation else transitions.LEASE
    return lease.total_seconds()


def _read(memory: Path) -> Watched | None:
    """What an earlier command on this machine has seen."""
    try:
        document = json.loads(memory.read_bytes()[:1000])
        if document["schema"] != _SCHEMA:
            return None
        return Watched(
            commit=str(document["commit"]),
            since=float(document["since"]),
            boot=str(document["boot"]) or "unknown",
        )
    except (OSError, ValueError, KeyError, TypeError):
        return None
