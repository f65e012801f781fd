"""Where the variance comes from, and what would bring it down."""

import numpy as np
import pytest

from cdml.statistics.cases.case_means import CaseMeans, compare_cases
from cdml.statistics.cases.variance_split import VarianceSplit, split_variance
from cdml.statistics.interval import Unmeasured


def scores(random, truth, trials, noise):
    """Normal scores around each case's truth; `trials` of each case."""
    case = np.repeat(np.arange(len(truth)), trials)
    return CaseMeans.of_trials(
        case, truth[case] + noise * random.normal(size=len(case)), len(truth)
    )


def drawn(seed, cases, trials, between=0.2, noise=0.3):
    """Two models whose true differences vary by `between`."""
    random = np.random.default_rng(seed)
    truth = random.normal(size=cases)
    gaps = between * random.normal(size=cases)
    number = np.broadcast_to(trials, cases)
    return scores(random, truth + gaps, number, noise), scores(random, truth, number, noise)


def test_it_finds_what_was_put_in():
    split = split_variance(*drawn(1, 40_000, 3))

    assert split.between == pytest.approx(0.2**2, rel=0.05)
    assert split.within == pytest.approx(2 * 0.3**2, rel=0.05)
    assert split.trials == pytest.approx(3)
    assert split.share_of_trials == pytest.approx(0.06 / 0.1, rel=0.05)


def test_numbers_of_trials_may_differ():
    trials = np.tile([1, 2, 5], 20_000)

    split = split_variance(*drawn(2, 60_000, trials))

    assert split.between == pytest.approx(0.2**2, rel=0.05)
    assert split.within == pytest.approx(2 * 0.3**2, rel=0.05)
    assert split.trials == pytest.approx(3 / (1 + 1 / 2 + 1 / 5), rel=0.01)


def test_its_standard_error_is_that_of_the_comparison():
    challenger, champion = drawn(3, 300, 3)

    error = compare_cases("mean(score)", challenger, champion).difference.standard_error

    assert split_variance(challenger, champion).standard_error == pytest.approx(error)


def test_one_model_has_a_split_too():
    random = np.random.default_rng(4)

    split = split_variance(scores(random, random.normal(size=20_000), 4, 0.5))

    assert (split.between, split.within) == pytest.approx((1, 0.25), rel=0.05)


@pytest.mark.parametrize(
    ("models", "reason"),
    [
        (drawn(5, 30, 1), "no case has two trials, so trials cannot be separated from cases"),
        (drawn(5, 1, 3), "a single case cannot show how cases vary"),
    ],
)
def test_without_repetition_there_is_no_split(models, reason):
    assert split_variance(*models) == Unmeasured(reason=reason)


SPLIT = VarianceSplit(cases=100, between=0.04, within=0.18, trials=3)


def test_four_times_the_cases_are_needed_for_half_the_distance():
    change = SPLIT.smallest_change(0.95)

    assert SPLIT.needed(change, 0.95).cases == pytest.approx(100, abs=1)
    assert SPLIT.needed(change / 2, 0.95).cases == pytest.approx(400, abs=1)


def test_with_the_trials_that_are_needed_the_distance_is_just_seen():
    distance = 0.8 * SPLIT.smallest_change(0.95)

    trials = SPLIT.needed(distance, 0.95).trials

    assert SPLIT.smallest_change(0.95, trials) <= distance < SPLIT.smallest_change(0.95, trials - 1)


def test_no_number_of_trials_replaces_cases_that_differ():
    distance = 0.99 * SPLIT.smallest_change(0.95, np.inf)

    needed = SPLIT.needed(distance, 0.95)

    assert needed.trials is None
    assert needed.cases > 100


def test_a_bound_that_is_farther_out_needs_more_of_both():
    distance = 0.9 * SPLIT.smallest_change(0.95)

    plain = SPLIT.needed(distance, 0.95)
    cautious = SPLIT.needed(distance, 0.95, standard_error=1.1 * SPLIT.standard_error)

    assert cautious.cases == pytest.approx(1.21 * plain.cases, abs=2)
    assert cautious.trials > plain.trials


def test_nothing_is_needed_where_nothing_varies():
    same = CaseMeans.of_trials(np.repeat(np.arange(9), 2), np.ones(18), 9)

    needed = split_variance(same, same).needed(0.05, 0.95)

    assert (needed.cases, needed.trials) == (None, None)


@pytest.mark.heavy
@pytest.mark.parametrize("more", ["cases", "trials"])
def test_with_what_is_advised_the_margin_is_proven_four_times_in_five(more):
    """Passes of an equal model at the margin for which the advice was given."""
    margin = 0.9 * SPLIT.smallest_change(0.95)
    needed = SPLIT.needed(margin, 0.95)
    cases, trials = (needed.cases, 3) if more == "cases" else (100, needed.trials)
    replicates = 500

    proven = 0
    for seed in range(replicates):
        challenger, champion = drawn(seed, cases, trials)
        difference = compare_cases("mean(score)", challenger, champion).difference
        error = difference.standard_error
        proven += difference.estimate - 1.645 * error > -margin

    assert proven / replicates == pytest.approx(0.8, abs=0.06)


@pytest.mark.heavy
def test_of_passes_and_failures_the_split_is_right_on_average():
    random = np.random.default_rng(6)
    chances = random.beta(1, 0.5, size=(600, 60))
    worse = chances * 0.9
    splits = []
    for p, q in zip(chances, worse, strict=True):
        case = np.repeat(np.arange(60), 3)
        one, other = (
            CaseMeans.of_trials(case, (random.random(180) < c[case]).astype(float), 60)
            for c in (q, p)
        )
        splits.append(split_variance(one, other))

    assert np.mean([s.within for s in splits]) == pytest.approx(
        np.mean(chances * (1 - chances) + worse * (1 - worse)), rel=0.03
    )
    assert np.mean([s.standard_error**2 * 60 for s in splits]) == pytest.approx(
        np.mean([s.between + s.within / s.trials for s in splits])
    )
