"""The history of a model's metrics, as its versions' own evidence tells it."""

import pytest

from cdml.evaluation import registry_log
from fakes.judging import World, rows


@pytest.fixture
def world(tmp_path):
    world = World(tmp_path)
    world.policy = "first_model: bounds"
    world.gates = "{metric: roc_auc, at_least: 0.5, max_regression: 0.3}"
    return world


def shipped(world, answers):
    """A model that passed, registered with its evidence and made the champion."""
    version = world.gate(world.model(answers), register="late").version
    world.registry.set_alias("late", "champion", version.version)
    return version


def test_each_earlier_version_is_told_with_its_metrics(world):
    for answers in ("weak", "good"):
        shipped(world, answers)

    found = world.gate(world.model("better")).comparison.history

    assert ["1", "2"] == [one.version for one in found]
    assert [True, True] == [one.same_rows for one in found]
    areas = [one.metrics["roc_auc"] for one in found]
    assert 0.5 < areas[0] < areas[1] < 1


def test_other_rows_are_told_apart(world):
    shipped(world, "weak")
    world.data = rows(seed=5)
    world.put(world.data)

    [found] = world.gate(world.model("good")).comparison.history

    assert not found.same_rows


def test_the_challenger_has_no_past_in_itself(world):
    version = shipped(world, "weak")

    found = world.gate(f"models:/late/{version.version}").comparison.history

    assert () == found


def test_only_so_many_are_looked_at(world, monkeypatch):
    monkeypatch.setattr(registry_log, "MOST", 1)
    for answers in ("weak", "good"):
        shipped(world, answers)

    found = world.gate(world.model("better")).comparison.history

    assert ["2"] == [one.version for one in found]


def test_evidence_that_somebody_changed_is_not_told(world):
    shipped(world, "weak")
    world.registry.kept["late", "1"]["evaluation.json"] = b"{}"
    world.gates = "{metric: roc_auc, at_least: 0.5}"

    assert () == world.compare(world.model("good")).history


def test_without_versions_nothing_is_told(world):
    world.champion("weak")

    assert () == world.compare(world.model("good")).history
