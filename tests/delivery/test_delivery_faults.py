"""Whatever breaks at whichever write, the next run ends with registry and journal agreed."""

import pytest

from cdml.errors import CdmlError, ServiceError
from fakes.faults import WRITES, Faults, Killed, killed, unanswered
from support.delivery_scenarios import CASES, again, agreed, shipped, writes

pytestmark = pytest.mark.long


@pytest.mark.parametrize("how", [killed, unanswered], ids=["killed", "unanswered"])
@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("name", CASES)
def test_a_fault_at_any_write_is_mended_by_the_next_run(name, when, how, tmp_path):
    case = CASES[name]
    for at in range(len(writes(name, tmp_path / "clean"))):
        world = case.begin(tmp_path / f"{at}")
        try:
            case.run(world, faults=Faults(at, when, how))
        except (CdmlError, Killed):
            again(case, world)

        assert case.ends == agreed(world), at


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("name", ["deploy", "canary"])
def test_a_rollback_after_a_killed_deploy_never_restores_what_was_not_served(name, when, tmp_path):
    case = CASES[name]
    for at in range(len(writes(name, tmp_path / "clean"))):
        world = case.begin(tmp_path / f"{at}")
        with pytest.raises(Killed):
            case.run(world, faults=Faults(at, when))

        told = world.rollback()

        ever = [one.version for one in (*world.ledger.entries, *world.ledger.quarantined)]
        assert told.to.version == agreed(world), at
        assert told.to.version == ("2" if "3" in ever else "1"), at


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize(
    "name",
    [
        "deploy",
        "canary",
        "split rollback",
    ],
)
def test_a_recovery_that_is_killed_is_itself_recovered(name, when, tmp_path):
    case = CASES[name]
    points = range(len(writes(name, tmp_path / "clean")))
    for at in points:
        for second in points[:: 2 if len(points) < 10 else 3]:
            world = case.begin(tmp_path / f"{at}-{second}")
            with pytest.raises(Killed):
                case.run(world, faults=Faults(at, when))
            world.wait_out_the_lease()
            try:
                if not (case.once and world.ledger.operation is None and at):
                    case.run(world, faults=Faults(second, when))
            except Killed:
                again(case, world)

            assert case.ends == agreed(world), (at, second)


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("name", ["deploy", "canary", "first split deploy"])
def test_a_fault_that_stays_leaves_the_old_or_the_new_version(name, when, tmp_path):
    case = CASES[name]
    for at in range(len(writes(name, tmp_path / "clean"))):
        world = case.begin(tmp_path / f"{at}")
        before = world.serving
        try:
            case.run(world, faults=Faults(at, when, unanswered, times=99))
        except CdmlError:
            assert world.serving in (before, case.ends) or world.ledger.operation, at
        again(case, world)

        assert case.ends == agreed(world), at


def test_a_run_that_lost_its_lock_touches_nothing_more(tmp_path):
    world = shipped(tmp_path)
    faults = TakenOver(world)

    with pytest.raises(CdmlError, match="took over"):
        world.deploy("3", faults=faults)

    assert "1" == agreed(world)


class TakenOver(Faults):
    """While the deploy hangs before its commit, its lease ends and a rollback takes over."""

    def __init__(self, world):
        super().__init__()
        self.world = world

    def call(self, name, write, arguments, words):
        if name == "journal.write" and self.seen.count(name) == 1:
            self.seen.append(name)
            self.world.wait_out_the_lease()
            self.world.rollback()
        return super().call(name, write, arguments, words)


@pytest.mark.parametrize("name", CASES)
def test_the_journal_is_the_first_to_know(name, tmp_path):
    assert "journal.write" == writes(name, tmp_path)[0]


MONITORING = ("report_issue", "start_workflow", "close_issue")
"""Writes that no delivery makes; tests/monitoring breaks them off."""


def test_what_is_broken_off_covers_every_kind_of_write(tmp_path):
    seen = {write for name in CASES for write in writes(name, tmp_path / name)}

    expected = {f"{port}.{call}" for port, calls in WRITES.items() for call in calls}
    of_monitoring = {f"code_host.{call}" for call in MONITORING}
    assert {"target.switch", *of_monitoring} == expected - seen


def test_a_deploy_that_ends_with_a_third_version_does_not_say_it_was_undone(tmp_path):
    world = shipped(tmp_path)
    world.registry.set_alias = lambda name, alias, _: world.registry.aliases.update(
        {(name, alias): "1"}
    )
    with pytest.raises(ServiceError, match="v1 serves production") as caught:
        world.deploy("3")

    assert "rollback" in caught.value.hint
