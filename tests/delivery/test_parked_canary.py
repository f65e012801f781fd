from datetime import timedelta

import pytest

from cdml.delivery.operation.outcome import Nothing
from cdml.delivery.rollout.state_machine import Decision
from cdml.errors import DeploymentFailed, LockHeld
from fakes.faults import Faults, Killed
from fakes.split_delivery import SplitWorld

HOLD, PROMOTE, HARM = Decision.HOLD, Decision.PROMOTE, Decision.ROLLBACK
PARKED = "{steps: [5, 25, 100], timeout: 2h, park: 20m}"


@pytest.fixture
def world(tmp_path):
    """A serves; B has 5 % of the traffic and is parked."""
    world = SplitWorld(tmp_path, PARKED)
    world.ship("A")
    world.register("B", against="1")
    world.told = world.deploy("2")
    return world


def agreed(world):
    assert (None, None, None) == (
        world.ledger.lock,
        world.ledger.operation,
        world.ledger.parked_until,
    )
    assert world.ledger.current.version == world.serving == world.alias
    return world.serving


def test_a_parked_canary_ends_its_run_without_a_promise(world):
    told = world.told
    assert ("warn", False, 0) == (told.verdict, told.changed, told.verdict.exit_code)
    assert "The canary is paused until 2026-05-01 12:20:00 UTC: v2 has 5 %" in told.reason
    assert told.parked_until == world.ledger.parked_until
    assert (5, "1") == (world.percent("2"), world.ledger.current.version)


def test_resuming_looks_once_raises_the_share_and_parks_again(world):
    world.checks.verdicts = [HOLD]
    world.clock.pass_by(timedelta(minutes=10))

    told = world.resume()

    assert (25, "warn") == (world.percent("2"), told.verdict)
    assert world.clock.now() + timedelta(minutes=20) == told.parked_until
    assert {"looks": 1} == world.ledger.operation.ramp.state


def test_resuming_goes_on_until_there_is_a_verdict(world):
    world.checks.verdicts = [HOLD, HOLD, PROMOTE]
    told = [world.resume() for _ in range(3)]

    assert ["warn", "warn", "pass"] == [one.verdict for one in told]
    assert "2" == agreed(world)
    assert [5, 25, 25] == [percent for percent, _ in world.checks.looks]


def test_harm_seen_by_a_resumed_run_takes_the_canary_back(world):
    world.checks.verdicts = [HARM]
    with pytest.raises(DeploymentFailed, match="v1 serves production"):
        world.resume()

    assert "1" == agreed(world)
    assert 1 == len(world.ledger.quarantined)


def test_the_time_out_counts_from_the_first_share_whoever_looks(world):
    world.checks.verdicts = [HOLD, HOLD]
    world.resume()
    world.clock.pass_by(timedelta(hours=2))

    with pytest.raises(DeploymentFailed, match="no verdict within 7200 s"):
        world.resume()

    assert "1" == agreed(world)


def test_a_parked_canary_yields_to_no_other_deploy_before_it_expires(world):
    world.register("C", against="1")
    with pytest.raises(LockHeld, match="paused a canary until") as caught:
        world.deploy("3")
    assert "--resume" in caught.value.hint
    world.clock.pass_by(timedelta(minutes=20))
    world.checks.verdicts = []

    world.configure_canary(None)
    world.deploy("3")

    assert "3" == agreed(world)
    assert any("undo v1 → v2" in subject for subject in world.journal.subjects)


def test_after_its_expiry_it_can_still_be_resumed_if_nobody_took_it_back(world):
    world.clock.pass_by(timedelta(minutes=50))

    assert world.resume().changed
    assert "2" == agreed(world)


def test_a_rollback_takes_a_parked_canary_back_at_once(world):
    before = world.clock.now()
    told = world.rollback(reason="complaints")

    assert ("1", before) == (agreed(world), world.clock.now())
    assert ("2", "1", True) == (told.from_.version, told.to.version, told.changed)
    assert "canary of v2 was aborted: v1 serves" in told.reason
    assert "complaints" in world.ledger.quarantined[0].reason
    assert told.times.restored >= told.times.requested


def test_two_resumed_runs_do_not_work_at_once(world):
    world.checks.verdicts = [HOLD]
    with pytest.raises(Killed):
        world.resume(faults=Faults(2))

    before = world.ledger
    with pytest.raises(LockHeld, match="holds the lock"):
        world.resume()

    assert before == world.ledger


def test_a_dead_run_can_be_resumed_when_its_lease_is_over(world):
    world.checks.verdicts = [HOLD, HOLD]
    with pytest.raises(Killed):
        world.resume(faults=Faults(2))
    world.wait_out_the_lease()

    assert "warn" == world.resume().verdict


def test_without_a_canary_there_is_nothing_to_resume(tmp_path):
    world = SplitWorld(tmp_path, PARKED)
    assert isinstance(world.resume(), Nothing)
    world.ship("A")

    told = world.resume()

    assert ("pass", False) == (told.verdict, told.changed)
    assert "Nothing to resume: v1 serves production" in told.reason


def test_the_platform_sees_how_far_the_canary_is(world):
    filed = world.code_host.deployments[-1]
    assert {"in_progress"} == set(filed.states)
    assert "deploy: v2 → 5 % (step 1 of 3)" in filed.told
    world.resume()

    assert filed is world.code_host.deployments[-1]
    assert "success" == filed.states[-1]
    assert "inactive" == world.code_host.deployments[0].states[-1]
