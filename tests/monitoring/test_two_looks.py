"""Two looks at the same moment, or one after a dead one: what they start is started once."""

from datetime import timedelta

import pytest

from fakes.faults import Faults, Killed
from support.monitoring_scenarios import MONITORING, MonitoredWorld

RETRAIN = f"{MONITORING}  on_degradation: [issue, retrain]\n  retrain: {{workflow: train.yml}}\n"
OTHER = "https://platform.test/runs/7"


class Interrupted(Faults):
    """Does something else before or after write number `at`, and once only."""

    def __init__(self, at, when, do):
        super().__init__()
        self.at, self.moment, self.do = at, when, do

    def call(self, name, write, arguments, words):
        mine = len(self.seen) == self.at
        self.seen.append(name)
        if mine and self.moment == "before":
            self.do()
        answer = write(*arguments, **words)
        if mine and self.moment == "after":
            self.do()
        return answer


def degraded(folder):
    """Retraining is to be started by a workflow whose runs have titles that nobody recognises."""
    world = MonitoredWorld(folder, monitoring=RETRAIN)
    world.ship("A")
    world.serve(14, accuracy=0.6)
    world.code_host.forgets = True
    return world


def killed_while_starting(folder):
    """A look of another run had claimed the retraining, and started nothing."""
    world = degraded(folder)
    world.ci_run.address = OTHER
    with pytest.raises(Killed):
        world.monitor(faults=Faults(1))
    world.ci_run.address = "https://platform.test/runs/8"
    assert OTHER == world.remembered.claim.run
    return world


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("at", range(4))
def test_a_second_look_at_the_same_moment_starts_nothing_again(tmp_path, at, when):
    world = degraded(tmp_path)
    faults = Interrupted(at, when, world.monitor)

    seen = world.monitor(faults=faults)

    assert len(faults.seen) > at
    assert 1 == len(world.code_host.started)
    assert ["production/flights"] == list(world.code_host.issues)
    state = world.remembered
    assert ["done"] == [one.state for one in state.periods[0].reactions]
    assert state.claim is None
    assert {"fail"} == {seen.verdict.value}


def test_the_look_that_lost_says_that_another_one_is_at_it(tmp_path):
    world, seen = degraded(tmp_path), []

    world.monitor(faults=Interrupted(1, "before", lambda: seen.append(world.monitor())))

    [lost] = seen
    assert [("retrain", "refused"), ("issue", "refused")] == [
        (one.kind, one.state) for one in lost.reactions
    ]
    assert all(one.detail.startswith("Another run of cdml monitor") for one in lost.reactions)


def test_a_claim_of_a_run_that_is_over_is_taken_over_at_once(tmp_path):
    world = killed_while_starting(tmp_path)
    world.monitor()
    assert [] == world.code_host.started

    world.ci_run.over.add(OTHER)
    world.monitor()

    assert 1 == len(world.code_host.started)
    assert world.remembered.claim is None


@pytest.mark.parametrize("minutes", [59, 61])
def test_a_claim_of_a_run_that_nobody_knows_is_taken_over_after_an_hour(tmp_path, minutes):
    world = killed_while_starting(tmp_path)
    world.ci_run.refuses = True
    world.clock.pass_by(timedelta(minutes=minutes))

    world.monitor()

    assert (minutes > 60) == bool(world.code_host.started)


def test_a_look_that_was_slow_does_not_rely_on_its_claim(tmp_path):
    world = degraded(tmp_path)

    def sleep():
        world.clock.pass_by(timedelta(hours=2))
        world.monitor()

    world.monitor(faults=Interrupted(0, "after", sleep))

    assert 1 == len(world.code_host.started)
