"""That a target took the order proves nothing: what is told is what was seen to serve."""

import pytest

from cdml.common.verdict import Verdict
from cdml.errors import DeploymentFailed, RollbackFailed
from cdml.evidence import store
from cdml.evidence.schema import Deployment
from fakes.delivery import World
from fakes.faults import Faults
from fakes.target import DeafTarget, OtherBytesTarget, RevertingTarget


class DeafRegistry(Faults):
    """Answers that the alias is set, and leaves it where it is."""

    def call(self, name, write, arguments, words):
        if name == "registry.set_alias":
            return None
        return super().call(name, write, arguments, words)


SILENT = pytest.mark.parametrize(
    ("target", "faults"),
    [(DeafTarget, Faults), (RevertingTarget, Faults), (None, DeafRegistry)],
    ids=["deaf target", "reverting target", "deaf registry"],
)


@pytest.fixture
def world(tmp_path):
    """A served, B serves, C is judged and waits."""
    world = World(tmp_path)
    world.ship("A", "B")
    world.register("C", against="2")
    return world


def told_as_failed(world):
    """The evidence, where neither it nor the code host speaks of a success."""
    evidence = store.read_evidence(world.output, Deployment)
    assert (Verdict.FAIL, False) == (evidence.verdict, evidence.changed)
    assert [] == [step for step in evidence.steps if (step.name, step.state) == ("switch", "done")]
    assert ["in_progress", "failure"] == world.code_host.deployments[-1].states
    return evidence


@SILENT
def test_a_deploy_that_is_not_seen_to_serve_has_failed(world, target, faults):
    world.target = target or world.target

    with pytest.raises(DeploymentFailed, match="was given v3, but serves v2") as caught:
        world.deploy("3", faults=faults())

    assert (6, caught.value.message) == (caught.value.exit_code, told_as_failed(world).reason)
    assert ("2", "2") == (world.serving, world.ledger.current.version)
    assert (None, None) == (world.ledger.lock, world.ledger.operation)


@SILENT
def test_a_rollback_that_is_not_seen_to_serve_has_failed(world, target, faults):
    world.target = target or world.target

    with pytest.raises(
        RollbackFailed, match=r"was given v1, but serves v2.*v2 serves production now"
    ) as caught:
        world.rollback(faults=faults())

    assert (7, caught.value.message) == (caught.value.exit_code, told_as_failed(world).reason)
    assert ("2", "2") == (world.serving, world.ledger.current.version)
    assert () == world.ledger.quarantined


def test_a_first_deploy_that_nobody_sees_serve_has_failed(tmp_path):
    world = World(tmp_path)
    world.target = DeafTarget
    world.register("A")

    with pytest.raises(DeploymentFailed, match="was given v1"):
        world.deploy("1")

    told_as_failed(world)
    assert (None, None) == (world.serving, world.ledger.current)


def test_the_right_number_on_other_bytes_is_no_success(tmp_path):
    world = World(tmp_path)
    world.target = OtherBytesTarget
    world.register("A")

    with pytest.raises(DeploymentFailed):
        world.deploy("1")

    told_as_failed(world)
    assert world.ledger.current is None


@SILENT
def test_the_next_deploy_ships_when_the_target_obeys_again(world, target, faults):
    obedient, world.target = world.target, target or world.target
    with pytest.raises(DeploymentFailed):
        world.deploy("3", faults=faults())
    world.target = obedient

    assert world.deploy("3").changed
    assert ("3", "2") == (world.serving, world.previous)
