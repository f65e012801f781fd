"""Gaps between groups, and the calibration error, which is only reported."""

from dataclasses import replace

import numpy as np
import pytest

from cdml.statistics.difference import Side
from cdml.statistics.engine import compare, measure
from cdml.statistics.interval import Unmeasured
from cdml.statistics.metrics import find_metric
from cdml.statistics.sample_size import counted
from cdml.statistics.samples import Ranked
from support.sequential_draws import Rows, grouped

FAIR = (
    "demographic_parity_difference",
    "equal_opportunity_difference",
    "equalized_odds_difference",
)


def rows(size=600, seed=0, favoured=0.2):
    """A champion that says yes to group 0 more often, and a challenger that does so less."""
    random = np.random.default_rng(seed)
    group, label = random.integers(0, 2, size), random.integers(0, 2, size)
    score = 0.5 * label + random.random(size)
    return Rows(
        label=label,
        challenger=(score + favoured / 4 * (group == 0) > 0.75).astype(int),
        champion=(score + favoured * (group == 0) > 0.75).astype(int),
        group=group,
    )


@pytest.mark.parametrize("name", FAIR)
def test_a_smaller_gap_is_found_with_enough_rows(name):
    paired = compare(find_metric(name), grouped(rows(20_000, favoured=0.4)))

    assert paired.difference.bound(Side.UPPER, 0.95) < 0 < paired.challenger < paired.champion


@pytest.mark.parametrize("name", FAIR)
def test_swapping_the_models_mirrors_the_interval(name):
    drawn = rows()
    one = compare(find_metric(name), grouped(drawn)).difference.interval(0.95)
    other = compare(find_metric(name), grouped(drawn.swapped())).difference.interval(0.95)

    assert (-other.high, -other.low) == pytest.approx((one.low, one.high))


@pytest.mark.parametrize("name", FAIR)
def test_equal_predictions_do_not_differ_and_are_never_superior(name):
    drawn = rows()
    same = replace(drawn, challenger=drawn.champion)

    difference = compare(find_metric(name), grouped(same)).difference

    assert 0 == difference.estimate
    assert difference.bound(Side.LOWER, 0.95) <= 0 <= difference.bound(Side.UPPER, 0.95)


@pytest.mark.parametrize("name", FAIR)
def test_a_gap_lies_within_its_interval_and_between_0_and_1(name):
    level = measure(find_metric(name), grouped(rows(200)), 0.95)

    assert 0 <= level.interval.low < level.value < level.interval.high <= 1


@pytest.mark.parametrize("name", FAIR)
def test_a_single_group_is_not_compared(name):
    alone = replace(rows(), group=np.zeros(600, dtype=int))

    found = compare(find_metric(name), grouped(alone))

    assert isinstance(found, Unmeasured)
    assert "two groups" in found.reason


@pytest.mark.parametrize("name", FAIR[1:])
def test_a_group_without_positives_has_no_rate(name):
    drawn = rows()
    without = replace(drawn, label=np.where(drawn.group == 1, 0, drawn.label))

    found = compare(find_metric(name), grouped(without))

    assert isinstance(found, Unmeasured)
    assert "group 1" in found.reason


def test_the_smallest_group_is_what_informs():
    drawn = rows()
    cells = grouped(drawn)

    assert min(np.bincount(drawn.group)) == counted(find_metric(FAIR[0]), cells)
    assert min(np.bincount(drawn.group, drawn.label)) == counted(find_metric(FAIR[1]), cells)


def test_groups_that_a_slice_lacks_make_it_too_small_to_judge():
    cells = replace(grouped(rows()), groups=("group 0", "group 1", "elsewhere"))

    assert 0 == counted(find_metric(FAIR[0]), cells)
    assert isinstance(compare(find_metric(FAIR[0]), cells), Unmeasured)


def test_the_calibration_error_is_the_mean_distance_of_bins():
    positive = np.array([True, True, False, False, True, False])
    score = np.array([0.95, 1.0, 0.91, 0.0, 0.05, 0.55])
    sample = Ranked(positive=positive, challenger=score, champion=None)

    level = measure(find_metric("ece"), sample, 0.95)

    upper, lower, middle = abs(2 - 2.86), abs(1 - 0.05), 0.55
    assert (upper + lower + middle) / 6 == pytest.approx(level.value)
    assert "reported figure" in level.interval.reason


def test_a_calibration_error_is_never_compared():
    sample = Ranked(positive=np.array([True, False]), challenger=np.ones(2), champion=np.ones(2))

    assert isinstance(compare(find_metric("ece"), sample), Unmeasured)
