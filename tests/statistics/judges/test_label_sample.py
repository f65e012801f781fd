"""Labelled cases have to be a random sample of all."""

import numpy as np
import pytest
import scipy

from cdml.statistics.judges.label_sample import LEVEL, check_label_sample, rank_test


def drawn(seed, cases=500, labels=100):
    random = np.random.default_rng(seed)
    labelled = np.zeros(cases, dtype=bool)
    labelled[random.choice(cases, labels, replace=False)] = True
    return labelled, random.random((cases, 2)), {"category": random.integers(0, 5, cases)}


def test_a_random_sample_passes():
    sample = check_label_sample(*drawn(1))

    assert not sample.differs
    assert set(sample.p_values) == {
        "score of the challenger",
        "distribution of the challenger's score",
        "score of the champion",
        "distribution of the champion's score",
        "category",
    }


def test_labels_of_low_scores_are_no_random_sample():
    _, judge, category = drawn(2)
    labelled = judge[:, 0] < 0.3

    sample = check_label_sample(labelled, judge, category)

    assert sample.differs
    assert sample.p_values["score of the challenger"] < 1e-6


def test_labels_of_both_ends_are_no_random_sample():
    """Their mean score is that of the others."""
    _, judge, _ = drawn(3)

    sample = check_label_sample(np.abs(judge[:, 0] - 0.5) > 0.35, judge[:, :1])

    assert sample.differs
    assert sample.p_values["distribution of the challenger's score"] < 0.01


def test_labels_of_one_category_are_no_random_sample():
    labelled, judge, category = drawn(4)

    sample = check_label_sample(labelled & (category["category"] < 3), judge, category)

    assert sample.differs
    assert sample.p_values["category"] < 0.01
    assert sample.shares["category"][3:] == (0, 0)


@pytest.mark.heavy
def test_the_rank_test_is_scipys():
    labelled, judge, _ = drawn(5, cases=80, labels=25)
    judge = np.round(judge[:, :1], 1)  # ties
    expected = scipy.stats.mannwhitneyu(
        judge[labelled, 0], judge[~labelled, 0], use_continuity=False, method="asymptotic"
    ).pvalue

    assert rank_test(labelled, judge[:, 0]) == pytest.approx(expected, abs=1e-9)


@pytest.mark.parametrize("everything", [True, False])
def test_where_all_or_none_are_labelled_nothing_differs(everything):
    _, judge, category = drawn(6)

    sample = check_label_sample(np.full(500, everything), judge, category)

    assert (sample.p_values, sample.differs) == ({}, False)


def test_the_same_cases_give_the_same_answer_in_any_order():
    labelled, judge, category = drawn(7)
    order = np.random.default_rng(1).permutation(500)

    one = check_label_sample(labelled, judge, category)
    reordered = {name: codes[order] for name, codes in category.items()}
    other = check_label_sample(labelled[order], judge[order], reordered)

    assert one == other


@pytest.mark.heavy
def test_random_samples_are_refused_as_seldom_as_promised():
    refused = sum(check_label_sample(*drawn(seed, 200, 40)).differs for seed in range(150))

    assert refused <= 150 * LEVEL + 3 * np.sqrt(150 * LEVEL)
