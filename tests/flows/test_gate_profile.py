"""What a model was trained on is kept with it, and the next gate needs no more than that."""

import pytest

from cdml.core.verdict import Verdict
from cdml.evidence import profile as profiles
from cdml.flows.candidate import examine
from fakes.judging import World, rows

REFERENCE = (
    "{evaluation: rows.parquet, reference: train.parquet, leakage: {warn: null, fail: null}, "
)


@pytest.fixture
def world(tmp_path):
    """The first model is through the gate, with its training data, and serves."""
    world = World(tmp_path)
    world.gates = "{metric: accuracy, at_least: 0.1}"
    world.put(rows(seed=3), "train.parquet")
    world.config = world.config.replace("{evaluation: rows.parquet, ", REFERENCE)
    gate(world, "good", champion="none")
    world.registry.set_alias("late", "champion", "1")
    return world


def gate(world, answers, **options):
    return world.gate(world.model(answers, inputs=("weak",)), register="late", **options)


def kept(world, version, tmp_path):
    known = world.registry.version("late", version)
    folder = world.registry.evidence(known, tmp_path / f"kept-{version}")
    return profiles.read(folder / profiles.FILE)


def without_training_data(world):
    world.config = world.config.replace("reference: train.parquet, ", "")
    del world.tables.tables[str(world.folder / "train.parquet")]


def named(found, *names):
    return [check for check in found.data.checks if check.name in names]


def test_the_profile_of_the_training_data_is_kept_with_the_version(world, tmp_path):
    found = kept(world, "1", tmp_path)

    assert ("train.parquet", 600) == (found.data.uri, found.profile.rows)
    assert {"late", "carrier", "weak"} <= found.profile.by_name.keys()


def test_the_next_gate_compares_with_it_and_passes_it_on(world, tmp_path):
    with_rows = gate(world, "noisy")
    without_training_data(world)
    found = gate(world, "better")

    assert "train.parquet" == found.data.reference.uri
    assert named(with_rows, "drift", "label_drift") == named(found, "drift", "label_drift")
    assert "3" == found.version.version
    assert kept(world, "1", tmp_path) == kept(world, "3", tmp_path)


def test_a_champion_that_is_named_is_the_one_whose_profile_is_used(world):
    gate(world, "noisy")
    without_training_data(world)
    found = gate(world, "better", champion="models:/late/2")

    assert "of v2 of late there is a profile" in named(found, "rows_shared")[0].reason


@pytest.mark.parametrize(
    ("champion", "verdict", "told"),
    [
        ("none", Verdict.PASS, "there is no champion"),
        ("good.parquet", Verdict.WARN, "no profile is kept with good.parquet"),
    ],
)
def test_a_champion_outside_the_registry_keeps_no_profile(world, champion, verdict, told):
    without_training_data(world)
    world.config = world.config.replace("{evaluation: ", "{reference: champion, evaluation: ")
    world.predictions("good")
    [check] = named(gate(world, "better", champion=champion), "drift")

    assert verdict is check.verdict
    assert told in check.reason


def test_a_version_with_a_profile_can_be_deployed(world):
    found = examine(world.registry.version("late", "1"), registry=world.registry, evidence=None)

    assert found.judged is not None
    assert "" == found.trouble
