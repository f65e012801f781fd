"""Medians of scores: values that occur, between order statistics."""

import numpy as np
import pytest
import scipy

from cdml.statistics.cases.case_means import CaseMeans
from cdml.statistics.cases.medians import compare_medians, measure_median
from cdml.statistics.interval import Unmeasured
from cdml.statistics.metrics import Range

STARS = Range(low=1.0, high=5.0)
METRIC = "median(stars)"


def ratings(seed, cases, chances=(0.05, 0.1, 0.2, 0.4, 0.25)):
    return CaseMeans.of_cases(
        np.random.default_rng(seed).choice(np.arange(1.0, 6.0), cases, p=chances)
    )


@pytest.mark.heavy
def test_the_interval_of_a_median_is_scipys():
    scores = CaseMeans.of_cases(np.random.default_rng(1).random(81))
    expected = scipy.stats.quantile_test(scores.mean, q=0, p=0.5).confidence_interval(0.95)

    level = measure_median(METRIC, scores, 0.95)

    assert level.value == np.median(scores.mean)
    assert (level.interval.low, level.interval.high) == tuple(expected)


def test_the_interval_stays_in_the_range():
    level = measure_median(METRIC, ratings(2, 20), 0.999999, STARS)

    assert (level.interval.low, level.interval.high) == (1, 5)


def test_equal_models_do_not_differ():
    scores = ratings(3, 60)

    paired = compare_medians(METRIC, scores, scores, STARS)

    assert paired.difference.estimate == 0
    assert paired.difference.p_value_null() == 1


def test_a_loss_of_a_step_is_found():
    champion = ratings(4, 200)
    challenger = CaseMeans.of_cases(np.maximum(1, champion.mean - 1))

    interval = compare_medians(METRIC, challenger, champion, STARS).difference.interval(0.95)

    assert (interval.low, interval.high) == (-1, -1)


def test_drawn_medians_are_those_of_cases_drawn_again():
    random = np.random.default_rng(7)
    challenger, champion = random.random((2, 101))
    again = random.integers(0, 101, (20_000, 101))
    expected = np.median(challenger[again], axis=1) - np.median(champion[again], axis=1)

    difference = compare_medians(
        METRIC, CaseMeans.of_cases(challenger), CaseMeans.of_cases(champion)
    ).difference

    assert difference.estimate == np.median(challenger) - np.median(champion)
    assert difference.standard_error == pytest.approx(expected.std(), rel=0.05)


@pytest.mark.parametrize("cases", [1, 19])
def test_few_cases_do_not_tell_their_median(cases):
    expected = Unmeasured(reason=f"{cases} cases are too few to tell their median")

    assert measure_median(METRIC, ratings(5, cases), 0.95) == expected
    assert compare_medians(METRIC, ratings(5, cases), ratings(6, cases)) == expected


@pytest.mark.heavy
def test_the_interval_holds_the_median_as_often_as_it_promises():
    random = np.random.default_rng(1)
    hits = 0
    for _ in range(2000):
        interval = measure_median(METRIC, CaseMeans.of_cases(random.random(25)), 0.9).interval
        hits += interval.low <= 0.5 <= interval.high

    assert hits / 2000 >= 0.88
