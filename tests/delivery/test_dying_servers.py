"""Servers that die while traffic is shifted, and are started again by somebody else later."""

import pytest

from cdml.delivery.rollout.state_machine import Decision
from cdml.errors import DeploymentFailed, RollbackFailed
from fakes.faults import Faults, Killed
from fakes.split_delivery import SplitWorld
from support.delivery_scenarios import KilledAt

HOLD, PROMOTE = Decision.HOLD, Decision.PROMOTE


@pytest.fixture
def world(tmp_path):
    """A serves, B is judged by the gate and waits."""
    world = SplitWorld(tmp_path)
    world.ship("A")
    world.register("B", against="1")
    return world


def dies(world, version, *, after, number=1):
    """Faults that are none, but this version's server dies after that call."""

    class Dies(Faults):
        def call(self, name, write, arguments, words):
            answer = super().call(name, write, arguments, words)
            if (name, self.seen.count(name)) == (after, number):
                world.balancer.kill(world.registry.version("flights", version))
            return answer

    return Dies()


def whole(world, version):
    """That the journal, the alias, and all of the balancer's weight are with this version."""
    assert (None, None) == (world.ledger.lock, world.ledger.operation)
    assert version == world.ledger.current.version == world.alias == world.serving
    slot = world.balancer._slot_of(world.registry.version("flights", version))
    other = next(name for name in world.balancer.slots if name != slot)
    assert {slot: 100, other: 0} == world.balancer.weights


def test_a_canary_whose_server_died_leaves_no_share_behind(world):
    world.checks.verdicts = [HOLD, HOLD]

    with pytest.raises(DeploymentFailed, match="not staged"):
        world.deploy("2", faults=dies(world, "2", after="target.shift"))

    whole(world, "1")
    assert world.balancer.observe().standby is None


def test_what_served_is_started_again_when_it_dies_beside_a_canary(world):
    world.checks.verdicts = [HOLD, HOLD]

    with pytest.raises(DeploymentFailed, match="no longer runs"):
        world.deploy("2", faults=dies(world, "1", after="target.shift"))

    whole(world, "1")


@pytest.mark.parametrize("name", ["target.switch", "target.retire"])
def test_a_run_that_is_killed_while_it_mends_that_is_mended_itself(world, name):
    world.checks.verdicts = [HOLD, HOLD]
    with pytest.raises(Killed):
        world.deploy("2", faults=KilledAt("target.shift", 1))
    world.balancer.kill(world.registry.version("flights", "2"))
    world.wait_out_the_lease()
    with pytest.raises(Killed):
        world.deploy("1", faults=KilledAt(name, 1))
    world.wait_out_the_lease()

    world.deploy("1")

    whole(world, "1")


def test_a_version_that_took_over_shares_with_nobody_who_comes_back(world):
    """The run was killed when all traffic was intended, and what served died before the next."""
    world.checks.verdicts = [HOLD, PROMOTE]
    with pytest.raises(Killed):
        world.deploy("2", faults=KilledAt("journal.write", 8))
    assert 100 == world.ledger.operation.ramp.percent
    assert 25 == world.percent("2")
    world.balancer.kill(world.registry.version("flights", "1"))
    assert 100 == world.percent("2")
    world.wait_out_the_lease()

    world.deploy("2")

    whole(world, "2")


def test_a_rollback_whose_server_dies_leaves_what_served(world):
    world.deploy("2")

    with pytest.raises(RollbackFailed):
        world.rollback(faults=dies(world, "1", after="target.shift"))

    whole(world, "2")
