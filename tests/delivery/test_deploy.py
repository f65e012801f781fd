import json
from dataclasses import replace
from datetime import timedelta

import pytest

from cdml.delivery.rollout.transitions import LEASE
from cdml.errors import (
    DeploymentFailed,
    LockHeld,
    ServiceError,
)
from cdml.evidence import store
from cdml.evidence.schema import Deployment
from fakes.delivery import World
from fakes.faults import Faults, Killed, unanswered

MERGED = "c" * 40


@pytest.fixture
def world(tmp_path):
    return World(tmp_path)


def test_a_first_deploy_sets_the_alias_and_begins_the_journal(world):
    version = world.register("A")

    told = world.deploy("1", reason="first")

    assert ("pass", "deploy", True) == (told.verdict, told.operation, told.changed)
    assert (None, ("1", version.digest)) == (told.from_, (told.to.version, told.to.digest))
    assert "1" == world.serving
    assert "1" == world.ledger.current.version
    assert "first" == world.ledger.current.reason
    assert (None, None) == (world.ledger.lock, world.ledger.operation)
    assert world.journal.read().commit == told.journal


def test_the_next_deploy_keeps_who_served_before(world):
    world.ship("A", "B")

    assert ("2", "1") == (world.serving, world.previous)
    assert ["2", "1"] == [entry.version for entry in world.ledger.entries]


def test_the_journal_reads_as_an_audit_trail(world):
    world.ship("A", "B")

    assert [
        "deploy: begin nothing → v1 in production",
        "deploy: v1 serves production",
        "deploy: v1 is verified in production",
        "deploy: begin v1 → v2 in production",
        "deploy: v2 serves production",
        "deploy: v2 is verified in production",
    ] == world.journal.subjects


def test_the_evidence_of_a_deploy_is_written_and_names_each_step(world):
    world.register("A")
    told = world.deploy("1")

    assert told == store.read_evidence(world.output, Deployment)
    assert ["lock", "record", "commit", "switch", "close"] == [step.name for step in told.steps]
    assert {"done"} == {step.state for step in told.steps}


def test_the_platform_keeps_a_deployment_that_succeeds(world):
    world.register("A")
    told = world.deploy("1")

    (filed,) = world.code_host.deployments
    assert (["in_progress", "success"], "cdml:deploy") == (filed.states, filed.task)
    assert (filed.id, MERGED) == (told.deployment_id, filed.ref)
    assert {"model": "flights", "version": "1"}.items() <= filed.payload.items()


def test_a_platform_that_refuses_stops_nothing(world):
    world.code_host.refuses = True
    world.register("A")

    told = world.deploy("1")

    assert ("1", None) == (world.serving, told.deployment_id)
    assert any("No deployment was recorded" in note for note in world.progress.notes)


def test_what_serves_already_is_a_success_without_a_change(world):
    world.ship("A")
    before = world.journal.documents.copy()

    told = world.deploy("1")

    assert ("pass", False, before) == (told.verdict, told.changed, world.journal.documents)
    assert "Nothing to do" in told.reason
    assert told == store.read_evidence(world.output, Deployment)


def test_a_champion_from_before_the_journal_is_its_first_entry(world):
    world.register("old")
    world.move_alias("1")
    world.register("new", against="1")

    world.deploy("2")

    assert [("deploy", "2"), ("adopt", "1")] == [
        (str(entry.kind), entry.version) for entry in world.ledger.entries
    ]
    assert "1" == world.rollback().to.version


def test_a_champion_that_is_adopted_by_hand_has_the_reason_that_was_given(world):
    world.register("old")
    world.move_alias("1")

    world.deploy(cure="adopt", reason="in production since March")

    assert "in production since March" == world.ledger.current.reason


def test_a_rehearsal_foresees_that_the_champion_is_adopted(world):
    world.register("old")
    world.move_alias("1")
    world.register("new", against="1")

    told = world.deploy("2", dry_run=True)

    assert ("1", "2") == (told.from_.version, told.to.version)
    assert [] == world.journal.documents


def test_an_adopted_champion_nobody_hashed_is_hashed(world):
    old = world.register("old")
    world.move_alias("1")
    world.register("new", against="1")
    world.registry.versions["flights", "1"] = replace(old, digest=None, tags={})

    world.deploy("2")

    assert old.digest == world.ledger.previous[0].digest


def test_an_alias_that_somebody_moved_is_drift_and_stops_the_deploy(world):
    world.ship("A", "B")
    world.register("C", against="2")
    world.move_alias("1")

    with pytest.raises(ServiceError, match=r"Drift.*v2.*v1") as caught:
        world.deploy("3")

    assert "rollback" in caught.value.hint
    assert "1" == world.serving


def test_a_dry_run_tells_the_plan_and_writes_nothing(world):
    world.ship("A")
    world.register("B", against="1")
    before = json.dumps([world.journal.documents, str(world.registry.aliases)])
    (world.output / "deployment.json").write_text("earlier")

    told = world.deploy("2", dry_run=True)

    assert before == json.dumps([world.journal.documents, str(world.registry.aliases)])
    assert "earlier" == (world.output / "deployment.json").read_text()
    assert {"planned"} == {step.state for step in told.steps}
    assert (False, "Dry run: v2 would serve production") == (told.changed, told.reason[:34])


def test_a_dry_run_of_what_serves_already_tells_that(world):
    world.ship("A", "B")

    assert "Nothing to do" in world.deploy("2", dry_run=True).reason


def test_a_lock_that_is_held_is_told_with_its_holder(world):
    world.register("A")
    with pytest.raises(Killed):
        world.deploy("1", faults=Faults(1))

    with pytest.raises(LockHeld, match=r"https://platform\.test/runs/1.*for 180 s .0 s so far"):
        world.deploy("1")


def test_a_lease_that_is_over_is_taken_over(world):
    world.register("A")
    with pytest.raises(Killed):
        world.deploy("1", faults=Faults(1))
    with pytest.raises(LockHeld):
        world.deploy("1")  # the first look: from now on this machine watches
    world.clock.pass_by(LEASE - timedelta(seconds=1))
    with pytest.raises(LockHeld, match=r"no sign of life for 180 s .179 s so far"):
        world.deploy("1")
    world.clock.pass_by(timedelta(seconds=1))

    told = world.deploy("1")

    assert ("1", True, 3) == (world.serving, told.changed, world.ledger.generation)


def test_an_alias_that_is_refused_for_good_undoes_the_deploy(world):
    world.ship("A")
    world.register("B", against="1")

    with pytest.raises(DeploymentFailed, match="v1 serves production"):
        world.deploy("2", faults=RefusedAliases())

    assert ("1", "1") == (world.serving, world.ledger.current.version)
    assert world.ledger.operation is None
    told = store.read_evidence(world.output, Deployment)
    assert ("fail", False) == (told.verdict, told.changed)
    assert ["in_progress", "failure"] == world.code_host.deployments[-1].states


class RefusedAliases(Faults):
    def call(self, name, write, arguments, words):
        if name == "registry.set_alias":
            raise unanswered(name)
        return super().call(name, write, arguments, words)


def test_a_registry_that_is_gone_leaves_the_operation_open_and_says_so(world):
    world.ship("A")
    world.register("B", against="1")
    faults = GoneAfterCommit(world)

    with pytest.raises(ServiceError, match="stays open"):
        world.deploy("2", faults=faults)
    world.registry.down = False
    world.wait_out_the_lease()

    assert not world.deploy("2").changed
    assert ("2", "2") == (world.serving, world.ledger.current.version)


class GoneAfterCommit(Faults):
    def __init__(self, world):
        super().__init__()
        self.world = world

    def call(self, name, write, arguments, words):
        if name == "registry.set_alias":
            self.world.registry.down = True
        return super().call(name, write, arguments, words)
