from dataclasses import replace

import pytest

from cdml.errors import ConfigurationError, InputError, LockHeld, RollbackFailed, ServiceError
from cdml.evidence import store
from cdml.evidence.schema import Deployment
from fakes.delivery import World
from fakes.faults import Faults, Killed, unanswered


@pytest.fixture
def world(tmp_path):
    return World(tmp_path)


def test_a_rollback_restores_what_served_before_and_quarantines_what_it_took_back(world):
    world.ship("A", "B")
    bad = world.registry.version("flights", "2")

    told = world.rollback(reason="too many alarms")

    assert ("pass", "rollback", True) == (told.verdict, told.operation, told.changed)
    assert ("2", "1") == (told.from_.version, told.to.version)
    assert ("1", "2") == (world.serving, world.previous)
    assert "too many alarms" == world.ledger.quarantine(bad.digest).reason
    assert "too many alarms" in told.reason
    assert told == store.read_evidence(world.output, Deployment)


def test_a_second_rollback_goes_one_further_and_never_back_into_quarantine(world):
    world.ship("A", "B", "C")

    versions = [world.rollback(request_id=name).to.version for name in ("first", "second")]

    assert ["2", "1"] == versions
    with pytest.raises(InputError, match=r"quarantined: v2, v3"):
        world.rollback(request_id="third")
    assert "1" == world.serving


def test_a_version_that_was_registered_but_never_served_is_never_gone_back_to(world):
    world.ship("A")
    world.register("never shipped", against="1")
    world.register("C", against="1")
    world.deploy("3")

    assert "1" == world.rollback().to.version


def test_a_deploy_that_was_undone_is_never_gone_back_to(world):
    world.ship("A")
    world.register("B", against="1")
    with pytest.raises(Killed):
        world.deploy("2", faults=Faults(1))
    world.wait_out_the_lease()
    world.register("C", against="1")
    world.deploy("3")

    assert "1" == world.rollback().to.version


def test_the_same_bytes_under_another_number_are_no_way_back(world):
    world.ship("A", "B")
    again = world.registry.version("flights", "1")
    world.registry.versions["flights", "3"] = replace(again, version="3", source="fake:/3")
    world.registry.files["flights", "3"] = world.registry.files["flights", "1"]
    world.deploy("3", evidence=world.evidence(world.registry.version("flights", "3"), against="2"))

    assert "2" == world.rollback().to.version


def test_a_version_can_be_named_even_from_quarantine(world):
    world.ship("A", "B", "C")
    world.rollback()
    bad = world.registry.version("flights", "3")

    told = world.rollback(to="3", reason="it was the feed")

    assert ("3", "3") == (told.to.version, world.serving)
    assert world.ledger.quarantine(bad.digest) is None


@pytest.mark.parametrize("to", ["3", "9", "x"])
def test_a_version_that_never_served_cannot_be_gone_back_to(world, to):
    world.ship("A", "B")
    world.register("C", against="2")

    with pytest.raises(InputError, match="never served"):
        world.rollback(to=to)

    assert "2" == world.serving


def test_what_serves_already_is_a_success_without_a_change(world):
    world.ship("A", "B")
    before = world.journal.documents.copy()

    told = world.rollback(to="2")

    assert ("pass", False, before) == (told.verdict, told.changed, world.journal.documents)


@pytest.mark.parametrize("served", [[], ["A"]])
def test_without_anything_before_there_is_nothing_to_go_back_to(world, served):
    world.ship(*served)

    with pytest.raises(InputError, match="no version to roll back to"):
        world.rollback()


def test_after_drift_what_the_journal_says_serves_again(world):
    world.ship("A", "B")
    stray = world.register("C", against="2")
    world.move_alias("3")

    told = world.rollback(reason="not by hand")

    assert ("3", "2") == (told.from_.version, told.to.version)
    assert "2" == world.serving
    assert world.ledger.quarantine(stray.digest) is not None


def test_an_alias_that_was_deleted_is_set_again(world):
    world.ship("A", "B")
    del world.registry.aliases["flights", "champion"]

    told = world.rollback()

    assert (None, "2", "2") == (told.from_, told.to.version, world.serving)


def test_a_rollback_asks_no_gate_and_reads_no_model(world):
    world.ship("A", "B")
    world.registry.kept.clear()
    world.registry.files.clear()

    assert "1" == world.rollback().to.version


@pytest.mark.parametrize(
    "change",
    [
        lambda registry: registry.versions.pop(("flights", "1")),
        lambda registry: registry.set_tags("flights", "1", {"cdml.digest": "sha256:" + "0" * 64}),
        lambda registry: registry.versions.update(
            {("flights", "1"): replace(registry.versions["flights", "1"], source="elsewhere")}
        ),
    ],
    ids=["deleted", "other digest", "other source"],
)
def test_a_release_that_is_not_what_it_was_is_not_restored(world, change):
    world.ship("A", "B")
    change(world.registry)
    before = world.journal.documents.copy()

    with pytest.raises(RollbackFailed, match="v2 serves production"):
        world.rollback()

    assert ("2", before) == (world.serving, world.journal.documents)


def test_a_rollback_that_is_refused_says_what_still_serves(world):
    world.ship("A", "B")

    with pytest.raises(RollbackFailed, match=r"v1 was not restored.*v2 serves production now"):
        world.rollback(faults=RefusedAliases())

    assert ("2", "2") == (world.serving, world.ledger.current.version)
    assert "fail" == store.read_evidence(world.output, Deployment).verdict


class RefusedAliases(Faults):
    def call(self, name, write, arguments, words):
        if name == "registry.set_alias":
            raise unanswered(name)
        return super().call(name, write, arguments, words)


def test_a_registry_that_does_not_answer_at_all_is_a_service_error(world):
    world.ship("A", "B")
    world.registry.down = True

    with pytest.raises(ServiceError):
        world.rollback()


def test_a_rollback_waits_for_a_dead_deploy_and_then_takes_over(world):
    world.ship("A", "B")
    world.register("C", against="2")
    with pytest.raises(Killed):
        world.deploy("3", faults=Faults(1))

    told = world.rollback()

    assert ("2", "1") == (told.from_.version, told.to.version)
    assert any("take over" in subject for subject in world.journal.subjects)


def test_a_rollback_finishes_a_committed_deploy_before_it_takes_it_back(world):
    world.ship("A", "B")
    world.register("C", against="2")
    with pytest.raises(Killed):
        world.deploy("3", faults=Faults(4, when="after"))
    assert "3" == world.ledger.current.version

    told = world.rollback()

    assert ("3", "2") == (told.from_.version, told.to.version)


def test_a_rollback_that_is_asked_for_twice_goes_back_once(world):
    world.ship("A", "B", "C")
    with pytest.raises(Killed):
        world.rollback(faults=Faults(3, when="after"))

    told = world.rollback()

    assert ("2", "2", False) == (told.to.version, world.serving, told.changed)
    assert "1" == world.rollback(request_id="another").to.version


def test_of_two_rollbacks_at_once_the_second_finds_it_done(world):
    world.ship("A", "B", "C")

    told = world.rollback(faults=Overtaken(world))

    assert ("2", "2", False) == (told.to.version, world.serving, told.changed)


class Overtaken(Faults):
    """Another rollback comes between our look at the journal and our lock."""

    def __init__(self, world):
        super().__init__()
        self.world = world

    def call(self, name, write, arguments, words):
        if not self.seen:
            self.seen.append("overtaken")
            self.world.rollback()
        return super().call(name, write, arguments, words)


def test_a_rollback_does_not_wait_for_ever_for_a_deploy_that_lives(world):
    world.ship("A", "B")
    world.register("C", against="2")
    with pytest.raises(Killed):
        world.deploy("3", faults=Faults(1))
    world.clock.sleep = _renewing(world, world.clock.sleep)

    with pytest.raises(LockHeld):
        world.rollback()


def _renewing(world, sleep):
    """As if the other run went on writing."""

    def renew(seconds):
        sleep(seconds)
        document = dict(world.journal.read().document)
        until = world.clock.now().replace(year=2027)
        document["lock"] = {**document["lock"], "expires_at": until.isoformat()}
        world.journal.write(document, "still here", world.journal.read().commit)

    return renew


def test_a_reason_that_no_journal_keeps_is_a_configuration_error(world):
    world.ship("A", "B")

    with pytest.raises(ConfigurationError, match="1,001 characters"):
        world.rollback(reason="x" * 1001)

    assert "2" == world.serving


def test_a_reason_that_is_no_text_is_kept_as_far_as_it_is(world):
    world.ship("A", "B")
    world.rollback(reason="caf\udce9")

    assert "caf?" == world.ledger.current.reason


def test_the_platform_files_a_rollback_as_a_deployment_of_its_own(world):
    world.ship("A", "B")
    world.rollback()

    filed = world.code_host.deployments[-1]
    assert ("cdml:rollback", ["in_progress", "success"]) == (filed.task, filed.states)


def test_no_change_at_the_platform_keeps_a_rollback_from_working(world):
    world.ship("A", "B")
    world.code_host.refuses = True

    assert "1" == world.rollback().to.version
