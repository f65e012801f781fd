"""What a look at production finds: the rules of judging closed windows."""

from datetime import UTC, datetime

import pytest

from cdml.common.verdict import Verdict
from cdml.errors import InputError
from cdml.evidence import store
from cdml.evidence.monitor import Monitoring
from cdml.monitoring import state_size
from cdml.monitoring.history import monitored_lines, monitored_periods
from support.monitoring_scenarios import DAY, MonitoredWorld


@pytest.fixture
def world(tmp_path):
    world = MonitoredWorld(tmp_path)
    world.ship("A")
    return world


def test_a_version_that_keeps_its_promise_is_healthy(world):
    world.serve(20)

    seen = world.monitor()

    assert Verdict.PASS is seen.verdict, seen.reason
    [version] = seen.versions
    [rule] = version.rules
    assert ("accuracy", 0.86) == (rule.metric, pytest.approx(rule.bound))
    assert 18 == rule.windows == version.judged_windows
    assert rule.low < rule.value < rule.high
    assert seen == store.read_evidence(world.output, Monitoring)


def test_a_degradation_is_proven_and_stays_proven(world):
    world.serve(10)
    world.serve(20, accuracy=0.6)

    seen = world.monitor()

    assert Verdict.FAIL is seen.verdict
    [rule] = seen.versions[0].rules
    assert rule.degraded_in is not None
    assert "Accuracy has degraded" in seen.reason
    world.serve(30, accuracy=0.99)
    later = world.monitor()
    assert Verdict.FAIL is later.verdict
    assert rule.degraded_in == later.versions[0].rules[0].degraded_in


def test_daily_looks_find_what_one_look_at_the_end_finds(tmp_path):
    found = []
    for folder, looks in ((tmp_path / "daily", True), (tmp_path / "once", False)):
        folder.mkdir()
        world = MonitoredWorld(folder, profiled=True)
        world.ship("A")
        for accuracy in (0.9, 0.7):
            for _ in range(8):
                world.serve(1, accuracy=accuracy)
                if looks:
                    world.monitor()
        world.monitor()
        found.append((world.remembered.periods[0].rules, world.remembered.drift.columns))

    assert found[0] == found[1]


def test_windows_are_judged_only_when_their_labels_are_complete(world):
    world.serve(2)

    seen = world.monitor()

    assert (Verdict.PASS, "No window is closed yet.") == (seen.verdict, seen.reason)
    world.clock.pass_by(DAY)
    assert 1 == world.monitor().versions[0].judged_windows


def test_labels_that_come_late_are_counted_and_change_no_closed_verdict(world):
    world.serve(5, labelled=0.8)
    before = world.monitor()
    world.clock.pass_by(DAY / 24)
    missing = set(world.traffic["request"]) - set(world.arrived["request"])
    for request in missing:
        for column, value in zip(
            world.arrived.values(), (request, True, world.traffic["at"][request]), strict=True
        ):
            column.append(value)
    world.write()

    after = world.monitor()

    assert after.versions[0].late > 0
    assert before.versions[0].rules == after.versions[0].rules
    assert any(alarm.kind == "late" for alarm in after.alarms)


@pytest.mark.parametrize("days_ago", [3, 6])
def test_corrected_labels_of_recent_closed_windows_are_told_once(world, days_ago):
    world.serve(8)
    before = world.monitor()
    asked = world.traffic["at"][-1] - days_ago * DAY
    of_window = [n for n, at in enumerate(world.traffic["at"]) if at.date() == asked.date()]
    for request in of_window[:3]:
        place = world.arrived["request"].index(request)
        world.arrived["late"][place] = not world.arrived["late"][place]
    world.write()

    after = [world.monitor() for _ in range(2)]

    again = days_ago == 3  # older windows are not read again
    assert [again, again] == [one.versions[0].corrected for one in after]
    assert before.versions[0].rules == after[1].versions[0].rules
    assert before.versions[0].late == after[1].versions[0].late
    assert (Verdict.WARN if again else Verdict.PASS) is after[1].verdict
    told = [one.reason for one in after[1].alarms if one.kind == "late"]
    assert again == any(one.startswith("Labels or predictions of 1 closed win") for one in told)


def test_a_look_without_news_writes_nothing(world):
    world.serve(5)
    world.monitor()
    looks = len(world.state.documents)

    world.monitor()

    assert looks == len(world.state.documents)


def test_a_dry_run_remembers_nothing(world):
    world.serve(5)

    seen = world.monitor(dry_run=True)

    assert 3 == seen.versions[0].judged_windows
    assert [] == world.state.documents


def test_each_prediction_is_judged_for_the_version_that_served(world):
    world.serve(4, accuracy=0.6)
    world.ship("B")
    world.serve(6)

    new, old = world.monitor().versions

    assert ("2", "1") == (new.version, old.version)
    assert new.rules[0].value > 0.85
    assert old.rules[0].value < 0.7


def test_what_served_before_the_first_deploy_is_not_taken_for_what_it_deployed(tmp_path):
    world = MonitoredWorld(tmp_path)
    world.register("A")
    world.move_alias("1")
    world.ship("B")
    world.serve(14, accuracy=0.6)

    new, old = world.monitor().versions

    assert ("2", "1") == (new.version, old.version)
    assert (Verdict.FAIL, 0) == (new.rules[0].verdict, old.judged_windows)


def test_the_logged_version_counts_more_than_the_time(world):
    world.ship("B")
    world.serve(6, accuracy=0.6, version="v1")
    world.serve(6, version="2")

    new, old = world.monitor().versions

    assert new.rules[0].value > 0.85
    assert old.rules[0].value < 0.7


def test_predictions_of_unknown_versions_are_counted_and_not_judged(world):
    world.serve(6, accuracy=0.1, version="77", rows=20)
    world.serve(6, version="1")

    seen = world.monitor()

    assert Verdict.WARN is seen.verdict
    assert "versions that never served by the journal (77)" in seen.reason
    assert seen.versions[0].rules[0].value > 0.85


def test_a_feed_that_falls_silent_is_an_alarm(world):
    world.serve(5)
    world.monitor()
    world.clock.pass_by(2 * DAY)

    seen = world.monitor()

    assert Verdict.INCONCLUSIVE is seen.verdict
    assert "No predictions since 2026-05-06 11:52 UTC" in seen.reason


@pytest.mark.parametrize(
    ("ahead", "verdict"),
    [
        (DAY / 2, Verdict.WARN),
        (2 * DAY, Verdict.INCONCLUSIVE),
        (7973 * 365.2425 * DAY, Verdict.INCONCLUSIVE),
    ],
)
def test_predictions_of_the_future_warn_until_they_hide_a_silence(world, ahead, verdict):
    world.serve(5)
    world.log(world.clock.time + ahead)
    world.write()

    seen = world.monitor()

    assert verdict is seen.verdict
    assert "which is in the future" in seen.reason


def test_a_log_of_before_1970_is_silent(world):
    world.log(datetime(1901, 1, 1, tzinfo=UTC))
    world.write()
    world.clock.pass_by(2 * DAY)

    assert "No predictions since 2026-05-01 12:00 UTC" in world.monitor().reason


def test_predictions_that_were_never_logged_are_an_alarm_once_the_silence_is_over(world):
    early = world.monitor()
    world.clock.pass_by(2 * DAY)

    late = world.monitor()

    assert (Verdict.PASS, Verdict.INCONCLUSIVE) == (early.verdict, late.verdict)
    assert "predictions.parquet" in late.reason


def test_labels_that_stop_coming_are_an_alarm(world):
    world.serve(5)
    world.serve(5, labelled=0.1)

    seen = world.monitor()

    assert Verdict.INCONCLUSIVE is seen.verdict
    assert "of the last closed window have labels, so it was not judged" in seen.reason
    assert seen.versions[0].skipped_windows > 0


def test_a_column_that_vanished_stops_the_judging_until_it_is_back(world):
    world.serve(5)
    world.monitor()
    judged = world.remembered
    world.serve(2)
    world.write(predictions=["request", "at", "score"])

    seen = world.monitor()

    assert Verdict.INCONCLUSIVE is seen.verdict
    assert "The column 'prediction' has vanished from the predictions." in seen.reason
    assert judged.periods == world.remembered.periods
    world.write()
    assert 5 == world.monitor().versions[0].judged_windows


@pytest.mark.parametrize(
    ("break_it", "sentence"),
    [
        (lambda world: world.log(world.clock.time - 3 * DAY, request=3), "repeat the key"),
        (lambda world: world.arrived["request"].append(3), "more than one label"),
    ],
)
def test_what_is_logged_twice_is_an_error(world, break_it, sentence):
    world.serve(5)
    break_it(world)
    for name, value in (("late", True), ("seen", world.clock.time.replace(tzinfo=None))):
        if len(world.arrived[name]) < len(world.arrived["request"]):
            world.arrived[name].append(value)
    world.write()

    with pytest.raises(InputError, match=sentence):
        world.monitor()
    assert [] == world.state.documents


def test_nothing_deployed_is_nothing_to_watch(tmp_path):
    world = MonitoredWorld(tmp_path)
    world.watch()

    assert "Nothing has been deployed yet." == world.monitor().reason


def test_history_and_page_show_what_was_found(world):
    world.serve(10, accuracy=0.5)
    world.draws = True
    world.monitor()

    [period] = monitored_periods(world.loaded, state=world.state)

    assert ("1", 8) == (period["version"], period["judged_windows"])
    assert ["accuracy"] == list(period["degraded"])
    assert "v1 since 2026-05-01 12:00: 8 windows judged, degraded: accuracy since" in (
        monitored_lines([period])
    )
    page = (world.output / "monitor.html").read_text()
    assert "Evidence of a degradation of Accuracy" in page
    assert 2 == page.count("<svg")
    assert 'data-label="Promised"' in page  # on a phone each rule is a card


def test_versions_that_are_forgotten_are_not_judged_again(world, monkeypatch):
    monkeypatch.setattr(state_size, "MOST_ENDED", 1)
    for name in "BCD":
        world.serve(4, rows=20)
        world.ship(name)
    world.serve(6, rows=20)

    first = [one.version for one in world.monitor().versions]
    world.serve(1, rows=20)
    second = world.monitor()

    assert ["4", "3"] == first == [one.version for one in second.versions]
    assert 5 == second.versions[0].judged_windows
