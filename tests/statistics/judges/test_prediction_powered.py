"""A judge's scores corrected by labels: unbiased, never beyond the range, as wide as promised."""

import numpy as np
import pytest

from cdml.statistics.cases.case_means import UNIT, CaseMeans, compare_cases
from cdml.statistics.difference import Side
from cdml.statistics.interval import Unmeasured
from cdml.statistics.judges.prediction_powered import (
    JudgedCases,
    compare_corrected,
    corrected_difference,
    measure_corrected,
    power_tuned,
)
from cdml.statistics.metrics import Range

METRIC = "mean(score)"
STARS = Range(low=1.0, high=5.0)
AT = np.arange(40)
HUMAN = ((AT * 7) % 11) / 10
JUDGE = np.clip(HUMAN * 0.6 + ((AT * 5) % 7) / 20, 0, 1)
OTHERS = ((np.arange(160) * 13) % 17) / 17
Z = 1.6448536269514722


def cases(human, judge, labels, within=UNIT):
    """The first so many are labelled."""
    known = np.full(np.shape(human), np.nan)
    known[:labels] = human[:labels]
    judge, human = (np.reshape(a, (len(a), -1)) for a in (np.asarray(judge, float), known))
    return JudgedCases(judge=judge, human=human, within=within)


def passes(random, number, rate=0.8, accuracy=0.85):
    human = random.random(number) < rate
    return human.astype(float), (human == (random.random(number) < accuracy)).astype(float)


def ratings(random, number):
    human = random.choice(np.arange(1.0, 6.0), number, p=[0.05, 0.1, 0.2, 0.35, 0.3])
    return human, np.clip(human + random.choice([-1, 0, 1], number, p=[0.2, 0.6, 0.2]), 1, 5)


def scores(random, number):
    human = random.beta(3, 1, number)
    return human, 0.5 * human + 0.3 + 0.1 * random.normal(size=number)


def models(random, number, draw):
    """Two of the same quality, whose answers to seven cases in ten are equal."""
    (human, judge), (second, other) = draw(random, number), draw(random, number)
    same = random.random(number) < 0.7
    return (
        np.column_stack((human, np.where(same, human, second))),
        np.column_stack((judge, np.where(same, judge, other))),
    )


@pytest.mark.parametrize(
    ("weight", "value", "low", "high"),
    [
        (0.0, 0.505, 0.42134055508902135, 0.5886594449109787),
        (0.7, 0.5162823529411764, 0.4570074159896804, 0.5755572898926724),
        (1.0, 0.5211176470588236, 0.463196469372933, 0.5790388247447141),
    ],
)
def test_for_a_given_weight_it_is_ppi_pys(weight, value, low, high):
    """Reference: ppi_mean_pointestimate and ppi_mean_ci of ppi-python 0.2.3, alpha 0.1.

    Its variances divide by the number of cases, ours by one less.
    """
    human, judge, others = (np.column_stack((a, 0 * a)) for a in (HUMAN, JUDGE, OTHERS))

    ours = corrected_difference(human, judge, others, np.full(40, weight))

    of_others = weight**2 * OTHERS.var(ddof=1) / 160
    of_labels = ours.covariance[0, 0] - of_others
    error = np.sqrt(of_labels * 39 / 40 + of_others * 159 / 160)
    assert ours.challenger == pytest.approx(value, abs=1e-9)
    assert (value - Z * error, value + Z * error) == pytest.approx((low, high), abs=1e-9)


def test_the_weight_of_a_case_is_tuned_on_all_the_others():
    weight = power_tuned(HUMAN, JUDGE, 160)

    for case in (0, 7, 39):
        human, judge = np.delete(HUMAN, case), np.delete(JUDGE, case)
        covariance = np.cov(human, judge)
        expected = covariance[0, 1] / ((1 + 40 / 160) * covariance[1, 1])
        assert weight[case] == pytest.approx(expected)


@pytest.mark.parametrize(
    ("judge", "others"),
    [(np.full(40, 0.5), 160), (1 - HUMAN, 160), (JUDGE, 0)],
    ids=["constant", "contrary", "everything is labelled"],
)
def test_a_judge_that_tells_nothing_has_no_weight(judge, others):
    assert (power_tuned(HUMAN, judge, others) == 0).all()


def test_with_a_useless_judge_the_labels_remain():
    random = np.random.default_rng(1)
    human = np.column_stack([passes(random, 300)[0] for _ in range(2)])
    judge = np.ones_like(human)

    corrected = compare_corrected(METRIC, cases(human, judge, 120))

    alone = compare_cases(METRIC, *(CaseMeans.of_cases(h) for h in human[:120].T), UNIT)
    assert corrected.value.challenger == pytest.approx(alone.challenger)
    assert corrected.value.champion == pytest.approx(alone.champion)
    assert corrected.labels_alone == alone
    assert corrected.weight == 0


def test_the_order_of_cases_does_not_matter():
    human, judge = models(np.random.default_rng(2), 200, ratings)
    sample = cases(human, judge, 60, STARS)
    order = np.random.default_rng(3).permutation(200)
    shuffled = JudgedCases(judge=sample.judge[order], human=sample.human[order], within=STARS)

    one, other = (compare_corrected(METRIC, s).value.difference for s in (sample, shuffled))

    assert one.bound(Side.LOWER, 0.95) == pytest.approx(other.bound(Side.LOWER, 0.95), abs=1e-12)


def test_a_judge_on_another_scale_is_as_good():
    human, judge = ratings(np.random.default_rng(4), 400)

    stars, share = (
        measure_corrected(METRIC, cases(human, j, 100, STARS), 0.95)
        for j in (judge, (judge - 1) / 4)
    )

    assert share.value.value == pytest.approx(stars.value.value)
    assert share.weight == pytest.approx(4 * stars.weight)


def test_a_case_is_labelled_where_both_answers_are():
    human, judge = models(np.random.default_rng(5), 100, passes)
    sample = cases(human, judge, 50)
    sample.human[10, 1] = np.nan

    corrected = compare_corrected(METRIC, sample)

    assert (corrected.labelled, corrected.unlabelled) == (49, 51)


@pytest.mark.parametrize("right", [0.0, 1.0])
def test_at_an_end_of_the_range_the_interval_neither_collapses_nor_leaves_it(right):
    sample = cases(np.full(300, right), np.full(300, right), 60)

    interval = measure_corrected(METRIC, sample, 0.9).value.interval

    assert 0 <= interval.low <= interval.high <= 1
    assert interval.high - interval.low == pytest.approx(2.7 / 60, rel=0.15)


def test_few_labels_do_not_correct_a_judge():
    human, judge = models(np.random.default_rng(6), 100, passes)
    both, one = cases(human, judge, 40), cases(human[:, :1], judge[:, :1], 19)
    both.human[19:, 1] = np.nan

    assert compare_corrected(METRIC, both) == Unmeasured(
        reason="people scored both models' answers on 19 cases (the challenger's on 40, the"
        " champion's on 19); at least 20 are needed to correct a judge"
    )
    assert measure_corrected(METRIC, one, 0.95) == Unmeasured(
        reason="mean(score) has human labels on 19 cases; at least 20 are needed to correct a judge"
    )


def test_a_missing_score_of_the_judge_is_not_skipped():
    human, judge = models(np.random.default_rng(6), 100, passes)
    judge[3, 0] = np.nan

    assert compare_corrected(METRIC, cases(human, judge, 40)) == Unmeasured(
        reason="the judge has no score for mean(score) on 1 case"
    )


@pytest.mark.heavy
@pytest.mark.parametrize("draw", [passes, ratings, scores])
@pytest.mark.parametrize("labels", [30, 100])
def test_the_interval_of_one_model_holds_the_truth(draw, labels):
    truth = draw(np.random.default_rng(0), 1_000_000)[0].mean()
    random, hits, replicates = np.random.default_rng(labels), 0, 600
    within = STARS if draw is ratings else UNIT
    for _ in range(replicates):
        sample = cases(*draw(random, 500), labels, within)
        interval = measure_corrected(METRIC, sample, 0.95).value.interval
        hits += interval.low <= truth <= interval.high

    assert hits / replicates >= 0.94


@pytest.mark.heavy
@pytest.mark.parametrize("draw", [passes, ratings, scores])
@pytest.mark.parametrize("labels", [30, 100])
def test_the_interval_of_a_difference_holds_none_of_equal_models(draw, labels):
    random, hits, passed, replicates = np.random.default_rng(labels), 0, 0, 400
    within = STARS if draw is ratings else UNIT
    for _ in range(replicates):
        sample = cases(*models(random, 500, draw), labels, within)
        difference = compare_corrected(METRIC, sample).value.difference
        interval = difference.interval(0.95)
        hits += interval.low <= 0 <= interval.high
        passed += difference.bound(Side.LOWER, 0.95) > 0

    assert hits / replicates >= 0.94
    assert passed / replicates <= 0.05 + 3 * np.sqrt(0.05 * 0.95 / replicates)


@pytest.mark.heavy
def test_a_good_judge_makes_the_interval_narrower():
    random, ratios = np.random.default_rng(8), []
    for _ in range(50):
        corrected = measure_corrected(METRIC, cases(*ratings(random, 2000), 100, STARS), 0.95)
        ends = [level.interval for level in (corrected.value, corrected.labels_alone)]
        ratios.append((ends[0].high - ends[0].low) / (ends[1].high - ends[1].low))

    assert np.mean(ratios) < 0.7


@pytest.mark.heavy
def test_a_biased_judge_does_not_move_the_value():
    """The judge passes nearly everything; people pass 60 %."""
    random, values = np.random.default_rng(9), []
    for _ in range(400):
        human = (random.random(600) < 0.6).astype(float)
        judge = np.maximum(human, (random.random(600) < 0.8).astype(float))
        values.append(measure_corrected(METRIC, cases(human, judge, 100), 0.95).value.value)

    assert np.mean(values) == pytest.approx(0.6, abs=0.006)
