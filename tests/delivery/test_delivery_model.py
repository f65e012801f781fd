"""Faults in any order, on both kinds of target: what DESIGN promises of a delivery holds.

Runs are killed, or told nothing, at any write; they read an old journal; another run comes in
between; somebody moves the alias or the weights by hand. After every one of them the invariants
are asked, and a run without faults brings target, registry and journal together again.
"""

import shutil
import tempfile
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from cdml.delivery.rollout.state_machine import Decision
from cdml.errors import CdmlError, InputError, ServiceError
from fakes.delivery import World
from fakes.faults import Faults, Killed, killed, unanswered
from fakes.split_delivery import SplitWorld
from support.delivery_scenarios import agreed

VERDICTS = st.lists(st.sampled_from(list(Decision)), max_size=3)
AT = st.none() | st.integers(0, 24)
WHEN = st.sampled_from(["before", "after"])
HOW = st.sampled_from([killed, unanswered])
NAMES = [f"m{number}" for number in range(40)]


class Meanwhile(Faults):
    """At one of its writes something else happens first."""

    def __init__(self, at, happens):
        super().__init__()
        self.at, self.happens = at, happens

    def call(self, name, write, arguments, words):
        if len(self.seen) == self.at:
            self.at = None
            self.happens()
        return super().call(name, write, arguments, words)


class Delivery(RuleBasedStateMachine):
    """One environment, and whoever works on it."""

    splits = False

    def __init__(self):
        super().__init__()
        self.folder = Path(tempfile.mkdtemp(prefix="cdml-model-"))
        self.world = (SplitWorld if self.splits else World)(self.folder)
        self.generation = 0
        self.moved = False
        self.runs = 100

    def teardown(self):
        shutil.rmtree(self.folder)

    @initialize()
    def something_serves(self):
        self.world.ship("first")

    @rule()
    def gate(self):
        """A new version passes the gate against what the journal says."""
        current = self.world.ledger.current
        number = len(self.world.registry.versions)
        if number < len(NAMES):
            self.world.register(NAMES[number], against=current.version if current else None)

    @rule(back=st.integers(0, 3), at=AT, when=WHEN, how=HOW, verdicts=VERDICTS)
    def deploy(self, back, at, when, how, verdicts):
        self._judge(verdicts)
        version = max(1, len(self.world.registry.versions) - back)
        self._run(lambda **words: self.world.deploy(f"{version}", **words), Faults(at, when, how))

    @rule(at=AT, when=WHEN, how=HOW)
    def roll_back(self, at, when, how):
        def rollback(**words):
            told = self.world.rollback(**words)
            assert told.to.version in {one.version for one in self.world.ledger.entries}

        self._run(rollback, Faults(at, when, how))

    @rule(at=st.integers(0, 12), verdicts=VERDICTS)
    def a_rollback_comes_in_between(self, at, verdicts):
        self._judge(verdicts)
        version = str(len(self.world.registry.versions))
        between = Meanwhile(at, lambda: self._run(self.world.rollback, Faults()))
        self._run(lambda **words: self.world.deploy(version, **words), between)

    @rule(at=st.integers(0, 8))
    def a_deploy_comes_in_between(self, at):
        version = str(len(self.world.registry.versions))
        other = Meanwhile(at, lambda: self._run(lambda **w: self.world.deploy("1", **w), Faults()))
        self._run(lambda **words: self.world.deploy(version, **words), other)

    @rule(minutes=st.integers(1, 25))
    def time_passes(self, minutes):
        self.world.clock.pass_by(timedelta(minutes=minutes))

    @precondition(lambda self: len(self.world.journal.documents) > 1)
    @rule()
    def a_read_is_stale(self):
        journal = self.world.journal
        fresh, old = journal.read, journal.documents[-2]

        def stale():
            journal.read = fresh
            newest = journal.documents.pop()
            journal.documents[-1], kept = old, journal.documents[-1]
            try:
                return fresh()
            finally:
                journal.documents[-1] = kept
                journal.documents.append(newest)

        journal.read = stale
        self._run(lambda **words: self.world.deploy("1", **words), Faults())
        journal.read = fresh

    @precondition(lambda self: self.world.ledger.operation is None)
    @rule(version=st.integers(1, 5))
    def somebody_moves_the_alias(self, version):
        if version <= len(self.world.registry.versions):
            self.world.move_alias(str(version))
            self.moved = True

    @rule()
    def a_run_without_faults_brings_all_together(self):
        world = self.world
        world.wait_out_the_lease()  # the lock of a killed run ends once this machine has watched it
        world.clock.pass_by(timedelta(minutes=40))
        self.canaries_wait_themselves()
        self._judge([])
        told = ""
        try:
            world.deploy("1")
        except InputError:
            told = "refused, after mending"
        except ServiceError as error:
            told = error.message
        assert self.moved or "Drift" not in told
        assert told in ("", "refused, after mending") or "Drift" in told
        if "Drift" in told:
            self._repair()
        if world.ledger.current is not None:
            agreed(world)
        self.moved = False

    def _repair(self):
        try:
            self.world.deploy(cure="repair", reason="by hand")
        except InputError:  # the journal says that nothing serves
            self.world.deploy(cure="adopt", reason="by hand")

    @invariant()
    def the_journal_is_sound(self):
        ledger = self.world.ledger
        assert (ledger.lock is None) == (ledger.operation is None)
        assert ledger.generation >= self.generation
        self.generation = ledger.generation
        bad = {one.digest for one in ledger.quarantined}
        if ledger.operation is None and ledger.current is not None:
            assert ledger.current.digest not in bad

    @invariant()
    def only_what_passed_the_gate_serves(self):
        if self.world.serving is not None:
            assert ("flights", self.world.serving) in self.world.registry.kept

    def canaries_wait_themselves(self):
        """There are none."""

    def _judge(self, verdicts):
        if self.splits:
            self.world.checks.verdicts = list(verdicts)

    def _run(self, run, faults):
        # Each command is a run of its own: within one, two rollbacks would be the same.
        around, self.runs = self.world.ci_run.address, self.runs + 1
        self.world.ci_run.address = f"https://platform.test/runs/{self.runs}"
        try:
            run(faults=faults)
        except (CdmlError, Killed):
            return
        finally:
            self.world.ci_run.address = around


class SplitDelivery(Delivery):
    """The same where traffic is split; somebody may also move that."""

    splits = True

    @precondition(lambda self: self.world.ledger.operation is None)
    @rule(percent=st.integers(0, 100))
    def somebody_moves_the_weights(self, percent):
        first, second = self.world.balancer.slots
        self.world.balancer.weights = {first: percent, second: 100 - percent}
        self.moved = True

    @rule(verdicts=VERDICTS)
    def a_canary_is_resumed(self, verdicts):
        self._judge(verdicts)
        self._run(self.world.resume, Faults())

    @rule()
    def canaries_are_parked_from_now_on(self):
        self.world.configure_canary("{steps: [5, 25, 100], park: 30m}")

    def canaries_wait_themselves(self):
        self.world.configure_canary("{steps: [5, 25, 100]}")


CHECKS = [HealthCheck.too_slow, HealthCheck.filter_too_much]


def held(machine, examples):
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=examples,
            stateful_step_count=15,
            deadline=None,
            phases=[Phase.explicit, Phase.generate],  # a failing story is short as it is
            derandomize=True,
            suppress_health_check=CHECKS,
        ),
    )


@pytest.mark.heavy
@pytest.mark.parametrize("machine", [Delivery, SplitDelivery])
def test_the_invariants_hold_whatever_happens(machine):
    held(machine, 15)


@pytest.mark.long
@pytest.mark.parametrize("machine", [Delivery, SplitDelivery])
def test_the_invariants_hold_whatever_happens_for_long(machine):
    held(machine, 200)


@pytest.mark.heavy
@pytest.mark.parametrize("at", range(16))
def test_a_deploy_killed_at_any_write_is_finished_once_its_lease_ends(at):
    story = SplitDelivery()
    story.something_serves()
    story.gate()
    story.deploy(back=0, at=at, when="before", how=killed, verdicts=[])
    story.a_run_without_faults_brings_all_together()
    story.teardown()
