"""A label or a prediction that is of neither class is in no figure, and the output says so."""

import math

import pytest

from cdml.common.verdict import Verdict
from cdml.config.schema import Config
from cdml.monitoring.known_classes import negative_classes
from cdml.statistics.metrics import Task
from support.monitoring_scenarios import DAY, MONITORING, MonitoredWorld

TEXT, FLAG, NUMBER = str, bool, float
RULES = "[{metric: accuracy, max_regression: 0.02}, {metric: recall, at_least: 0.5}]"


def watched(tmp_path, odd, *, spelled=TEXT, every=10, prepare=None, **words):
    """A look at days of which every tenth label is odd; the window's rows, and the evidence."""
    world = MonitoredWorld(
        tmp_path, monitoring=f"{MONITORING}  silence: 9d\n", gates=RULES, profiled=True, **words
    )
    world.spelled = lambda late: spelled(late) if len(world.arrived["late"]) % every else odd
    world.ship("A")
    world.clock.pass_by(DAY / 2)
    world.serve(1, rows=100, accuracy=1.0)
    if prepare:
        prepare(world)
    world.write()
    world.clock.pass_by(2 * DAY)
    return world.monitor()


def accuracy(seen):
    rule = next(one for one in seen.versions[0].rules if one.metric == "accuracy")
    return [(point.rows, point.value) for point in rule.points]


def told(seen):
    return [one.verdict for one in seen.alarms if "of neither class" in one.reason]


@pytest.mark.parametrize(
    "odd",
    [" true", "true ", "1.0", "yes", "", "maybe", "TRUE\n", "tru\u0435", "null", "b'true'"],
)
def test_text_that_is_neither_class_is_in_no_figure(tmp_path, odd):
    seen = watched(tmp_path, odd)

    assert [(90, 1.0)] == accuracy(seen)
    assert [Verdict.INCONCLUSIVE] == told(seen)
    assert Verdict.INCONCLUSIVE is seen.verdict


@pytest.mark.parametrize("odd", [2.0, 0.5, -1.0, math.inf, 1e-9])
def test_a_number_that_is_neither_class_is_in_no_figure(tmp_path, odd):
    seen = watched(tmp_path, odd, spelled=NUMBER)

    assert [(90, 1.0)] == accuracy(seen)
    assert [Verdict.INCONCLUSIVE] == told(seen)


@pytest.mark.parametrize(
    ("odd", "spelled"), [(None, TEXT), (None, FLAG), (None, NUMBER), (math.nan, NUMBER)]
)
def test_a_missing_label_is_none_of_an_odd_class(tmp_path, odd, spelled):
    seen = watched(tmp_path, odd, spelled=spelled)

    assert [(90, 1.0)] == accuracy(seen)
    assert [] == told(seen)


@pytest.mark.parametrize(
    ("odd", "spelled"),
    [
        ("false", TEXT),
        ("0", TEXT),
        ("1", TEXT),
        ("FALSE", lambda late: str(late).upper()),
        (0.0, NUMBER),
        (0, int),
    ],
)
def test_other_spellings_of_true_and_false_are_the_same_classes(tmp_path, odd, spelled):
    seen = watched(tmp_path, odd, spelled=spelled)

    assert 100 == accuracy(seen)[0][0]
    assert [] == told(seen)


@pytest.mark.parametrize(
    ("spelled", "odd", "rows"),
    [
        (lambda late: str(late).lower().encode(), b"true", 100),
        (lambda late: str(late).lower().encode(), b"\xfftrue", 90),
        (lambda late: bytes([late]), b"\x01", 0),
    ],
)
def test_bytes_are_a_class_only_if_they_write_it(tmp_path, spelled, odd, rows):
    seen = watched(tmp_path, odd, spelled=spelled)

    assert rows == sum(many for many, _ in accuracy(seen))
    assert (Verdict.INCONCLUSIVE is seen.verdict) is (rows < 100)


def test_one_odd_label_in_hundreds_is_a_warning(tmp_path):
    world = MonitoredWorld(tmp_path, profiled=True)
    world.spelled = lambda late: str(late) if len(world.arrived["late"]) % 300 else "maybe"
    world.ship("A")
    world.serve(5, rows=600)

    seen = world.monitor()

    assert Verdict.WARN is seen.verdict
    [alarm] = [one for one in seen.alarms if one.kind == "labels"]
    assert alarm.reason.endswith("They are in no figure. Check what writes the labels.")


@pytest.mark.parametrize("odd", ["maybe", "1.0", " true"])
def test_a_prediction_that_is_neither_class_is_unusable(tmp_path, odd):
    def spell(world):
        said = [str(one) for one in world.traffic["prediction"]]
        world.traffic["prediction"] = [odd, *said[1:5], odd, *said[6:]]

    seen = watched(tmp_path, "false", every=10**6, prepare=spell)

    assert [98] == [rows for rows, _ in accuracy(seen)]
    assert Verdict.INCONCLUSIVE is seen.verdict
    assert "2 of 100 predictions have no prediction of a class that the task has" in seen.reason


def test_a_score_that_is_logged_as_the_prediction_is_not_taken_for_a_negative(tmp_path):
    def log_scores(world):
        world.traffic["prediction"] = list(world.traffic["score"])

    seen = watched(tmp_path, "false", every=10**6, prepare=log_scores)

    assert [] == accuracy(seen)
    assert Verdict.INCONCLUSIVE is seen.verdict


def test_without_drift_or_profiles_true_and_false_are_still_known(tmp_path):
    world = MonitoredWorld(tmp_path, monitoring=f"{MONITORING}  drift: null\n")
    world.spelled = lambda late: str(late) if len(world.arrived["late"]) % 10 else "maybe"
    world.ship("A")
    world.serve(5)

    seen = world.monitor()

    assert [Verdict.INCONCLUSIVE] == told(seen)


@pytest.mark.parametrize(
    ("classes", "others", "verdict"),
    [
        ("", ["in time"], Verdict.PASS),
        ("", ["in time", "diverted"], Verdict.INCONCLUSIVE),
        ("classes: [in time, late],", ["in time", "diverted"], Verdict.INCONCLUSIVE),
        ("classes: [in time, late, diverted],", ["in time", "diverted"], Verdict.PASS),
    ],
)
def test_where_no_evaluation_row_says_the_classes_two_others_are_an_alarm(
    tmp_path, classes, others, verdict
):
    world = MonitoredWorld(tmp_path)
    world.ship("A")
    text = (tmp_path / "cdml.yaml").read_text()
    world.configure(text.replace("positive: true,", f"positive: late, {classes}"))
    world.spelled = lambda late: (
        "late" if late else others[len(world.arrived["late"]) % len(others)]
    )
    world.serve(5)
    world.traffic["prediction"] = [
        "late" if one else "in time" for one in world.traffic["prediction"]
    ]
    world.write()

    seen = world.monitor()

    assert verdict is seen.verdict
    assert (verdict is Verdict.PASS) or "data.classes" in seen.reason


def test_the_other_class_is_what_evaluation_rows_and_data_classes_say():
    def known(stored=(), **data):
        config = Config.model_validate(
            {"version": 1, "model": "m",
             "data": {"evaluation": "e", "key": ["id"], "label": "l", **data}}
        )  # fmt: skip
        return negative_classes(config, Task.BINARY, stored)

    for positive in (True, "True", 1):
        assert ("0",) == known(positive=positive) == known(["1", "0"], positive=positive)
    assert ("1",) == known(positive=False)
    assert None is known(positive="late")
    assert ("in time",) == known(["late", "in time"], positive="late")
    assert ("diverted", "in time") == known(
        ["in time"], positive="late", classes=["late", "diverted"]
    )
