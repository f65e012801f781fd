"""Who can push a branch cannot deploy: what only the journal says is not believed."""

from dataclasses import replace
from datetime import timedelta

import pytest

from cdml.config.traffic_steps import Ramp
from cdml.errors import InputError, RollbackFailed
from cdml.journal import file as document
from cdml.journal.records import GIVEN_BACK, Entry, EntryKind, Lock, Operation, Phase, Release
from fakes.delivery import World
from fakes.split_delivery import SplitWorld


@pytest.fixture
def world(tmp_path):
    world = World(tmp_path)
    world.ship("A")
    world.evil = released(world.register("evil", kept=False))
    return world


def released(version):
    return Release(version=version.version, digest=version.digest, source=version.source)


def entry(world, release, **words):
    common = {
        "from_": None,
        "kind": EntryKind.DEPLOY,
        "operation": "f" * 16,
        "at": world.clock.now(),
    }
    written = {"version": release.version, "digest": release.digest, "source": release.source}
    return Entry(**{**common, **written, **words})


def push(world, **changes):
    """What somebody with write access to branches makes of the journal."""
    forged = replace(world.ledger, **changes)
    world.journal.write(
        document.dump_journal(forged), "deploy: forged", world.journal.read().commit
    )


def open_operation(world, **words):
    now = world.clock.now()
    common = {
        "id": "f" * 16,
        "kind": EntryKind.DEPLOY,
        "from_": world.ledger.current.release,
        "to": world.evil,
        "phase": Phase.PUBLISH,
        "started_at": now,
    }
    return {
        "operation": Operation(**{**common, **words}),
        "lock": Lock(operation="f" * 16, run=None, expires_at=GIVEN_BACK),
    }


def test_a_commit_that_was_pushed_is_taken_back_and_not_finished(world):
    current = entry(world, world.evil, from_=world.ledger.current.release)
    push(world, current=current, previous=(world.ledger.current,), **open_operation(world))
    world.register("B", against="1")

    assert "3" == world.deploy("3").to.version
    assert ("3", "1") == (world.serving, world.previous)
    assert all(one.version != "2" for one in world.ledger.entries)


@pytest.mark.parametrize("kind", [EntryKind.ROLLBACK, EntryKind.REPAIR])
def test_an_operation_that_waits_for_no_verdict_is_not_finished_either(world, kind):
    push(world, **open_operation(world, kind=kind, phase=Phase.RECORD))

    world.register("B", against="1")
    world.deploy("3")

    assert ("3", "1") == (world.serving, world.previous)


def test_a_past_that_was_pushed_is_no_target_of_a_rollback(world):
    push(world, previous=(entry(world, world.evil),))

    with pytest.raises(InputError, match=r"recorded only in the journal: v2"):
        world.rollback()

    assert "1" == world.serving


def test_a_rollback_passes_over_what_was_pushed_and_goes_on_to_what_served(world):
    world.register("B", against="1")
    world.deploy("3")
    push(world, previous=(entry(world, world.evil), *world.ledger.previous))

    assert "1" == world.rollback().to.version
    assert any("Skipping v2" in note for note in world.progress.notes)


def test_a_version_that_was_pushed_is_refused_by_its_name_too(world):
    push(world, previous=(entry(world, world.evil),))

    with pytest.raises(RollbackFailed, match="v2 has no evidence that it passed"):
        world.rollback(to="2")


def test_what_an_operation_would_lead_back_to_is_not_believed_either(world):
    good = released(world.register("B", against="1"))
    forged = open_operation(world, to=good, from_=world.evil, phase=Phase.UNDO)
    push(world, **forged)
    world.move_alias("3")

    with pytest.raises(InputError, match="would restore v2, but nothing vouches"):
        world.rollback()

    assert "3" == world.serving


def test_a_repair_does_not_follow_a_forged_journal(world):
    push(world, current=entry(world, world.evil))

    with pytest.raises(InputError, match="v2 has no evidence that it passed"):
        world.deploy(cure="repair", reason="x")

    assert "1" == world.serving


def test_an_approval_counts_for_the_bytes_it_was_given_for(world):
    world.register("B", against="1")
    world.deploy("3")
    version = world.registry.version("flights", "1")
    approved = version.tags["cdml.approved.production"]

    assert version.digest == approved
    push(world, previous=(entry(world, replace(released(version), digest=world.evil.digest)),))
    with pytest.raises(RollbackFailed, match="different version under this number"):
        world.rollback()


def test_an_earlier_journal_is_believed_where_the_evidence_bears_it_out(world):
    world.register("B", against="1")
    world.deploy("3")
    for version in world.registry.versions.values():
        version.tags.pop("cdml.approved.production", None)

    assert "1" == world.rollback().to.version


def test_what_was_adopted_is_approved_and_can_be_gone_back_to(tmp_path):
    world = World(tmp_path)
    world.register("A", kept=False)
    world.move_alias("1")
    world.register("B", against="1")
    world.deploy("2")

    assert "1" == world.rollback().to.version


def test_a_pushed_canary_is_taken_back_when_it_is_resumed(tmp_path):
    world = SplitWorld(tmp_path)
    world.ship("A")
    evil = released(world.register("evil", kept=False))
    now = world.clock.now()
    forged = Operation(
        id="f" * 16,
        kind=EntryKind.DEPLOY,
        from_=world.ledger.current.release,
        to=evil,
        phase=Phase.SHIFT,
        started_at=now,
        ramp=Ramp(steps=(5, 100), step=1, since=now, park=60.0),
    )
    lock = Lock(operation="f" * 16, run=None, expires_at=now + timedelta(hours=1))
    push(world, operation=forged, lock=lock, parked_until=now + timedelta(hours=1))

    with pytest.raises(Exception, match="v2 has no evidence that it passed"):
        world.resume()

    assert world.ledger.operation is None
    assert "1" == world.ledger.current.version


@pytest.mark.parametrize(
    ("field", "text"),
    [
        ("version", "2\nExecStart=/bin/sh"),
        ("version", "../../etc"),
        ("version", "$(id)"),
        ("version", "２"),
        ("source", "file:///x\x1b[2J"),
        ("operation", "f\x00"),
        ("reason", "x" * 5000),
        ("run", "https://ci.test/\r\nSet-Cookie: x"),
    ],
)
def test_a_text_that_cdml_never_writes_is_refused_before_anything_is_done(world, field, text):
    pushed = dict(document.dump_journal(world.ledger))
    pushed["current"] = {**pushed["current"], field: text}
    world.journal.write(pushed, "forged", world.journal.read().commit)

    with pytest.raises(InputError, match="journal of flights in production"):
        world.rollback()

    assert "1" == world.serving
