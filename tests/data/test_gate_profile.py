"""What a model was trained on is kept with it, and the next gate needs no more than that."""

import pytest

from cdml.common.verdict import Verdict
from cdml.data.drift import profile_file as profiles
from cdml.delivery.candidate import read_candidate
from cdml.evidence import store
from cdml.evidence.schema import DataEvidence
from fakes.judging import World, rows

pytestmark = pytest.mark.long

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
    return profiles.read_profile(folder / profiles.FILE)


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


def test_a_models_own_profile_is_not_replaced_by_the_champions(world, tmp_path):
    world.put(rows(seed=5), "other.parquet")
    world.config = world.config.replace("train.parquet", "other.parquet")
    gate(world, "noisy")
    own = kept(world, "2", tmp_path)
    world.config = world.config.replace("reference: other.parquet, ", "")
    found = world.gate("models:/late/2")

    assert "other.parquet" == own.data.uri
    assert "train.parquet" == found.data.reference.uri
    assert own == kept(world, "2", tmp_path / "again")


def test_a_champion_that_is_named_is_the_one_whose_profile_is_used(world):
    gate(world, "noisy")
    without_training_data(world)
    found = gate(world, "better", champion="models:/late/2")

    assert "v2 of late is only a profile" in named(found, "rows_shared")[0].reason


@pytest.mark.parametrize(
    ("champion", "verdict", "told"),
    [
        ("none", Verdict.PASS, "there is no champion"),
        ("good.parquet", Verdict.WARN, "no profile is stored with good.parquet"),
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
    found = read_candidate(
        world.registry.version("late", "1"), registry=world.registry, evidence=None
    )

    assert found.judged is not None
    assert "" == found.trouble


def test_a_champion_that_answers_as_it_did_passes_and_one_that_does_not_warns(world):
    still = gate(world, "noisy")
    other = rows()
    other["good"] = [score**3 for score in other["good"]]
    world.put(other)
    moved = gate(world, "noisy")

    assert {"score", "prediction"} == {one.column for one in named(still, "prediction_drift")}
    assert {Verdict.PASS} == {one.verdict for one in named(still, "prediction_drift")}
    warned = {one.column: one.verdict for one in named(moved, "prediction_drift")}
    assert Verdict.WARN is warned["score"]
    assert Verdict.WARN is moved.data.verdict
    assert moved.data == store.read_evidence(world.output, DataEvidence)


def test_the_champion_is_scored_once_and_its_own_gate_asks_it_not_twice(world):
    world.scorer.at_once = 1
    jobs = len(world.scorer.jobs)
    gate(world, "noisy")
    again = gate(world, "good")

    assert jobs + 3 == len(world.scorer.jobs)
    assert {Verdict.PASS} == {one.verdict for one in named(again, "prediction_drift")}


def test_predictions_that_cannot_be_had_are_told_only(world):
    (name, version), files = next(iter(world.registry.kept.items()))
    world.registry.kept[name, version] = {**files, "surprise.json": b"{}"}
    [check] = named(gate(world, "noisy"), "prediction_drift")

    assert ("info", Verdict.PASS) == (check.severity, check.verdict)
    assert "Somebody" not in check.reason
    assert "not compared: the evidence stored with version 1 has the digest" in check.reason


def test_predictions_that_cannot_be_had_are_undecided_where_drift_can_fail(world):
    (name, version), files = next(iter(world.registry.kept.items()))
    world.registry.kept[name, version] = {**files, "surprise.json": b"{}"}
    world.config = world.config.replace("leakage: ", "drift: {fail: 0.9}, leakage: ")
    [check] = named(gate(world, "noisy"), "prediction_drift")

    assert Verdict.INCONCLUSIVE == check.verdict
