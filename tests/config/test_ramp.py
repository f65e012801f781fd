"""The way of a release through its shares, as a function of what is known."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from cdml.config.traffic_steps import Ramp
from cdml.delivery.rollout import transitions
from cdml.delivery.rollout.state_machine import (
    GRACE,
    Decision,
    NextAction,
    may_take_over,
    next_move,
    staged,
    traffic_percentage,
)
from cdml.journal import file as document
from cdml.journal.port import Snapshot
from cdml.journal.records import EntryKind, Operation, Phase, Preempt, Serving, TrafficShare
from fakes.journals import ledger_of, release

NOW = datetime(2026, 5, 1, 12, 0, tzinfo=UTC)
A, B = release(1), release(2)
RAMP = Ramp(steps=(5, 25, 100))
HOLD, PROMOTE, HARM = Decision.HOLD, Decision.PROMOTE, Decision.ROLLBACK


def at(percent):
    """A serves, B has this share."""
    if percent > 50:
        return Serving(version="2", digest=B.digest, server="b", standby=standby(A, 100 - percent))
    return Serving(version="1", digest=A.digest, server="a", standby=standby(B, percent))


def standby(of, percent):
    return TrafficShare(version=of.version, digest=of.digest, percent=percent, server="x")


ALONE = Serving(version="1", digest=A.digest, server="a")


def operation(phase, step=0, kind=EntryKind.DEPLOY, ramp=RAMP, **words):
    return Operation(
        id="op",
        kind=kind,
        from_=A,
        to=B,
        phase=phase,
        started_at=NOW,
        ramp=replace(ramp, step=step),
        **words,
    )


@pytest.mark.parametrize(
    ("phase", "step", "serving", "judged", "expected"),
    [
        (Phase.RECORD, 0, ALONE, None, NextAction.ADVANCE),
        (Phase.STAGE, 0, ALONE, None, NextAction.STAGE),
        (Phase.STAGE, 0, at(0), PROMOTE, NextAction.ADVANCE),
        (Phase.VALIDATE, 0, at(0), None, NextAction.VALIDATE),
        (Phase.VALIDATE, 0, at(0), PROMOTE, NextAction.ADVANCE),
        (Phase.SHIFT, 0, at(0), None, NextAction.SWITCH),
        (Phase.SHIFT, 0, at(5), None, NextAction.LOOK),
        (Phase.SHIFT, 0, at(5), HOLD, NextAction.ADVANCE),
        (Phase.SHIFT, 0, at(5), HARM, NextAction.UNDO),
        (Phase.SHIFT, 1, at(5), None, NextAction.SWITCH),
        (Phase.SHIFT, 1, at(25), HOLD, NextAction.LOOK),
        (Phase.SHIFT, 1, at(25), PROMOTE, NextAction.ADVANCE),
        (Phase.SHIFT, 2, at(25), None, NextAction.SWITCH),
        (Phase.SHIFT, 2, at(100), None, NextAction.COMMIT),
        (Phase.PUBLISH, 2, at(100), None, NextAction.PUBLISH),
        (Phase.PUBLISH, 2, at(100), PROMOTE, NextAction.CLOSE),
        (Phase.PUBLISH, 2, at(50), None, NextAction.SWITCH),
        (Phase.UNDO, 1, at(25), None, NextAction.RESTORE),
        (Phase.UNDO, 1, at(100), None, NextAction.RESTORE),
        (Phase.UNDO, 1, at(0), None, NextAction.RETIRE),
        (Phase.UNDO, 1, at(0), PROMOTE, NextAction.CLOSE),
        (Phase.UNDO, 1, ALONE, None, NextAction.CLOSE),
    ],
)
def test_what_comes_next_is_told_by_phase_target_and_judge(phase, step, serving, judged, expected):
    assert expected == next_move(operation(phase, step), serving, judged, own=True)


@pytest.mark.parametrize("phase", [Phase.RECORD, Phase.STAGE, Phase.VALIDATE, Phase.SHIFT])
def test_what_another_run_left_undecided_is_taken_back_unless_it_is_a_rollback(phase):
    assert NextAction.UNDO == next_move(operation(phase), at(5), own=False)
    rollback = operation(phase, kind=EntryKind.ROLLBACK, ramp=Ramp())
    assert NextAction.UNDO != next_move(rollback, at(5), own=False)


@pytest.mark.parametrize(
    ("phase", "serving", "expected"),
    [
        (Phase.SHIFT, at(25), NextAction.SWITCH),
        (Phase.SHIFT, at(100), NextAction.COMMIT),
        (Phase.BAKE, at(100), NextAction.BAKE),
    ],
)
def test_what_another_run_left_decided_is_finished(phase, serving, expected):
    assert expected == next_move(operation(phase, 2), serving, own=False)


def test_shares_are_read_from_both_sides():
    assert [(100, 0), (95, 5), (0, 100)] == [
        (traffic_percentage(seen, A), traffic_percentage(seen, B))
        for seen in (ALONE, at(5), at(100))
    ]
    assert (False, True, True) == (staged(ALONE, B), staged(at(0), B), staged(at(100), A))


@pytest.mark.parametrize("steps", [(), (5,), (5, 5, 100), (25, 5, 100), (0, 100), (50, 101)])
def test_shares_that_do_not_rise_to_all_are_none(steps):
    with pytest.raises(ValueError, match="rise to 100"):
        Ramp(steps=steps)


def under_way(judged=None, count=3, **words):
    """The ledger after so many steps on the way up."""
    ledger = transitions.begin(ledger_of(A), operation(Phase.RECORD, **words), NOW).ledger
    for _ in range(count):
        ledger = transitions.advance(ledger, judged, NOW).ledger
    return ledger


def test_a_promotion_skips_the_steps_between():
    ledger = transitions.advance(under_way(), PROMOTE, NOW).ledger

    assert (2, True, Phase.SHIFT) == (
        ledger.operation.ramp.step,
        ledger.operation.decided,
        ledger.operation.phase,
    )


def test_parking_keeps_the_lock_until_it_expires():
    ledger = under_way(ramp=replace(RAMP, park=600.0))
    parked = transitions.park(ledger, NOW).ledger
    until = NOW + timedelta(minutes=10)

    assert (until, until) == (parked.parked_until, parked.lock.expires_at)
    taken = transitions.take_over(parked, holder="x", run=None, now=NOW, resumes=True).ledger
    assert (None, parked.generation + 1) == (taken.parked_until, taken.generation)


@pytest.mark.parametrize(
    ("parked", "asked", "after", "who", "expected"),
    [
        (False, None, 0, "deploy", False),
        (False, None, 0, "resume", False),
        (False, None, 0, "rollback", False),
        (False, 0, 0, "rollback", False),
        (False, 0, 1, "rollback", True),
        (False, 0, 1, "deploy", False),
        (True, None, 0, "deploy", False),
        (True, None, 0, "resume", True),
        (True, None, 0, "rollback", True),
        (True, None, 99, "deploy", True),
        (False, None, 99, "deploy", False),
    ],
)
def test_who_may_take_over_and_when(parked, asked, after, who, expected):
    ledger = under_way(ramp=replace(RAMP, park=600.0))
    if parked:
        ledger = transitions.park(ledger, NOW).ledger
    if asked is not None:
        ledger = transitions.preempt(ledger, Preempt(operation="rb", at=NOW)).ledger

    assert expected == may_take_over(
        ledger,
        NOW + after * GRACE,
        resumes=who == "resume",
        rolls_back=who == "rollback",
        unheeded=asked is not None and after > 0,
    )
    still = may_take_over(ledger, NOW, resumes=False, rolls_back=False, stood_still=True)
    assert still is not parked
    given_back = transitions.give_back(under_way()).ledger
    assert may_take_over(given_back, NOW, resumes=False, rolls_back=False)


@pytest.mark.parametrize("parked", [False, True])
def test_who_is_over_is_taken_over_from_unless_its_canary_is_parked(parked):
    ledger = under_way(ramp=replace(RAMP, park=600.0))
    if parked:
        ledger = transitions.park(ledger, NOW).ledger

    taken = may_take_over(ledger, NOW, resumes=False, rolls_back=False, is_over=True)
    assert taken is not parked


def test_what_was_harmful_is_quarantined_and_what_was_slow_is_not():
    for harmful in (True, False):
        undone = transitions.undo(under_way(), NOW, why="too many errors", harmful=harmful)
        closed = transitions.close(undone.ledger, NOW).ledger

        assert [B.digest] * harmful == [bad.digest for bad in closed.quarantined]
        assert A == closed.current.release


@pytest.mark.parametrize("ledger", [under_way(), under_way(ramp=replace(RAMP, state={"n": 1.5}))])
def test_the_document_comes_back_from_json_as_it_was(ledger):
    content = document.dump_journal(ledger)

    assert ledger == parse(content)


def test_documents_of_before_there_were_shares_still_read():
    content = dict(document.dump_journal(under_way(count=0)))
    content["operation"] = {
        name: value
        for name, value in content["operation"].items()
        if name not in ("ramp", "trouble", "harmful")
    }
    del content["preempt"]

    found = parse(content)
    assert (None, "", False, None) == (
        found.operation.ramp,
        found.operation.trouble,
        found.operation.harmful,
        found.preempt,
    )


def parse(content):
    snapshot = Snapshot(document=content, commit="c")
    return document.parse_journal(snapshot, model="flights", environment="production")
