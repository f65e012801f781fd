"""What holds for every metric and all rows."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from cdml.statistics.difference import Side
from cdml.statistics.engine import compare, measure
from cdml.statistics.interval import ConfidenceInterval, Unmeasured
from cdml.statistics.metrics import Family, find_metric
from cdml.statistics.proportions import Tango, mcnemar
from cdml.statistics.ranks import ascending
from cdml.statistics.samples import Cells, Moments, OneVsRest, Ranked
from support.sequential_draws import rows_for, sample

NAMES = [  # one for each way a metric is measured
    "accuracy",
    "recall",
    "precision",
    "balanced_accuracy",
    "matthews_corrcoef",
    "f1_macro",
    "roc_auc",
    "average_precision",
    "log_loss",
    "mean_absolute_error",
    "root_mean_squared_error",
    "r2",
    "demographic_parity_difference",
    "equalized_odds_difference",
    "f2",
]
RESAMPLES = 200

few = settings(max_examples=5, derandomize=True, deadline=None)
many = settings(few, max_examples=60)
sizes = st.sampled_from([12, 40, 250])
seeds = st.integers(0, 1000)
each_metric = pytest.mark.parametrize("name", NAMES)


def paired(name, rows):
    found = compare(find_metric(name), sample(name, rows), resamples=RESAMPLES)
    assume(not isinstance(found, Unmeasured))
    return found


def interval(name, rows, confidence=0.9):
    return paired(name, rows).difference.interval(confidence)


@pytest.mark.heavy
@each_metric
@few
@given(size=sizes, seed=seeds)
def test_swapping_the_models_mirrors_the_interval(name, size, seed):
    rows = rows_for(name, size, seed)

    there, back = interval(name, rows), interval(name, rows.swapped())

    assert (there.low, there.high) == pytest.approx((-back.high, -back.low), abs=1e-9)


@each_metric
@pytest.mark.parametrize("size", [2, 3, 12, 250])
def test_identical_predictions_do_not_differ_and_are_not_better(name, size):
    rows = rows_for(name, size)
    same = replace(rows, champion=rows.challenger)
    found = compare(find_metric(name), sample(name, same), resamples=RESAMPLES)
    if isinstance(found, Unmeasured):
        assert size <= 3
        return
    difference = found.difference

    assert 0 == difference.estimate
    assert 1 == difference.p_value_null()
    assert difference.bound(Side.LOWER, 0.95) <= 0 <= difference.bound(Side.UPPER, 0.95)
    assert 0.05 < min(difference.p_value(side, 0.0) for side in Side)


@pytest.mark.heavy
@each_metric
@few
@given(size=sizes, seed=seeds, order=st.randoms(use_true_random=False))
def test_the_order_of_rows_never_matters(name, size, seed, order):
    rows = rows_for(name, size, seed)
    index = list(range(size))
    order.shuffle(index)

    there, shuffled = interval(name, rows), interval(name, rows.at(index))

    if find_metric(name).family in {Family.MEAN, Family.MOMENTS}:  # the reducer adds these up
        assert (there.low, there.high) == pytest.approx((shuffled.low, shuffled.high), rel=1e-9)
    else:
        assert there == shuffled


@pytest.mark.heavy
@each_metric
@few
@given(size=st.sampled_from([40, 100]), seed=seeds, times=st.integers(3, 6))
def test_the_same_rows_many_times_over_narrow_the_interval(name, size, seed, times):
    rows = rows_for(name, size, seed)

    once, again = interval(name, rows), interval(name, rows.at(np.tile(np.arange(size), times)))

    assert again.high - again.low < once.high - once.low


@pytest.mark.heavy
@each_metric
@few
@given(size=sizes, seed=seeds, tight=st.floats(-0.3, 0.3), more=st.floats(0, 0.3))
def test_a_looser_margin_never_hurts(name, size, seed, tight, more):
    difference = paired(name, rows_for(name, size, seed)).difference

    lower = [difference.p_value(Side.LOWER, -margin) for margin in (tight, tight + more)]
    upper = [difference.p_value(Side.UPPER, margin) for margin in (tight, tight + more)]

    assert lower[1] <= lower[0] + 1e-12
    assert upper[1] <= upper[0] + 1e-12


@pytest.mark.heavy
@each_metric
@few
@given(
    size=sizes,
    seed=seeds,
    against=st.floats(-0.4, 0.4),
    share=st.sampled_from([0.0, 0.01, -0.1]),
    side=st.sampled_from(list(Side)),
)
def test_the_bound_lies_beyond_exactly_where_p_is_small(name, size, seed, against, share, side):
    difference = paired(name, rows_for(name, size, seed)).difference
    bound = difference.bound(side, 0.95, share)
    assume(abs(bound - against) > 1e-6)

    beyond = bound > against if side is Side.LOWER else bound < against

    assert beyond == (difference.p_value(side, against, share) < 0.05)


@pytest.mark.heavy
@each_metric
@few
@given(seed=seeds, share=st.floats(0.0, 0.1), more=st.floats(0.01, 0.1))
def test_a_looser_relative_margin_never_hurts(name, seed, share, more):
    if find_metric(name).family is Family.FAIRNESS:
        return  # a share of a gap near nothing adds more noise than room
    difference = paired(name, rows_for(name, 250, seed)).difference

    tight, loose = (difference.bound(Side.LOWER, 0.95, s) for s in (share, share + more))

    assert tight <= loose


@many
@given(
    gained=st.integers(0, 60),
    lost=st.integers(0, 60),
    both=st.integers(0, 500),
    more=st.integers(0),
)
def test_concordant_rows_never_change_mcnemar(gained, lost, both, more):
    assume(gained + lost + both > 0)

    little = Tango(both=both, gained=gained, lost=lost, rows=gained + lost + both)
    more_rows = replace(little, both=both + more, rows=little.rows + more)

    assert mcnemar(gained, lost) == little.p_value_null() == more_rows.p_value_null()


@many
@given(
    gained=st.integers(0, 30),
    lost=st.integers(0, 30),
    right=st.integers(0, 30),
    wrong=st.integers(0, 30),
)
def test_tango_stays_within_what_shares_can_differ(gained, lost, right, wrong):
    rows = gained + lost + right + wrong
    assume(rows > 0)

    found = Tango(both=right, gained=gained, lost=lost, rows=rows).interval(0.95)

    assert -1 <= found.low <= (gained - lost) / rows <= found.high <= 1


@each_metric
@few
@given(seed=seeds, row=st.integers(0, 39), value=st.sampled_from([np.nan, np.inf, -np.inf]))
def test_what_is_no_number_is_never_measured(name, seed, row, value):
    rows = rows_for(name, 40, seed)
    if find_metric(name).family in {Family.CELLS, Family.PROPORTION, Family.FAIRNESS}:
        return  # counts of rows hold no numbers that could be none
    challenger = rows.challenger.astype(float)
    challenger[row] = value
    with np.errstate(all="ignore"):
        given_rows = sample(name, replace(rows, challenger=challenger))
        found = compare(find_metric(name), given_rows), measure(find_metric(name), given_rows, 0.95)

    assert all(isinstance(one, Unmeasured) for one in found)


@pytest.mark.heavy
@many
@given(low=st.floats(allow_nan=True), high=st.floats(allow_nan=True) | st.just(float("nan")))
def test_no_interval_holds_what_is_no_number(low, high):
    assume(not low <= high)

    with pytest.raises(ValueError, match="low <= high"):
        ConfidenceInterval(low=low, high=high, confidence=0.95, method="tango")


NO_ROWS = np.zeros(0)
EMPTY = {
    "accuracy": Cells(
        classes=("a", "b"),
        **dict.fromkeys(("label", "challenger", "champion", "count"), NO_ROWS.astype(int)),
    ),
    "roc_auc": Ranked(positive=NO_ROWS.astype(bool), challenger=NO_ROWS, champion=NO_ROWS),
    "roc_auc_ovr": OneVsRest(classes=()),
    "log_loss": Moments(
        rows=0, mean=np.zeros(2), covariance=np.zeros((2, 2)), third=np.zeros((2, 2, 2))
    ),
}


@pytest.mark.parametrize("name", EMPTY)
def test_no_rows_are_never_measured(name):
    found = compare(find_metric(name), EMPTY[name]), measure(find_metric(name), EMPTY[name], 0.95)

    assert all(isinstance(one, Unmeasured) for one in found)


@pytest.mark.heavy
@many
@given(st.lists(st.floats(allow_nan=False) | st.sampled_from([0.0, -0.0, 0.5]), min_size=1))
def test_scores_of_any_size_and_sign_are_sorted_with_their_rows(values):
    score = np.array(values)

    order = ascending(score)

    assert list(range(len(values))) == sorted(order.tolist())
    assert (np.sort(score) == score[order]).all()


@pytest.mark.parametrize("apart", [1e-16, 1e-9, 0.1])
def test_scores_that_hardly_differ_are_told_apart(apart):
    score = 0.5 + apart * np.random.default_rng(1).permutation(5_000)

    assert (np.sort(score) == score[ascending(score)]).all()
