"""Metrics by the scores alone: what is estimated, and from which rows; no verdict needs it."""

import random

import numpy as np
import pytest

from cdml.common.verdict import Verdict
from cdml.monitoring.estimate import ASSUMPTION, expected_metrics
from cdml.monitoring.windows import ExpectedCells
from cdml.report.formats.monitoring_page import render_monitoring_page
from support.monitoring_scenarios import DAY, MonitoredWorld


@pytest.fixture
def world(tmp_path):
    world = MonitoredWorld(tmp_path)
    world.ship("A")
    return world


def estimated(seen):
    return {one.metric: pytest.approx(one.value) for one in seen.estimate.metrics}


def test_calibrated_scores_give_the_metrics_that_labels_would():
    from sklearn import metrics

    draws = random.Random(4)
    scores = [draws.betavariate(0.6, 1.2) for _ in range(40_000)]
    labels = [draws.random() < score for score in scores]
    predicted = [score > 0.3 for score in scores]
    hits = sum(score for score, one in zip(scores, predicted, strict=True) if one)
    misses = sum(scores) - hits
    cells = ExpectedCells(
        window=0, at=0, version=None, true_positives=hits, false_negatives=misses,
        false_positives=sum(predicted) - hits,
        true_negatives=len(scores) - sum(predicted) - misses,
    )  # fmt: skip

    values = {one.metric: one.value for one in expected_metrics([cells])}

    assert values == {
        "accuracy": pytest.approx(metrics.accuracy_score(labels, predicted), abs=0.01),
        "precision": pytest.approx(metrics.precision_score(labels, predicted), abs=0.01),
        "recall": pytest.approx(metrics.recall_score(labels, predicted), abs=0.01),
        "f1": pytest.approx(metrics.f1_score(labels, predicted), abs=0.01),
    }


def test_without_a_predicted_positive_there_is_no_precision():
    cells = ExpectedCells(
        window=0, at=0, version=None, true_positives=0.0, false_positives=0.0,
        false_negatives=0.0, true_negatives=9.0,
    )  # fmt: skip

    assert ["accuracy"] == [one.metric for one in expected_metrics([cells])]
    assert () == expected_metrics([])


def test_the_last_window_is_estimated_before_its_labels_arrive(world):
    world.serve(3, accuracy=0.1)  # scores are 0.8 and 0.2, however wrong the predictions are
    (world.folder / "labels.parquet").unlink()
    day = (world.clock.time - DAY).replace(hour=0)
    positive = [
        prediction
        for at, prediction in zip(world.traffic["at"], world.traffic["prediction"], strict=True)
        if at.date() == day.date()
    ]
    share = sum(positive) / len(positive)

    seen = world.monitor()

    assert (day, len(positive), ASSUMPTION) == (
        seen.estimate.start, seen.estimate.rows, seen.estimate.assumption,
    )  # fmt: skip
    hits, misses = 0.8 * share, 0.2 * (1 - share)
    assert estimated(seen) == {
        "accuracy": 0.8,
        "precision": 0.8,
        "recall": hits / (hits + misses),
        "f1": 2 * hits / (2 * hits + 0.2 * share + misses),
    }
    assert Verdict.PASS is seen.verdict
    assert ASSUMPTION in render_monitoring_page(seen).decode()


def test_only_usable_rows_of_the_version_that_serves_are_estimated(world):
    world.serve(2, rows=10)
    for number in range(1, 7):
        world.log(world.clock.time - DAY / 2 - DAY / 100 * number)
    world.traffic["version"] = [None] * 20 + ["1", "1", "1", "1", "9", "9"]
    world.traffic["score"][-6:] = [0.9, None, 1.5, float("nan"), 0.9, 0.9]
    world.traffic["prediction"][-6:] = [True] * 6
    world.write()
    day = (world.clock.time - DAY).date()
    of_the_day = sum(at.date() == day for at in world.traffic["at"][:20])

    assert of_the_day + 1 == world.monitor().estimate.rows


def test_a_log_without_scores_is_not_estimated_and_the_output_says_why(world):
    world.serve(3)
    world.write(predictions=["request", "at", "prediction"])

    seen = world.monitor()

    assert seen.estimate is None
    assert "the log has no probabilities (score)" == seen.not_estimated
    assert b"the log has no probabilities" in render_monitoring_page(seen)


def of_classes(world, task, **columns):
    """Two days of logged predictions with these columns, of a model of this task."""
    text = (world.folder / "cdml.yaml").read_text()
    world.configure(
        text.replace("positive: true", f"task: {task}").replace("accuracy, max", GATES[task])
    )
    world.clock.pass_by(DAY / 2)
    rows = len(columns["prediction"])
    at = (world.clock.time + DAY / 2).replace(tzinfo=None)
    world._write("predictions.parquet", {"request": range(rows), "at": [at] * rows, **columns})
    world.clock.pass_by(DAY)
    return world.monitor(dry_run=True)


GATES = {"multiclass": "f1_macro, max", "regression": "mean_absolute_error, max"}


def test_calibrated_probabilities_of_classes_give_the_macro_averages_that_labels_would(world):
    from sklearn import metrics

    draws, names = np.random.default_rng(6), ["cat", "dog", "hen"]
    scores = draws.dirichlet([1.0, 0.7, 0.2], 40_000)
    labels = [names[one] for one in (scores.cumsum(axis=1) < draws.random((40_000, 1))).sum(axis=1)]
    said = [names[one] for one in (scores * [1.0, 1.2, 1.5]).argmax(axis=1)]
    columns = {f"score_{name}": scores[:, place] for place, name in enumerate(names)}

    seen = of_classes(world, "multiclass", prediction=said, **columns)

    assert 40_000 == seen.estimate.rows
    assert {one.metric: one.value for one in seen.estimate.metrics} == {
        "accuracy": pytest.approx(metrics.accuracy_score(labels, said), abs=0.01),
        "precision_macro": pytest.approx(
            metrics.precision_score(labels, said, average="macro"), abs=0.01
        ),
        "recall_macro": pytest.approx(
            metrics.recall_score(labels, said, average="macro"), abs=0.01
        ),
        "f1_macro": pytest.approx(metrics.f1_score(labels, said, average="macro"), abs=0.01),
    }
    assert ASSUMPTION == seen.estimate.assumption


def test_a_class_that_is_never_predicted_has_a_precision_of_0(world):
    seen = of_classes(
        world, "multiclass", prediction=[1, 1, 1], score_1=[0.5] * 3, score_2=[0.5] * 3
    )

    values = {one.metric: one.value for one in seen.estimate.metrics}
    assert {
        "accuracy": 0.5, "precision_macro": 0.25, "recall_macro": 0.5,
        "f1_macro": pytest.approx(1 / 3),
    } == values  # fmt: skip


def test_probabilities_that_do_not_add_up_to_1_are_not_estimated_from(world):
    seen = of_classes(
        world, "multiclass", prediction=["a", "a"], score_a=[0.6, 0.9], score_b=[0.4, 0.9]
    )

    assert 1 == seen.estimate.rows


def test_a_regression_is_not_estimated_and_the_output_says_why(world):
    seen = of_classes(world, "regression", prediction=[1.0, 2.0], score=[0.5, 0.5])

    assert seen.estimate is None
    assert "does not say how far it is off" in seen.not_estimated
