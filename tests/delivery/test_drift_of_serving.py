"""What was moved behind our back: told, and mended only when asked, with a reason."""

from dataclasses import replace

import pytest

from cdml.adapters.targets.registry import RegistryTarget
from cdml.delivery.divergence import chosen_cure
from cdml.errors import ConfigurationError, DeploymentRefused, InputError, ServiceError
from cdml.journal.records import EntryKind
from fakes.delivery import World
from fakes.split_delivery import SplitWorld


@pytest.fixture
def world(tmp_path):
    """A served, B should serve; somebody moved the alias to A."""
    world = World(tmp_path)
    world.ship("A", "B")
    world.move_alias("1")
    return world


@pytest.fixture
def split(tmp_path):
    """A served and is warm, B serves."""
    world = SplitWorld(tmp_path)
    world.ship("A", "B")
    return world


def agreed(world):
    assert (None, None) == (world.ledger.lock, world.ledger.operation)
    assert world.ledger.current.version == world.serving
    assert not isinstance(world, SplitWorld) or world.alias == world.serving
    return world.serving


def test_drift_is_told_with_both_ways_out(world):
    with pytest.raises(ServiceError, match=r"v2 serves production, but v1 does") as caught:
        world.deploy("2")

    assert all(word in caught.value.hint for word in ("--repair", "--adopt", "rollback"))


def test_adopting_makes_the_journal_follow_the_world(world):
    told = world.deploy(cure="adopt", reason="an emergency at night")

    entry = world.ledger.current
    assert ("1", EntryKind.ADOPT, "an emergency at night") == (
        entry.version,
        entry.kind,
        entry.reason,
    )
    assert ("1", True) == (agreed(world), told.changed)
    assert ["1", "2", "1"] == [one.version for one in world.ledger.entries]


def test_repairing_makes_the_world_follow_the_journal(world):
    told = world.deploy(cure="repair", reason="nobody should have")

    entry = world.ledger.current
    assert ("2", EntryKind.REPAIR, "nobody should have") == (
        entry.version,
        entry.kind,
        entry.reason,
    )
    assert ("2", True) == (agreed(world), told.changed)
    assert () == world.ledger.quarantined
    assert "Before: Drift" in told.reason


@pytest.mark.parametrize(("cure", "expected"), [("repair", "3"), ("adopt", None)])
def test_a_deploy_goes_on_when_the_drift_is_mended(world, cure, expected):
    world.register("C", against="2")
    if expected is None:  # C was compared with B, and A is the champion now
        with pytest.raises(DeploymentRefused, match="champion-moved"):
            world.deploy("3", cure=cure, reason="mended")
        assert "1" == agreed(world)
    else:
        world.deploy("3", cure=cure, reason="mended")
        assert expected == agreed(world)


def test_without_drift_a_cure_changes_nothing(world):
    world.move_alias("2")
    before = world.journal.documents.copy()

    told = world.deploy(cure="repair", reason="to be sure")

    assert (False, before) == (told.changed, world.journal.documents)


def test_a_rehearsal_of_a_cure_writes_nothing(world):
    before = world.journal.documents.copy()
    told = world.deploy(cure="repair", reason="why not", dry_run=True)

    assert "--repair would fix that first" in told.reason
    assert ("1", before) == (world.serving, world.journal.documents)


def test_a_version_that_was_deleted_is_told_and_cannot_be_repaired(world):
    del world.registry.versions["flights", "2"]
    del world.registry.aliases["flights", "champion"]

    with pytest.raises(ServiceError, match=r"nothing does .v2 was deleted from the registry"):
        world.deploy("1")
    with pytest.raises(InputError, match="v2 cannot be restored"):
        world.deploy(cure="repair", reason="try")
    assert "1" == world.rollback(to="1").to.version


def test_adopting_that_nothing_serves_leaves_an_empty_champion(world):
    del world.registry.aliases["flights", "champion"]
    with pytest.raises(InputError, match="Nothing serves"):
        world.deploy(cure="adopt", reason="it was switched off")

    assert (None, "2") == (world.ledger.current, world.ledger.previous[0].version)


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"adopt": True, "repair": False, "reason": " "}, "--adopt needs a reason"),
        ({"adopt": False, "repair": True, "reason": ""}, "--repair needs a reason"),
        ({"adopt": True, "repair": True, "reason": "x"}, "cannot be combined"),
    ],
)
def test_a_cure_needs_a_reason_and_to_be_one(options, told):
    with pytest.raises(ConfigurationError, match=told):
        chosen_cure(**options)


def test_an_alias_that_only_tells_is_drift_as_well(split):
    split.move_alias("1")

    with pytest.raises(ServiceError, match=r"v2 serves.*alias champion points to v1"):
        split.deploy("1")


@pytest.mark.parametrize("cure", ["repair", "adopt"])
def test_an_alias_that_only_tells_follows_what_serves(split, cure):
    split.move_alias("1")
    split.balancer.orders.clear()

    split.deploy(cure=cure, reason="a slip of the hand")

    assert "2" == agreed(split)
    assert [] == [what for what, _ in split.balancer.orders if what.startswith("shift")]


def test_traffic_that_was_split_by_hand_is_drift(split):
    split.balancer.weights = dict.fromkeys(split.balancer.slots, 50)

    with pytest.raises(ServiceError, match=r"v. \(50 %\) alongside v"):
        split.deploy("2")
    with pytest.raises(InputError, match="share the traffic"):
        split.deploy(cure="adopt", reason="which?")
    split.deploy(cure="repair", reason="not by hand")

    assert "2" == agreed(split)


def test_traffic_that_was_given_back_by_hand_can_be_adopted(split):
    split.balancer.weights = {
        slot: 100 if one.version == "1" else 0 for slot, one in split.balancer.held.items()
    }
    split.deploy(cure="adopt", reason="it was wrong")

    assert "1" == agreed(split)


@pytest.mark.parametrize("dry_run", [False, True])
def test_a_delivery_between_two_looks_is_no_drift(tmp_path, dry_run):
    world = World(tmp_path)
    world.ship("A", "B")
    world.register("C", against="2")

    class Meanwhile(RegistryTarget):
        """Another run delivers after the journal was read, before this is looked at."""

        def observe(self):
            world.target = RegistryTarget
            if world.ledger.current.version == "2":
                world.deploy("3")
            return super().observe()

    world.target = Meanwhile

    told = world.deploy("3", dry_run=dry_run)

    assert ("pass", False) == (told.verdict, told.changed)
    assert "The journal changed; reading it again." in world.progress.notes
    assert "3" == world.ledger.current.version


def test_drift_says_why_what_serves_is_not_proven(split, monkeypatch):
    why = "kubectl-edit changed the pods of the Deployment flights-1"
    serving = replace(split.balancer.observe(), digest="sha256:" + "0" * 64, doubt=why)
    monkeypatch.setattr(split.balancer, "observe", lambda: serving)
    with pytest.raises(ServiceError) as caught:
        split.deploy("2")

    assert (
        f"Drift: the journal says v2 serves production, but an unproven v2 does ({why})."
        == caught.value.message
    )
