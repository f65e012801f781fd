"""Whatever breaks at whichever write, the next run ends with registry and journal agreed."""

import pytest

from cdml.errors import CdmlError, ServiceError
from fakes.delivery import World
from fakes.faults import Faults, Killed, killed, unanswered


def shipped(folder):
    """A serves, then B; C is judged and waits."""
    folder.mkdir(exist_ok=True)
    world = World(folder)
    world.ship("A", "B")
    world.register("C", against="2")
    return world


def adopting(folder):
    """B serves without a journal; C is judged and waits."""
    folder.mkdir(exist_ok=True)
    world = World(folder)
    for name, against in (("A", None), ("B", None), ("C", "2")):
        world.register(name, against=against)
    world.move_alias("2")
    return world


def changed(folder):
    """As `shipped`, but the bytes of C are others than those that were judged."""
    world = shipped(folder)
    world.tamper("3")
    return world


KNOWINGLY = {"override": ("digest",), "reason": "a typo in its metadata"}
OPERATIONS = {
    "overriding deploy": (changed, lambda world, **words: world.deploy("3", **KNOWINGLY, **words)),
    "deploy": (shipped, lambda world, **words: world.deploy("3", **words)),
    "adopting deploy": (adopting, lambda world, **words: world.deploy("3", **words)),
    "rollback": (shipped, lambda world, **words: world.rollback(**words)),
}


def writes(name, folder):
    """What a clean run writes, in order."""
    begin, run = OPERATIONS[name]
    clean = Faults()
    run(begin(folder), faults=clean)
    return clean.seen


def agreed(world):
    """Who serves, where registry and journal name the same version and nothing is open."""
    assert (None, None) == (world.ledger.lock, world.ledger.operation)
    assert world.ledger.current.version == world.serving
    return world.serving


@pytest.mark.parametrize("how", [killed, unanswered], ids=["killed", "unanswered"])
@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("name", OPERATIONS)
def test_a_fault_at_any_write_is_mended_by_the_next_run(name, when, how, tmp_path):
    begin, run = OPERATIONS[name]
    for at in range(len(writes(name, tmp_path / "clean"))):
        world = begin(tmp_path / f"{at}")
        try:
            run(world, faults=Faults(at, when, how))
        except (CdmlError, Killed):
            world.wait_out_the_lease()
            if name != "rollback" or world.ledger.operation or world.serving != "1":
                run(world)

        assert agreed(world) in (("3",) if "deploy" in name else ("1",)), at


@pytest.mark.parametrize("when", ["before", "after"])
def test_a_rollback_after_a_killed_deploy_never_restores_what_was_not_served(when, tmp_path):
    for at in range(len(writes("deploy", tmp_path / "clean"))):
        world = shipped(tmp_path / f"{at}")
        with pytest.raises(Killed):
            world.deploy("3", faults=Faults(at, when))

        told = world.rollback()

        served = [entry.version for entry in world.ledger.entries]
        assert told.to.version == agreed(world), at
        assert told.to.version == ("2" if "3" in served else "1"), at


@pytest.mark.parametrize("when", ["before", "after"])
def test_a_recovery_that_is_killed_is_itself_recovered(when, tmp_path):
    for at in range(len(writes("deploy", tmp_path / "clean"))):
        for again in range(8):
            world = shipped(tmp_path / f"{at}-{again}")
            with pytest.raises(Killed):
                world.deploy("3", faults=Faults(at, when))
            world.wait_out_the_lease()
            try:
                world.deploy("3", faults=Faults(again, when))
            except Killed:
                world.wait_out_the_lease()
                world.deploy("3")

            assert "3" == agreed(world), (at, again)


@pytest.mark.parametrize("when", ["before", "after"])
def test_a_fault_that_stays_leaves_the_old_or_the_new_version(when, tmp_path):
    for at in range(len(writes("deploy", tmp_path / "clean"))):
        world = shipped(tmp_path / f"{at}")
        try:
            world.deploy("3", faults=Faults(at, when, unanswered, times=99))
        except CdmlError:
            assert world.serving in ("2", "3"), at
        world.wait_out_the_lease()

        world.deploy("3")

        assert "3" == agreed(world), at


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


@pytest.mark.parametrize("name", OPERATIONS)
def test_the_journal_is_the_first_to_know(name, tmp_path):
    assert "journal.write" == writes(name, tmp_path)[0]


def test_a_deploy_that_ends_with_a_third_version_does_not_say_it_was_undone(tmp_path):
    world = shipped(tmp_path)
    world.registry.set_alias = lambda name, alias, _: world.registry.aliases.update(
        {(name, alias): "1"}
    )
    with pytest.raises(ServiceError, match="v1 serves production") as caught:
        world.deploy("3")

    assert "rollback" in caught.value.hint
