"""What a delivery meets that it cannot use: it ends in a stated, safe state, and says what next."""

import errno
from datetime import timedelta

import pytest

from cdml.delivery.rollout.transitions import SLOW_LEASE
from cdml.errors import ConfigurationError, InputError, LockHeld, Overtaken, ServiceError
from cdml.evidence import store
from fakes.delivery import World
from fakes.faults import Faults, Killed
from fakes.split_delivery import SplitWorld


@pytest.fixture(params=[World, SplitWorld])
def world(request, tmp_path):
    """A serves; B is judged and waits."""
    world = request.param(tmp_path)
    world.ship("A")
    world.register("B", against="1")
    return world


@pytest.fixture
def split(tmp_path):
    world = SplitWorld(tmp_path)
    world.ship("A")
    world.register("B", against="1")
    return world


class At(Faults):
    """Something happens before the journal's write with this number, from 0."""

    def __init__(self, number, happens):
        super().__init__()
        self.number, self.happens = number, happens

    def call(self, name, write, arguments, words):
        if name == "journal.write" and self.seen.count(name) == self.number:
            self.happens()
        return super().call(name, write, arguments, words)


class Forbidden(Faults):
    """After its first write the journal takes no more."""

    def call(self, name, write, arguments, words):
        if name == "journal.write" and name in self.seen:
            raise ServiceError("GH013: rule violations.", "Allow cdml to push to `cdml/**`.")
        return super().call(name, write, arguments, words)


@pytest.mark.parametrize("content", ['{"poem": "roses"}', '{"schema": "cdml.journal/9"}'])
def test_a_journal_that_is_none_stops_everything_before_anything_is_touched(world, content):
    world.journal.documents.append(content)

    for run in (lambda: world.deploy("2"), world.rollback):
        with pytest.raises(InputError, match="is not in a format that this cdml reads") as caught:
            run()
        assert "rename it" in caught.value.hint
    assert "1" == world.serving


def test_history_that_was_rewritten_is_drift(world):
    before = list(world.journal.documents)
    world.deploy("2")
    world.journal.documents[:] = before

    with pytest.raises(ServiceError, match=r"Drift.*v1 serves.*v2 does") as caught:
        world.deploy("1")

    assert "older than the last deployment in the registry" in caught.value.message
    assert "--adopt" in caught.value.hint
    assert "2" == world.serving


def test_a_journal_that_vanishes_under_a_deploy_stops_it(world):
    with pytest.raises(Overtaken, match="v1 serves production now"):
        world.deploy("2", faults=At(1, world.journal.documents.clear))

    assert "1" == world.serving


def test_a_push_that_a_rule_refuses_is_told_before_anything_is_touched(world):
    def refuse(*_):
        raise ServiceError(
            "The journal cannot be written: GH013.", "Allow cdml to push to `cdml/**`."
        )

    world.journal.write = refuse
    with pytest.raises(ServiceError, match="GH013") as caught:
        world.deploy("2")

    assert "cdml/**" in caught.value.hint
    assert ("1", 1) == (world.serving, len(world.code_host.deployments))


def test_a_rule_that_comes_in_between_leaves_the_operation_open_and_says_so(world):
    with pytest.raises(ServiceError, match="deploy v1 → v2 stays open in the journal") as caught:
        world.deploy("2", faults=Forbidden())
    assert "cdml/**" in caught.value.hint
    assert "it finishes or undoes this operation first" in caught.value.hint
    world.wait_out_the_lease()

    world.deploy("2")

    assert "2" == world.serving == world.ledger.current.version


@pytest.mark.parametrize("hours", [-24, 24])
def test_a_clock_that_is_wrong_judges_no_lease(world, hours):
    with pytest.raises(Killed):
        world.deploy("2", faults=Faults(1))
    before = world.ledger
    world.clock.time += timedelta(hours=hours)

    with pytest.raises(LockHeld):
        world.deploy("2")

    assert before == world.ledger
    world.clock.pass_by(SLOW_LEASE)
    assert world.deploy("2").changed


def test_a_clock_that_is_behind_stops_no_rollback_where_nothing_is_open(world):
    world.deploy("2")
    world.clock.pass_by(timedelta(hours=-1))

    assert "1" == world.rollback().to.version


def test_a_full_disk_takes_the_evidence_and_nothing_else(world, monkeypatch):
    def full(*_):
        raise InputError(f"deployment.json cannot be written: {OSError(errno.ENOSPC, 'full')}.")

    monkeypatch.setattr(store, "write_evidence", full)
    told = world.deploy("2")

    assert ("pass", "2") == (told.verdict, world.serving)
    assert any("The journal still records" in note for note in world.progress.notes)


def test_two_environments_never_share_the_traffic_of_one_target(split):
    with pytest.raises(ConfigurationError, match="staging would take its traffic") as caught:
        split.deploy("2", environment="staging")

    assert "--config" in caught.value.hint
    assert ("1", 1) == (split.serving, split.ledger.generation)


def test_another_configuration_on_the_same_target_is_told_as_drift(split, tmp_path):
    folder = tmp_path / "other"
    folder.mkdir()
    other = SplitWorld(folder)
    other.register("A")
    other.register("B", against="1")
    other.move_alias("1")
    other.balancer, split.balancer.world = split.balancer, other
    other.deploy("2")

    with pytest.raises(ServiceError, match=r"Drift.*v1 serves production, but v2 does"):
        split.deploy("2")
