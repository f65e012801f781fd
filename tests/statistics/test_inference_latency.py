"""Quantiles of latencies, of the same requests."""

import math

import numpy as np
import pytest

from cdml.statistics.difference import Side
from cdml.statistics.engine import compare, measure
from cdml.statistics.interval import Unmeasured
from cdml.statistics.metrics import find_metric
from cdml.statistics.samples import Timings

NAMES = ["latency_p50_ms", "latency_p95_ms"]


def timings(size=200, seed=0, slower=1.0):
    random = np.random.default_rng(seed)
    base = np.exp(0.3 * random.normal(size=size))
    return Timings(
        challenger=slower * 10 * base * np.exp(0.1 * random.normal(size=size)), champion=10 * base
    )


@pytest.mark.heavy
@pytest.mark.parametrize("name", NAMES)
def test_a_slower_model_is_found(name):
    found = compare(find_metric(name), timings(slower=1.5)).difference

    assert 0 < found.bound(Side.LOWER, 0.95) < found.estimate
    assert found.p_value(Side.LOWER, 0.0) < 0.05


@pytest.mark.heavy
@pytest.mark.parametrize("name", NAMES)
def test_swapping_the_models_mirrors_the_interval(name):
    given = timings()
    one = compare(find_metric(name), given).difference.interval(0.9)
    turned = Timings(challenger=given.champion, champion=given.challenger)
    other = compare(find_metric(name), turned).difference.interval(0.9)

    assert (-other.high, -other.low) == pytest.approx((one.low, one.high))


@pytest.mark.heavy
@pytest.mark.parametrize("name", NAMES)
def test_the_order_of_the_requests_does_not_matter(name):
    given, order = timings(), np.random.default_rng(1).permutation(200)
    mixed = Timings(challenger=given.challenger[order], champion=given.champion[order])

    assert np.array_equal(
        compare(find_metric(name), given).difference.inner.draws,
        compare(find_metric(name), mixed).difference.inner.draws,
    )


@pytest.mark.parametrize("name", NAMES)
def test_equal_latencies_do_not_differ_and_are_never_better(name):
    same = timings().champion
    found = compare(find_metric(name), Timings(challenger=same, champion=same)).difference

    assert (0, 1.0) == (found.estimate, found.p_value_null())
    assert not found.bound(Side.UPPER, 0.95) < 0
    assert 1.0 == found.p_value(Side.UPPER, 0.0)


@pytest.mark.heavy
@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("side", Side)
def test_a_bound_lies_beyond_a_value_where_p_is_small(name, side):
    found = compare(find_metric(name), timings()).difference
    for against in np.linspace(-3, 3, 41):
        bound = found.bound(side, 0.95, 0.05)
        beyond = bound > against if side is Side.LOWER else bound < against
        assert beyond == (found.p_value(side, against, 0.05) < 0.05)


def test_one_model_lies_between_two_order_statistics():
    figures = np.sort(timings().champion)
    level = measure(find_metric("latency_p50_ms"), Timings(challenger=figures, champion=None), 0.95)
    low, high = 86, 114  # 2.5 % and 97.5 % of the binomial of 200 fair coins

    assert figures[100] == level.value
    assert figures[low - 1] <= level.interval.low <= figures[low + 1]
    assert figures[high - 1] <= level.interval.high <= figures[high + 1]


def test_the_slowest_of_few_requests_may_take_any_time():
    level = measure(find_metric("latency_p95_ms"), Timings.pair(timings(60).champion), 0.99)

    assert math.isinf(level.interval.high)


@pytest.mark.parametrize(
    ("name", "size"), [("latency_p50_ms", 19), ("latency_p95_ms", 59), ("latency_p99_ms", 299)]
)
def test_too_few_requests_tell_nothing_of_a_difference(name, size):
    found = compare(find_metric(name), timings(size))

    assert isinstance(found, Unmeasured)
    assert "requests are too few" in found.reason


def test_only_requests_that_both_were_asked_are_compared():
    both = Timings.pair(range(100), range(60))

    assert (60, 60) == (both.rows, len(both.champion))


@pytest.mark.heavy
@pytest.mark.parametrize("name", NAMES)
def test_the_same_requests_many_times_over_narrow_the_interval(name):
    given = timings(100)
    widths = []
    for times in (1, 5):
        again = Timings(
            challenger=np.tile(given.challenger, times), champion=np.tile(given.champion, times)
        )
        interval = compare(find_metric(name), again).difference.interval(0.9)
        widths.append(interval.high - interval.low)

    assert widths[1] < widths[0]


def hanging(random, size):
    """A challenger that hangs on 6 % of the requests."""
    base = 5 * np.exp(0.2 * random.normal(size=size))
    return base * np.exp(0.05 * random.normal(size=size)) + 20 * (random.random(size) < 0.06), base


def noisy(random, size):
    """Both take as long as the machine lets them."""
    return 6 * np.exp(random.normal(size=size)), 5 * np.exp(random.normal(size=size))


@pytest.mark.heavy
@pytest.mark.parametrize("draw", [hanging, noisy])
@pytest.mark.parametrize(
    ("name", "share", "size"),
    [
        ("latency_p50_ms", 0.5, 100),
        ("latency_p95_ms", 0.95, 60),
        ("latency_p95_ms", 0.95, 100),
    ],
)
def test_a_slower_model_seldom_passes_at_the_margin(name, share, size, draw):
    random = np.random.default_rng(7)
    long = draw(random, 400_000)
    margin = np.quantile(long[0], share) - np.quantile(long[1], share)

    passed = 0
    for _ in range(300):
        challenger, champion = draw(random, size)
        given = Timings(challenger=challenger, champion=champion)
        found = compare(find_metric(name), given, resamples=300)
        passed += found.difference.bound(Side.UPPER, 0.95) < margin

    assert passed <= 300 * 0.065 + 3 * math.sqrt(300 * 0.065 * 0.935)
