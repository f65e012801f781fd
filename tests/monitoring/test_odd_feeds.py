"""Logs that are not as they should be: nothing that cannot be judged passes in silence."""

import math
from datetime import UTC

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from cdml.common.verdict import Verdict
from cdml.errors import InputError
from support.monitoring_scenarios import DAY, MONITORING, MonitoredWorld


@pytest.fixture
def world(tmp_path):
    world = MonitoredWorld(tmp_path)
    world.ship("A")
    return world


def windows(seen):
    return [one.judged_windows for one in seen.versions]


def test_a_version_deployed_and_rolled_back_within_a_window_is_judged_by_its_own_rows(world):
    world.serve(3, rows=24)
    for name, hours in (("B", 6), ("A2", 6)):
        world.ship(name)
        for hour in range(hours):
            world.log(world.clock.time + hour * DAY / 24, right=name != "B")
        world.clock.pass_by(hours * DAY / 24)
    world.serve(4, rows=24)

    seen = world.monitor()

    assert ["3", "2", "1"] == [one.version for one in seen.versions]
    [short] = seen.versions[1].rules
    assert [(6, 0.0)] == [(one.rows, one.value) for one in short.points]
    assert [] == [one for one in seen.alarms if one.kind in {"version", "late"}]


@pytest.mark.parametrize("version", [1, 1.0, "1", "v1", "1.0", " V1 "])
def test_versions_are_the_same_as_numbers_and_as_text(world, version):
    world.serve(6, rows=20, version=version)

    seen = world.monitor()

    assert [4] == windows(seen)
    assert Verdict.PASS is seen.verdict


@pytest.mark.parametrize("version", ["0", "latest", "01", "", "1.5", math.nan])
def test_a_log_that_never_names_what_serves_is_an_alarm(world, version):
    world.serve(6, rows=20, version=version if version != "" else " ")

    seen = world.monitor()

    assert Verdict.INCONCLUSIVE is seen.verdict
    [alarm] = [one for one in seen.alarms if one.verdict is Verdict.INCONCLUSIVE]
    assert "None of the 20 predictions of the last closed window is of v1" in alarm.reason


def test_a_version_column_that_still_names_the_version_before_is_an_alarm(world):
    world.serve(4, rows=20, version="1")
    world.ship("B")
    world.serve(5, rows=20, version="1")

    seen = world.monitor()

    assert Verdict.INCONCLUSIVE is seen.verdict
    assert "is of v2, which serves by the journal; the log names 1." in seen.reason


def test_keys_of_another_type_are_refused(world):
    world.serve(5, rows=20)
    world.arrived["request"] = [str(one) for one in world.arrived["request"]]
    world.write()

    with pytest.raises(InputError, match="request"):
        world.monitor()


def test_labels_that_contradict_each_other_are_refused(world):
    world.serve(5, rows=20)
    for name, values in world.arrived.items():
        values.append(not values[40] if name == "late" else values[40])
    world.write()

    with pytest.raises(InputError, match="1 predictions have more than one label"):
        world.monitor()


def test_no_labels_at_all_is_an_alarm_also_if_none_are_required(tmp_path):
    world = MonitoredWorld(tmp_path, monitoring=f"{MONITORING}  min_labelled: 0\n")
    world.ship("A")
    world.serve(5, rows=20, labelled=0.0)
    world.arrived = {"request": [-1], "late": [True], "seen": [world.clock.time]}
    world.write()

    seen = world.monitor()

    assert Verdict.INCONCLUSIVE is seen.verdict
    assert "Only 0 of 20 predictions (0%)" in seen.reason


def test_rows_that_vanish_from_a_closed_window_are_told_and_change_no_verdict(world):
    world.serve(6, rows=20)
    before = world.monitor().versions
    last = world.remembered.periods[0].recent[-1]
    start = world.traffic["request"][-1] - 20 * 3
    for column in world.traffic.values():
        del column[start : start + 5]
    world.write()

    seen = world.monitor()

    assert 20 == last.predictions
    assert (
        "10 predictions or labels of closed windows are not in the tables any more" in seen.reason
    )
    assert Verdict.WARN is seen.verdict
    assert before[0].rules == seen.versions[0].rules
    assert 10 == world.remembered.periods[0].vanished


def test_days_with_one_row_or_none_are_judged_as_they_are(world):
    for rows in (1, 0, 1, 1, 0, 0, 1, 1, 1):
        world.serve(1, rows=rows)

    seen = world.monitor()

    assert [1] * windows(seen)[0] == [one.rows for one in seen.versions[0].rules[0].points]
    assert Verdict.PASS is seen.verdict


def test_a_day_of_scores_that_are_not_numbers_is_an_alarm(tmp_path):
    gates = "[{metric: roc_auc, max_regression: 0.02}]"
    world = MonitoredWorld(tmp_path, gates=gates)
    world.ship("A")
    world.clock.pass_by(DAY / 2)
    world.serve(5, rows=50)
    world.traffic["score"][50:100] = [math.nan] * 50
    world.write()

    seen = world.monitor()

    assert Verdict.INCONCLUSIVE is seen.verdict
    assert "50 of 150 predictions" in seen.reason
    assert 2 == seen.versions[0].rules[0].windows


def test_a_prediction_at_midnight_belongs_to_the_day_that_begins(world):
    world.clock.pass_by(DAY / 2)
    for at in (world.clock.time, world.clock.time + DAY):
        world.log(at)
    world.clock.pass_by(4 * DAY)
    world.write()

    points = world.monitor(dry_run=True).versions[0].rules[0].points

    assert [1, 1] == [one.rows for one in points]


def aware(columns, zone):
    at = [one.replace(tzinfo=UTC) for one in columns["at"]]
    return {**columns, "at": pa.array(at, pa.timestamp("us", tz=zone))}


@pytest.mark.parametrize("zone", ["UTC", "America/New_York", "Asia/Kathmandu"])
def test_times_with_a_zone_are_the_moments_that_they_name(world, zone, monkeypatch):
    """New York's clocks are set back in November, on a day of 25 hours."""
    monkeypatch.setenv("TZ", "Europe/Berlin")
    world.clock.pass_by(184.5 * DAY)
    world.serve(5, rows=24)
    naive = world.monitor(dry_run=True)
    columns = {name: values for name, values in world.traffic.items() if name != "version"}
    pq.write_table(pa.table(aware(columns, zone)), world.folder / "predictions.parquet")

    assert naive.versions == world.monitor(dry_run=True).versions


def test_dates_are_times_too(world):
    world.serve(5, rows=24)
    world.traffic["at"] = [one.date() for one in world.traffic["at"]]
    world.write()

    seen = world.monitor()

    assert [] == [one for one in seen.alarms if one.kind in {"predictions", "clock"}]
    assert world.clock.time.date() == seen.newest_prediction.date()
