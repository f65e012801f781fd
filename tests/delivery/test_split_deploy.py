from datetime import timedelta

import pytest

from cdml.delivery.rollout.state_machine import Decision
from cdml.errors import ConfigurationError, DeploymentFailed, LockHeld, ServiceError
from cdml.evidence import store
from cdml.evidence.schema import Deployment
from fakes.faults import Faults, Killed
from fakes.split_delivery import SplitWorld

HOLD, PROMOTE, HARM = Decision.HOLD, Decision.PROMOTE, Decision.ROLLBACK


@pytest.fixture
def world(tmp_path):
    """A serves, B is judged by the gate and waits."""
    world = SplitWorld(tmp_path)
    world.ship("A")
    world.register("B", against="1")
    return world


def agreed(world):
    """The version that target, registry and journal name, where nothing is open."""
    assert (None, None) == (world.ledger.lock, world.ledger.operation)
    assert world.ledger.current.version == world.serving == world.alias
    return world.serving


def shifts(world):
    return [what for what, version in world.balancer.orders if version == "2"]


def test_a_first_version_gets_all_traffic_once_it_is_checked(tmp_path):
    world = SplitWorld(tmp_path)
    world.ship("A")

    assert "1" == agreed(world)
    assert [("stage", "1"), ("shift 100", "1")] == world.balancer.orders
    assert ["1"] == world.checks.asked


def test_a_canary_gets_its_shares_one_by_one_and_all_when_it_is_promoted(world):
    world.checks.verdicts = [HOLD, HOLD, PROMOTE]

    told = world.deploy("2")

    assert ["stage", "shift 5", "shift 25", "shift 100"] == shifts(world)
    assert [5, 25, 25] == [percent for percent, _ in world.checks.looks]
    assert ("2", "pass", True) == (agreed(world), told.verdict, told.changed)


def test_the_target_hears_which_operation_of_the_journal_each_order_belongs_to(world):
    world.deploy("2")
    orders = list(zip(world.balancer.operations, world.balancer.orders, strict=True))
    entry = world.ledger.current

    assert "2" == entry.version
    assert {entry.operation} == {one for one, (_, version) in orders if version == "2"}


def test_what_is_proven_early_needs_no_more_steps(world):
    world.deploy("2")

    assert ["stage", "shift 5", "shift 100"] == shifts(world)


def test_the_journal_reads_as_an_audit_trail(world):
    world.checks.verdicts = [HOLD, PROMOTE]
    before = len(world.journal.subjects)
    world.deploy("2")

    assert [
        "deploy: begin v1 → v2 in production",
        "deploy: stage v2 in production",
        "deploy: check v2 before it gets traffic",
        "deploy: v2 → 5 % (step 1 of 3)",
        "deploy: v2 at 5 %: hold, 1 looks",
        "deploy: v2 → 25 % (step 2 of 3)",
        "deploy: v2 at 25 %: promote, 2 looks",
        "deploy: v2 → 100 % (step 3 of 3)",
        "deploy: v2 serves production",
        "deploy: v2 is verified in production",
    ] == world.journal.subjects[before:]


def test_what_served_is_kept_warm(world):
    world.deploy("2")

    assert "1" == world.balancer.observe().standby.version


def test_a_harmful_canary_is_taken_back_and_quarantined(world):
    world.checks.verdicts = [HOLD, HARM]

    with pytest.raises(DeploymentFailed, match=r"2 looks\. v1 serves production.*quarantined"):
        world.deploy("2")

    assert "1" == agreed(world)
    assert ["stage", "shift 5", "shift 25", "shift 0"] == shifts(world)
    assert world.balancer.observe().standby is None
    bad = world.registry.version("flights", "2")
    assert "2 looks." == world.ledger.quarantine(bad.digest).reason
    assert "fail" == store.read_evidence(world.output, Deployment).verdict


def test_a_canary_without_a_verdict_in_time_is_taken_back_and_may_come_again(world):
    world.checks.verdicts = [HOLD] * 40

    with pytest.raises(DeploymentFailed, match="no verdict within 1800 s"):
        world.deploy("2")

    assert ("1", ()) == (agreed(world), world.ledger.quarantined)


@pytest.mark.parametrize("error", [ServiceError, ConfigurationError])
def test_who_cannot_be_asked_has_not_said_yes(world, error):
    world.checks.verdicts = [error("The traffic is silent.")] * 40

    with pytest.raises(DeploymentFailed, match=r"no verdict.*The traffic is silent"):
        world.deploy("2")

    assert "1" == agreed(world)


def test_a_version_that_does_not_answer_never_gets_traffic(world):
    world.checks.unwell.add("2")

    with pytest.raises(DeploymentFailed, match="answers nonsense"):
        world.deploy("2")

    assert ("1", ["stage"]) == (agreed(world), shifts(world))
    assert world.balancer.observe().standby is None


def test_a_server_that_does_not_start_changes_nothing(world):
    world.balancer.broken.add("2")

    with pytest.raises(DeploymentFailed, match="exit code 1"):
        world.deploy("2")

    assert "1" == agreed(world)


def test_a_balancer_that_restarts_in_between_is_given_its_weights_again(world):
    world.checks.verdicts = [HOLD, HOLD, HOLD, PROMOTE]
    look = world.checks.look
    world.balancer.configured = {"blue": 100, "green": 0}

    def restarting(*arguments):
        answer = look(*arguments)
        if len(world.checks.looks) == 2:
            world.balancer.restart()
        return answer

    world.checks.look = restarting
    world.deploy("2")

    assert ["stage", "shift 5", "shift 25", "shift 25", "shift 100"] == shifts(world)
    assert "2" == agreed(world)


def test_a_registry_that_is_down_at_the_end_leaves_the_operation_open(world):
    faults = DownAt(world, "set_alias")
    with pytest.raises(ServiceError, match="v2 serves production, and the journal records it"):
        world.deploy("2", faults=faults)
    assert ("2", "2", "1") == (world.serving, world.ledger.current.version, world.alias)
    world.registry.down = False
    world.wait_out_the_lease()

    assert not world.deploy("2").changed
    assert "2" == agreed(world)


class DownAt(Faults):
    """The registry is gone from the first call of this name on."""

    def __init__(self, world, name):
        super().__init__()
        self.world, self.name = world, f"registry.{name}"

    def call(self, name, write, arguments, words):
        if name == self.name:
            self.world.registry.down = True
        return super().call(name, write, arguments, words)


def test_bake_watches_the_version_with_all_traffic(world):
    world.configure_canary("{steps: [50, 100], bake: 5m}")
    before = world.clock.now()
    world.deploy("2")

    assert any("all traffic" in subject for subject in world.journal.subjects)
    assert world.clock.now() - before >= timedelta(minutes=6)


def test_another_deploy_meanwhile_is_told_who_holds_the_lock(world):
    world.checks.verdicts = [HOLD] * 9
    with pytest.raises(Killed):
        world.deploy("2", faults=Faults(12))

    with pytest.raises(LockHeld, match="holds the lock"):
        world.deploy("2")


def test_a_dry_run_tells_the_shares_and_when_a_decision_is_expected(world):
    before = world.journal.documents.copy()

    told = world.deploy("2", dry_run=True)

    steps = {step.name: step.detail for step in told.steps}
    assert "give v2 5 % of the traffic, and judge it after 60 s" == steps["shift 1 of 3"]
    assert "within 12 min" in steps["decision"]
    assert "roc_auc" in steps["gates"]
    assert before == world.journal.documents
    assert "v2 would be changed" in world.progress.notes
