"""The interval of a mean within a range: never beyond it, exact for shares."""

import numpy as np
import pytest
import scipy
from hypothesis import given
from hypothesis import strategies as st

from cdml.statistics.cases.bounded_means import GRID, beta_quantile, bounded_interval
from cdml.statistics.cases.case_means import UNIT
from cdml.statistics.metrics import Range

STARS = Range(low=1.0, high=5.0)


@pytest.mark.heavy
@pytest.mark.parametrize(
    ("failures", "cases"), [(0, 60), (1, 60), (3, 7), (7, 7), (40, 4000), (1, 1)]
)
@pytest.mark.parametrize("confidence", [0.8, 0.95, 0.999])
def test_a_share_has_the_exact_interval_of_clopper_and_pearson(failures, cases, confidence):
    scores = np.repeat([1.0, 0.0], [failures, cases - failures])
    expected = scipy.stats.binomtest(failures, cases).proportion_ci(confidence, "exact")

    interval = bounded_interval(scores, UNIT, confidence)

    assert (interval.low, interval.high) == pytest.approx(tuple(expected), abs=1e-9)
    assert interval.method == "clopper-pearson"


@pytest.mark.heavy
@pytest.mark.parametrize(("a", "b"), [(1, 60), (61, 1), (3.5, 8), (2000, 3)])
@pytest.mark.parametrize("probability", [0.001, 0.3, 0.975])
def test_beta_quantiles_are_those_of_scipy(a, b, probability):
    assert beta_quantile(probability, a, b) == pytest.approx(
        scipy.stats.beta.ppf(probability, a, b), abs=1e-9
    )


def test_no_failure_of_n_has_an_upper_bound_of_about_three_over_n():
    interval = bounded_interval(np.zeros(300), UNIT, 0.9)

    assert (interval.low, interval.high) == (0, pytest.approx(3 / 300, rel=0.01))


@pytest.mark.parametrize("cases", [2, 5, 20, 100])
def test_the_bound_is_the_quantile_of_means_under_uniform_weights(cases):
    random = np.random.default_rng(cases)
    scores = random.random(cases)
    weights = random.dirichlet(np.ones(cases + 1), 100_000)

    interval = bounded_interval(scores, UNIT, 0.9)

    assert np.mean(weights @ np.append(scores, 1) <= interval.high) == pytest.approx(
        0.95, abs=0.004
    )
    assert np.mean(weights @ np.append(scores, 0) >= interval.low) == pytest.approx(0.95, abs=0.004)


@pytest.mark.heavy
@given(st.lists(st.floats(1, 5), min_size=1, max_size=40), st.floats(0.5, 0.999))
def test_no_end_leaves_the_range_and_the_mean_lies_between(scores, confidence):
    interval = bounded_interval(np.array(scores), STARS, confidence)

    assert 1 <= interval.low <= np.mean(scores) + 1e-9
    assert np.mean(scores) - 1e-9 <= interval.high <= 5


@pytest.mark.heavy
@given(st.lists(st.integers(0, 3), min_size=1, max_size=40), st.floats(0.5, 0.999))
def test_turning_the_scores_round_turns_the_interval_round(scores, confidence):
    unit = np.array(scores) / 3

    forth, back = (bounded_interval(values, UNIT, confidence) for values in (unit, 1 - unit))

    assert (forth.low, forth.high) == pytest.approx((1 - back.high, 1 - back.low), abs=1e-7)


@pytest.mark.heavy
@given(st.lists(st.floats(0, 1), min_size=2, max_size=30), st.floats(0, 1))
def test_a_higher_score_never_lowers_an_end(scores, higher):
    raised = np.sort(scores)
    raised[0] = max(raised[0], higher)

    before, after = (bounded_interval(np.array(s), UNIT, 0.95) for s in (np.sort(scores), raised))

    approximation = 0.003  # of two scores; of more it is far less
    assert after.low >= before.low - approximation
    assert after.high >= before.high - approximation


@pytest.mark.heavy
def test_with_many_scores_it_is_the_t_interval():
    scores = np.random.default_rng(1).beta(2, 3, 20_000)
    expected = scipy.stats.t.interval(0.95, 19_999, scores.mean(), scipy.stats.sem(scores))

    interval = bounded_interval(scores, UNIT, 0.95)

    assert (interval.low, interval.high) == pytest.approx(expected, abs=2e-4)


def test_more_different_scores_than_the_grid_has_points_hardly_change_it():
    scores = np.random.default_rng(1).random(GRID - 2)
    twice = np.concatenate((scores, scores + 1e-9))

    exact, on_grid = (
        bounded_interval(np.clip(s, 0, 1), UNIT, 0.95) for s in (np.repeat(scores, 2), twice)
    )

    assert (on_grid.low, on_grid.high) == pytest.approx((exact.low, exact.high), abs=1e-5)


@pytest.mark.heavy
@pytest.mark.parametrize(
    "draw",
    [
        lambda random, n: random.binomial(3, 0.97, n) / 3,
        lambda random, n: random.beta(0.1, 0.4, n),
        lambda random, n: np.where(random.random(n) < 0.02, 0.0, 0.9 + 0.1 * random.random(n)),
        lambda random, n: random.choice([0, 0.25, 0.5, 0.75, 1], n, p=[0.02, 0, 0.08, 0.3, 0.6]),
    ],
    ids=["trials", "extremes", "rare failures", "ratings"],
)
@pytest.mark.parametrize("cases", [5, 20, 60])
def test_each_end_misses_the_truth_as_seldom_as_it_promises(draw, cases):
    truth = np.mean(draw(np.random.default_rng(0), 2_000_000))
    random, missed, replicates = np.random.default_rng(cases), np.zeros(2), 1000
    for _ in range(replicates):
        interval = bounded_interval(draw(random, cases), UNIT, 0.9)
        missed += (interval.high < truth, interval.low > truth)

    assert (missed / replicates <= 0.05 + 3 * np.sqrt(0.05 * 0.95 / replicates)).all()
