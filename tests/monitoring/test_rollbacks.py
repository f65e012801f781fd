"""Rolling back what has degraded: only to a version that is proven better, and once."""

import pytest

from cdml.common.verdict import Verdict
from cdml.monitoring.claim import LEFT_AFTER
from fakes.faults import Faults, Killed
from fakes.split_delivery import SplitWorld
from fakes.target import FakeSplittingTarget
from support.monitoring_scenarios import MONITORING, MonitoredWorld

pytestmark = pytest.mark.long

ROLLBACK = f"{MONITORING}  on_degradation: [issue, rollback]\n"
GOOD = {"good": 0.9, "bad": None}


def degraded(folder, *, inputs=None, days=16, monitoring=ROLLBACK):
    """Version 1 served well, and version 2 (whose answers are logged) does not."""
    folder.mkdir(exist_ok=True)
    world = MonitoredWorld(folder, monitoring=monitoring, inputs=GOOD if inputs is None else inputs)
    world.ship("good", "bad")
    world.serve(days, accuracy=0.6)
    return world


def taken(seen):
    [one] = [one for one in seen.reactions if one.kind == "rollback"]
    return one


def test_a_version_that_is_proven_better_on_the_same_rows_serves_again(tmp_path):
    world = degraded(tmp_path)

    seen = world.monitor()

    assert "1" == world.serving
    done = taken(seen)
    assert "done" == done.state
    assert "v1 serves production again. On the same 2,700 rows, v1 is proven better than v2." in (
        done.detail
    )
    [entry, *_] = world.ledger.entries
    assert ("rollback", "1") == (entry.kind, entry.version)
    assert entry.reason.startswith("monitor: accuracy has degraded. On the same")
    [issue] = world.code_host.issues.values()
    assert "The version before serves again." in issue.body
    assert done.detail.split(".")[0] in (world.output / "monitor.html").read_text()
    world.serve(1)
    later = world.monitor()
    assert (Verdict.PASS, "1") == (later.verdict, later.versions[0].version)
    assert not world.code_host.issues["production/flights"].open


@pytest.mark.parametrize("accuracy", [0.6, 0.5])
def test_a_version_that_is_not_proven_better_stays_where_it_is(tmp_path, accuracy):
    world = degraded(tmp_path, inputs={"good": accuracy, "bad": None})

    seen = world.monitor()

    assert "2" == world.serving
    assert Verdict.FAIL is seen.verdict
    assert "refused" == taken(seen).state
    assert "v1 is not proven better than v2. Accuracy " in taken(seen).detail


def test_each_further_comparison_needs_new_windows_and_stronger_evidence(tmp_path):
    world = degraded(tmp_path, inputs={"good": 0.6, "bad": None})
    first = taken(world.monitor())
    scored = len(world.scorer.jobs)

    again = taken(world.monitor())

    assert (first, scored) == (again, len(world.scorer.jobs))
    assert "97.5 % confidence" in first.detail
    world.serve(1, accuracy=0.6)
    assert "99.1667 % confidence" in taken(world.monitor()).detail


def test_a_log_without_the_inputs_of_a_model_rolls_nothing_back(tmp_path):
    world = degraded(tmp_path)
    world.write(predictions=["request", "at", "prediction", "score", "bad"])

    seen = world.monitor()

    assert "2" == world.serving
    assert ("refused", []) == (taken(seen).state, world.scorer.jobs)
    assert "lacks what v1 reads" in taken(seen).detail


def test_too_few_windows_are_not_compared(tmp_path):
    world = degraded(tmp_path, days=9)
    world.serve(2, accuracy=0.1)

    seen = world.monitor()

    assert Verdict.FAIL is seen.verdict
    assert "A comparison with v1 needs 10 judged windows; there are 9." == taken(seen).detail
    world.serve(1, accuracy=0.1)
    assert "done" == taken(world.monitor()).state


def test_what_the_target_was_given_by_hand_is_left_alone(tmp_path):
    world = degraded(tmp_path)
    world.ship("other")
    world.rollback(to="2", request_id="by hand")
    world.serve(16, accuracy=0.6)
    world.move_alias("3")

    seen = world.monitor()

    assert "3" == world.serving
    assert "Nothing was rolled back: v3 serves production now." in taken(seen).detail


def test_a_rollback_that_was_intended_is_declined_once_another_version_serves(tmp_path):
    world = degraded(tmp_path, inputs={"good": 0.6, "bad": None})
    world.monitor()
    world.ship("new")
    world.serve(1)

    seen = world.monitor()

    assert ("declined", "3") == (taken(seen).state, world.serving)
    assert "Nothing was rolled back: v2 does not serve any more." == taken(seen).detail


def test_without_a_version_before_nothing_is_rolled_back(tmp_path):
    world = MonitoredWorld(tmp_path, monitoring=ROLLBACK, inputs={"bad": None})
    world.ship("bad")
    world.serve(16, accuracy=0.6)

    assert "There is no version to roll back to" in taken(world.monitor()).detail


def test_models_see_neither_predictions_nor_labels(tmp_path):
    world = degraded(tmp_path)

    world.monitor()

    assert 2 == len(world.scorer.jobs)
    for job in world.scorer.jobs:
        assert {tmp_path / "predictions.parquet", tmp_path / "labels.parquet"} <= set(job.hidden)


class SplitMonitoredWorld(MonitoredWorld, SplitWorld):
    """A target that splits traffic, whose server is checked before it gets any."""

    def __init__(self, folder, **words):
        super().__init__(folder, **words)
        self.balancer = FakeSplittingTarget()

    def configure(self, text):
        super().configure(text.split("deploy:")[0] + "deploy: {target: {type: fake}}\n")


def test_a_target_that_splits_traffic_shifts_it_back_after_its_check(tmp_path):
    world = SplitMonitoredWorld(tmp_path, monitoring=ROLLBACK, inputs=GOOD)
    world.ship("good", "bad")
    world.serve(16, accuracy=0.6)
    world.balancer.orders.clear()

    assert "done" == taken(world.monitor()).state

    assert ("1", "1") == (world.serving, world.alias)
    assert [("stage", "1"), ("shift 100", "1")] == world.balancer.orders
    assert [0, 0] == [job.recorded_rows for job in world.scorer.jobs]


ALL = f"{MONITORING}  on_degradation: [issue, retrain, rollback]\n  retrain: {{workflow: t.yml}}\n"


@pytest.mark.parametrize("when", ["before", "after"])
def test_a_look_that_is_killed_at_any_write_does_everything_once(tmp_path, when):
    calm = Faults()
    degraded(tmp_path / "calm", monitoring=ALL).monitor(faults=calm)
    assert ["journal.write"] * 3 == calm.seen[:3]
    assert {"registry.set_alias", "code_host.start_workflow"} <= set(calm.seen)

    for at, _ in enumerate(calm.seen):
        world = degraded(tmp_path / f"{at}-{when}", monitoring=ALL)
        with pytest.raises(Killed):
            world.monitor(faults=Faults(at, when))
        world.clock.pass_by(LEFT_AFTER * 2)
        world.monitor()

        assert "1" == world.serving, at
        rollbacks = [one for one in world.ledger.entries if one.kind == "rollback"]
        assert 1 == len(rollbacks), at
        [(_, _, inputs)] = world.code_host.started
        assert inputs["reason"].startswith("flights v2 in production: Accuracy has degraded"), at
        [issue] = world.code_host.issues.values()
        assert "flights in production has degraded" == issue.title, at
        kinds = [
            (one.kind, one.state) for period in world.remembered.periods for one in period.reactions
        ]
        assert [("rollback", "done"), ("retrain", "done")] == kinds, at
