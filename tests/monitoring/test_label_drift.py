"""The classes of the labels that arrive: what is compared, named and counted, and what is not."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cdml.adapters.predictions.logs.windows import DuckPredictionLog
from cdml.adapters.tables.duckdb_tables import DuckTables
from cdml.common.verdict import Verdict
from cdml.config.monitoring import MonitoredDriftSettings
from cdml.config.schema import DriftSettings
from cdml.data.drift.bins import Buckets, Categories, by_value
from cdml.data.drift.classes import Classes, class_text, profile_classes
from cdml.data.drift.profile import ColumnProfile
from cdml.evaluation.prediction_store import Layout
from cdml.monitoring.advance import PeriodRows
from cdml.monitoring.drift import drift_limits
from cdml.monitoring.label_drift import advance_labels, describe_labels, unknown_class_alarms
from cdml.monitoring.state import LabelDriftState
from cdml.monitoring.windows import MOST_CLASSES, Columns, Grid, WindowQuery
from cdml.report.formats.monitoring_page import render_monitoring_page
from cdml.statistics.metrics import Task
from cdml.tables.query import LogicalType
from support.monitoring_scenarios import DAY, MonitoredWorld

SETTINGS = MonitoredDriftSettings()
LIMITS = drift_limits(DriftSettings(), SETTINGS)
GRID = Grid(length=DAY, delay=DAY)
AT_GATE = {"cat": 500, "dog": 400, "hen": 100}
ALIKE, DIFFERENT = {"cat": 500, "dog": 400, "hen": 100}, {"cat": 50, "dog": 850, "hen": 100}


def profile(counts=AT_GATE, bins=None):
    bins = bins or Categories(names=tuple(counts))
    counted = by_value(list(counts.items()), 0, sum(counts.values()), bins)
    return ColumnProfile(name="kind", type=LogicalType.STRING, bins=bins, counts=counted)


def window(number, classes, *, predictions=1000, unlisted=0):
    return PeriodRows(
        window=number, predictions=predictions, labelled=sum(classes.values()) + unlisted,
        unusable=0, figures={}, classes=classes,
    )  # fmt: skip


def after(windows, *, column=None, cut=None, classes=()):
    """The state after these windows, in one look or with another one before window `cut`."""
    state = LabelDriftState(operation="0", next_window=0)
    for closed in (cut, len(windows)):
        if closed is not None:
            state = advance_labels(
                state, column or profile(), windows, LIMITS, closed=closed, min_labelled=0.5,
                classes=classes,
            )  # fmt: skip
    return state


def described(state):
    [label] = describe_labels(state, LIMITS, SETTINGS, GRID)
    return label


def alarms(state, *, left_out=False):
    return [one.reason for one in unknown_class_alarms(state, "1", left_out=left_out)]


@given(
    days=st.lists(st.sampled_from([ALIKE, DIFFERENT, {"cat": 9}]), min_size=1, max_size=20),
    cut=st.integers(0, 20),
)
def test_only_consecutive_windows_with_enough_labels_warn(days, cut):
    windows = [window(number, classes) for number, classes in enumerate(days)]
    judged = [classes for classes in days if sum(classes.values()) >= 500]
    persistent = len(judged) >= 3 and judged[-3:] == [DIFFERENT] * 3

    state = after(windows)

    assert after(windows, cut=min(cut, len(windows))) == state
    assert persistent is (bool(judged) and described(state).verdict is Verdict.WARN)


def test_shares_are_those_of_the_labels_and_not_of_the_predictions():
    state = after([window(0, {"cat": 450, "dog": 150}, predictions=1000)])

    assert {"cat": (0.5, 0.75), "dog": (0.4, 0.25), "hen": (0.1, 0.0)} == {
        one.name: (one.at_gate, one.now) for one in described(state).classes
    }


def test_a_class_without_an_evaluation_row_is_named_and_counted_over_all_windows():
    windows = [
        window(0, {"cat": 997, "maybe": 2, "cow": 1}),
        window(1, {"cat": 5, "maybe\x1b[31m": 1}),  # too few labels to compare shares
        window(2, {"cat": 989, "maybe": 4}, unlisted=7),
    ]

    [reason] = alarms(after(windows, classes=["cow"]))

    assert reason.startswith(
        "14 labels have a class that no evaluation row of v1 had:"
        ' maybe (6), "maybe\\u001b[31m" (1), others (7).'
    )
    assert [] == alarms(after([window(0, ALIKE)]))


def test_classes_that_may_not_be_shown_are_counted_without_their_names():
    column = profile(bins=Buckets())
    state = after([window(0, {"cat": 990, "maybe": 10})], column=column)

    [reason] = alarms(state)

    assert "10 labels have a class" in reason
    assert "maybe" not in state.model_dump_json() + reason
    assert () == described(state).classes


def test_new_classes_among_very_many_are_said_not_to_be_recognised():
    many = {f"class {number}": 10 for number in range(60)}
    column = profile(many, Categories(names=tuple(many)[:50]))

    state = after([window(0, {"maybe": 900})], column=column)

    assert "only its 50 most frequent classes" in state.not_compared["kind"]


VALUES = {
    "flags": [True, False, True],
    "numbers": [1.0, 0.0, 0.5],
    "integers": [3, 10, 3],
    "texts": ["true", "False", "maybe"],
    "decimals": [Decimal("1.00"), Decimal("0.50"), Decimal("1.00")],
}


@pytest.mark.parametrize("task", [Task.BINARY, Task.MULTICLASS])
@pytest.mark.parametrize("kind", VALUES)
def test_a_class_is_the_same_at_the_gate_and_in_the_log(tmp_path, kind, task):
    counted, table = logged(tmp_path, VALUES[kind], task)
    classes = Classes(label="label", binary=task is Task.BINARY, may_disclose=True)

    at_gate = profile_classes(table, classes)

    assert dict(zip(at_gate.bins.names, at_gate.counts[1:], strict=False)) == counted


def test_a_label_that_differs_in_every_row_fills_no_memory(tmp_path):
    counted, _ = logged(tmp_path, [f"{number}" for number in range(3000)], Task.MULTICLASS)

    assert MOST_CLASSES == len(counted)


def logged(folder, values, task):
    """The rows of each class in one window of the log, and the table with the labels."""
    start = datetime(2026, 5, 1, tzinfo=UTC)
    requests = list(range(len(values)))
    pq.write_table(pa.table({"request": requests, "label": values}), folder / "labels.parquet")
    columns = {
        "request": requests,
        "at": [start + timedelta(seconds=one) for one in requests],
        "prediction": values,
    }
    pq.write_table(pa.table(columns), folder / "log.parquet")
    tables = DuckTables()
    labels = tables.open(str(folder / "labels.parquet"))
    layout = Layout(
        key=("request",), label="label", slices=(), task=task, positive=True, max_slices=0
    )
    query = WindowQuery(
        columns=Columns(
            key=("request",), time="at", prediction="prediction", scores={}, version=None,
            label_time=None, layout=layout,
        ),
        grid=GRID,
        first=GRID.number(start),
        last=GRID.number(start),
        starts=(start,),
        figures=(),
        classes=True,
    )  # fmt: skip
    log = tables.open(str(folder / "log.parquet"))
    [found] = DuckPredictionLog().summarise(log, labels, query)
    assert len(values) == found.labelled
    return found.classes, labels


def test_classes_are_written_in_one_way():
    binary = ("1", "1", "1", "0", "0", "maybe")
    assert binary == tuple(
        class_text(one, binary=True) for one in (True, "TRUE", 1.0, 0, False, "maybe")
    )
    assert ("true", "TRUE", "1") == tuple(
        class_text(one, binary=False) for one in (True, "TRUE", 1.0)
    )


def test_more_late_flights_for_days_are_an_alarm_and_no_degradation(tmp_path):
    world = MonitoredWorld(tmp_path, profiled=True)
    world.ship("A")
    world.serve(4)
    world.late = 0.9
    verdicts = []
    for _ in range(6):
        world.serve(1)
        seen = world.monitor()
        verdicts.append([one.verdict for one in seen.drift if one.role == "label"])

    # The clock stands at noon and labels take two days: three full days of the new kind are closed.
    assert [[Verdict.PASS]] * 5 + [[Verdict.WARN]] == verdicts
    assert Verdict.PASS is seen.versions[0].rules[0].verdict
    [reason] = [one.reason for one in seen.alarms if "label" in one.reason]
    assert "The shares of the label's classes differ from those at the gate: late (PSI" in reason
    [label] = [one for one in seen.drift if one.role == "label"]
    assert {"true", "false"} == {one.name for one in label.classes}
    assert "largest change: " in label.reason
    assert "Classes of late" in render_monitoring_page(seen).decode()


def test_a_registry_that_does_not_answer_is_caught_up_at_the_next_look(tmp_path):
    world = MonitoredWorld(tmp_path, profiled=True)
    world.ship("A")
    world.serve(4)
    world.monitor()
    world.serve(2)
    world.registry.down = True
    assert "Drift is not checked until the next look" in world.monitor().reason

    world.registry.down = False

    assert [4] == [one.windows for one in world.monitor().drift if one.role == "label"]


def test_a_third_class_of_a_binary_label_is_told_and_shown_escaped(tmp_path):
    world = MonitoredWorld(tmp_path, profiled=True)
    world.spelled = lambda late: ["<b>maybe", str(late)][len(world.arrived["late"]) % 10 > 0]
    world.ship("A")
    world.serve(5)
    closed = sum(at.day < 4 for at in world.arrived["seen"])

    seen = world.monitor()

    [counted, named] = [one for one in seen.alarms if one.kind == "labels"]
    assert (Verdict.WARN, Verdict.INCONCLUSIVE) == (named.verdict, counted.verdict)
    assert Verdict.INCONCLUSIVE is seen.verdict
    assert (
        f'{closed // 10:,} labels have a class that no evaluation row of v1 had: "<b>maybe" ('
        in (named.reason)
    )
    assert "They are in no figure." in named.reason
    assert f"{closed // 10:,} of {closed:,} labels are of neither class" in counted.reason
    assert b"<b>maybe" not in render_monitoring_page(seen)
    assert [named] == [one for one in world.monitor().alarms if "no evaluation row" in one.reason]
