"""How a deploy or a rollback goes: what to do next.

    RECORD ─▶ [ STAGE ▸ VALIDATE ▸ SHIFT (once for each share) ▸ BAKE ] ─▶ PUBLISH ─▶ closed
       └───────────┴─────────┬─────────┴──────────────────────────┘        `to` serves
                             ▼
                           UNDO ─▶ closed: `from` serves

What stands in brackets is done on targets that split traffic alone. Each change is written to
the journal before its effect on the world (`cdml.delivery.rollout.transitions`), and is decided by
the journal and by what is observed alone: a run that finds an operation unfinished decides as the
run that began it would have, and ends in the same place.
"""

from datetime import datetime, timedelta
from enum import StrEnum

from cdml.config.traffic_steps import ALL, Ramp
from cdml.journal.records import (
    EntryKind,
    JournalDocument,
    Operation,
    Phase,
    Release,
    Serving,
    TrafficShare,
)

GRACE = timedelta(seconds=30)
"""How long a rollback waits for a deploy to yield before it takes over where targets are fenced:
a deploy checks every few seconds whether it must, unless it starts a server."""


class Situation(StrEnum):
    """What a run finds when it begins."""

    AGREED = "agreed"  # the journal and the target name the same version
    EMPTY = "empty"  # neither names one
    UNKNOWN = "unknown"  # the target serves what no journal speaks of: adopt it
    DRIFTED = "drifted"  # the target serves something else than the journal says
    UNFINISHED = "unfinished"  # an operation is open


class Decision(StrEnum):
    """The answer to the question of a phase."""

    PROMOTE = "promote"  # yes: go on
    HOLD = "hold"  # not known yet
    ROLLBACK = "rollback"  # no: give up


class NextAction(StrEnum):
    """The next thing to do about an open operation."""

    ADVANCE = "advance"  # write the next phase, or the next share
    COMMIT = "commit"  # write that `to` serves
    UNDO = "undo"  # write that the operation is given up
    CLOSE = "close"  # write that it is over
    STAGE = "stage"  # start a server for `to`, without traffic
    VALIDATE = "validate"  # ask that server
    SWITCH = "switch"  # give `to` the traffic that is intended
    LOOK = "look"  # wait, and ask the judge
    BAKE = "bake"  # wait, and see that `to` still serves
    PUBLISH = "publish"  # make the registry's alias name what the journal says
    RESTORE = "restore"  # take the traffic from `to`, and give it to `from`
    RETIRE = "retire"  # end the server of `to`


def standing(ledger: JournalDocument, serving: Serving) -> Situation:
    """Compare the journal with what is observed."""
    if ledger.operation is not None:
        return Situation.UNFINISHED
    if ledger.current is None:
        return Situation.EMPTY if serving.version is None else Situation.UNKNOWN
    agreed = traffic_percentage(serving, ledger.current.release) == ALL
    return Situation.AGREED if agreed else Situation.DRIFTED


def serves(serving: Serving, release: Release) -> bool:
    """Whether it is this release that serves; a target that knows digests must know this one."""
    return serving.version == release.version and serving.digest in (None, release.digest)


def traffic_percentage(serving: Serving, release: Release) -> int:
    """The percentage of the traffic that a release gets."""
    standby = serving.standby
    if serves(serving, release):
        return ALL - (standby.percent if standby else 0)
    return standby.percent if standby and _is_standby(serving, release) else 0


def staged(serving: Serving, release: Release) -> bool:
    """Whether the target has a server of this release, with or without traffic."""
    return serves(serving, release) or _is_standby(serving, release)


def lost(operation: Operation, serving: Serving) -> bool:
    """Whether `to` was given a share that it may still have, and no server of it is seen."""
    return operation.exposed and operation.from_ is not None and not staged(serving, operation.to)


def outlived(
    ledger: JournalDocument, serving: Serving, window: timedelta, now: datetime
) -> TrafficShare | None:
    """What is warm without traffic for longer than the window of a rollback; None: nothing."""
    warm, current = serving.standby, ledger.current
    if current is None or standing(ledger, serving) is not Situation.AGREED:
        return None
    return warm if warm is not None and now - current.at >= window else None


def next_move(
    operation: Operation, serving: Serving, judged: Decision | None = None, *, own: bool
) -> NextAction:
    """What to do next, by what was just observed; `judged` is None until this run has asked.

    A run may go on where nothing is decided yet if the operation is its `own`: it began it, or was
    is to resume it. A deploy of another run is aborted; a rollback, which waits for no
    verdict, is finished.
    """
    match operation.phase:
        case Phase.PUBLISH:
            return _finish(operation, serving, judged)
        case Phase.UNDO:
            return _take_back(operation, serving, judged)
        case Phase.RECORD | Phase.STAGE | Phase.VALIDATE | Phase.SHIFT | Phase.BAKE:
            goes_on = own or operation.decided or operation.kind is not EntryKind.DEPLOY
            if judged is Decision.ROLLBACK or not goes_on:
                return NextAction.UNDO
            if operation.ramp is None:
                return NextAction.COMMIT
            return _go_on(operation, operation.ramp, serving, judged)


def _go_on(
    operation: Operation, ramp: Ramp, serving: Serving, judged: Decision | None
) -> NextAction:
    """The way up: each phase's effect, then the next phase."""
    shifted = operation.phase in (Phase.SHIFT, Phase.BAKE)
    if shifted and traffic_percentage(serving, operation.to) != ramp.percent:
        return NextAction.SWITCH
    match operation.phase:
        case Phase.SHIFT if ramp.last:
            move = NextAction.ADVANCE if ramp.bake else NextAction.COMMIT
        case Phase.SHIFT:
            move = NextAction.ADVANCE if rises(ramp, judged) else NextAction.LOOK
        case Phase.BAKE:
            move = NextAction.BAKE if judged is None else NextAction.COMMIT
        case _ if judged is None and operation.phase in _EFFECTS:
            move = _EFFECTS[operation.phase]
        case _:
            move = NextAction.ADVANCE
    return move


def rises(ramp: Ramp, judged: Decision | None) -> bool:
    """Whether a canary gets its next share after a look.

    Without evidence of harm its share rises, which brings evidence sooner; all traffic it gets
    only when it was promoted.
    """
    next_is_all = ramp.step + 1 == len(ramp.steps) - 1
    return judged is Decision.PROMOTE or (judged is Decision.HOLD and not next_is_all)


_EFFECTS = {Phase.STAGE: NextAction.STAGE, Phase.VALIDATE: NextAction.VALIDATE}


def _finish(operation: Operation, serving: Serving, judged: Decision | None) -> NextAction:
    if traffic_percentage(serving, operation.to) != ALL:
        return NextAction.SWITCH
    if operation.ramp is not None and judged is None:
        return NextAction.PUBLISH
    return NextAction.CLOSE


def _take_back(operation: Operation, serving: Serving, judged: Decision | None) -> NextAction:
    """The way back: traffic first; only what is seen to have none is ended.

    Of a server that died, the share is taken too: whoever starts it again would give it traffic.
    """
    if operation.ramp is None:
        ours = serves(serving, operation.to) and operation.from_ is not None
        return NextAction.RESTORE if ours else NextAction.CLOSE
    died = lost(operation, serving)
    if traffic_percentage(serving, operation.to) > 0 or (died and judged is None):
        return NextAction.RESTORE
    if (died or staged(serving, operation.to)) and judged is not Decision.PROMOTE:
        return NextAction.RETIRE
    return NextAction.CLOSE


def may_take_over(
    ledger: JournalDocument,
    now: datetime,
    *,
    resumes: bool,
    rolls_back: bool,
    stood_still: bool = False,
    unheeded: bool = False,
    is_over: bool = False,
) -> bool:
    """Whether the lock of an unfinished operation may be taken.

    A lock that is held is never judged by comparing two machines' clocks: `now` decides only over a
    paused canary, on which nobody works. `rolls_back` is a rollback on a target that refuses the
    orders of those who were replaced: it waits `GRACE` for a deploy to yield, and not at all where
    the canary is paused.

    We have watched the journal for a whole lease where it `stood_still`, and a rollback's request
    for room for `GRACE` where it is `unheeded`. `is_over`: the holder's run is known to be.
    """
    if ledger.lock is None or ledger.lock.given_back:
        return True
    if ledger.parked_until is not None:
        return resumes or rolls_back or now >= ledger.lock.expires_at
    return is_over or stood_still or (rolls_back and unheeded)


def _is_standby(serving: Serving, release: Release) -> bool:
    standby = serving.standby
    return standby is not None and (standby.version, standby.digest) == (
        release.version,
        release.digest,
    )
