"""Slices in production: the gate's rule, one chance of a false alarm, and a slice that degrades."""

import pytest

from cdml.common.verdict import Verdict
from cdml.config.monitoring import MonitoringSettings
from cdml.config.schema import Config
from cdml.evidence.schema import MetricValue
from cdml.monitoring.promises import MOST_SLICES, find_promises
from cdml.statistics.metrics import Task
from cdml.statistics.sequential.degradation import DegradationTest
from support.monitoring_scenarios import MonitoredWorld, interval


class Evaluated:
    """The serving version's evaluation: all rows, and each carrier with as many rows."""

    def __init__(self, rows_by_carrier):
        self.metrics = [
            MetricValue(
                metric="accuracy", rows=rows, value=0.9, interval=interval(0.88, 0.92), slice=part
            )
            for part, rows in (
                (None, 10_000),
                *(({"carrier": one}, rows) for one, rows in rows_by_carrier.items()),
            )
        ]


def promises(rows_by_carrier, gate, logged=("carrier",)):
    config = Config.model_validate(
        {
            "version": 1,
            "model": "m",
            "data": {"evaluation": "e", "key": ["id"], "label": "late", "positive": True,
                     "slices": ["carrier"]},
            "gates": [{"metric": "accuracy", **gate}],
        }
    )  # fmt: skip
    watched = MonitoringSettings.model_validate(
        {"predictions": "p", "labels": "l", "key": ["id"], "time": "at", "label_delay": "7d"}
    )
    found, without = find_promises(config, watched, Task.BINARY, Evaluated(rows_by_carrier), logged)
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
