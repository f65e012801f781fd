"""Slices in production: the gate's rule, one chance of a false alarm, and a slice that degrades."""

import random
from functools import partial

import numpy as np
import pytest

from cdml.common.verdict import Verdict
from cdml.config.monitoring import MonitoringSettings
from cdml.config.schema import Config
from cdml.evidence.schema import MetricValue
from cdml.monitoring.promises import MOST_SLICES, find_promises
from cdml.statistics.metrics import Task
from cdml.statistics.sequential.degradation import DegradationTest
from support.monitoring_scenarios import DAY, MonitoredWorld, interval


class Evaluated:
    """The serving version's evaluation: all rows, and each carrier with as many rows."""

    def __init__(self, rows_by_carrier, metric):
        self.metrics = [
            MetricValue(
                metric=metric, rows=rows, value=0.9, interval=interval(0.88, 0.92), slice=part
            )
            for part, rows in (
                (None, 10_000),
                *(({"carrier": one}, rows) for one, rows in rows_by_carrier.items()),
            )
        ]


def promises(rows_by_carrier, gate, logged=("carrier",), metric="accuracy"):
    config = Config.model_validate(
        {
            "version": 1,
            "model": "m",
            "data": {"evaluation": "e", "key": ["id"], "label": "late", "positive": True,
                     "slices": ["carrier"]},
            "gates": [{"metric": metric, **gate}],
        }
    )  # fmt: skip
    watched = MonitoringSettings.model_validate(
        {"predictions": "p", "labels": "l", "key": ["id"], "time": "at", "label_delay": "7d"}
    )
    evaluated = Evaluated(rows_by_carrier, metric)
    found, without = find_promises(config, watched, Task.BINARY, evaluated, logged)
    return {one.part: one.bound for one in found}, {one.metric: one.reason for one in without}


@pytest.mark.parametrize(
    ("gate", "bound"),
    [
        ({"max_regression": 0.02}, 0.86),
        ({"max_regression": 0.02, "slices": {"max_regression": 0.05}}, 0.83),
        ({"max_regression": 0.02, "slices": False}, None),
        ({"at_least": 0.8}, None),
    ],
)
def test_a_slice_promises_its_own_value_less_the_margin_of_slices(gate, bound):
    found, _ = promises({"AA": 500}, gate)

    assert bound == (pytest.approx(found.get(("carrier", "AA"))) if bound else None)
    assert (bound is None) is (("carrier", "AA") not in found)


def test_small_slices_and_slices_the_log_lacks_have_no_promise():
    assert {None} == set(promises({"AA": 3}, {"max_regression": 0.02})[0])
    found, without = promises({"AA": 500}, {"max_regression": 0.02}, logged=())
    assert {None} == set(found)
    assert "the log does not have carrier" in without.values()


def test_the_largest_slices_are_watched_and_the_output_says_how_many_are_not():
    rows = {f"C{number:02}": 500 + number for number in range(20)}

    found, without = promises(rows, {"max_regression": 0.02})

    watched = {part[1] for part in found if part is not None}
    assert set(sorted(rows)[-MOST_SLICES:]) == watched
    assert f"{20 - MOST_SLICES} are not" in without["slices"]


@pytest.mark.parametrize("metric", ["roc_auc", "f1", "f2", "balanced_accuracy", "recall"])
def test_metrics_of_whole_windows_are_watched_in_slices_too(metric):
    found, without = promises({"AA": 500}, {"max_regression": 0.02}, metric=metric)

    assert pytest.approx(0.86) == found["carrier", "AA"]
    assert {} == without


def test_a_metric_that_small_windows_distort_is_named_as_not_watched_in_slices():
    found, without = promises({"AA": 500}, {"max_regression": 0.02}, metric="matthews_corrcoef")

    assert {None} == set(found)
    assert "few rows of a class" in without["matthews_corrcoef of slices"]


@pytest.fixture
def world(tmp_path):
    world = MonitoredWorld(tmp_path, sliced=True)
    world.ship("A")
    return world


def test_a_slice_that_degrades_fails_although_all_rows_hide_it(world):
    world.serve(3, rows=100)
    world.broken = "LGA"
    world.serve(22, accuracy=1.0, rows=100)

    seen = world.monitor()

    rules = {str(rule.slice): rule for rule in seen.versions[0].rules}
    assert Verdict.FAIL is seen.verdict
    assert "Accuracy for origin LGA has degraded" in seen.reason
    assert Verdict.FAIL is rules["{'origin': 'LGA'}"].verdict
    assert Verdict.PASS is rules["{'origin': 'JFK'}"].verdict
    chances = [DegradationTest.from_json(dict(one.test)).alpha for one in _rules(world)]
    assert pytest.approx(0.01) == sum(chances)


def _rules(world):
    return world.remembered.periods[0].rules


def test_slices_of_a_window_are_their_rows_alone(world):
    world.broken = "LGA"
    world.serve(4, rows=100)

    points = {str(rule.slice): rule for rule in world.monitor().versions[0].rules}

    everywhere = [point.rows for point in points["None"].points]
    by_origin = [
        [point.rows for point in points[str({"origin": origin})].points]
        for origin in ("JFK", "LGA")
    ]
    assert everywhere == [a + b for a, b in zip(*by_origin, strict=True)]
    assert points["{'origin': 'JFK'}"].value > points["{'origin': 'LGA'}"].value


def test_a_slice_column_that_vanishes_is_a_warning_and_all_rows_are_judged(world):
    world.serve(4)
    world.monitor()
    world.serve(2)
    world.write(predictions=["request", "at", "prediction", "score"])

    seen = world.monitor()

    assert Verdict.WARN is seen.verdict
    assert [4, 2, 2] == [rule.windows for rule in seen.versions[0].rules]


def test_values_of_slices_are_those_of_scikit_learn(tmp_path):
    from sklearn import metrics

    known = {
        "roc_auc": metrics.roc_auc_score, "f1": metrics.f1_score,
        "f0.5": partial(metrics.fbeta_score, beta=0.5),
        "balanced_accuracy": metrics.balanced_accuracy_score,
    }  # fmt: skip
    gates = ", ".join(f"{{metric: {name}, max_regression: 0.02}}" for name in known)
    world = MonitoredWorld(tmp_path, sliced=True, gates=f"[{gates}]")
    world.values = dict.fromkeys(known, (0.9, 0.88, 0.92))
    world.ship("A")
    world.clock.pass_by(DAY / 2)
    world.serve(1, rows=400, accuracy=0.8)
    draws = random.Random(4)
    world.traffic["score"] = [
        min(max(one + draws.gauss(0, 0.3), 0.0), 1.0) for one in world.traffic["score"]
    ]
    world.write()
    world.clock.pass_by(2 * DAY)

    [version] = world.monitor().versions

    columns = [world.traffic[name] for name in ("origin", "prediction", "score")]
    rows = list(zip(*columns, world.arrived["late"], strict=True))
    for origin in (None, "JFK", "LGA"):
        part = None if origin is None else {"origin": origin}
        values = {one.metric: one.points[0].value for one in version.rules if one.slice == part}
        chosen = [one for one in rows if origin in (None, one[0])]
        truth = [late for *_, late in chosen]
        for name, measure in known.items():
            said = [one[2 if name == "roc_auc" else 1] for one in chosen]
            assert pytest.approx(measure(truth, said), rel=1e-3) == values[name]


def test_windows_with_one_class_inform_no_rank_of_a_slice(tmp_path):
    world = MonitoredWorld(tmp_path, sliced=True, gates="[{metric: roc_auc, max_regression: 0.02}]")
    world.ship("A")
    world.serve(4, rows=3)  # one or two requests of each origin a day

    by_part = {str(one.slice): one.windows for one in world.monitor().versions[0].rules}

    assert by_part["{'origin': 'JFK'}"] < 2 >= by_part["None"]


@pytest.mark.heavy
@pytest.mark.parametrize("rows", [12, 40])
def test_f1_of_small_windows_is_not_too_low(tmp_path, rows):
    """The mean of the windows' own values would be 0.03 to 0.1 too low, and raise alarms."""
    world = MonitoredWorld(tmp_path, gates="[{metric: f1, at_least: 0.65}]")
    world.late = 0.2
    world.ship("A")
    world.serve(100, rows=rows, accuracy=0.86)

    [rule] = world.monitor().versions[0].rules
    truth = np.array(world.arrived["late"])
    said = np.array(world.traffic["prediction"])
    pooled = 2 * (truth & said).sum() / (truth.sum() + said.sum())

    assert pytest.approx(pooled, abs=0.02) == rule.value
