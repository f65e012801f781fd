"""Leases: nobody's clock is compared with another's, and a late write is never left unseen."""

import tempfile
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    rule,
    run_state_machine_as_test,
)

from cdml.delivery.rollout.transitions import LEASE
from cdml.errors import CdmlError, LockHeld, Overtaken, RollbackFailed, ServiceError
from cdml.journal.port import Moved
from fakes.clock import FakeClock
from fakes.delivery import World
from fakes.faults import Faults, Killed, unanswered
from fakes.progress import FakeProgress
from support.delivery_scenarios import agreed, shipped

THIRD = LEASE / 3


class Machine(World):
    """Another machine on the same registry and journal, with a clock and a memory of its own."""

    def __init__(self, world, name, skew=timedelta()):
        folder = world.folder.parent / name
        folder.mkdir()
        super().__init__(folder)
        self.registry, self.journal = world.registry, world.journal
        self.ci_run, self.code_host = world.ci_run, world.code_host
        self.clock = FakeClock(world.clock.time + skew)
        self.clock.boot = name
        self.progress = FakeProgress()


class During(Faults):
    """In the middle of a call of this name, something else happens; then it takes effect."""

    def __init__(self, name, happens, number=1):
        super().__init__()
        self.name, self.happens, self.number = name, happens, number

    def call(self, name, write, arguments, words):
        self.seen.append(name)
        if name == self.name and self.seen.count(name) == self.number:
            self.happens()
        return write(*arguments, **words)


@pytest.fixture
def world(tmp_path):
    return shipped(tmp_path / "ours")


@pytest.mark.parametrize("minutes", [-600, -4, 0, 4, 600])
def test_a_live_lock_is_never_taken_whatever_the_clocks_say(world, minutes):
    other = Machine(world, "other", timedelta(minutes=minutes))
    before = []

    def another_deploys():
        before.append(other.ledger)
        with pytest.raises(LockHeld):
            other.deploy("1")
        assert before == [other.ledger]

    assert world.deploy("3", faults=During("registry.set_alias", another_deploys)).changed
    assert before
    assert "3" == agreed(world)


def test_a_slow_effect_renews_its_lease_at_every_third(world):
    other = Machine(world, "other")

    def slow():
        for _ in range(8):
            world.clock.pass_by(THIRD)
            other.clock.pass_by(THIRD)
            with pytest.raises(LockHeld):
                other.deploy("1")

    world.deploy("3", faults=During("registry.set_alias", slow))

    assert 8 == sum("still at v2 → v3 (publish)" in one for one in world.journal.subjects)
    assert "3" == agreed(world)


def test_the_dead_are_taken_over_from_after_a_whole_lease_before_our_eyes(world):
    with pytest.raises(Killed):
        world.deploy("3", faults=Faults(1))
    other = Machine(world, "other", timedelta(hours=9))
    for passed in (timedelta(), LEASE - timedelta(seconds=1)):
        other.clock.pass_by(passed)
        with pytest.raises(LockHeld):
            other.deploy("3")
    other.clock.pass_by(timedelta(seconds=1))

    other.deploy("3")

    assert "3" == agreed(world)


def test_what_was_seen_before_the_machine_started_anew_counts_for_nothing(world):
    with pytest.raises(Killed):
        world.deploy("3", faults=Faults(1))
    for boot in ("one", "two"):
        world.clock.boot = boot
        with pytest.raises(LockHeld):
            world.deploy("3")
        world.clock.pass_by(timedelta(hours=1))


@pytest.mark.parametrize("content", ["", "[]", '{"schema": 1}', "{}", "\0", '{"since": -1}'])
def test_a_memory_that_is_none_is_forgotten(world, content):
    with pytest.raises(Killed):
        world.deploy("3", faults=Faults(1))
    with pytest.raises(LockHeld):
        world.deploy("3")
    (memory,) = world.output.glob("*.journal-watched.json")
    memory.write_text(content)
    world.clock.pass_by(timedelta(hours=1))

    with pytest.raises(LockHeld):
        world.deploy("3")


def test_a_rollback_watches_and_takes_over(world):
    with pytest.raises(Killed):
        world.deploy("3", faults=Faults(1))
    other = Machine(world, "other", timedelta(hours=-9))
    begun = other.clock.monotonic()

    other.rollback()

    assert LEASE.total_seconds() <= other.clock.monotonic() - begun
    assert "1" == agreed(world)


def paused(world, happens):
    """The whole process stands still while something else happens: its heartbeat, too."""

    def meanwhile():
        world.clock.stopped = True
        happens()
        world.clock.stopped = False

    return meanwhile


@pytest.mark.parametrize("number", [1, 2], ids=["previous", "champion"])
def test_who_was_paused_over_its_write_says_the_truth_and_takes_it_back(world, number):
    """A write that was under way arrives after another run has taken over and delivered."""
    other = Machine(world, "other")
    late = During("registry.set_alias", paused(world, other.rollback), number)

    with pytest.raises(Overtaken, match="v2 serves production now") as caught:
        world.deploy("3", faults=late)

    assert 5 == caught.value.exit_code
    assert "2" == agreed(world)
    if number == 2:
        assert "it was undone" in caught.value.message
        assert "this run lost its lock and wrote too late" in world.ledger.current.reason


def test_who_was_paused_before_its_write_writes_nothing(world):
    other = Machine(world, "other")
    pause = During("journal.write", paused(world, other.rollback), 3)
    pause.name = "code_host.deployment_status"
    pause.number = 1

    with pytest.raises(Overtaken):
        world.deploy("3", faults=pause)

    assert "1" == agreed(world)
    assert not any("repair" in one for one in world.journal.subjects)


def test_who_was_paused_and_not_replaced_goes_on(world):
    pause = paused(world, lambda: world.clock.pass_by(timedelta(hours=3)))

    assert world.deploy("3", faults=During("registry.set_alias", pause)).changed
    assert "3" == agreed(world)


def test_what_stays_open_gives_its_lock_back(world):
    class Down(Faults):
        def call(self, name, write, arguments, words):
            if name == "registry.set_alias":
                world.registry.down = True
            return super().call(name, write, arguments, words)

    for run, trouble in (
        (lambda **w: world.deploy("3", **w), ServiceError),
        (lambda **w: world.rollback(request_id="x", **w), RollbackFailed),
    ):
        with pytest.raises(trouble):
            run(faults=Down())
        assert world.ledger.operation is not None
        assert world.ledger.lock.given_back
        world.registry.down = False
        before = world.clock.monotonic()

        run()

        assert before == world.clock.monotonic()
        agreed(world)


def test_a_journal_that_does_not_answer_lets_no_write_through(world):
    class Silent(Faults):
        def call(self, name, write, arguments, words):
            if name == "code_host.deployment_status":
                world.journal.read = lambda: (_ for _ in ()).throw(unanswered(name))
            return super().call(name, write, arguments, words)

    read = world.journal.read
    with pytest.raises(CdmlError):
        world.deploy("3", faults=Silent())
    world.journal.read = read

    assert "2" == world.serving


class Leases(RuleBasedStateMachine):
    """Two machines with wrong clocks; slow, lost, paused and late writes at any place."""

    @initialize(skew=st.integers(-600, 600))
    def two_machines(self, skew):
        self.scratch = tempfile.TemporaryDirectory(prefix="cdml-leases-")
        self.ours = shipped(Path(self.scratch.name) / "ours")
        self.theirs = Machine(self.ours, "theirs", timedelta(minutes=skew))
        self.runs = 0
        self.holders = []

    def teardown(self):
        self.scratch.cleanup()

    @rule(
        first=st.sampled_from(["deploy", "rollback"]),
        second=st.sampled_from(["deploy", "rollback"]),
        at=st.integers(0, 12),
        minutes=st.integers(0, 20),
        how=st.sampled_from(["slow", "paused", "lost", "killed"]),
        swapped=st.booleans(),
        version=st.integers(1, 3),
    )
    def two_runs(self, first, second, at, minutes, how, swapped, version):
        one, two = (self.theirs, self.ours) if swapped else (self.ours, self.theirs)
        seen = []

        def other_runs():
            one.clock.stopped = how in ("paused", "killed")
            for world in (one, two):
                world.clock.pass_by(timedelta(minutes=minutes))
            seen.append(self._run(two, second, str(version), Faults()))
            one.clock.stopped = False
            if how == "killed":
                raise Killed

        at_write = _At(at, other_runs, lost=how == "lost")
        ended = self._run(one, first, str(version), at_write)
        self._seen_by_somebody(ended, seen)

    @rule(minutes=st.integers(0, 60))
    def time_passes(self, minutes):
        for world in (self.ours, self.theirs):
            world.clock.pass_by(timedelta(minutes=minutes))

    @rule()
    def both_agree_in_the_end(self):
        for _ in range(2):
            self._run(self.ours, "deploy", "1", Faults())
            self.ours.clock.pass_by(timedelta(hours=1))
        self._run(self.ours, "deploy", "1", Faults())
        if self.ours.ledger.operation is None:
            assert self.ours.serving == self.ours.ledger.current.version

    @invariant()
    def each_holder_has_a_generation_of_its_own(self):
        if hasattr(self, "ours"):
            self._sound()

    def _sound(self):
        ledger = self.ours.ledger
        if ledger.lock is not None:
            known = dict(self.holders)
            assert known.get(ledger.generation, ledger.lock.operation) == ledger.lock.operation
            self.holders.append((ledger.generation, ledger.lock.operation))

    def _seen_by_somebody(self, ended, seen):
        """What serves is not what the journal says only where somebody was told of trouble."""
        ledger = self.ours.ledger
        if ledger.operation is None and self.ours.serving != ledger.current.version:
            assert ended is not None or any(seen)

    def _run(self, world, what, version, faults):
        self.runs += 1
        world.ci_run.address = f"https://platform.test/runs/{self.runs}"
        words = {"override": ("champion-moved", "quarantined"), "reason": "a test"}
        try:
            if what == "deploy":
                world.deploy(version, faults=faults, **words)
            else:
                world.rollback(faults=faults)
        except (CdmlError, Killed, Moved) as error:
            return error
        return None


class _At(Faults):
    def __init__(self, at, happens, *, lost):
        super().__init__()
        self.at, self.happens, self.lost = at, happens, lost

    def call(self, name, write, arguments, words):
        mine = len(self.seen) == self.at
        self.seen.append(name)
        if mine:
            self.happens()
        answer = write(*arguments, **words)
        if mine and self.lost:
            raise unanswered(name)
        return answer


@pytest.mark.heavy
def test_two_holders_never_interleave_unseen():
    run_state_machine_as_test(
        Leases,
        settings=settings(
            max_examples=12,
            stateful_step_count=6,
            deadline=None,
            derandomize=True,
            phases=[Phase.explicit, Phase.generate],
            suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
        ),
    )


def test_a_rollback_to_what_serves_ends_what_is_open_and_nothing_else(world):
    with pytest.raises(Killed):
        world.deploy("3", faults=Faults(1))

    assert not Machine(world, "other").rollback(to="2").changed
    assert "2" == agreed(world)
    assert () == world.ledger.quarantined
