"""The test of a mean in production: what it promises under H0, and what it finds."""

import json
import math
from fractions import Fraction
from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cdml.statistics.sequential.degradation import (
    CASH,
    MEMORY,
    ROW_FRACTIONS,
    SPREAD_ANEW,
    WINDOW_FRACTIONS,
    DegradationTest,
    WindowSums,
)

SHARES = st.floats(0, 1).map(lambda x: round(x, 3))
HISTORIES = st.lists(st.tuples(st.integers(1, 500), SHARES), min_size=1, max_size=25)


def window(mean, count=100):
    """A window whose figures all have one value."""
    return WindowSums(count=count, sum=count * mean, sum_of_squares=count * mean**2)


def after(windows, *, bound=0.8, alpha=0.01, **settings):
    test = DegradationTest.start(bound=bound, alpha=alpha, **settings)
    for one in windows:
        test = test.observe(one)
    return test


def grids(bound):
    """Distributions of three values whose mean is exactly the bound: (value, probability)."""
    for low, middle, high in ((0.0, 0.5, 1.0), (0.7, 0.75, 1.0), (0.0, 0.85, 0.9), (0.5, 0.8, 1.0)):
        for part in (0.0, 0.3, 0.6):
            rest = (bound - part * middle) / (1 - part)
            if low <= rest <= high:
                of_high = (1 - part) * (rest - low) / (high - low)
                yield ((low, 1 - part - of_high), (middle, part), (high, of_high))


@pytest.mark.parametrize("counts", [(9, 9, 9, 9), (1, 40, 7, 3)])
def test_expected_wealth_never_exceeds_one_under_the_null(counts):
    """Exactly, over every path: of windows with any distribution that has the mean of the bound."""
    bound = 0.8
    for grid in grids(bound):
        expected = math.fsum(
            math.prod(chance for _, chance in path)
            * math.exp(
                after(window(x, n) for (x, _), n in zip(path, counts, strict=True)).log_e_value
            )
            for path in product(grid, repeat=len(counts))
        )
        assert expected == pytest.approx(1, abs=1e-12)


def test_expected_wealth_never_exceeds_one_if_the_next_window_depends_on_the_last():
    """H0 is about the mean given the past. Here a bad window makes the next one riskier."""
    calm, wild = ((0.8, 1.0),), ((0.2, 0.25), (1.0, 0.75))
    paths = [((0.6, 0.5),), ((1.0, 0.5),)]
    for _ in range(3):
        paths = [(*path, step) for path in paths for step in (wild if path[-1][0] < 0.8 else calm)]
    expected = sum(
        math.prod(chance for _, chance in path)
        * math.exp(after(window(x) for x, _ in path).log_e_value)
        for path in paths
    )
    assert expected == pytest.approx(1, abs=1e-12)


def test_expected_wealth_of_independent_rows_never_exceeds_one():
    """Here it is below 1: the sums of a window are less than its rows."""
    for grid in grids(0.8):
        expected = 0.0
        for path in product(product(grid, repeat=3), repeat=2):
            rows = [[x for x, _ in part] for part in path]
            sums = [WindowSums(3, sum(part), sum(x * x for x in part)) for part in rows]
            chance = math.prod(chance for part in path for _, chance in part)
            expected += chance * math.exp(after(sums, independent_rows=True).log_e_value)
        assert 0.8 < expected <= 1 + 1e-12


def test_a_ceiling_keeps_the_promise_for_windows_below_it():
    grid = ((0.75, 0.5), (0.85, 0.5))
    expected = sum(
        0.5**4 * math.exp(after((window(x) for x, _ in path), ceiling=0.85).log_e_value)
        for path in product(grid, repeat=4)
    )
    assert expected == pytest.approx(1, abs=1e-12)


@given(HISTORIES, st.data())
def test_a_worse_window_is_never_evidence_for_the_model(history, data):
    place = data.draw(st.integers(0, len(history) - 1))
    count, mean = history[place]
    worse = [*history]
    worse[place] = (count, data.draw(st.floats(0, mean)))
    as_it_was, as_worse = (after(window(x, n) for n, x in h) for h in (history, worse))
    assert as_worse.log_e_value >= as_it_was.log_e_value - 1e-9


@given(HISTORIES, st.floats(0, 0.99), st.floats(0, 0.99))
def test_a_higher_bound_is_never_harder_to_refute(history, one, other):
    windows = [window(x, n) for n, x in history]
    low, high = (after(windows, bound=bound).log_e_value for bound in sorted((one, other)))
    assert high >= low - 1e-9


@pytest.mark.parametrize("independent_rows", [False, True])
@given(HISTORIES, st.data())
def test_a_test_resumes_exactly(independent_rows, history, data):
    windows = [window(x, n) for n, x in history]
    stop = data.draw(st.integers(0, len(windows)))
    resumed = after(windows[:stop], independent_rows=independent_rows)
    resumed = DegradationTest.from_json(json.loads(json.dumps(resumed.to_json())))
    for one in windows[stop:]:
        resumed = resumed.observe(one)
    assert resumed == after(windows, independent_rows=independent_rows)


def direct_wealth(windows, bound):
    """The wealth in exact fractions, by its definition."""
    bound = Fraction(bound)
    fractions = (Fraction(0), *map(Fraction, WINDOW_FRACTIONS))
    first = [
        Fraction(CASH),
        *([(1 - Fraction(CASH)) / (len(fractions) - 1)] * (len(fractions) - 1)),
    ]
    accounts, counts = list(first), []
    for one in windows:
        counts.append(one.count)
        weight = Fraction(one.count, max(counts[-MEMORY:]))
        shortfall = weight * (bound - Fraction(one.sum) / one.count) / (1 - bound)
        accounts = [a * (1 + f * shortfall) for a, f in zip(accounts, fractions, strict=True)]
        total = sum(accounts)
        anew = Fraction(SPREAD_ANEW)
        accounts = [(1 - anew) * a + anew * total * f for a, f in zip(accounts, first, strict=True)]
    return sum(accounts)


@given(HISTORIES, st.sampled_from([0.25, 0.5, 0.75, 0.9]))
def test_the_wealth_is_that_of_a_direct_implementation(history, bound):
    windows = [window(x, n) for n, x in history]
    direct = float(direct_wealth(windows, bound))
    assert math.exp(after(windows, bound=bound).log_e_value) == pytest.approx(direct, rel=1e-12)


@given(st.lists(SHARES, min_size=1, max_size=60), st.sampled_from([0.3, 0.8, 0.95]))
def test_the_gain_of_sums_is_never_more_than_that_of_the_rows(rows, bound):
    sums = WindowSums(len(rows), sum(rows), sum(x * x for x in rows))
    by_fraction = [
        math.prod(1 + f * (bound - x) / (1 - bound) for x in rows) for f in ROW_FRACTIONS
    ]
    of_rows = CASH + (1 - CASH) * sum(by_fraction) / len(by_fraction)
    assert math.exp(after([sums], bound=bound, independent_rows=True).log_e_value) <= of_rows + 1e-9


def first_alarm(windows, **settings):
    test = DegradationTest.start(**settings)
    for number, one in enumerate(windows, 1):
        test = test.observe(one)
        if test.degraded:
            return number
    return None


def test_twice_the_tolerated_errors_are_found_within_weeks_also_after_a_good_year():
    settings = {"bound": 0.85, "alpha": 0.01}
    bad = [window(0.7)] * 20
    assert first_alarm(bad, **settings) <= 10
    good = [window(0.88)] * 365
    assert first_alarm([*good, *bad], **settings) <= 365 + 20


def test_a_ceiling_or_independent_rows_decide_sooner():
    bad = [window(0.8, 5000)] * 60
    plain, with_ceiling, rows = (
        first_alarm(bad, bound=0.85, alpha=0.01, **extra)
        for extra in ({}, {"ceiling": 0.9}, {"independent_rows": True})
    )
    assert rows == 1
    assert rows < with_ceiling < plain / 2


def test_figures_at_the_bound_never_alarm():
    assert first_alarm([window(0.8)] * 2000, bound=0.8, alpha=0.01) is None


def test_a_season_that_balances_out_never_alarms():
    for days in ((-0.04, -0.04, 0.016), (0.04, 0.04, -0.016)):
        week = [0.85 + days[2]] * 5 + [0.85 + day for day in days[:2]]
        assert first_alarm([window(x) for x in week] * 52, bound=0.85, alpha=0.01) is None


def test_a_small_window_counts_less():
    small = after([window(0.8, 1000), window(0.2, 10)])
    large = after([window(0.8, 1000), window(0.2, 1000)])
    assert small.log_e_value < large.log_e_value


def test_a_busy_day_is_forgotten_after_a_week():
    busy = after([window(0.8, 10**6), *[window(0.8, 100)] * MEMORY])
    quiet = after([window(0.8, 100), *[window(0.8, 100)] * MEMORY])
    assert busy.observe(window(0.2)).log_e_value == quiet.observe(window(0.2)).log_e_value


def test_degraded_stays():
    test = after([window(0.3)] * 20)
    assert test.degraded
    recovered = after([*[window(0.3)] * 20, *[window(1.0)] * 200])
    assert recovered.degraded
    assert recovered.log_e_value < test.log_e_value


@given(HISTORIES, st.booleans())
def test_the_mean_lies_between_its_bounds(history, independent_rows):
    test = after((window(x, n) for n, x in history), independent_rows=independent_rows)
    assert 0 <= test.lower <= test.moments.mean + 1e-9
    assert test.moments.mean - 1e-9 <= test.upper <= 1


def test_bounds_of_the_mean_close_in():
    short, long = (after([window(0.7), window(0.9)] * n) for n in (20, 400))
    assert short.lower < long.lower < 0.8 < long.upper < short.upper


def test_extreme_bounds():
    assert first_alarm([window(0.0)] * 999, bound=0.0, alpha=0.01) is None
    assert first_alarm([window(0.99)], bound=1.0, alpha=0.01) == 1
    assert first_alarm([window(1.0)] * 999, bound=1.0, alpha=0.01) is None


def test_the_state_is_small_after_years():
    state = after([window(0.8123 + 0.1 * (n % 2), 1000 + n) for n in range(1000)]).to_json()
    assert len(json.dumps(state)) < 1000


@pytest.mark.parametrize(
    "sums", [(0, 0, 0), (2, 3, 2), (2, 1, 2), (2, 2, 1), (2, -1, 1), (2, math.nan, 1)]
)
def test_impossible_sums_are_refused(sums):
    with pytest.raises(ValueError, match="cannot be sums"):
        WindowSums(*sums)


@pytest.mark.parametrize(
    "settings",
    [
        {"bound": -0.1},
        {"bound": math.nan},
        {"alpha": 0},
        {"alpha": 1},
        {"ceiling": 1.1},
        {"ceiling": 0.9, "independent_rows": True},
    ],
)
def test_impossible_settings_are_refused(settings):
    with pytest.raises(ValueError, match=r"needs|ceiling"):
        DegradationTest.start(**{"bound": 0.8, "alpha": 0.01, **settings})


@pytest.mark.parametrize(
    "change",
    [
        {"shares": [1.0]},
        {"log_e_value": math.nan},
        {"moments": {}, "extra": 1},
        {"moments": 3},
        {"counts": None},
    ],
)
def test_a_damaged_state_is_refused(change):
    with pytest.raises(ValueError, match=r"needs|no state"):
        DegradationTest.from_json({**after([window(0.5)]).to_json(), **change})


@pytest.mark.heavy
def test_bounds_hold_at_every_look_at_once():
    """The interval misses the mean at any of 200 looks in at most 2 α of all runs."""
    random = np.random.default_rng(5)
    missed = 0
    for _ in range(150):
        days = random.beta(8, 2, 200)
        test = DegradationTest.start(bound=0.5, alpha=0.05)
        for number, value in enumerate(days):
            test = test.observe(window(float(value)))
            if number % 10 == 0 and not test.lower <= 0.8 <= test.upper:
                missed += 1
                break
    assert missed <= 15 + 3 * math.sqrt(15)
