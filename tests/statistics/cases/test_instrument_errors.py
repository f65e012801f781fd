"""Failures of the instruments: their own bound, and no significant rise."""

import numpy as np
import pytest

from cdml.statistics.cases.case_means import CaseMeans
from cdml.statistics.cases.instrument_errors import error_rates


def errors(number, cases=100, trials=3):
    """So many of the trials failed, one a case from the last case on."""
    failed = np.zeros((cases, trials))
    failed[cases - number :, 0] = 1
    return CaseMeans.of_trials(np.repeat(np.arange(cases), trials), failed.ravel(), cases)


@pytest.mark.parametrize(("number", "too_many"), [(0, False), (6, False), (7, True)])
def test_more_than_one_in_fifty_are_too_many(number, too_many):
    rates = error_rates(errors(number), None, 0.95)

    assert rates.challenger.value == pytest.approx(number / 300)
    assert rates.too_many is too_many


def test_the_bound_can_be_set():
    assert error_rates(errors(2), None, 0.95, most=0.0).too_many
    assert not error_rates(errors(30), None, 0.95, most=0.1).too_many


def test_errors_of_the_champion_count_too():
    assert error_rates(errors(0), errors(7), 0.95).too_many


def test_a_rise_within_the_bound_is_too_much_where_it_is_no_chance():
    rates = error_rates(errors(19, 1000), errors(2, 1000), 0.95)

    assert rates.challenger.value < 0.02
    assert rates.p_value < 0.001
    assert rates.too_many


def test_a_rise_that_may_be_chance_is_allowed():
    rates = error_rates(errors(4), errors(3), 0.95)

    assert rates.p_value > 0.05
    assert not rates.too_many


def test_no_error_still_has_an_upper_bound():
    interval = error_rates(errors(0), errors(0), 0.95).challenger.interval

    assert interval.low == 0
    assert interval.high == pytest.approx(0.03, abs=0.001)


def test_the_cases_with_most_errors_come_first():
    failed = np.array([0, 1, 0, 0, 1, 1.0])
    rates = error_rates(CaseMeans.of_trials(np.repeat([0, 1, 2], 2), failed, 3), None, 0.95)

    assert rates.affected.tolist() == [2, 0]
