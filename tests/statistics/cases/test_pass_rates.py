"""pass@k and pass^k: unbiased, and only with enough trials."""

from itertools import combinations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cdml.statistics.cases.case_means import UNIT, measure_cases
from cdml.statistics.cases.pass_rates import Trials, failed_cases, pass_rates
from cdml.statistics.interval import Unmeasured


def trials(*cases):
    case = np.repeat(np.arange(len(cases)), [len(passed) for passed in cases])
    return case, np.array([p for c in cases for p in c], dtype=bool), len(cases)


@given(st.lists(st.booleans(), min_size=1, max_size=7), st.integers(1, 7))
def test_they_are_shares_of_all_choices_of_k_trials(passed, k):
    k = min(k, len(passed))
    chosen = list(combinations(passed, k))

    any_of, all_of = (pass_rates(which, k, *trials(passed)).mean[0] for which in Trials)

    assert any_of == pytest.approx(np.mean([any(c) for c in chosen]))
    assert all_of == pytest.approx(np.mean([all(c) for c in chosen]))


def test_cases_count_the_same_whatever_their_number_of_trials():
    rates = pass_rates(Trials.ALL, 2, *trials([1, 1, 0, 0], [1, 1]))

    assert rates.mean == pytest.approx([1 / 6, 1])
    assert measure_cases("pass^2", rates, 0.95, UNIT).value == pytest.approx(7 / 12)


def test_of_one_trial_both_are_the_pass_rate():
    sample = trials([1, 0, 1], [0, 0, 1])

    assert [pass_rates(which, 1, *sample).mean.tolist() for which in Trials] == [
        [pytest.approx(2 / 3), pytest.approx(1 / 3)]
    ] * 2


def test_many_trials_do_not_overflow():
    rates = pass_rates(Trials.ANY, 500, *trials([1] * 3 + [0] * 1997))

    assert rates.mean[0] == pytest.approx(1 - 0.75**3, abs=1e-3)


@pytest.mark.parametrize(
    ("k", "reason"),
    [
        (3, "pass@3 needs 3 trials of each case; 1 of 2 cases have fewer (as few as 2)"),
        (0, "pass@0 has no meaning: k is at least 1"),
    ],
)
def test_without_enough_trials_there_is_no_value(k, reason):
    assert pass_rates(Trials.ANY, k, *trials([1, 1, 1], [1, 0])) == Unmeasured(reason=reason)


def test_one_failed_trial_makes_a_failed_case():
    failed = failed_cases(*trials([0, 0, 1], [0, 0, 0], [1, 1, 1]))

    assert failed.mean.tolist() == [1, 0, 1]


def test_a_case_without_a_trial_has_neither_failed_nor_passed():
    case, failed, _ = trials([0], [1])

    assert np.isnan(failed_cases(case, failed, 3).mean[2])


@pytest.mark.heavy
def test_they_predict_new_trials():
    random = np.random.default_rng(1)
    chance = random.beta(0.5, 0.5, 5000)
    case = np.repeat(np.arange(5000), 6)
    passed = random.random(30_000) < chance[case]
    again = random.random((3, 5000)) < chance

    any_of, all_of = (pass_rates(which, 3, case, passed, 5000).mean.mean() for which in Trials)

    assert any_of == pytest.approx(again.any(axis=0).mean(), abs=0.02)
    assert all_of == pytest.approx(again.all(axis=0).mean(), abs=0.02)
