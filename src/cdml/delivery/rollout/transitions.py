"""What the journal says after each step of an operation, and the line people read of it."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from cdml.config.traffic_steps import Ramp
from cdml.delivery.rollout.state_machine import Decision
from cdml.journal.records import (
    GIVEN_BACK,
    Answered,
    Effect,
    Entry,
    EntryKind,
    JournalDocument,
    Lock,
    Operation,
    Phase,
    Preempt,
    Quarantined,
    Release,
)

LEASE = timedelta(minutes=3)
"""How long a lock is good for after each write, which its holder repeats at every third of it."""
SLOW_LEASE = timedelta(minutes=15)
"""The same where a server is started, asked, or ended after its last requests."""
MOST_ENTRIES = 1000
"""How many earlier releases the journal remembers."""
REMEMBERED = 100
"""How many rollbacks the journal knows the requesters of."""
LONGEST_TROUBLE = 500
"""Characters of why an operation was given up."""

_SLOW = (Phase.STAGE, Phase.VALIDATE, Phase.UNDO)


@dataclass(frozen=True, slots=True)
class Transition:
    """A change of the journal: the document after it, and its subject for people."""

    ledger: JournalDocument
    subject: str


def adopt(
    ledger: JournalDocument,
    release: Release | None,
    *,
    operation: str,
    now: datetime,
    run: str | None,
    reason: str = "it served before there was a journal",
) -> Transition:
    """Take what is observed to serve for what the journal says; None where nothing serves."""
    if release is None:
        empty = replace(ledger, current=None, previous=ledger.entries[:MOST_ENTRIES])
        return Transition(empty, f"adopt: nothing serves {ledger.environment}")
    entry = Entry(
        version=release.version,
        digest=release.digest,
        source=release.source,
        from_=ledger.current.release if ledger.current else None,
        kind=EntryKind.ADOPT,
        operation=operation,
        at=now,
        run=run,
        reason=reason,
    )
    subject = f"adopt: v{release.version} serves {ledger.environment}"
    return Transition(
        replace(ledger, current=entry, previous=ledger.entries[:MOST_ENTRIES]), subject
    )


def begin(ledger: JournalDocument, operation: Operation, now: datetime) -> Transition:
    """Take the lock and say what is going to happen."""
    fence = ledger.generation + 1
    recorded = _intend(operation, Phase.RECORD, "record", fence, now)
    return Transition(
        replace(
            ledger,
            generation=fence,
            lock=Lock(operation=operation.id, run=operation.run, expires_at=now + LEASE),
            operation=recorded,
            preempt=None,
        ),
        f"{operation.kind}: begin {operation.way} in {ledger.environment}",
    )


def take_over(
    ledger: JournalDocument,
    *,
    holder: str,
    run: str | None,
    now: datetime,
    resumes: bool = False,
    is_over: bool = False,
    preempt: Preempt | None = None,
) -> Transition:
    """Take the lock of a run that stopped, or is over by its CI system's word; all stays open."""
    operation = _open(ledger)
    taken = replace(
        ledger,
        generation=ledger.generation + 1,
        lock=Lock(operation=holder, run=run, expires_at=now + lease_duration(operation)),
        parked_until=None,
        preempt=preempt or ledger.preempt,
    )
    verb, ended = "resume" if resumes else "take over", "is over" if is_over else "stopped"
    subject = f"{operation.kind}: {verb} {operation.way} from a run that {ended}"
    return Transition(taken, subject)


def advance(ledger: JournalDocument, judged: Decision | None, now: datetime) -> Transition:
    """Say what is done next on the way up: the next phase, or the next share."""
    operation = _open(ledger)
    ramp, version = _ramp(operation), f"v{operation.to.version}"
    match operation.phase:
        case Phase.RECORD:
            phase, description = Phase.STAGE, f"stage {version} in {ledger.environment}"
        case Phase.STAGE:
            phase, description = Phase.VALIDATE, f"check {version} before it gets traffic"
        case Phase.SHIFT if ramp.last:
            phase, description = (
                Phase.BAKE,
                f"{version} has all traffic; watch it for {ramp.bake:g} s",
            )
        case _:
            if operation.phase is Phase.SHIFT:
                step = len(ramp.steps) - 1 if judged is Decision.PROMOTE else ramp.step + 1
                ramp = replace(ramp, step=step)
            ramp = replace(ramp, since=ramp.since or now)
            count = f" (step {ramp.step + 1} of {len(ramp.steps)})"
            phase, description = Phase.SHIFT, f"{version} → {ramp.percent} %{count}"
    effect = f"shift to {ramp.percent} %" if phase is Phase.SHIFT else str(phase)
    intended = _intend(replace(operation, ramp=ramp), phase, effect, ledger.generation, now)
    subject = f"{operation.kind}: {description}"
    return Transition(_under_way(ledger, intended, now), subject)


def record_look(
    ledger: JournalDocument,
    judged: Decision,
    state: Mapping[str, Any] | None,
    why: str,
    now: datetime,
) -> Transition:
    """Keep what the judge remembers, and what it said."""
    operation = _open(ledger)
    ramp = replace(_ramp(operation), state=state)
    description = f"v{operation.to.version} at {ramp.percent} %: {judged}"
    subject = f"{operation.kind}: {description}{f', {why}' if why else ''}"
    return Transition(_under_way(ledger, replace(operation, ramp=ramp), now), subject)


def park(ledger: JournalDocument, now: datetime) -> Transition:
    """Leave a canary as it is until somebody resumes it; not for ever."""
    operation = _open(ledger)
    ramp = _ramp(operation)
    until = now + timedelta(seconds=ramp.park or 0.0)
    lock = replace(ledger.lock, expires_at=until) if ledger.lock else None
    return Transition(
        replace(ledger, lock=lock, parked_until=until),
        f"{operation.kind}: v{operation.to.version} at {ramp.percent} % is paused until"
        f" {until:%Y-%m-%d %H:%M:%S} UTC",
    )


def preempt(ledger: JournalDocument, request: Preempt) -> Transition:
    """Ask the deploy under way to make room for a rollback."""
    operation = _open(ledger)
    subject = f"rollback: ask the {operation.kind} of v{operation.to.version} to give up"
    return Transition(replace(ledger, preempt=request), subject)


def renew(ledger: JournalDocument, now: datetime) -> Transition:
    """Say that the holder of the lock is still at it."""
    operation = _open(ledger)
    subject = f"{operation.kind}: still at {operation.way} ({operation.phase})"
    return Transition(_under_way(ledger, operation, now), subject)


def give_back(ledger: JournalDocument) -> Transition:
    """Let go of the lock of an operation that stays open: nobody works on it any more."""
    operation = _open(ledger)
    lock = replace(ledger.lock, expires_at=GIVEN_BACK) if ledger.lock else None
    subject = f"{operation.kind}: leave {operation.way} open ({operation.phase})"
    return Transition(replace(ledger, lock=lock), subject)


def commit(ledger: JournalDocument, now: datetime) -> Transition:
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
    effect = "switch" if operation.ramp is None else "publish"
    published = _intend(operation, Phase.PUBLISH, effect, ledger.generation, now)
    return Transition(
        replace(
            _under_way(ledger, published, now),
            current=entry,
            previous=ledger.entries[:MOST_ENTRIES],
        ),
        f"{operation.kind}: v{operation.to.version} serves {ledger.environment}",
    )


def undo(
    ledger: JournalDocument, now: datetime, *, why: str = "", harmful: bool = False
) -> Transition:
    """Give the operation up; the journal names what served before.

    What is `harmful` must not be shipped again.
    """
    operation = replace(_open(ledger), trouble=why[:LONGEST_TROUBLE], harmful=harmful)
    entries = ledger.entries
    if entries and entries[0].operation == operation.id:
        entries = entries[1:]
    given_up = _intend(operation, Phase.UNDO, "restore", ledger.generation, now)
    return Transition(
        replace(
            _under_way(ledger, given_up, now),
            current=entries[0] if entries else None,
            previous=entries[1:],
        ),
        f"{operation.kind}: undo {operation.way} in {ledger.environment}"
        f"{f': {operation.trouble}' if why else ''}",
    )


def close(ledger: JournalDocument, now: datetime) -> Transition:
    """End the operation and let go of the lock; what was aborted for harm is quarantined."""
    operation = _open(ledger)
    closed = replace(
        ledger,
        lock=None,
        operation=None,
        parked_until=None,
        preempt=None,
        quarantined=_quarantined(ledger, operation, now),
        answered=_answered(ledger, operation, now),
    )
    description = f"v{operation.to.version} is verified in {ledger.environment}"
    if not operation.committed:
        description = f"v{operation.to.version} was undone"
    return Transition(closed, f"{operation.kind}: {description}")


def _quarantined(
    ledger: JournalDocument, operation: Operation, now: datetime
) -> tuple[Quarantined, ...]:
    """The quarantine afterwards: what was requested by name leaves it, the bad enters."""
    bad = operation.to if operation.harmful else None
    good = None
    if operation.committed:
        bad = operation.from_ if operation.kind is EntryKind.ROLLBACK else None
        good = operation.to.digest
    touched = {good, bad.digest if bad else None}
    remaining = tuple(one for one in ledger.quarantined if one.digest not in touched)
    if bad is None or bad.digest == good:
        return remaining
    added = Quarantined(
        digest=bad.digest,
        version=bad.version,
        operation=operation.id,
        at=now,
        reason=operation.trouble or operation.reason,
    )
    return (added, *remaining)


def _answered(ledger: JournalDocument, operation: Operation, now: datetime) -> tuple[Answered, ...]:
    """The rollbacks that were carried out, with this one if it was.

    A canary that was aborted because a rollback requested it is that rollback's answer.
    """
    request = None
    if operation.kind is EntryKind.ROLLBACK:
        request = operation.request if operation.committed else None
    elif ledger.preempt is not None and operation.harmful:
        request = ledger.preempt.request
    if request is None:
        return ledger.answered
    one = Answered(request=request, operation=operation.id, at=now, generation=ledger.generation)
    return (one, *ledger.answered)[:REMEMBERED]


def _intend(
    operation: Operation, phase: Phase, effect: str, fence: int, now: datetime
) -> Operation:
    """The operation in its next phase; unless that gives up, what was intended is done."""
    earlier = operation.effects
    if phase is not Phase.UNDO:
        earlier = tuple(replace(one, state="done") for one in earlier)
    intended = Effect(name=effect, state="intended", fence=fence, at=now)
    return replace(operation, phase=phase, effects=(*earlier, intended))


def _under_way(ledger: JournalDocument, operation: Operation, now: datetime) -> JournalDocument:
    """The operation as it is now, its lease renewed."""
    lock = ledger.lock
    renewed = replace(lock, expires_at=now + lease_duration(operation)) if lock else None
    return replace(ledger, operation=operation, lock=renewed)


def lease_duration(operation: Operation) -> timedelta:
    """For how long the lock is good after a write, by the clock of whoever reads it."""
    ramp = operation.ramp
    if ramp is None:
        return LEASE
    if operation.phase in _SLOW:
        return SLOW_LEASE
    waits = {Phase.SHIFT: ramp.every, Phase.BAKE: ramp.bake}
    return LEASE + timedelta(seconds=waits.get(operation.phase, 0.0))


def _open(ledger: JournalDocument) -> Operation:
    if ledger.operation is None:
        raise ValueError("no operation is open")
    return ledger.operation


def _ramp(operation: Operation) -> Ramp:
    if operation.ramp is None:
        raise ValueError("the switch of this operation is one write")
    return operation.ramp
