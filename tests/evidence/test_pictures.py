"""What the evidence holds for the page, of both models."""

import numpy as np
import pytest

from cdml.evaluation import charts
from cdml.evidence import store
from cdml.evidence.charts import ConfusionCounts, Curve
from cdml.evidence.schema import Comparison, Evaluation
from cdml.statistics.curves import ScoreBins
from fakes.judging import World

NAMES = {"roc", "precision_recall", "calibration"}
REGRESSION = """\
version: 1
model: late
registry: {uri: "folder:registry"}
data: {evaluation: rows.parquet, key: [id], label: good, task: regression}
gates: [{metric: mean_absolute_error, max_regression: 0.5}]
policy: {POLICY}
"""


@pytest.fixture
def world(tmp_path):
    return World(tmp_path)


def test_both_models_are_drawn_on_the_same_rows(world):
    world.gates = "{metric: log_loss, max_regression: 0.5}"
    world.champion("weak")
    found = world.evaluate(world.model("good"))
    against = world.compare(world.model("good"))

    assert NAMES == set(found.curves) == set(against.champion_picture.curves)
    for curves in (found.curves, against.champion_picture.curves):
        assert all(2 <= len(one.x) == len(one.y) <= 1000 for one in curves.values())
        assert (0.0, 1.0) == (curves["roc"].x[0], curves["roc"].x[-1])
    assert 2 == len(found.confusion.classes)
    rows = [
        sum(map(sum, one.counts)) for one in (found.confusion, against.champion_picture.confusion)
    ]
    assert [600, 600] == rows
    assert found == store.read_evidence(world.output, Evaluation)
    assert against == store.read_evidence(world.output, Comparison)


def test_scores_that_no_gate_reads_are_not_read_for_a_picture(world):
    world.predictions("good")
    world.predictions("weak", name="scoreless.parquet")
    drop_scores(world.folder / "scoreless.parquet")

    found = world.compare("good.parquet", champion="scoreless.parquet").champion_picture

    assert {} == found.curves
    assert 600 == sum(map(sum, found.confusion.counts))


@pytest.mark.parametrize(
    ("gates", "most", "read_by_bin"),
    [
        ("{metric: log_loss, max_regression: 0.5}", 600, True),
        ("{metric: roc_auc, max_regression: 0.05}", 600, False),
        ("{metric: roc_auc, max_regression: 0.05}", 599, True),
    ],
)
def test_scores_of_many_rows_are_held_in_memory_only_where_a_gate_orders_them(
    world, monkeypatch, gates, most, read_by_bin
):
    world.gates = gates
    world.champion("weak")
    challenger = world.model("good")
    few = world.compare(challenger).champion_picture.curves
    read = []
    samples = type(world.samples)
    counted = samples.score_bins
    monkeypatch.setattr(charts, "FEW_ROWS", 100)
    monkeypatch.setattr(charts, "MOST_SCORES", most)
    monkeypatch.setattr(
        samples, "score_bins", lambda self, *found: read.append(found) or counted(self, *found)
    )

    many = world.compare(challenger).champion_picture.curves

    assert int(read_by_bin) == len(read)
    assert NAMES == set(few) == set(many)
    assert area(few["roc"]) == pytest.approx(area(many["roc"]), abs=1.5e-3)


def test_bins_that_are_too_coarse_are_not_drawn(world, monkeypatch):
    world.gates = "{metric: log_loss, max_regression: 0.5}"
    world.champion("weak")
    few = world.compare(world.model("good")).champion_picture.curves
    samples = type(world.samples)
    monkeypatch.setattr(charts, "FEW_ROWS", 100)
    monkeypatch.setattr(samples, "score_bins", lambda *_: coarse())

    assert few == world.compare(world.model("good")).champion_picture.curves


def test_bins_of_very_many_rows_that_are_too_coarse_leave_no_curve(world, monkeypatch):
    world.gates = "{metric: roc_auc, max_regression: 0.05}"
    world.champion("weak")
    monkeypatch.setattr(charts, "FEW_ROWS", 100)
    monkeypatch.setattr(charts, "MOST_SCORES", 599)
    monkeypatch.setattr(type(world.samples), "score_bins", lambda *_: coarse())

    assert {} == world.compare(world.model("good")).champion_picture.curves


def coarse():
    one = np.array([300.0])
    return ScoreBins(positive=one, other=one, low=one * 0, high=one / 300, total=one)


def area(curve):
    return float(np.trapezoid(curve.y, curve.x))


def drop_scores(path):
    import pyarrow.parquet as pq

    pq.write_table(pq.read_table(path).drop_columns(["score"]), path)


def test_a_regression_is_drawn_by_its_residuals(world):
    world.config = REGRESSION
    for name, answers in (("mine", "noisy"), ("theirs", "weak")):
        predict_numbers(world, name, answers)

    mine = world.evaluate(predictions="mine.parquet").curves
    theirs = world.compare("mine.parquet", champion="theirs.parquet").champion_picture.curves

    assert {
        "residuals_p05",
        "residuals_p25",
        "residuals_p50",
        "residuals_p75",
        "residuals_p95",
    } == (set(mine))
    spread = [
        max(abs(y) for y in (*curves["residuals_p05"].y, *curves["residuals_p95"].y))
        for curves in (mine, theirs)
    ]
    assert 0 < spread[0] < spread[1]


def predict_numbers(world, name, answers):
    import pyarrow as pa
    import pyarrow.parquet as pq

    data = {"id": world.data["id"], "good": world.data["good"], "prediction": world.data[answers]}
    pq.write_table(pa.table(data), world.folder / f"{name}.parquet")


@pytest.mark.parametrize(
    "made",
    [
        lambda: Curve(x=(0.0, 1.0), y=(0.0,)),
        lambda: Curve(x=(0.0,) * 1001, y=(0.0,) * 1001),
        lambda: ConfusionCounts(classes=("a", "b"), counts=((1, 2), (3,))),
        lambda: ConfusionCounts(classes=("a", "b"), counts=((1, 2),)),
    ],
)
def test_what_cannot_be_drawn_is_no_evidence(made):
    with pytest.raises(ValueError, match=r"curve|matrix|at most 1000"):
        made()
