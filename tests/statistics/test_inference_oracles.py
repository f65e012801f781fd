"""Figures of scikit-learn, scipy and the literature."""

import math
from itertools import product
from statistics import NormalDist

import numpy as np
import pytest
import scipy

from cdml.statistics import student
from cdml.statistics.difference import Side
from cdml.statistics.engine import compare, measure
from cdml.statistics.metrics import METRICS, Family, find_metric
from cdml.statistics.proportions import Tango, mcnemar, wilson
from cdml.statistics.ranks import precision_influence
from cdml.statistics.samples import OneVsRest, Ranked
from support.library import sklearn_metrics as oracle
from support.sequential_draws import (
    Rows,
    cells,
    classes,
    moments,
    numbers,
    probabilities,
    ranked,
    rows_for,
    sample,
)


def _averaged(function, average):
    return lambda y, p: function(y, p, average=average, zero_division=0)


def _gap(*rates):
    """By groups, as `drawn.Rows` deals them out."""

    def gap(y, p):
        group = np.arange(len(y)) % 5 // 3
        found = [[rate(y[group == g], p[group == g]) for g in (0, 1)] for rate in rates]
        return max(abs(one - other) for one, other in found)

    return gap


ORACLES = {
    "accuracy": oracle.accuracy_score,
    "balanced_accuracy": oracle.balanced_accuracy_score,
    "precision": oracle.precision_score,
    "recall": oracle.recall_score,
    "specificity": lambda y, p: oracle.recall_score(y, p, pos_label=0),
    "f1": oracle.f1_score,
    "f2": lambda y, p: oracle.fbeta_score(y, p, beta=2),
    "f0.25": lambda y, p: oracle.fbeta_score(y, p, beta=0.25),
    "exact_match": oracle.accuracy_score,
    "demographic_parity_difference": _gap(lambda _, p: p.mean()),
    "equal_opportunity_difference": _gap(oracle.recall_score),
    "equalized_odds_difference": _gap(
        oracle.recall_score, lambda y, p: 1 - oracle.recall_score(y, p, pos_label=0)
    ),
    "matthews_corrcoef": oracle.matthews_corrcoef,
    **{
        f"{name}_{average}": _averaged(function, average)
        for name, function in (
            ("precision", oracle.precision_score),
            ("recall", oracle.recall_score),
            ("f1", oracle.f1_score),
        )
        for average in ("micro", "macro", "weighted")
    },
    "roc_auc": oracle.roc_auc_score,
    "average_precision": oracle.average_precision_score,
    "log_loss": oracle.log_loss,
    "brier_score_loss": oracle.brier_score_loss,
    "mean_absolute_error": oracle.mean_absolute_error,
    "mean_squared_error": oracle.mean_squared_error,
    "mean_absolute_percentage_error": oracle.mean_absolute_percentage_error,
    "root_mean_squared_error": oracle.root_mean_squared_error,
    "r2": oracle.r2_score,
}


def test_every_metric_of_rows_has_an_oracle():
    compared = (metric for metric in METRICS.values() if metric.of_rows)
    known = {m.name for m in compared if m.family is not Family.CALIBRATION}
    elsewhere = {"roc_auc_ovr", "cost_per_1000_rows"}

    assert known == ORACLES.keys() - {"f2", "f0.25"} | elsewhere


@pytest.mark.heavy
@pytest.mark.parametrize("name", ORACLES)
def test_values_are_those_of_scikit_learn(name):
    rows = rows_for(name, 300)

    paired = compare(find_metric(name), sample(name, rows), resamples=50)

    assert ORACLES[name](rows.label, rows.challenger) == pytest.approx(paired.challenger)
    assert ORACLES[name](rows.label, rows.champion) == pytest.approx(paired.champion)


@pytest.mark.heavy
@pytest.mark.filterwarnings("ignore:y_pred contains classes not in y_true")
@pytest.mark.parametrize("name", ["f1_macro", "precision_weighted", "balanced_accuracy"])
def test_classes_without_rows_count_as_in_scikit_learn(name):
    label = np.array([0, 0, 1, 1, 1, 3])
    rows = Rows(label=label, challenger=np.array([0, 1, 1, 1, 2, 3]), champion=label)

    paired = compare(find_metric(name), cells(rows, 5), resamples=50)

    assert ORACLES[name](rows.label, rows.challenger) == pytest.approx(paired.challenger)


@pytest.mark.heavy
def test_one_vs_rest_is_that_of_scikit_learn():
    random = np.random.default_rng(3)
    label = random.integers(0, 3, 200)
    score = random.dirichlet((1, 1, 1), 200) * 0.5 + 0.5 * np.eye(3)[label] * random.random(
        (200, 1)
    )
    score /= score.sum(axis=1, keepdims=True)
    of_class = tuple(
        Ranked(positive=label == k, challenger=score[:, k], champion=1 - score[:, k])
        for k in range(3)
    )

    paired = compare(find_metric("roc_auc_ovr"), OneVsRest(classes=of_class))

    assert oracle.roc_auc_score(label, score, multi_class="ovr") == pytest.approx(paired.challenger)


VALUES = {
    "accuracy": 0.75,
    "precision": 2 / 3,
    "recall": 2 / 3,
    "specificity": 0.8,
    "f1": 2 / 3,
    "balanced_accuracy": (2 / 3 + 0.8) / 2,
    "matthews_corrcoef": 7 / 15,
    "mean_squared_error": 0.25,
    "roc_auc": (4.5 + 4.5 + 2) / 15,
}


@pytest.mark.parametrize("name", VALUES)
def test_values_are_those_that_few_rows_give_by_hand(name):
    label = np.tile([1, 1, 1, 0, 0, 0, 0, 0], 20)
    rows = Rows(label=label, challenger=np.tile([1, 1, 0, 1, 0, 0, 0, 0], 20), champion=label)

    assert VALUES[name] == pytest.approx(compare(find_metric(name), sample(name, rows)).challenger)


@pytest.mark.parametrize("p", [0.001, 0.3, 0.5, 0.975])
def test_student_of_one_and_two_degrees_has_a_closed_form(p):
    forms = {1: math.tan(math.pi * (p - 0.5)), 2: (2 * p - 1) / math.sqrt(2 * p * (1 - p))}

    for df, quantile in forms.items():
        assert quantile == pytest.approx(student.quantile(p, df), abs=1e-9)
        assert p == pytest.approx(student.cdf(quantile, df))


@pytest.mark.heavy
@pytest.mark.parametrize("df", [1, 2.5, 7, 30, 199, 100_000])
@pytest.mark.parametrize("probability", [0.0001, 0.01, 0.3, 0.5, 0.9, 0.975, 0.9999])
def test_student_is_that_of_scipy(df, probability):
    quantile = scipy.stats.t.ppf(probability, df)

    assert quantile == pytest.approx(student.quantile(probability, df), rel=1e-8)
    assert probability == pytest.approx(student.cdf(quantile, df), rel=1e-8)


@pytest.mark.heavy
@pytest.mark.parametrize(("hits", "rows"), [(0, 10), (10, 10), (3, 17), (812, 1000)])
def test_wilson_is_that_of_scipy(hits, rows):
    expected = scipy.stats.binomtest(hits, rows).proportion_ci(0.9, "wilson")
    found = wilson(hits, rows, 0.9)

    assert tuple(expected) == pytest.approx((found.low, found.high))


def fair(fewest, coins):
    """How likely so few of the coins, or fewer, show heads."""
    of_all = math.lgamma(coins + 1) - coins * math.log(2)
    return sum(
        math.exp(of_all - math.lgamma(heads + 1) - math.lgamma(coins - heads + 1))
        for heads in range(fewest + 1)
    )


@pytest.mark.parametrize(("gained", "lost"), [(0, 0), (0, 7), (1, 5), (8, 8), (12, 4)])
def test_few_discordant_rows_are_tested_exactly(gained, lost):
    expected = min(1.0, 2 * fair(min(gained, lost), gained + lost))

    assert expected == pytest.approx(mcnemar(gained, lost))


@pytest.mark.parametrize(("gained", "lost"), [(20, 40), (40, 20), (30, 30), (5000, 5200)])
def test_more_discordant_rows_are_tested_by_mid_p(gained, lost):
    fewer, discordant = min(gained, lost), gained + lost
    expected = fair(fewer, discordant) + fair(fewer - 1, discordant)

    assert expected == pytest.approx(mcnemar(gained, lost))


def test_tango_gives_the_published_interval():
    """Airway hyper-responsiveness of 21 children (Fagerland, Lydersen & Laake 2014)."""
    interval = Tango(both=1, gained=1, lost=7, rows=21).interval(0.95)

    assert (-0.517, -0.026) == (round(interval.low, 3), round(interval.high, 3))


def test_tango_without_discordant_rows_has_a_closed_form():
    rows, z = 50, NormalDist().inv_cdf(0.975)
    reach = z * z / (rows + z * z)

    interval = Tango(both=30, gained=0, lost=0, rows=rows).interval(0.95)

    assert (-reach, reach) == pytest.approx((interval.low, interval.high))


@pytest.mark.parametrize(
    "counts", [(30, 0, 5, 50), (30, 7, 0, 50), (900, 30, 40, 1000), (0, 1, 7, 21)]
)
@pytest.mark.parametrize("against", [-0.3, -0.01, 0.0, 0.2])
def test_a_share_of_nothing_leaves_tangos_score(counts, against):
    both, gained, lost, rows = counts
    tango = Tango(both=both, gained=gained, lost=lost, rows=rows)

    plain = tango.p_value(Side.LOWER, against)

    assert plain == pytest.approx(tango.p_value(Side.LOWER, against, 1e-12), abs=1e-9)


def _delong(rows):
    """Placements pair by pair, as DeLong, DeLong & Clarke-Pearson wrote them."""
    positive, negative = rows.label == 1, rows.label == 0
    placed = []
    for score in (rows.challenger, rows.champion):
        over = score[positive][:, None] - score[negative][None]
        wins = (over > 0) + 0.5 * (over == 0)
        placed.append((wins.mean(axis=1), wins.mean(axis=0)))
    apart = [placed[0][k] - placed[1][k] for k in (0, 1)]
    variance = sum(part.var(ddof=1) / len(part) for part in apart)
    return apart[0].mean(), np.sqrt(variance)


@pytest.mark.parametrize("seed", range(3))
def test_delong_is_that_of_its_definition(seed):
    rows = probabilities(150, seed)
    estimate, error = _delong(rows)
    z = NormalDist().inv_cdf(0.975)

    difference = compare(find_metric("roc_auc"), ranked(rows)).difference
    interval = difference.interval(0.95)

    assert "delong" == interval.method
    assert estimate == pytest.approx(difference.estimate)
    assert (estimate - z * error, estimate + z * error) == pytest.approx(
        (interval.low, interval.high)
    )
    assert 2 * NormalDist().cdf(-abs(estimate / error)) == pytest.approx(difference.p_value_null())


@pytest.mark.heavy
def test_the_influence_on_average_precision_is_its_derivative():
    rows = probabilities(60, 1)
    _, influence = precision_influence(rows.label == 1, rows.challenger)
    step = 1e-6
    weights = 1 + step * np.eye(60)
    base = oracle.average_precision_score(rows.label, rows.challenger)

    moved = [
        oracle.average_precision_score(rows.label, rows.challenger, sample_weight=w)
        for w in weights
    ]

    np.testing.assert_allclose((np.array(moved) - base) / step, influence, atol=1e-6)


@pytest.mark.heavy
def test_means_of_many_rows_are_those_of_the_paired_t_test():
    rows = numbers(400)
    first, second = (np.abs(rows.label - p) for p in (rows.challenger, rows.champion))
    expected = scipy.stats.ttest_rel(first, second)

    difference = compare(find_metric("mae"), moments("mean_absolute_error", rows)).difference
    interval = difference.interval(0.95)

    assert "paired-t" == difference.method
    assert expected.pvalue == pytest.approx(difference.p_value_null())
    assert tuple(expected.confidence_interval(0.95)) == pytest.approx((interval.low, interval.high))


@pytest.mark.heavy
def test_bca_is_that_of_scipy():
    rows = classes(900, agree=0.5)

    def precision(label, predicted):
        return (label & predicted).sum(axis=-1) / predicted.sum(axis=-1)

    def apart(*rows_of):
        return precision(rows_of[0], rows_of[1]) - precision(rows_of[0], rows_of[2])

    expected = scipy.stats.bootstrap(
        (rows.label, rows.challenger, rows.champion),
        apart,
        paired=True,
        n_resamples=2000,
        rng=np.random.default_rng(0),
    ).confidence_interval
    found = compare(find_metric("precision"), cells(rows)).difference.interval(0.95)
    width = expected.high - expected.low

    assert tuple(expected) == pytest.approx((found.low, found.high), abs=0.06 * width)


def _rmse(label, predicted):
    return np.sqrt(((label - predicted) ** 2).mean(axis=-1))


def _r2(label, predicted):
    return 1 - ((label - predicted) ** 2).mean(axis=-1) / label.var(axis=-1)


@pytest.mark.parametrize(("name", "score"), [("root_mean_squared_error", _rmse), ("r2", _r2)])
def test_standard_errors_are_those_of_the_bootstrap(name, score):
    rows = numbers(400)
    at = rows.at(np.random.default_rng(1).integers(0, 400, (2000, 400)))
    drawn = score(at.label, at.challenger) - score(at.label, at.champion)

    difference = compare(find_metric(name), sample(name, rows)).difference

    assert drawn.std() == pytest.approx(difference.standard_error, rel=0.08)


@pytest.mark.parametrize(("positives", "negatives"), list(product((3, 12), (5, 400))))
def test_a_perfect_order_of_few_rows_is_not_certain(positives, negatives):
    positive = np.arange(positives + negatives) < positives
    alone = Ranked(positive=positive, challenger=positive.astype(float), champion=None)

    level = measure(find_metric("roc_auc"), alone, 0.95)

    assert 1.0 == level.value == level.interval.high
    assert level.interval.low < 1 - 1 / (2 * (positives + 1))
