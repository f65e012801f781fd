import math
from dataclasses import replace
from datetime import timedelta

import pytest

from cdml.delivery.canary.judge import judge_canary
from cdml.delivery.canary.planning import expectation, fewest, guardrail
from cdml.delivery.canary.rules import CanaryTolerances
from cdml.delivery.canary.state import CanaryState, observe_window
from cdml.delivery.canary.traffic import Answers, Latencies, Window
from cdml.delivery.rollout.state_machine import Decision
from support.canary_scenarios import BEGIN, MINUTE, answers, watched, window

TIMED = CanaryTolerances(latency_limit_ms=50.0)
GOOD = ((9_000, 90), (1_000, 10))


def outcome(canary, elapsed=60.0):
    return judge_canary(canary, elapsed_seconds=elapsed).outcome


@pytest.mark.parametrize(
    ("minutes", "expected"),
    [
        ([], Decision.HOLD),
        ([((0, 0), (0, 0))] * 60, Decision.HOLD),
        ([((900, 9), (0, 0))] * 60, Decision.HOLD),
        ([((90, 0), (10, 0))] * 5, Decision.HOLD),
        ([GOOD] * 5, Decision.PROMOTE),
        ([((9_000, 0), (1_000, 0))] * 5, Decision.PROMOTE),
        ([((9_000, 90), (1_000, 40))] * 5, Decision.ROLLBACK),
        ([((900, 0), (100, 100))] * 3, Decision.HOLD),
        ([((900, 0), (100, 100))] * 4, Decision.ROLLBACK),
        ([((9_000, 900), (1_000, 100))] * 5, Decision.PROMOTE),
    ],
    ids=[
        "no window",
        "no traffic",
        "no request of the challenger",
        "too few requests without errors",
        "as many errors",
        "no errors at all",
        "four times the errors",
        "every request fails, which may be a burst",
        "every request fails, and goes on to",
        "both fail more than is tolerable",
    ],
)
def test_what_is_done_about_errors(minutes, expected):
    assert expected == outcome(watched(minutes))


@pytest.mark.parametrize(
    ("minutes", "expected"),
    [
        ([((9_000, 90, 300), (1_000, 10, 33))] * 5, Decision.PROMOTE),
        ([((9_000, 90, 300), (1_000, 10, 500))] * 5, Decision.ROLLBACK),
        ([((9_000, 90, 4_500), (1_000, 10, 500))] * 5, Decision.PROMOTE),
        ([((9_000, 90, 0), (1_000, 10, 40))] * 5, Decision.HOLD),
    ],
    ids=["as fast", "slower", "both slower than the limit", "slower, but hardly tells"],
)
def test_what_is_done_about_latencies(minutes, expected):
    assert expected == outcome(watched(minutes, rules=TIMED))


def test_where_no_latency_was_measured_nothing_is_promoted():
    canary = CanaryState(rules=TIMED)
    for minute in range(5):
        seen = window(
            Answers(requests=9_000, errors=90),
            Answers(requests=1_000, errors=10),
            since=BEGIN + minute * MINUTE,
        )
        canary = observe_window(canary, seen, weight=0.1)

    judged = judge_canary(canary, elapsed_seconds=0)

    assert Decision.HOLD == judged.outcome
    assert "no data on the challenger's latency" in judged.reason


def test_a_wrong_split_is_not_promoted_but_may_still_be_harmful():
    assert Decision.HOLD == outcome(watched([GOOD] * 5, weight=0.5))
    assert Decision.ROLLBACK == outcome(watched([((9_000, 90), (1_000, 400))] * 5, weight=0.5))


def test_a_window_in_which_the_weight_changed_says_nothing_of_the_split():
    changed = watched([((5_000, 50), (5_000, 50))], weight=0.1, settled=False)

    assert () == changed.steps
    assert Decision.PROMOTE == outcome(watched([GOOD] * 5, canary=changed))


def test_each_weight_is_held_against_its_own_share():
    canary = watched([GOOD] * 2, weight=0.1)
    canary = watched([((5_000, 50), (5_000, 50))] * 2, canary=canary, weight=0.5)

    assert [0.1, 0.5] == [step.weight for step in canary.steps]
    assert Decision.PROMOTE == outcome(canary)


def test_with_all_traffic_at_the_challenger_its_ratio_is_no_evidence():
    before = watched([((900, 9), (100, 1))])
    after = watched([((0, 0), (1_000, 500))], canary=before, weight=1.0)

    assert math.isclose(
        before.errors.challenger.events * math.log(63) - before.errors.harm_costs[-1],
        after.errors.challenger.events * math.log(63) - after.errors.harm_costs[-1],
        abs_tol=1e-9,
    )


def test_a_timeout_rolls_back_and_so_does_a_clock_that_tells_nothing():
    undecided = watched([((90, 0), (10, 0))] * 5)

    assert Decision.HOLD == outcome(undecided, 3_599)
    assert Decision.ROLLBACK == outcome(undecided, 3_600)
    assert Decision.ROLLBACK == outcome(undecided, math.nan)
    assert Decision.PROMOTE == outcome(watched([GOOD] * 5), 3_600)


def test_one_burst_does_not_decide_and_many_are_counted_as_bursts():
    quiet = [((900, 2), (100, 0))] * 10
    burst = [((900, 2), (100, 40))]

    assert Decision.HOLD == outcome(watched(burst))
    assert Decision.HOLD == outcome(watched([*burst, *quiet]))
    assert Decision.HOLD == outcome(watched([*quiet, *burst]))
    assert Decision.ROLLBACK == outcome(watched([((900, 9), (100, 40))] * 10))


def test_a_failure_of_both_servers_is_no_harm():
    assert Decision.HOLD == outcome(watched([((900, 9), (100, 1)), ((900, 900), (100, 100))] * 5))


def test_records_that_nobody_can_read_keep_from_promoting():
    canary = watched([GOOD] * 5)
    judged = judge_canary(replace(canary, unreadable=canary.requests), elapsed_seconds=0)

    assert Decision.PROMOTE == outcome(replace(canary, unreadable=canary.requests // 200))
    assert Decision.HOLD == judged.outcome
    assert "50,000 records are unreadable, out of 100,000" in judged.reason


def test_the_reason_tells_the_figures_that_decided():
    judged = judge_canary(watched([((9_000, 90), (1_000, 40))] * 5), elapsed_seconds=0)

    assert (
        "errors: challenger 200 of 5,000 (4.00 %), champion 450 of 45,000 (1.00 %)"
        "; evidence of harm more than 1,000,000 to 1, needed 200 to 1"
    ) == judged.reason


def test_a_window_is_seen_once():
    canary = watched([GOOD])

    with pytest.raises(ValueError, match="before"):
        observe_window(canary, window(answers(10), answers(10)), weight=0.1)


@pytest.mark.parametrize(
    "make",
    [
        lambda: Answers(requests=1, errors=2),
        lambda: Answers(requests=-1),
        lambda: Answers(requests=1, latencies=Latencies.from_milliseconds([1.0, 1.0])),
        lambda: Latencies.from_milliseconds([math.nan, 1.0]),
        lambda: Latencies.from_milliseconds([math.nan]),
        lambda: Latencies.from_milliseconds([-1.0]),
        lambda: Window(since=BEGIN, until=BEGIN),
        lambda: Window(since=BEGIN.replace(tzinfo=None), until=BEGIN),
        lambda: Window(since=BEGIN, until=BEGIN + MINUTE, unreadable=-1),
        lambda: observe_window(
            CanaryState(rules=CanaryTolerances()), window(answers(1), answers(1)), weight=math.nan
        ),
        lambda: CanaryTolerances(tolerated_ratio=math.nan),
        lambda: CanaryTolerances(harm_ratio=3.0),
        lambda: CanaryTolerances(latency_limit_ms=math.inf),
        lambda: CanaryTolerances(timeout_seconds=math.inf),
    ],
)
def test_figures_that_cannot_be_are_refused(make):
    with pytest.raises(ValueError, match=r"."):
        make()


def test_the_expected_time_is_that_of_expected_counts():
    expected = expectation(
        CanaryTolerances(), weight=0.1, requests_per_minute=10_000, error_rate=0.01
    )
    minutes = math.ceil(expected.promote)

    assert Decision.HOLD == outcome(watched([GOOD] * (minutes - 1)))
    assert Decision.PROMOTE == outcome(watched([GOOD] * minutes))


def test_the_expected_time_of_harm_is_that_of_so_many_times_the_errors():
    expected = expectation(
        CanaryTolerances(), weight=0.1, requests_per_minute=10_000, error_rate=0.001, times=3
    )
    worse = ((9_000, 9), (1_000, 3))
    minutes = math.ceil(expected.rollback)

    assert minutes > 4
    assert Decision.HOLD == outcome(watched([worse] * (minutes - 1)))
    assert Decision.ROLLBACK == outcome(watched([worse] * minutes))


def test_what_is_no_harm_yet_is_configured():
    twice = [((9_000, 90), (1_000, 20))] * 10

    assert Decision.ROLLBACK == outcome(watched(twice))
    assert Decision.HOLD == outcome(watched(twice, rules=CanaryTolerances(harm_ratio=2.0)))


def test_without_traffic_or_errors_no_decision_is_expected():
    idle = expectation(CanaryTolerances(), weight=0.1, requests_per_minute=0, error_rate=0.01)
    clean = expectation(CanaryTolerances(), weight=0.1, requests_per_minute=1_000, error_rate=0)

    assert (None, None) == (idle.promote, idle.rollback)
    assert (None, True) == (clean.rollback, clean.promote < 60)


def test_a_guardrail_is_the_champions_quantile_times_a_factor():
    latencies = Latencies.from_milliseconds(float(ms) for ms in range(1, 1_001))
    buckets = Latencies(upper_ms=(100.0, 200.0, math.inf), counts=(950, 50, 0))

    assert math.isclose(1_140, guardrail(latencies, quantile=0.95, factor=1.2))
    assert 200.0 == guardrail(buckets, quantile=0.95, factor=1.2)
    assert guardrail(buckets, quantile=0.95, factor=3.0) is None
    assert guardrail(Latencies.from_milliseconds([1.0] * 100), quantile=0.95, factor=1.2) is None
    assert guardrail(Latencies(), quantile=0.95, factor=1.2) is None
    least = fewest(0.95)
    assert (200, 100) == (least, fewest(0.9))
    assert (
        guardrail(Latencies.from_milliseconds([1.0] * least), quantile=0.95, factor=1.0) is not None
    )
    assert (
        guardrail(Latencies.from_milliseconds([1.0] * (least - 1)), quantile=0.95, factor=1.0)
        is None
    )


def test_the_window_of_a_resumed_run_begins_where_the_last_one_ended():
    assert watched([GOOD] * 3).until == BEGIN + timedelta(minutes=3)
