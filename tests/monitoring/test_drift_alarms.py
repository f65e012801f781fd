"""Drift of what serves: what is compared, when it is an alarm, and that it needs no labels."""

import random
from datetime import UTC, date, datetime, timedelta

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
from cdml.data.drift.bins import Edges
from cdml.data.drift.measure import build_profile
from cdml.data.drift.profile import ColumnProfile
from cdml.monitoring.drift import DriftColumns, advance_drift, describe_drift, drift_limits
from cdml.monitoring.drift_look import UNLABELLED
from cdml.monitoring.state import DriftState
from cdml.monitoring.windows import Columns, Grid, WindowQuery
from cdml.tables.query import LogicalType
from support.monitoring_scenarios import DAY, MONITORING, MonitoredWorld

SETTINGS = MonitoredDriftSettings()
LIMITS = drift_limits(DriftSettings(), SETTINGS)
PROFILE = ColumnProfile(
    name="delay", type=LogicalType.NUMBER, bins=Edges(at=(0.0,)), counts=(0, 500, 500)
)
COLUMNS = DriftColumns(profiles={"input": (PROFILE,)})
ALIKE, DIFFERENT, FEW = (0, 500, 500), (0, 900, 100), (0, 9, 1)
GRID = Grid(length=DAY, delay=DAY)


def after(windows, *, cut=None):
    """The state after these windows, in one look or with another one before window `cut`."""
    state = DriftState(operation="0", next_window=0)
    counted = {number: {"delay": counts} for number, counts in enumerate(windows)}
    for ended in (cut, len(windows)):
        if ended is not None:
            state = advance_drift(state, COLUMNS, counted, LIMITS, ended=ended)
    return state


def verdict(state):
    [column] = state.columns
    return describe_drift(column, LIMITS, SETTINGS, GRID).verdict


@given(
    windows=st.lists(st.sampled_from([ALIKE, DIFFERENT, FEW]), min_size=1, max_size=30),
    cut=st.integers(0, 30),
)
def test_only_consecutive_windows_warn_and_looks_do_not_matter(windows, cut):
    judged = [counts for counts in windows if counts != FEW]
    persistent = len(judged) >= 3 and judged[-3:] == [DIFFERENT] * 3

    state = after(windows)

    assert after(windows, cut=min(cut, len(windows))) == state
    assert persistent is (bool(judged) and verdict(state) is Verdict.WARN)


def test_the_threshold_is_that_of_the_gate_unless_monitoring_has_one():
    gate = DriftSettings(measure="js", warn=None, fail=0.3)

    assert ("js", 0.3, None) == _levels(drift_limits(gate, SETTINGS))
    assert ("js", 0.5, None) == _levels(drift_limits(gate, MonitoredDriftSettings(at_least=0.5)))


def _levels(limits):
    return limits.measure, limits.warn, limits.fail


def test_rows_that_were_profiled_count_as_in_their_profile(tmp_path):
    draws = random.Random(3)
    rows = 400
    start = datetime(2026, 5, 1, tzinfo=UTC)
    columns = {
        "request": list(range(rows)),
        "at": [start + timedelta(seconds=number) for number in range(rows)],
        "prediction": [draws.random() < 0.4 for _ in range(rows)],
        "delay": [draws.choice([None, float("nan"), draws.gauss(0, 9)]) for _ in range(rows)],
        "stops": [draws.randrange(3) for _ in range(rows)],
        "origin": [draws.choice(["JFK", "it's", None]) for _ in range(rows)],
        "secret": [draws.choice(["a", "b", None]) for _ in range(rows)],
        "day": [date(2026, 1, 1) + timedelta(days=draws.randrange(90)) for _ in range(rows)],
        "booked": [start + timedelta(minutes=draws.randrange(9999)) for _ in range(rows)],
        "nothing": pa.nulls(rows),
    }
    path = tmp_path / "rows.parquet"
    pq.write_table(pa.table(columns), path)
    table = DuckTables().open(str(path))
    profile = build_profile(table, frozenset({"request", "at"}), lambda name: name != "secret")
    query = WindowQuery(
        columns=Columns(
            key=("request",), time="at", prediction="prediction", scores={}, version=None,
            label_time=None, layout=UNLABELLED,
        ),
        grid=GRID,
        first=GRID.number(start),
        last=GRID.number(start),
        starts=(),
        figures=(),
    )  # fmt: skip

    [window] = DuckPredictionLog().count(table, query, profile.columns)

    assert {one.name: one.counts for one in profile.columns} == window.counts


@pytest.fixture
def world(tmp_path):
    world = MonitoredWorld(tmp_path, profiled=True)
    world.ship("A")
    return world


def test_inputs_that_moved_for_days_are_an_alarm_before_any_label_arrives(tmp_path):
    world = MonitoredWorld(tmp_path, monitoring=f"{MONITORING}  silence: 30d\n", profiled=True)
    world.ship("A")
    world.serve(4)
    (world.folder / "labels.parquet").unlink()
    assert Verdict.PASS is world.monitor().verdict
    world.delay = 2.0
    verdicts = []
    for _ in range(4):
        world.serve(1)
        (world.folder / "labels.parquet").unlink()
        seen = world.monitor()
        verdicts.append(seen.verdict)

    assert [Verdict.PASS, Verdict.PASS, Verdict.WARN, Verdict.WARN] == verdicts
    [alarm] = [one for one in seen.alarms if one.kind == "drift"]
    assert "The inputs differ from the reference data: delay (PSI" in alarm.reason
    assert {"prediction": "pass", "score": "pass", "delay": "warn"} == {
        one.column: one.verdict for one in seen.drift
    }
    assert () == seen.versions


def test_drift_is_no_degradation_and_ends_with_the_next_version(world):
    world.delay = 2.0
    world.serve(9)
    seen = world.monitor()
    assert Verdict.WARN is seen.verdict
    assert Verdict.PASS is seen.versions[0].rules[0].verdict

    world.ship("B")
    world.delay = 0.0
    world.serve(5)

    assert Verdict.PASS is world.monitor().verdict


def test_a_version_without_profiles_says_so(tmp_path):
    world = MonitoredWorld(tmp_path)
    world.ship("A")
    world.serve(3)

    seen = world.monitor()

    assert Verdict.PASS is seen.verdict
    assert {
        "inputs": "no profile is stored with v1",
        "predictions": "no profile is stored with v1",
        "labels": "no shares of classes are stored with v1",
    } == {one.column: one.reason for one in seen.not_compared}


def test_a_registry_that_does_not_answer_warns_and_the_next_look_catches_up(world):
    world.delay = 2.0
    world.serve(4)
    world.monitor()
    world.serve(1)
    world.registry.down = True

    assert "Drift is not checked until the next look" in world.monitor().reason

    world.registry.down = False
    assert [5] == [one.windows for one in world.monitor().drift if one.column == "delay"]
