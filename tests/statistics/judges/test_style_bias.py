"""Whether length or position could explain a difference of scores."""

import numpy as np
import pytest

from cdml.statistics.interval import Unmeasured
from cdml.statistics.judges.style_bias import regress_within_cases, style_bias

CASE = np.repeat(np.arange(20), 4)
AT = np.arange(80)
CHALLENGER = AT % 2 == 1
LENGTH = ((AT * 7) % 13 + 5 * CHALLENGER) / 10
SCORE = ((AT * 11) % 9) / 9 + 0.3 * LENGTH + 0.1 * CHALLENGER


def answers(seed, cases=200, quality=0.0, slope=0.0, longer=0.0):
    """One answer of each model to each case; the judge likes length by `slope`."""
    random = np.random.default_rng(seed)
    case = np.repeat(np.arange(cases), 2)
    challenger = np.tile([False, True], cases)
    length = random.normal(size=2 * cases) + longer * challenger
    score = random.normal(size=cases)[case] + quality * challenger + slope * length
    return score + 0.5 * random.normal(size=2 * cases), challenger, length, case


def test_slopes_and_errors_are_those_of_statsmodels():
    """Reference: OLS of statsmodels 0.15.0 on centred figures, cov_type cluster, use_t."""
    regression = regress_within_cases(
        SCORE, np.column_stack((CHALLENGER.astype(float), LENGTH)), CASE
    )
    slope = regression.combined(np.array([0.0, 1.0]), 0.95)

    assert regression.slopes == pytest.approx([0.13255344732116892, 0.23172710125807394], abs=1e-9)
    assert np.sqrt(np.diag(regression.covariance)) == pytest.approx(
        [0.07546835644222558, 0.09368538780062108], abs=1e-9
    )
    assert [regression.p_value(k) for k in (0, 1)] == pytest.approx(
        [0.09512438890595755, 0.02298918887794663], abs=1e-9
    )
    assert (slope.interval.low, slope.interval.high) == pytest.approx(
        (0.0356413310448033, 0.4278128714713446), abs=1e-9
    )


def test_a_difference_is_what_length_explains_and_what_remains():
    bias = style_bias(SCORE, CHALLENGER, LENGTH, CASE, 0.95)

    assert bias.difference.value == pytest.approx(bias.explained.value + bias.adjusted.value)


def test_a_difference_that_comes_from_length_alone_is_warned_of():
    bias = style_bias(*answers(11, slope=0.5, longer=1.0), 0.95)

    assert bias.could_explain
    assert bias.explained.value == pytest.approx(0.5, abs=0.15)
    assert bias.adjusted.interval.low < 0 < bias.adjusted.interval.high


def test_a_better_model_of_equal_length_is_not():
    bias = style_bias(*answers(2, quality=0.5, slope=0.5), 0.95)

    assert not bias.could_explain
    assert bias.p_value < 0.001
    assert bias.adjusted.value == pytest.approx(0.5, abs=0.15)


def test_length_that_does_not_matter_explains_nothing():
    bias = style_bias(*answers(3, quality=0.5, longer=1.0), 0.95)

    assert not bias.could_explain
    assert bias.explained.interval.low < 0 < bias.explained.interval.high


def test_where_there_is_no_difference_there_is_nothing_to_explain():
    assert not style_bias(*answers(4, slope=0.5), 0.95).could_explain


def test_a_position_that_is_always_the_model_cannot_be_told_from_it():
    score, challenger, _, case = answers(5)

    assert style_bias(score, challenger, challenger.astype(float), case, 0.95) == Unmeasured(
        reason="the style does not vary within cases apart from the model"
    )


def test_cases_with_a_single_answer_tell_nothing():
    score, challenger, length, case = answers(6, cases=30)
    more = (np.append(score, 99), np.append(challenger, True), np.append(length, 9))

    assert style_bias(*more, np.append(case, 30), 0.95) == style_bias(
        score, challenger, length, case, 0.95
    )


def test_few_cases_are_no_regression():
    assert style_bias(*answers(7, cases=9), 0.95) == Unmeasured(
        reason="9 cases with several answers are too few for a regression"
    )


@pytest.mark.heavy
def test_a_slope_that_is_not_there_is_seldom_significant():
    random, significant = np.random.default_rng(8), 0
    for seed in range(400):
        score, challenger, length, case = answers(seed, cases=30)
        score = score + 0.5 * random.normal(size=30)[case] * challenger
        significant += style_bias(score, challenger, length, case, 0.95).p_value < 0.05

    assert significant / 400 <= 0.05 + 3 * np.sqrt(0.05 * 0.95 / 400) + 0.01
