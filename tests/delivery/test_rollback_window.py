from datetime import timedelta

import pytest

from fakes.delivery import CONFIG
from fakes.faults import Faults, Killed
from fakes.split_delivery import SplitWorld

DAY = timedelta(days=1)


@pytest.fixture
def world(tmp_path):
    """B serves; A is warm, for a day."""
    world = SplitWorld(tmp_path)
    configure(world, "24h")
    world.ship("A", "B")
    return world


def configure(world, window):
    traffic = "traffic: {type: file, path: requests.jsonl}"
    canary = f"canary: {{steps: [5, 25, 100], every: 1m, timeout: 30m, {traffic}}}"
    deploy = f"{{target: {{type: fake}}, rollback_window: {window}, {canary}}}"
    world.configure(f"{CONFIG}deploy: {deploy}\n")


def warm(world):
    standby = world.balancer.observe().standby
    return standby.version if standby else None


def test_what_served_before_is_ended_when_its_time_is_over(world):
    world.clock.pass_by(DAY)
    told = world.resume()

    assert (None, "2", "2") == (warm(world), world.serving, world.ledger.current.version)
    assert "v2 serves production. The standby v1 was stopped." in told.reason
    assert "deploy: stop the standby v1 of production" == world.journal.subjects[-1]
    assert ("pass", False) == (told.verdict, told.changed)


def test_before_that_it_stays(world):
    world.clock.pass_by(DAY - timedelta(minutes=5))
    before = world.ledger

    world.resume()

    assert ("1", before) == (warm(world), world.ledger)


def test_without_a_window_it_stays(world):
    configure(world, "null")
    world.clock.pass_by(30 * DAY)

    world.resume()

    assert "1" == warm(world)


def test_what_has_traffic_is_not_ended(world):
    world.clock.pass_by(DAY)
    world.balancer.weights = dict.fromkeys(world.balancer.slots, 50)
    before = world.ledger

    world.resume()

    assert (2, before) == (len(world.balancer.held), world.ledger)


def test_a_canary_is_left_alone(world):
    world.register("C", against="2")
    with pytest.raises(Killed):
        world.deploy("3", faults=Faults(6))
    world.clock.pass_by(DAY)
    world.wait_out_the_lease()
    before = world.journal.subjects

    world.resume()

    assert not any("end v" in one for one in world.journal.subjects[len(before) :])


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("write", [0, 1])
def test_a_run_that_is_killed_leaves_it_to_the_next(world, write, when):
    world.clock.pass_by(DAY)
    with pytest.raises(Killed):
        world.resume(faults=Faults(write, when))

    world.resume()

    assert (None, "2") == (warm(world), world.serving)


def test_a_rollback_starts_it_again(world):
    world.clock.pass_by(DAY)
    world.resume()

    world.rollback()

    assert "1" == world.serving == world.ledger.current.version


def test_an_order_that_was_outbid_ends_nothing(world):
    world.clock.pass_by(DAY)
    world.balancer.fence += 5

    told = world.resume()

    assert "1" == warm(world)
    assert "ended" not in told.reason
