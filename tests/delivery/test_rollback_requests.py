"""A rollback that is run again is the same rollback; two that are intended are two."""

from dataclasses import replace

import pytest

from cdml.errors import CdmlError, ConfigurationError, RollbackFailed
from cdml.evidence import store
from cdml.evidence.schema import Deployment
from fakes.delivery import World
from fakes.faults import Faults, Killed, unanswered

RUN = "https://platform.test/runs/7/attempts/{}"
WRITES = 12
"""More than a rollback makes."""


@pytest.fixture
def world(tmp_path):
    world = World(tmp_path)
    world.ship("A", "B", "C")
    return world


def in_a_terminal(world):
    world.ci_run.address = None


def settled(world):
    """What serves, and what is quarantined, once nothing is under way."""
    ledger = world.ledger
    assert ledger.operation is None
    assert ledger.lock is None
    assert world.serving == ledger.current.version
    return world.serving, [bad.version for bad in ledger.quarantined]


@pytest.mark.parametrize("terminal", [True, False], ids=["terminal", "CI"])
@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("write", range(WRITES))
def test_killed_at_any_write_and_run_again_it_is_one_step_back(world, write, when, terminal):
    world.ci_run.address = None if terminal else RUN.format(1)
    try:
        world.rollback(faults=Faults(write, when=when))
    except Killed:
        world.wait_out_the_lease()
        world.ci_run.address = None if terminal else RUN.format(2)
        world.rollback()

    assert ("2", ["3"]) == settled(world)


@pytest.mark.parametrize("write", range(WRITES))
def test_an_answer_that_is_lost_and_asked_for_again_is_one_step_back(world, write):
    in_a_terminal(world)
    try:
        world.rollback(faults=Faults(write, when="after", how=unanswered, times=3))
    except CdmlError:
        world.wait_out_the_lease()
        world.rollback()

    assert ("2", ["3"]) == settled(world)


def test_what_was_done_already_is_told_with_when_and_by_whom(world):
    world.ci_run.address = RUN.format(1)
    world.rollback()
    world.ci_run.address = RUN.format(2)

    told = world.rollback()

    assert ("pass", False, "2") == (told.verdict, told.changed, told.to.version)
    assert "this rollback was done at" in told.reason
    assert "--request-id" in told.reason


def test_a_job_that_is_run_again_weeks_later_takes_nothing_back(world):
    world.ci_run.address = RUN.format(1)
    world.rollback()
    world.ci_run.address = "https://platform.test/runs/8/attempts/1"
    world.ship("D")
    world.ci_run.address = RUN.format(2)

    assert not world.rollback().changed
    assert "4" == world.serving


def test_two_rollbacks_in_a_terminal_are_two(world):
    in_a_terminal(world)

    assert ["2", "1"] == [world.rollback().to.version for _ in range(2)]


def test_two_runs_are_two_rollbacks(world):
    world.ci_run.address = RUN.format(1)
    world.rollback()
    world.ci_run.address = "https://platform.test/runs/8/attempts/1"

    assert "1" == world.rollback().to.version


def test_two_versions_named_in_one_run_are_two_rollbacks(world):
    world.ci_run.address = RUN.format(1)

    assert ["2", "1"] == [world.rollback(to=version).to.version for version in ("2", "1")]


def test_equal_request_ids_are_one_rollback_whatever_the_run(world):
    world.ci_run.address = RUN.format(1)
    world.rollback(request_id="incident-42")
    world.ci_run.address = None

    assert not world.rollback(request_id="incident-42").changed
    assert "2" == world.serving


def test_what_this_machine_forgot_to_see_the_end_of_does_not_bind_it_for_ever(world):
    in_a_terminal(world)
    with pytest.raises(Killed):
        world.rollback(faults=Faults(3, when="after"))
    world.wait_out_the_lease()
    world.ship("D")  # finishes what was left, and then serves

    assert "2" == world.rollback().to.version
    assert ("2", ["4", "3"]) == settled(world)


def test_a_rollback_that_failed_is_tried_again_and_not_taken_for_done(world, monkeypatch):
    in_a_terminal(world)
    source = world.registry.versions["flights", "2"].source
    broken = replace(world.registry.versions["flights", "2"], source="elsewhere")
    monkeypatch.setitem(world.registry.versions, ("flights", "2"), broken)
    with pytest.raises(RollbackFailed):
        world.rollback()
    whole = replace(broken, source=source)
    monkeypatch.setitem(world.registry.versions, ("flights", "2"), whole)

    assert "2" == world.rollback().to.version


def test_a_request_id_has_a_limit(world):
    with pytest.raises(ConfigurationError, match="201 characters"):
        world.rollback(request_id="x" * 201)


def test_trouble_after_the_switch_names_what_serves_and_not_what_served(world):
    """The journal takes no more writes once the alias is moved: the look comes after that."""
    in_a_terminal(world)
    clean = Faults()
    world.rollback(faults=clean)
    world.ship("D")
    close = len(clean.seen) - 1
    assert "journal.write" == clean.seen[close]
    broken = Faults(close, when="before", how=unanswered, times=9)

    with pytest.raises(RollbackFailed, match="v2 serves production now") as caught:
        world.rollback(faults=broken)

    assert "v4 serve" not in str(caught.value)
    found = store.read_evidence(world.output, Deployment)
    assert ("fail", True) == (found.verdict, found.changed)
    assert "v2 serves production now" in found.reason


def test_a_request_that_was_answered_takes_back_what_somebody_moved_since(world):
    world.ci_run.address = RUN.format(1)
    world.rollback()
    world.move_alias("1")
    world.ci_run.address = RUN.format(2)

    assert "2" == world.rollback().to.version
    assert "2" == world.serving
