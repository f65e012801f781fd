"""What a margin needs at the lowest price."""

import math

import numpy as np
import pytest

from cdml.statistics.cases.planning import Plan, Prices, plan_labels, plan_trials
from cdml.statistics.cases.variance_split import VarianceSplit
from cdml.statistics.interval import Unmeasured
from cdml.statistics.judges.prediction_powered import JudgedCases, compare_corrected

MARGIN, CONFIDENCE = 0.05, 0.95


def error(plan, between, within):
    split = VarianceSplit(cases=plan.cases, between=between, within=within, trials=plan.trials)
    return split.smallest_change(CONFIDENCE)


@pytest.mark.parametrize(("between", "within"), [(0.02, 0.3), (0.2, 0.01), (0.0, 0.3), (0.1, 0.0)])
@pytest.mark.parametrize("prices", [Prices(case=10, trial=0.1), Prices(case=0.1, trial=1)])
def test_a_plan_reaches_the_margin_and_no_other_is_cheaper(between, within, prices):
    plan = plan_trials(between, within, MARGIN, CONFIDENCE, prices)

    assert error(plan, between, within) <= MARGIN
    for trials in range(1, 30):
        cases = 1
        while error(Plan(cases=cases, trials=trials, labels=0, cost=0), between, within) > MARGIN:
            cases += 1
        assert plan.cost <= cases * (prices.case + trials * prices.trial) + 1e-9


def test_where_cases_are_dear_the_plan_has_more_trials():
    trials = [
        plan_trials(0.02, 0.3, MARGIN, CONFIDENCE, Prices(case=price, trial=1)).trials
        for price in (0.1, 1, 10, 100)
    ]

    assert trials == sorted(trials)
    assert trials[0] < trials[-1]


def test_without_flaky_cases_one_trial_is_enough():
    assert plan_trials(0.2, 0.0, MARGIN, CONFIDENCE, Prices(case=1, trial=1)).trials == 1


def test_no_split_of_labels_and_cases_is_cheaper():
    prices = Prices(case=0.1, trial=0.2, label=5)
    plan = plan_labels(0.2, 0.8, 3, MARGIN, CONFIDENCE, prices)
    error = MARGIN / (1.6448536269514722 + 0.8416212335729143)

    for labels in range(1, plan.labels * 5):
        left = labels * error**2 / 0.2  # of the variance that so many labels leave
        if 1 - 0.8**2 < left <= 1:
            cases = math.ceil(labels / (1 - (1 - left) / 0.8**2))
            assert plan.cost <= cases * 0.7 + labels * 5 + 6


def test_a_better_judge_saves_labels():
    labels = [
        plan_labels(0.2, r, 1, MARGIN, CONFIDENCE, Prices(case=0, trial=0.1, label=5)).labels
        for r in (-0.5, 0, 0.5, 0.8, 0.95, 1)
    ]

    assert labels[0] == labels[1]
    assert labels[1:] == sorted(labels[1:], reverse=True)
    assert labels[-1] < labels[0] / 50


def test_free_labels_are_given_to_every_case():
    plan = plan_labels(0.2, 0.9, 1, MARGIN, CONFIDENCE, Prices(case=1, trial=1, label=0))

    assert plan.labels == plan.cases


@pytest.mark.parametrize(
    "plan",
    [
        plan_trials(0.1, 0.1, 0.0, CONFIDENCE, Prices(case=1, trial=1)),
        plan_trials(0.0, 0.0, MARGIN, CONFIDENCE, Prices(case=1, trial=1)),
        plan_trials(0.1, 0.1, MARGIN, CONFIDENCE, Prices(case=0, trial=0)),
        plan_trials(0.1, 0.1, MARGIN, CONFIDENCE, Prices(case=-1, trial=2)),
        plan_trials(math.nan, 0.1, MARGIN, CONFIDENCE, Prices(case=1, trial=1)),
        plan_labels(0.2, math.nan, 1, MARGIN, CONFIDENCE, Prices(case=1, trial=1, label=1)),
        plan_labels(0.2, 0.5, 1, -0.1, CONFIDENCE, Prices(case=1, trial=1, label=1)),
    ],
)
def test_without_a_margin_prices_or_variance_there_is_no_plan(plan):
    assert isinstance(plan, Unmeasured)


@pytest.mark.heavy
def test_with_the_planned_labels_the_margin_is_proven_about_four_times_in_five():
    """Normal scores, so that nothing but the plan decides."""
    noise = math.sqrt(0.2 * (1 / 0.8**2 - 1))  # the judge's, for a correlation of 0.8
    plan = plan_labels(0.2, 0.8, 1, MARGIN, CONFIDENCE, Prices(case=0.1, trial=0, label=1))
    random, proven, replicates = np.random.default_rng(1), 0, 300
    for _ in range(replicates):
        human = math.sqrt(0.2) * random.normal(size=plan.cases)
        judge = human + noise * random.normal(size=plan.cases)
        human[plan.labels :] = np.nan
        sample = JudgedCases(
            judge=np.column_stack((judge, np.zeros(plan.cases))),
            human=np.column_stack((human, np.zeros(plan.cases))),
        )
        difference = compare_corrected("mean(score)", sample).value.difference
        proven += difference.estimate - 1.645 * difference.standard_error > -MARGIN

    assert proven / replicates == pytest.approx(0.8, abs=0.075)
