"""A lock whose holder's run is over, by the word of the CI system."""

from datetime import timedelta

import pytest

from cdml.delivery.operation.lock import POLL_SECONDS
from cdml.delivery.rollout.state_machine import GRACE, Decision
from cdml.errors import LockHeld, Overtaken
from fakes.delivery import World
from fakes.faults import Faults, Killed
from fakes.split_delivery import SplitWorld

HOLD = Decision.HOLD
OURS, THEIRS = "https://platform.test/runs/1", "https://platform.test/runs/7"
ELSEWHERE = "https://elsewhere.test/runs/7"


def killed(world, version, at, *, by=THEIRS):
    """A run at this address is killed after so many writes of a deploy."""
    world.ci_run.address = by
    with pytest.raises(Killed):
        world.deploy(version, faults=Faults(at))
    world.ci_run.address = OURS


def one_write(folder, *, by=THEIRS, at=1):
    """A served, B serves, and a run was killed while it deployed C."""
    world = World(folder)
    world.ship("A", "B")
    world.register("C", against="2")
    killed(world, "3", at, by=by)
    return world


def canary(folder, *, by=THEIRS):
    """A served and is warm, B serves, C has a share of the traffic and its run was killed."""
    world = SplitWorld(folder)
    world.ship("A", "B")
    world.register("C", against="2")
    world.checks.verdicts = [HOLD] * 9
    killed(world, "3", 11, by=by)
    assert world.ledger.operation.exposed
    return world


@pytest.fixture(params=[one_write, canary])
def begin(request):
    """Makes a world where a run was killed, with a target of each kind."""
    return request.param


def settled(world):
    assert (None, None, None) == (
        world.ledger.lock,
        world.ledger.operation,
        world.ledger.preempt,
    )
    assert world.ledger.current.version == world.serving == world.alias
    return world.serving


def test_a_deploy_takes_over_from_a_run_that_is_over(begin, tmp_path):
    world = begin(tmp_path)
    world.ci_run.over = {THEIRS}
    world.register("D", against="2")
    if world.checks is not None:
        world.checks.verdicts.clear()
    before, generation = world.clock.now(), world.ledger.generation
    assert before < world.ledger.lock.expires_at

    world.deploy("4")

    assert "4" == settled(world)
    assert generation + 2 == world.ledger.generation
    assert ["4", "2", "1"] == [entry.version for entry in world.ledger.entries]
    taken = world.journal.subjects.index("deploy: take over v2 → v3 from a run that is over")
    assert world.journal.subjects[taken + 1].startswith("deploy: undo v2 → v3")
    assert f"{THEIRS} has ended; taking over its operation." in world.progress.notes


def test_what_was_committed_is_finished_and_not_undone(tmp_path):
    world = one_write(tmp_path, at=5)
    assert world.ledger.operation.committed
    world.ci_run.over = {THEIRS}

    assert not world.deploy("3").changed
    assert "3" == settled(world)


def test_a_rollback_takes_over_without_waiting(begin, tmp_path):
    world = begin(tmp_path)
    world.ci_run.over = {THEIRS}
    before = world.clock.now()

    told = world.rollback(reason="alarms")

    assert before == world.clock.now()
    assert told.to.version == settled(world)
    assert not any("ask the deploy" in subject for subject in world.journal.subjects)


def test_a_canary_is_resumed_from_a_run_that_is_over(tmp_path):
    world = canary(tmp_path)
    world.ci_run.over = {THEIRS}
    world.checks.verdicts.clear()

    world.resume()

    assert "3" == settled(world)
    assert "deploy: resume v2 → v3 from a run that is over" in world.journal.subjects


@pytest.mark.parametrize(
    ("over", "refuses", "by"),
    [
        ((), False, THEIRS),
        ((THEIRS,), True, THEIRS),
        ((OURS,), False, OURS),
        ((ELSEWHERE,), False, ELSEWHERE),
        ((), False, None),
    ],
    ids=["it goes on", "the CI system refuses", "it is this run", "it is elsewhere", "a terminal"],
)
def test_a_lock_is_kept_where_nobody_says_that_its_run_is_over(begin, tmp_path, over, refuses, by):
    world = begin(tmp_path, by=by)
    world.ci_run.over, world.ci_run.refuses = set(over), refuses
    before = world.ledger

    with pytest.raises(LockHeld, match="holds the lock"):
        world.deploy("3")

    assert before == world.ledger
    assert ([THEIRS] if by == THEIRS else []) == world.ci_run.asked


def test_this_run_is_not_asked_about_even_where_the_platform_would_say_yes(begin, tmp_path):
    world = begin(tmp_path, by=OURS)
    world.ci_run.is_over = lambda url: url == OURS

    with pytest.raises(LockHeld):
        world.deploy("3")


def test_a_platform_that_refuses_says_once_what_it_needs(tmp_path):
    world = one_write(tmp_path)
    world.ci_run.refuses = True

    world.rollback()

    told = [note for note in world.progress.notes if "has ended: " in note]
    assert 1 == len(told)
    assert "does not let this token look at a run. Grant it." in told[0]


def test_a_parked_canary_is_no_run_that_died(tmp_path):
    world = SplitWorld(tmp_path, "{steps: [5, 25, 100], timeout: 2h, park: 20m}")
    world.ship("A")
    world.register("B", against="1")
    world.ci_run.address, world.ci_run.over = THEIRS, {THEIRS}
    world.deploy("2")
    world.ci_run.address = OURS

    with pytest.raises(LockHeld, match="paused a canary until"):
        world.deploy("2")

    assert [] == world.ci_run.asked


def test_a_rollback_asks_now_and_then_while_it_waits(tmp_path):
    world = one_write(tmp_path)
    begun = world.clock.now()
    every = timedelta(seconds=POLL_SECONDS)
    ends = begun + 2 * every + timedelta(seconds=1)
    known = world.ci_run.is_over
    world.ci_run.is_over = lambda url: known(url) or world.clock.now() >= ends

    world.rollback()

    waited = world.clock.now() - begun
    assert ends - begun <= waited < ends - begun + every + timedelta(seconds=2)
    assert 3 == len(world.ci_run.asked)


def test_a_rollback_is_no_slower_for_a_platform_that_cannot_say(tmp_path):
    world = canary(tmp_path)
    world.ci_run.refuses = True
    begun = world.clock.now()

    world.rollback()

    assert world.clock.now() - begun < GRACE + timedelta(seconds=5)


def test_what_a_run_wrote_before_it_ended_is_seen(tmp_path):
    """Between our look at the journal and the CI system's word, it committed and ended."""
    world = one_write(tmp_path)

    def ends(url):
        world.ci_run.is_over = lambda _: False
        world.wait_out_the_lease()
        world.deploy("3")
        assert "3" == world.serving
        return url == THEIRS

    world.ci_run.is_over = ends

    assert not world.deploy("3").changed
    assert "3" == settled(world)


def test_a_run_that_was_given_up_too_soon_touches_nothing_more(tmp_path):
    """A runner that lost its way to the CI system may go on: its orders are not taken."""
    world = SplitWorld(tmp_path)
    world.ship("A", "B")
    world.register("C", against="2")
    world.checks.verdicts = [HOLD] * 9
    world.ci_run.address, world.ci_run.over = THEIRS, {THEIRS}
    slept = world.clock.sleep

    def overtaken(seconds):
        world.clock.sleep = slept
        world.ci_run.address = OURS
        world.rollback(to="1")
        world.ci_run.address = THEIRS
        slept(seconds)

    world.clock.sleep = overtaken
    with pytest.raises(Overtaken, match=r"took over.*v1 serves production now"):
        world.deploy("3")

    assert "1" == settled(world)
