from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from cdml.delivery.rollout import transitions
from cdml.delivery.rollout.state_machine import NextAction, Situation, next_move, standing
from cdml.delivery.rollout.transitions import LEASE
from cdml.errors import InputError
from cdml.journal import file as document
from cdml.journal.port import Snapshot
from cdml.journal.records import EntryKind, JournalDocument, Lock, Operation, Phase, Serving
from fakes.journals import ledger_of, release

NOW = datetime(2026, 5, 1, 12, 0, tzinfo=UTC)
LATER = NOW + timedelta(minutes=1)
A, B, C = release(1), release(2), release(3)
NOTHING = Serving(version=None, digest=None)
UNCOMMITTED = [Phase.RECORD, Phase.STAGE, Phase.VALIDATE, Phase.SHIFT, Phase.BAKE]


def seen(of):
    return Serving(version=of.version, digest=None)


def operation(to=B, from_=A, kind=EntryKind.DEPLOY, **words):
    fields = {"id": "op2", "phase": Phase.RECORD, "started_at": NOW, "reason": "why", **words}
    return Operation(kind=kind, from_=from_, to=to, **fields)


def begun(ledger=None, **words):
    return transitions.begin(ledger or ledger_of(A), operation(**words), NOW).ledger


def committed(**words):
    return transitions.commit(begun(**words), NOW).ledger


@pytest.mark.parametrize(
    ("ledger", "serving", "expected"),
    [
        (ledger_of(), NOTHING, Situation.EMPTY),
        (ledger_of(), seen(A), Situation.UNKNOWN),
        (ledger_of(A), seen(A), Situation.AGREED),
        (ledger_of(A), seen(B), Situation.DRIFTED),
        (ledger_of(A), NOTHING, Situation.DRIFTED),
        (begun(), seen(A), Situation.UNFINISHED),
    ],
)
def test_what_a_run_finds_is_told_by_journal_and_target(ledger, serving, expected):
    assert expected == standing(ledger, serving)


def test_a_target_that_knows_another_digest_of_the_same_version_has_drifted():
    assert Situation.DRIFTED == standing(ledger_of(A), Serving(version="1", digest=B.digest))


@pytest.mark.parametrize("phase", UNCOMMITTED)
def test_an_uncommitted_operation_is_committed_by_its_own_run_and_undone_by_another(phase):
    under_way = operation(phase=phase)

    assert NextAction.COMMIT == next_move(under_way, seen(A), own=True)
    assert NextAction.UNDO == next_move(under_way, seen(A), own=False)


@pytest.mark.parametrize("own", [True, False])
@pytest.mark.parametrize(
    ("serving", "expected"),
    [
        (seen(A), NextAction.SWITCH),
        (NOTHING, NextAction.SWITCH),
        (seen(C), NextAction.SWITCH),
        (seen(B), NextAction.CLOSE),
    ],
)
def test_a_committed_operation_is_only_ever_finished(serving, expected, own):
    assert expected == next_move(operation(phase=Phase.PUBLISH), serving, own=own)


@pytest.mark.parametrize(
    ("serving", "expected"),
    [
        (seen(B), NextAction.RESTORE),
        (seen(A), NextAction.CLOSE),
        (seen(C), NextAction.CLOSE),
        (NOTHING, NextAction.CLOSE),
    ],
)
def test_undoing_takes_back_what_the_operation_did_and_nothing_else(serving, expected):
    assert expected == next_move(operation(phase=Phase.UNDO), serving, own=True)


def test_undoing_a_first_deployment_has_nothing_to_restore():
    assert NextAction.CLOSE == next_move(
        operation(from_=None, phase=Phase.UNDO), seen(B), own=False
    )


def test_each_holder_of_the_lock_gets_a_higher_fence():
    first = begun()
    second = transitions.take_over(first, holder="op3", run=None, now=LATER).ledger

    assert (0, 1, 2) == (ledger_of(A).generation, first.generation, second.generation)
    assert Lock(operation="op3", run=None, expires_at=LATER + LEASE) == second.lock
    assert first.operation == second.operation


def test_commit_makes_the_new_release_current_and_remembers_the_old():
    ledger = committed()

    assert B == ledger.current.release
    assert (A,) == tuple(entry.release for entry in ledger.previous)
    assert ("op2", A, "why", NOW) == (
        ledger.current.operation,
        ledger.current.from_,
        ledger.current.reason,
        ledger.current.at,
    )
    assert ledger.operation.committed


def test_each_write_renews_the_lease():
    assert transitions.commit(begun(), LATER).ledger.lock.expires_at == LATER + LEASE


@pytest.mark.parametrize("phase", UNCOMMITTED)
def test_undo_before_the_commit_leaves_what_served(phase):
    ledger = begun()
    ledger = replace(ledger, operation=replace(ledger.operation, phase=phase))

    undone = transitions.close(transitions.undo(ledger, NOW).ledger, NOW).ledger

    assert replace(ledger_of(A), generation=1) == undone


@pytest.mark.parametrize("before", [ledger_of(), ledger_of(A), ledger_of(A, C)])
def test_undo_after_the_commit_gives_back_what_served(before):
    from_ = before.current.release if before.current else None
    ledger = transitions.commit(begun(before, from_=from_), NOW).ledger

    undone = transitions.close(transitions.undo(ledger, NOW).ledger, NOW).ledger

    assert replace(before, generation=1) == undone


def test_close_lets_go_of_the_lock():
    ledger = transitions.close(committed(), LATER).ledger

    assert (None, None) == (ledger.lock, ledger.operation)


def test_a_rollback_quarantines_what_it_took_back():
    ledger = transitions.close(committed(to=A, from_=B, kind=EntryKind.ROLLBACK), LATER).ledger

    bad = ledger.quarantine(B.digest)
    assert ("2", "why", "op2") == (bad.version, bad.reason, bad.operation)
    assert ledger.quarantine(A.digest) is None


def test_a_deploy_quarantines_nothing_and_frees_what_was_shipped_knowingly():
    rolled_back = transitions.close(committed(to=A, from_=B, kind=EntryKind.ROLLBACK), NOW).ledger
    again = transitions.begin(rolled_back, operation(id="op4"), NOW).ledger

    ledger = transitions.close(transitions.commit(again, NOW).ledger, NOW).ledger

    assert () == ledger.quarantined


def test_a_rollback_that_was_undone_quarantines_nothing():
    ledger = transitions.undo(committed(to=A, from_=B, kind=EntryKind.ROLLBACK), NOW).ledger

    assert () == transitions.close(ledger, NOW).ledger.quarantined


def test_effects_are_journaled_as_intended_and_then_as_done():
    states = [
        [(effect.name, effect.state) for effect in ledger.operation.effects]
        for ledger in (begun(), committed(), transitions.undo(committed(), NOW).ledger)
    ]

    assert [
        [("record", "intended")],
        [("record", "done"), ("switch", "intended")],
        [("record", "done"), ("switch", "intended"), ("restore", "intended")],
    ] == states


def test_the_journal_forgets_what_is_too_old():
    many = replace(ledger_of(A), previous=ledger_of(A, C).entries * 600)

    assert transitions.MOST_ENTRIES == len(transitions.commit(begun(many), NOW).ledger.previous)


@pytest.mark.parametrize(
    ("transition", "subject"),
    [
        (transitions.begin(ledger_of(A), operation(), NOW), "deploy: begin v1 → v2 in production"),
        (
            transitions.begin(ledger_of(), operation(from_=None), NOW),
            "deploy: begin nothing → v2 in production",
        ),
        (transitions.commit(begun(), NOW), "deploy: v2 serves production"),
        (transitions.close(committed(), NOW), "deploy: v2 is verified in production"),
        (transitions.undo(begun(), NOW), "deploy: undo v1 → v2 in production"),
        (
            transitions.commit(begun(to=A, from_=B, kind=EntryKind.ROLLBACK), NOW),
            "rollback: v1 serves production",
        ),
    ],
)
def test_the_subject_of_each_entry_says_what_happened(transition, subject):
    assert subject == transition.subject


def parse(content):
    return document.parse_journal(
        Snapshot(document=content, commit="c"), model="flights", environment="production"
    )


@pytest.mark.parametrize(
    "ledger",
    [ledger_of(), ledger_of(A, B), begun(), committed(), transitions.undo(committed(), NOW).ledger],
    ids=["empty", "settled", "begun", "committed", "undone"],
)
def test_the_document_comes_back_from_json_as_it_was(ledger):
    assert ledger == parse(document.dump_journal(ledger))


def test_the_document_speaks_of_from_and_schema():
    content = document.dump_journal(committed())

    assert "cdml.journal/1" == content["schema"]
    assert "1" == content["operation"]["from"]["version"]
    assert ("2", B.digest) == (content["current"]["version"], content["current"]["digest"])


BROKEN = [
    ({"schema": "cdml.journal/2"}, "schema"),
    ({"model": "other"}, "other"),
    ({"environment": "staging"}, "staging"),
    ({"generation": "many"}, "generation"),
    ({"surprise": 1}, "surprise"),
    ({"lock": None}, "without a lock"),
    ({"current": {"version": "1", "digest": "md5:1", "source": "s"}}, "current"),
]


@pytest.mark.parametrize(("change", "told"), BROKEN, ids=[told for _, told in BROKEN])
def test_a_document_that_is_not_ours_is_an_input_error(change, told):
    with pytest.raises(InputError, match=told):
        parse({**document.dump_journal(begun()), **change})


def test_no_document_is_an_empty_journal():
    assert JournalDocument(model="flights", environment="production") == parse(None)
