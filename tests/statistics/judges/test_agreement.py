"""Kappa and alpha: their values, and lower bounds that hold."""

import numpy as np
import pytest

from cdml.statistics.interval import ConfidenceInterval, Unmeasured
from cdml.statistics.judges.agreement import (
    Measure,
    Scale,
    cohen_kappa,
    krippendorff_alpha,
    measure_agreement,
)
from support.library import sklearn_metrics

AT = np.arange(40)
FIRST = (AT * 3) % 5
SECOND = (FIRST + (AT % 6 == 0) * (AT % 3 + 1)) % 5
NONE = np.nan
RATERS = np.array(
    [
        [1, 2, 3, 3, 2, 1, 4, 1, 2, NONE, NONE, NONE],
        [1, 2, 3, 3, 2, 2, 4, 1, 2, 5, NONE, 3],
        [NONE, 3, 3, 3, 2, 3, 4, 2, 2, 5, 1, NONE],
        [1, 2, 3, 3, 2, 4, 4, 1, 2, 5, 1, NONE],
    ]
).T
"""The example of Krippendorff (2011)."""


def rated(seed, cases, same=0.8, classes=3):
    random = np.random.default_rng(seed)
    first = random.integers(0, classes, cases)
    return first, np.where(random.random(cases) < same, first, random.integers(0, classes, cases))


@pytest.mark.heavy
@pytest.mark.parametrize(("quadratic", "weights"), [(False, None), (True, "quadratic")])
def test_kappa_is_scikit_learns(quadratic, weights):
    level = cohen_kappa(FIRST, SECOND, 5, 0.9, quadratic=quadratic)

    assert level.value == pytest.approx(
        sklearn_metrics.cohen_kappa_score(FIRST, SECOND, weights=weights), abs=1e-9
    )
    assert level.interval.low < level.value < level.interval.high


@pytest.mark.parametrize(
    ("scale", "value"),
    [
        (Scale.NOMINAL, 0.743421052631579),
        (Scale.ORDINAL, 0.8153875037548814),
        (Scale.INTERVAL, 0.8491071428571428),
    ],
)
def test_alpha_is_krippendorffs(scale, value):
    """Reference: the package krippendorff 0.9.0."""
    assert krippendorff_alpha(RATERS, scale, 0.9).value == pytest.approx(value, abs=1e-9)


def test_perfect_agreement_on_few_cases_is_not_certain():
    codes = np.arange(60) % 2

    interval = cohen_kappa(codes, codes, 2, 0.9).interval

    assert interval.high == 1
    assert 0.85 < interval.low < 0.95


def test_the_order_of_cases_does_not_matter():
    first, second = rated(1, 100)
    order = np.random.default_rng(2).permutation(100)

    assert cohen_kappa(first, second, 3, 0.9) == cohen_kappa(first[order], second[order], 3, 0.9)


def test_a_wider_confidence_has_a_lower_bound_farther_out():
    ends = [cohen_kappa(*rated(1, 100), 3, c).interval.low for c in (0.8, 0.9, 0.98)]

    assert ends == sorted(ends, reverse=True)


def test_of_two_raters_without_gaps_alpha_is_nearly_kappa():
    first, second = rated(3, 2000)

    alpha = krippendorff_alpha(np.column_stack((first, second)).astype(float), Scale.NOMINAL, 0.9)

    assert alpha.value == pytest.approx(cohen_kappa(first, second, 3, 0.9).value, abs=1e-3)


def test_alpha_takes_scores_of_any_number_of_values():
    random = np.random.default_rng(4)
    truth = random.normal(size=300)
    scores = np.column_stack([truth + 0.5 * random.normal(size=300) for _ in range(2)])

    level = krippendorff_alpha(scores, Scale.INTERVAL, 0.9)

    assert level.value == pytest.approx(1 / 1.25, abs=0.05)
    assert isinstance(krippendorff_alpha(scores, Scale.ORDINAL, 0.9), Unmeasured)


@pytest.mark.parametrize("scale", Scale)
def test_without_differences_there_is_no_agreement_to_measure(scale):
    reason = "alpha has no value: all scores are the same"

    assert krippendorff_alpha(np.ones((30, 2)), scale, 0.9) == Unmeasured(reason=reason)
    assert krippendorff_alpha(np.full((30, 2), NONE), scale, 0.9) == Unmeasured(reason=reason)


def test_kappa_of_a_single_code_has_no_value():
    codes = np.zeros(30, dtype=np.int64)

    assert cohen_kappa(codes, codes, 2, 0.9) == Unmeasured(
        reason="kappa has no value: all scores are the same"
    )


def test_few_cases_have_a_value_and_no_interval():
    level = cohen_kappa(np.array([0, 1, 1]), np.array([0, 1, 0]), 2, 0.9)

    assert level.value == pytest.approx(0.4)
    assert isinstance(level.interval, Unmeasured)


@pytest.mark.heavy
@pytest.mark.parametrize("same", [0.6, 0.9, 0.98])
@pytest.mark.parametrize("cases", [40, 150])
def test_the_lower_bound_holds_as_often_as_it_promises(same, cases):
    """Kappa of these raters is the chance that one copies the other."""
    beyond = 0
    for seed in range(300):
        level = cohen_kappa(*rated(seed, cases, same), 3, 0.9)
        assert isinstance(level.interval, ConfidenceInterval)
        beyond += level.interval.low > same

    assert beyond / 300 <= 0.05 + 3 * np.sqrt(0.05 * 0.95 / 300)


@pytest.mark.parametrize(
    ("grades", "weights", "measure"),
    [([0.0, 1.0], None, Measure.KAPPA), ([1.0, 2.0, 3.0, 5.0], "quadratic", Measure.QUADRATIC)],
)
def test_scores_have_scikit_learns_kappa_that_suits_their_values(grades, weights, measure):
    """Nobody gave a 4, which is still one grade away from 3 and from 5."""
    random = np.random.default_rng(2)
    people = random.choice(grades, 120)
    judge = np.where(random.random(120) < 0.7, people, random.choice(grades, 120))

    found, level = measure_agreement(people, judge, None, 0.9)

    expected = sklearn_metrics.cohen_kappa_score(
        people, judge, weights=weights, labels=[1, 2, 3, 4, 5] if weights else [0, 1]
    )
    assert (found, level.value) == (measure, pytest.approx(expected, abs=1e-9))


def test_scores_of_many_values_have_krippendorffs_alpha():
    random = np.random.default_rng(3)
    people = random.random(200)
    judge = people + random.normal(size=200) / 5

    found, level = measure_agreement(people, judge, None, 0.9)
    assert found is Measure.ALPHA
    assert level == krippendorff_alpha(np.column_stack((people, judge)), Scale.INTERVAL, 0.9)
    assert isinstance(measure_agreement(people, judge, Measure.KAPPA, 0.9)[1], Unmeasured)


def test_without_scores_there_is_no_agreement():
    none = np.empty(0)

    assert isinstance(measure_agreement(none, none, None, 0.9)[1], Unmeasured)
