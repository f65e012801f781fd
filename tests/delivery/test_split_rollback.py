import pytest

from cdml.delivery.rollout.state_machine import GRACE, Decision
from cdml.errors import DeploymentFailed, Overtaken, RollbackFailed, ServiceError
from cdml.journal.records import Phase
from fakes.faults import Faults, Killed
from fakes.split_delivery import SplitWorld

HOLD, PROMOTE, HARM = Decision.HOLD, Decision.PROMOTE, Decision.ROLLBACK


@pytest.fixture
def world(tmp_path):
    """A served and is warm, B serves, C is judged by the gate and waits."""
    world = SplitWorld(tmp_path)
    world.ship("A", "B")
    world.register("C", against="2")
    world.balancer.orders.clear()
    world.checks.asked.clear()
    return world


def agreed(world):
    assert (None, None, None) == (
        world.ledger.lock,
        world.ledger.operation,
        world.ledger.preempt,
    )
    assert world.ledger.current.version == world.serving == world.alias
    return world.serving


def test_a_rollback_checks_the_old_version_and_gives_it_all_traffic(world):
    told = world.rollback(reason="alarms")

    assert "1" == agreed(world)
    assert [("stage", "1"), ("shift 100", "1")] == world.balancer.orders
    assert (["1"], []) == (world.checks.asked, world.checks.looks[1:])
    assert ["2"] == [bad.version for bad in world.ledger.quarantined]
    assert told.times.requested <= told.times.restored <= told.times.verified


def test_an_old_version_that_does_not_answer_is_not_restored(world):
    world.checks.unwell.add("1")

    with pytest.raises(RollbackFailed, match=r"v1 answers nonsense.*v2 serves production now"):
        world.rollback()

    assert "2" == agreed(world)


def test_a_registry_that_is_down_does_not_keep_traffic_from_a_warm_version(world):
    world.registry.down = True
    with pytest.raises(RollbackFailed, match=r"v1 serves production.*registry does not yet"):
        world.rollback()
    assert ("1", "2") == (world.serving, world.alias)
    world.registry.down = False

    world.wait_out_the_lease()
    told = world.rollback()

    assert ("1", False) == (agreed(world), told.changed)


def test_a_registry_that_is_down_is_believed_nothing_about_a_cold_version(world):
    world.balancer.retire(fence=9)
    world.registry.down = True

    with pytest.raises(ServiceError):
        world.rollback()

    assert world.ledger.operation is None


class While(Faults):
    """While the deploy waits at its first look, something else happens, once."""

    def __init__(self, world, happens, call="target.shift"):
        super().__init__()
        self.world, self.happens, self.name = world, happens, call

    def call(self, name, write, arguments, words):
        answer = super().call(name, write, arguments, words)
        if name == self.name and self.happens:
            happens, self.happens = self.happens, None
            happens(self.world)
        return answer


def test_a_running_canary_makes_room_for_a_rollback(world):
    with pytest.raises(DeploymentFailed, match=r"requested a stop \(stop\).*v2 serves"):
        world.deploy("3", faults=While(world, asks_only))

    assert "2" == agreed(world)
    assert ["3"] == [bad.version for bad in world.ledger.quarantined]
    again = world.rollback()
    assert ("2", False) == (again.to.version, again.changed)
    another = world.rollback(request_id="another")
    assert "1" == another.to.version


def asks_only(world):
    """A rollback asks for room and is interrupted while it waits."""

    def interrupted(_):
        raise KeyboardInterrupt

    slept, world.clock.sleep = world.clock.sleep, interrupted
    with pytest.raises(KeyboardInterrupt):
        world.rollback(reason="stop")
    world.clock.sleep = slept


def test_who_asked_for_the_rollback_is_told_that_the_canary_was_taken_back(world):
    def yields(seconds):
        """The rollback waits, and meanwhile the deploy goes on to its next write."""
        del seconds
        world.clock.sleep = slept
        world.wait_out_the_lease()
        with pytest.raises(DeploymentFailed):
            world.resume()

    slept = world.clock.sleep
    with pytest.raises(Killed):
        world.deploy("3", faults=Faults(10))
    assert world.ledger.operation.exposed
    world.clock.sleep = yields

    told = world.rollback(reason="stop")

    assert ("3", "2", True) == (told.from_.version, told.to.version, told.changed)
    assert "2" == agreed(world)


def test_a_dead_canary_is_taken_over_after_a_grace_not_after_its_lease(world):
    world.checks.verdicts = [HOLD] * 9
    with pytest.raises(Killed):
        world.deploy("3", faults=Faults(11))
    before = world.clock.now()
    assert world.ledger.lock.expires_at - before > 2 * GRACE

    told = world.rollback()

    assert world.clock.now() - before < 2 * GRACE
    assert ("3", "2", "2") == (told.from_.version, told.to.version, agreed(world))


def test_a_deploy_that_was_not_seen_by_traffic_is_undone_and_what_serves_taken_back(world):
    with pytest.raises(Killed):
        world.deploy("3", faults=Faults(5))
    assert world.ledger.operation.phase is Phase.STAGE

    told = world.rollback()

    assert ("2", "1", "1") == (told.from_.version, told.to.version, agreed(world))
    assert ["2"] == [bad.version for bad in world.ledger.quarantined]


def test_a_zombie_deploy_touches_nothing_after_it_was_taken_over(world):
    """It hangs after its first share; when it wakes up, a rollback has come and gone."""

    def overtaken(world):
        world.rollback()

    with pytest.raises(Overtaken, match=r"took over.*v2 serves production now"):
        world.deploy("3", faults=While(world, overtaken))

    assert "2" == agreed(world)
    assert ["3"] == [bad.version for bad in world.ledger.quarantined]


def test_a_rollback_that_was_killed_is_finished_by_whoever_comes_next(world):
    with pytest.raises(Killed):
        world.rollback(faults=Faults(3))
    world.wait_out_the_lease()
    world.register("D", against="1")

    world.deploy("4")

    assert ["4", "1", "2", "1"] == [entry.version for entry in world.ledger.entries]
    assert "4" == agreed(world)


def test_an_aborted_canary_is_never_gone_back_to(world):
    world.checks.verdicts = [HARM]
    with pytest.raises(DeploymentFailed):
        world.deploy("3")

    assert "1" == world.rollback().to.version
