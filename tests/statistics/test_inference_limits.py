"""Rows that can tell little, or nothing."""

from statistics import NormalDist

import numpy as np
import pytest
import scipy

from cdml.statistics.difference import Side
from cdml.statistics.engine import compare, measure
from cdml.statistics.interval import Unmeasured
from cdml.statistics.metrics import METRICS, Family, find_metric
from cdml.statistics.sample_size import counted, rows_needed, smallest_detectable
from cdml.statistics.samples import Cells, Moments, OneVsRest, Ranked
from support.sequential_draws import (
    Rows,
    cells,
    classes,
    moments,
    probabilities,
    ranked,
    rows_for,
    sample,
)


def reason(found):
    assert isinstance(found, Unmeasured)
    return found.reason


def test_a_model_that_predicts_no_positive_has_no_precision():
    label = np.array([0, 1, 0, 1])
    rows = Rows(label=label, challenger=np.zeros(4, int), champion=label)

    assert "challenger predicts no row as positive" in reason(
        compare(find_metric("precision"), cells(rows))
    )
    assert "predicts no row as positive" in reason(
        measure(find_metric("precision"), cells(rows), 0.95)
    )


@pytest.mark.parametrize("name", ["recall", "f1"])
def test_without_positives_nothing_is_said_of_them(name):
    rows = Rows(label=np.zeros(9, int), challenger=np.zeros(9, int), champion=np.zeros(9, int))

    assert "no row is labelled positive" in reason(compare(find_metric(name), cells(rows)))


@pytest.mark.parametrize("name", ["roc_auc", "average_precision"])
@pytest.mark.parametrize("positives", [0, 1, 19, 20])
def test_ranking_needs_two_rows_of_each_class(name, positives):
    rows = Ranked(positive=np.arange(20) < positives, challenger=np.arange(20.0), champion=None)

    assert "two rows of each class" in reason(measure(find_metric(name), rows, 0.95))


def test_a_single_row_cannot_tell_how_losses_vary():
    assert "single row" in reason(
        compare(find_metric("mae"), Moments.of_rows(np.array([[1.0, 2.0]])))
    )


@pytest.mark.parametrize(("rows", "beyond"), [(2, 0.0), (5, 0.3), (20, 0.8), (1000, 0.99)])
def test_rows_that_all_lose_alike_prove_it_but_not_beyond_all_doubt(rows, beyond):
    losses = np.column_stack((np.arange(rows) + 1.0, np.arange(rows)))

    found = compare(find_metric("mae"), Moments.of_rows(losses)).difference

    bound = found.bound(Side.LOWER, 0.95)
    assert (bound > beyond) == (rows > 2)
    assert bound < 1
    assert (found.p_value(Side.LOWER, beyond) < 0.05) == (rows > 2)


def test_r2_needs_labels_that_vary():
    rows = Rows(label=np.ones(30), challenger=np.arange(30.0), champion=np.ones(30))

    assert "labels are all the same" in reason(compare(find_metric("r2"), moments("r2", rows)))


def test_two_perfect_orders_say_so():
    rows = Ranked(
        positive=np.arange(40) < 20,
        challenger=np.array([*range(20, 40), *range(20)], float),
        champion=np.array([*range(39, 19, -1), *range(20)], float),
    )

    assert "cannot show how far" in reason(compare(find_metric("roc_auc"), rows))


@pytest.mark.parametrize("name", ["roc_auc", "average_precision"])
def test_recalibration_changes_no_order(name):
    rows = probabilities(300)
    squeezed = Rows(label=rows.label, challenger=rows.champion**3, champion=rows.champion)

    found = compare(find_metric(name), ranked(squeezed)).difference.interval(0.95)

    assert (0, 0) == (found.low, found.high)


@pytest.mark.parametrize("name", ["precision", "f1", "balanced_accuracy", "matthews_corrcoef"])
def test_agreement_on_few_rows_is_not_certain(name):
    label = np.tile([0, 0, 1], 17)
    rows = Rows(label=label, challenger=label, champion=label)

    found = compare(find_metric(name), cells(rows)).difference

    assert 0 == found.estimate
    assert found.bound(Side.LOWER, 0.95) < -0.03


def test_agreement_on_many_rows_is_nearly_certain():
    label = np.tile([0, 0, 1], 10_000)
    rows = Rows(label=label, challenger=label, champion=label)

    found = compare(find_metric("f1"), cells(rows)).difference

    assert -0.001 < found.bound(Side.LOWER, 0.95) < 0


@pytest.mark.heavy
def test_drawing_cells_is_drawing_rows():
    rows = classes(1200, agree=0.3)
    random = np.random.default_rng(0)
    drawn = []
    for _ in range(400):
        at = rows.at(random.integers(0, 1200, 1200))
        f1 = [
            2 * (at.label & p).sum() / (at.label.sum() + p.sum())
            for p in (at.challenger, at.champion)
        ]
        drawn.append(f1[0] - f1[1])

    difference = compare(find_metric("f1"), cells(rows)).difference
    of_cells = difference.inner.draws[:, 0] - difference.inner.draws[:, 1]

    assert 0.01 < scipy.stats.ks_2samp(drawn, of_cells).pvalue


def test_the_same_cells_are_drawn_alike_and_others_are_not():
    first, second = cells(classes(300, seed=1)), cells(classes(300, seed=2))

    draws = [
        compare(find_metric("f1"), one).difference.inner.draws for one in (first, first, second)
    ]

    assert np.array_equal(draws[0], draws[1])
    assert not np.array_equal(draws[0], draws[2])


def test_p_values_go_on_falling_beyond_the_resamples():
    difference = compare(find_metric("f1"), cells(classes(900, agree=0.5))).difference

    near, far = (difference.p_value(Side.LOWER, -k * 0.1) for k in (1.5, 3))

    assert 0 <= far < near < 1e-4


@pytest.mark.parametrize(
    "name", [n for n, m in METRICS.items() if m.of_rows and m.family is not Family.CALIBRATION]
)
def test_one_model_is_measured_within_its_interval(name):
    rows = rows_for(name, 300)
    if name == "roc_auc_ovr":
        given = OneVsRest(classes=(ranked(probabilities(300)), ranked(probabilities(300, 1))))
    else:
        given = sample(name, rows)

    level = measure(find_metric(name), given, 0.9)

    assert level.interval.low < level.value < level.interval.high
    assert 0.9 == level.interval.confidence


@pytest.mark.parametrize("name", ["balanced_accuracy", "f1_macro", "log_loss", "r2"])
def test_a_model_is_measured_alike_alone_and_beside_another(name):
    rows = rows_for(name, 150)
    beside = sample(name, rows)
    if isinstance(beside, Cells):
        alone = cells(rows, len(beside.classes), alone=True)
    else:
        kept = [0, *range(2, beside.mean.size)]
        alone = Moments(
            rows=beside.rows,
            mean=beside.mean[kept],
            covariance=beside.covariance[np.ix_(kept, kept)],
            third=beside.third[np.ix_(kept, kept, kept)],
        )

    assert (
        measure(find_metric(name), alone, 0.9).value
        == measure(find_metric(name), beside, 0.9).value
    )


def test_without_a_champion_nothing_is_compared():
    rows = classes(30)

    assert "champion" in reason(compare(find_metric("f1"), cells(rows, alone=True)))
    alone = Ranked(positive=rows.label == 1, challenger=rows.label.astype(float), champion=None)
    assert "champion" in reason(compare(find_metric("roc_auc"), alone))


def test_a_metric_says_what_it_cannot_be_read_of():
    assert "cannot be measured" in reason(compare(find_metric("f1"), ranked(probabilities(30))))
    assert "cannot be measured" in reason(
        measure(find_metric("latency_p95_ms"), cells(classes(30)), 0.95)
    )


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("accuracy", 10),
        ("recall", 3),
        ("specificity", 7),
        ("precision", 2),
        ("f1", 3),
        ("balanced_accuracy", 3),
        ("roc_auc", 3),
        ("average_precision", 3),
        ("log_loss", 10),
    ],
)
def test_a_metric_counts_the_rows_that_inform_it(name, expected):
    label = np.array([1, 1, 1, 0, 0, 0, 0, 0, 0, 0])
    predicted = np.array([1, 0, 0, 1, 0, 0, 0, 0, 0, 0])
    rows = Rows(label=label, challenger=label, champion=predicted)
    given = moments(name, probabilities(10)) if name == "log_loss" else sample(name, rows)

    assert expected == counted(find_metric(name), given)


def test_rows_needed_show_the_distance_with_the_stated_power():
    error, rows, distance = 0.02, 500, 0.03

    needed = rows_needed(rows, error, distance, 0.95)
    then = error * np.sqrt(rows / needed)
    power = NormalDist().cdf(distance / then - NormalDist().inv_cdf(0.95))

    assert 0.8 == pytest.approx(power, abs=0.002)


def test_the_smallest_detectable_distance_needs_no_more_rows():
    assert 500 == rows_needed(500, 0.02, smallest_detectable(0.02, 0.95) * (1 + 1e-12), 0.95)


@pytest.mark.parametrize(("error", "distance"), [(0.02, 0.0), (0.02, -1.0), (0.0, 0.1)])
def test_no_number_of_rows_shows_nothing(error, distance):
    assert rows_needed(500, error, distance, 0.95) is None
