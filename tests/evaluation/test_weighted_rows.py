"""Rows that count differently or belong to a user: from predictions files to the evidence."""

import json

import pytest

from cdml.cli import exit_codes
from cdml.common.verdict import Verdict
from fakes.judging import ROWS, World

GATES = "{metric: METRIC, max_regression: 0.3, slices: false}"
METRICS = ["accuracy", "f1", "roc_auc", "log_loss"]


@pytest.fixture
def world(tmp_path, monkeypatch):
    world = World(tmp_path)
    world.gates = ", ".join(GATES.replace("METRIC", metric) for metric in METRICS)
    monkeypatch.chdir(tmp_path)
    for name in ("CI", "GITHUB_ACTIONS", "GITHUB_EVENT_PATH", "GITHUB_STEP_SUMMARY"):
        monkeypatch.delenv(name, raising=False)
    return world


def columns(worth=1.0):
    return {
        "user": [f"u{index % 50}" for index in range(ROWS)],
        "worth": [worth if index % 2 else 0.5 for index in range(ROWS)],
    }


def compared(world, more, worth=1.0):
    """The exit code, and the gates that compare-to-champion writes of two predictions files."""
    world.config = World(world.folder).config.replace("label: late", f"label: late{more}")
    world.load()
    world.predictions("good", **columns(worth))
    world.predictions("weak")
    code = exit_codes.run(
        ["compare-to-champion", "--challenger", "good.parquet", "--champion", "weak.parquet"]
    )
    path = world.output / "comparison.json"
    return code, json.loads(path.read_text("utf-8"))["gates"] if path.is_file() else []


def test_every_interval_honours_weight_and_cluster(world):
    code, plain = compared(world, "")
    _, weighted = compared(world, ", weight: worth")
    clustered_code, clustered = compared(world, ", weight: worth, cluster: user")
    assert code == clustered_code == 0
    assert {"weighted-t"} == {gate["difference"]["method"] for gate in weighted}
    assert {"cluster-t"} == {gate["difference"]["method"] for gate in clustered}
    assert METRICS == [gate["metric"] for gate in clustered]
    for one, other in zip(weighted, clustered, strict=True):
        assert one["challenger"] == pytest.approx(other["challenger"])
        assert one["rows"] == other["rows"] == ROWS
    assert [gate["challenger"] for gate in plain] != [gate["challenger"] for gate in weighted]


def test_a_weight_below_0_is_told_in_a_sentence(world, capsys):
    code, gates = compared(world, ", weight: worth", worth=-1.0)
    assert (4, []) == (code, gates)
    assert "300 of 600 rows have no weight (worth) of 0 or more" in capsys.readouterr().err


def test_a_column_that_is_not_there_is_told(world, capsys):
    assert (4, []) == compared(world, ", cluster: conversation")
    assert "conversation" in capsys.readouterr().err


def test_weights_travel_with_the_predictions_of_a_model(world):
    world.config = world.config.replace("label: late", "label: late, weight: worth, cluster: user")
    world.put(world.data | columns())
    world.champion("weak")
    found = world.compare(world.model("good"))
    assert Verdict.PASS == found.verdict
    assert {"cluster-t"} == {gate.difference.method for gate in found.gates}
