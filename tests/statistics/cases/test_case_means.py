"""Cases with trials: the case is the unit, whatever its number of trials."""

import numpy as np
import pytest
import scipy
from hypothesis import given
from hypothesis import strategies as st

from cdml.statistics.cases.case_means import UNIT, CaseMeans, compare_cases, measure_cases
from cdml.statistics.difference import Side
from cdml.statistics.interval import Unmeasured
from cdml.statistics.metrics import Range
from cdml.statistics.proportions import Tango

METRIC = "mean(score)"
STARS = Range(low=1.0, high=5.0)


def of_trials(*cases):
    """Each case's scores, trial by trial."""
    case = np.repeat(np.arange(len(cases)), [len(scores) for scores in cases])
    return CaseMeans.of_trials(case, np.array([s for c in cases for s in c], float), len(cases))


def once(*scores):
    return CaseMeans.of_cases(np.array(scores, float))


def drawn(seed, cases, values):
    random = np.random.default_rng(seed)
    return [CaseMeans.of_cases(random.choice(values, cases)) for _ in range(2)]


def test_a_case_counts_once_however_many_trials_it_had():
    level = measure_cases(METRIC, of_trials([0, 0, 0, 0, 0, 0], [1], [1, 1]), 0.9, UNIT)

    assert level.value == pytest.approx(2 / 3)


def test_trials_of_a_case_have_its_mean_and_variance():
    scores = of_trials([0, 1, 1], [1], [0.5, 0.7])

    assert scores.mean == pytest.approx([2 / 3, 1, 0.6])
    assert scores.trials.tolist() == [3, 1, 2]
    assert scores.variance[[0, 2]] == pytest.approx([1 / 3, 0.02])
    assert np.isnan(scores.variance[1])


def test_the_order_of_trials_does_not_matter():
    case, score = np.array([0, 1, 0, 2, 2, 1]), np.array([0, 1, 1, 1, 0, 1.0])
    order = np.random.default_rng(1).permutation(6)

    one, other = (CaseMeans.of_trials(case[o], score[o], 3) for o in (np.arange(6), order))

    assert one.mean.tolist() == other.mean.tolist()


def test_single_trials_of_0_and_1_are_compared_by_tango():
    paired = compare_cases(METRIC, once(1, 1, 0, 1, 0, 0), once(1, 0, 1, 0, 0, 1), UNIT)

    assert paired.difference == Tango(both=1, gained=2, lost=2, rows=6)


@pytest.mark.parametrize(
    ("challenger", "within"),
    [
        (once(1, 1, 0, 0.5), UNIT),
        (of_trials([1], [1], [0], [1, 1]), UNIT),
        (once(1, 1, 0, 1), None),
    ],
    ids=["a half", "two trials", "an unknown range"],
)
def test_other_scores_are_not_taken_for_single_trials_of_0_and_1(challenger, within):
    paired = compare_cases(METRIC, challenger, once(1, 0, 1, 0), within)

    assert paired.difference.method == "skew-t"


@pytest.mark.heavy
def test_many_cases_have_the_paired_t_interval():
    challenger, champion = drawn(3, 400, np.linspace(0, 1, 31))
    expected = scipy.stats.ttest_rel(challenger.mean, champion.mean).confidence_interval(0.95)

    interval = compare_cases(METRIC, challenger, champion, UNIT).difference.interval(0.95)

    assert (interval.low, interval.high) == pytest.approx(tuple(expected), abs=1e-9)


@pytest.mark.parametrize("cases", [60, 400, 5000])
def test_with_no_case_on_which_they_differ_the_bound_is_about_where_tango_has_it(cases):
    passing = of_trials(*[[1, 1, 1]] * cases)
    tango = Tango(both=cases, gained=0, lost=0, rows=cases)

    bound = compare_cases(METRIC, passing, passing, UNIT).difference.bound(Side.LOWER, 0.95)

    assert bound == pytest.approx(tango.bound(Side.LOWER, 0.95), rel=0.15)


def test_unseen_cases_may_differ_by_the_range_of_the_score():
    same = once(*[4] * 40)
    unit = once(*[0.75] * 40)

    stars, share = (
        compare_cases(METRIC, scores, scores, within).difference.bound(Side.LOWER, 0.95)
        for scores, within in ((same, STARS), (unit, UNIT))
    )

    assert stars == pytest.approx(4 * share)


def test_a_loss_of_all_cases_is_found_without_any_spread():
    difference = compare_cases(
        METRIC, of_trials(*[[0, 0, 0]] * 20), of_trials(*[[1, 1, 1]] * 20), UNIT
    ).difference

    assert difference.bound(Side.UPPER, 0.95) < -0.8


@pytest.mark.heavy
@given(
    st.lists(st.tuples(*[st.integers(0, 3)] * 2), min_size=2, max_size=60),
    st.floats(0.55, 0.99),
    st.floats(-1, 1),
)
def test_p_is_below_the_level_just_where_the_bound_is_beyond(pairs, confidence, against):
    challenger, champion = (CaseMeans.of_cases(np.array(m) / 3) for m in zip(*pairs, strict=True))
    difference = compare_cases(METRIC, challenger, champion, UNIT).difference

    for side, sign in ((Side.LOWER, 1), (Side.UPPER, -1)):
        distance = sign * (difference.bound(side, confidence) - against)
        p_value = difference.p_value(side, against)
        assert abs(distance) < 1e-7 or (p_value < 1 - confidence + 1e-7) == (distance > 0)


@pytest.mark.heavy
@given(
    st.lists(st.tuples(*[st.integers(0, 3)] * 2), min_size=2, max_size=60),
    st.floats(0, 2),
    st.floats(-1, 1),
)
def test_a_larger_loss_on_every_case_never_looks_less_certain(pairs, more, against):
    challenger, champion = (np.array(m) / 3 for m in zip(*pairs, strict=True))
    challenger = challenger - 1  # nowhere better than the champion

    p_values = [
        compare_cases(
            METRIC, CaseMeans.of_cases(scores), CaseMeans.of_cases(champion)
        ).difference.p_value(Side.UPPER, min(against, 0.0))
        for scores in (challenger, challenger - more)
    ]

    assert p_values[1] <= p_values[0] + 1e-9


@given(st.lists(st.tuples(*[st.integers(0, 3)] * 2), min_size=2, max_size=60))
def test_swapped_models_have_the_mirrored_bounds(pairs):
    challenger, champion = (CaseMeans.of_cases(np.array(m) / 3) for m in zip(*pairs, strict=True))
    forth = compare_cases(METRIC, challenger, champion, UNIT).difference
    back = compare_cases(METRIC, champion, challenger, UNIT).difference

    assert forth.bound(Side.LOWER, 0.9) == pytest.approx(-back.bound(Side.UPPER, 0.9), abs=1e-9)


@pytest.mark.parametrize(
    ("scores", "reason"),
    [
        (once(), "there are no cases"),
        (once(1, np.nan, 0), "mean(score) has no score on 1 of the cases"),
        (of_trials([1], [], [0]), "mean(score) has no score on 1 of the cases"),
        (once(0, 3, 1), "mean(score) is between 0 and 1 and has scores from 0 to 3"),
    ],
)
def test_what_cannot_be_measured_has_a_reason(scores, reason):
    assert measure_cases(METRIC, scores, 0.95, UNIT) == Unmeasured(reason=reason)
    assert compare_cases(METRIC, scores, scores, UNIT) == Unmeasured(reason=reason)


def test_a_single_case_of_a_score_proves_nothing():
    assert isinstance(compare_cases(METRIC, once(0.4), once(0.7), UNIT), Unmeasured)


@pytest.mark.heavy
def test_of_an_unbounded_score_the_mean_has_the_t_interval():
    cost = once(*np.random.default_rng(1).gamma(3, size=300))
    expected = scipy.stats.t.interval(0.95, 299, cost.mean.mean(), scipy.stats.sem(cost.mean))

    interval = measure_cases("mean(cost)", cost, 0.95).interval

    assert (interval.low, interval.high) == pytest.approx(expected, abs=1e-9)
