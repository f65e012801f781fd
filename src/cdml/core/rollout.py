"""How a deploy or a rollback goes: what to do next, and what the journal says after it.

    RECORD ──▶ (STAGE ▸ VALIDATE ▸ SHIFT ▸ BAKE) ──▶ PUBLISH ──▶ closed: `to` serves
       └───────────────────┴──────────────┬────────────┘
                                          ▼
                                        UNDO ──▶ closed: `from` serves

Each change is written to the journal before its effect on the world, and is decided by the
journal and by what the target is observed to serve alone: a run that finds an operation
unfinished decides as the run that began it would have, and ends in the same place.
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum

from cdml.core.journal import (
    Effect,
    Entry,
    Kind,
    Ledger,
    Lock,
    Operation,
    Phase,
    Quarantined,
    Release,
    Serving,
)

LEASE = timedelta(minutes=3)
"""How long a lock is good for after each write; longer than any single effect takes."""
KEPT = 1000
"""How many earlier releases the journal remembers."""


class Standing(StrEnum):
    """What a run finds when it begins."""

    AGREED = "agreed"  # the journal and the target name the same version
    EMPTY = "empty"  # neither names one
    UNKNOWN = "unknown"  # the target serves what no journal speaks of: adopt it
    DRIFTED = "drifted"  # the target serves something else than the journal says
    UNFINISHED = "unfinished"  # an operation is open


class Move(StrEnum):
    """The next thing to do about an open operation."""

    COMMIT = "commit"  # write that `to` serves
    SWITCH = "switch"  # make the target serve `to`
    UNDO = "undo"  # write that the operation is given up
    RESTORE = "restore"  # make the target serve `from` again
    CLOSE = "close"  # write that it is over


@dataclass(frozen=True, slots=True, kw_only=True)
class Transition:
    """A change of the journal: the document after it, and its subject for people."""

    ledger: Ledger
    subject: str


def standing(ledger: Ledger, serving: Serving) -> Standing:
    """Compare the journal with what is observed."""
    if ledger.operation is not None:
        return Standing.UNFINISHED
    if ledger.current is None:
        return Standing.EMPTY if serving.version is None else Standing.UNKNOWN
    return Standing.AGREED if serves(serving, ledger.current.release) else Standing.DRIFTED


def serves(serving: Serving, release: Release) -> bool:
    """Whether it is this release that serves; a target that knows digests must know this one."""
    return serving.version == release.version and serving.digest in (None, release.digest)


def next_move(operation: Operation, serving: Serving, *, own: bool) -> Move:
    """What to do next.

    Args:
        operation: what is under way.
        serving: what the target was just observed to serve.
        own: whether this run began the operation; an uncommitted one of another run, which
            judged and then died, is taken back.
    """
    match operation.phase:
        case Phase.PUBLISH:
            return Move.CLOSE if serves(serving, operation.to) else Move.SWITCH
        case Phase.UNDO:
            ours = serves(serving, operation.to) and operation.from_ is not None
            return Move.RESTORE if ours else Move.CLOSE
        case Phase.RECORD | Phase.STAGE | Phase.VALIDATE | Phase.SHIFT | Phase.BAKE:
            return Move.COMMIT if own else Move.UNDO


def adopt(
    ledger: Ledger, release: Release, *, operation: str, now: datetime, run: str | None
) -> Transition:
    """Take what serves without a journal as its first entry."""
    entry = Entry(
        version=release.version,
        digest=release.digest,
        source=release.source,
        from_=None,
        kind=Kind.ADOPT,
        operation=operation,
        at=now,
        run=run,
        reason="it served before there was a journal",
    )
    return Transition(
        ledger=replace(ledger, current=entry),
        subject=f"adopt: v{release.version} serves {ledger.environment}",
    )


def begin(ledger: Ledger, operation: Operation, now: datetime) -> Transition:
    """Take the lock and say what is going to happen."""
    fence = ledger.generation + 1
    recorded = _intend(operation, Phase.RECORD, "record", fence, now)
    return Transition(
        ledger=replace(
            ledger,
            generation=fence,
            lock=Lock(operation=operation.id, run=operation.run, expires_at=now + LEASE),
            operation=recorded,
        ),
        subject=f"{operation.kind}: begin {_way(operation)} in {ledger.environment}",
    )


def take_over(ledger: Ledger, *, holder: str, run: str | None, now: datetime) -> Transition:
    """Take the lock of a holder whose lease is over; its operation stays open."""
    operation = _open(ledger)
    return Transition(
        ledger=replace(
            ledger,
            generation=ledger.generation + 1,
            lock=Lock(operation=holder, run=run, expires_at=now + LEASE),
        ),
        subject=f"{operation.kind}: take over {_way(operation)} from a run that stopped",
    )


def commit(ledger: Ledger, now: datetime) -> Transition:
    """The one commit point: from here on `to` serves, whatever happens to this run."""
    operation = _open(ledger)
    entry = Entry(
        version=operation.to.version,
        digest=operation.to.digest,
        source=operation.to.source,
        from_=operation.from_,
        kind=operation.kind,
        operation=operation.id,
        at=now,
        run=operation.run,
        reason=operation.reason,
        overrides=operation.overrides,
    )
    published = _intend(operation, Phase.PUBLISH, "switch", ledger.generation, now)
    return Transition(
        ledger=replace(
            _renewed(ledger, now),
            operation=published,
            current=entry,
            previous=ledger.entries[:KEPT],
        ),
        subject=f"{operation.kind}: v{operation.to.version} serves {ledger.environment}",
    )


def undo(ledger: Ledger, now: datetime) -> Transition:
    """Give the operation up; the journal names what served before."""
    operation = _open(ledger)
    entries = ledger.entries
    if entries and entries[0].operation == operation.id:
        entries = entries[1:]
    given_up = _intend(operation, Phase.UNDO, "restore", ledger.generation, now)
    return Transition(
        ledger=replace(
            _renewed(ledger, now),
            operation=given_up,
            current=entries[0] if entries else None,
            previous=entries[1:],
        ),
        subject=f"{operation.kind}: undo {_way(operation)} in {ledger.environment}",
    )


def close(ledger: Ledger, now: datetime) -> Transition:
    """End the operation and let go of the lock; a rollback quarantines what it took back."""
    operation = _open(ledger)
    closed = replace(ledger, lock=None, operation=None, parked_until=None)
    if not operation.committed:
        return Transition(
            ledger=closed,
            subject=f"{operation.kind}: v{operation.to.version} was undone",
        )
    return Transition(
        ledger=replace(closed, quarantined=_quarantined(ledger, operation, now)),
        subject=f"{operation.kind}: v{operation.to.version} is verified in {ledger.environment}",
    )


def _quarantined(ledger: Ledger, operation: Operation, now: datetime) -> tuple[Quarantined, ...]:
    """The quarantine after a success: what was asked for by name leaves it, the bad enters."""
    bad = operation.from_ if operation.kind is Kind.ROLLBACK else None
    touched = {operation.to.digest, bad.digest if bad else None}
    kept = tuple(one for one in ledger.quarantined if one.digest not in touched)
    if bad is None or bad.digest == operation.to.digest:
        return kept
    added = Quarantined(
        digest=bad.digest,
        version=bad.version,
        operation=operation.id,
        at=now,
        reason=operation.reason,
    )
    return (added, *kept)


def _intend(
    operation: Operation, phase: Phase, effect: str, fence: int, now: datetime
) -> Operation:
    """The operation in its next phase; unless that gives up, what was intended is done."""
    earlier = operation.effects
    if phase is not Phase.UNDO:
        earlier = tuple(replace(one, state="done") for one in earlier)
    intended = Effect(name=effect, state="intended", fence=fence, at=now)
    return replace(operation, phase=phase, effects=(*earlier, intended))


def _renewed(ledger: Ledger, now: datetime) -> Ledger:
    lock = ledger.lock
    return replace(ledger, lock=replace(lock, expires_at=now + LEASE) if lock else None)


def _open(ledger: Ledger) -> Operation:
    if ledger.operation is None:
        raise ValueError("no operation is open")
    return ledger.operation


def _way(operation: Operation) -> str:
    begin = f"v{operation.from_.version}" if operation.from_ else "nothing"
    return f"{begin} → v{operation.to.version}"
