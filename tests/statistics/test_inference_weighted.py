"""Rows with weights and rows in clusters, for every metric."""

from dataclasses import replace

import numpy as np
import pytest

from cdml.statistics.difference import Side
from cdml.statistics.engine import compare, measure
from cdml.statistics.interval import Unmeasured
from cdml.statistics.metrics import METRICS, Family, find_metric
from cdml.statistics.sample_size import clusters, counted
from cdml.statistics.samples import Cells, OneVsRest, Ranked, RowFigures, Weighted
from support.library import sklearn_metrics as oracle
from support.sequential_draws import LOSSES, Rows, probabilities, ranked, rows_for, sample

NAMES = [n for n, m in METRICS.items() if m.of_rows and m.family is not Family.CALIBRATION]
NAMES = [n for n in NAMES if n not in {"cost_per_1000_rows", "roc_auc_ovr"}] + ["f2"]
SHARES = {"precision", "recall", "f1"}


def _sk(function, **more):
    return lambda y, p, w: function(y, p, sample_weight=w, **more)


ORACLES = {
    "accuracy": _sk(oracle.accuracy_score),
    "exact_match": _sk(oracle.accuracy_score),
    "balanced_accuracy": _sk(oracle.balanced_accuracy_score),
    "precision": _sk(oracle.precision_score),
    "recall": _sk(oracle.recall_score),
    "specificity": _sk(oracle.recall_score, pos_label=0),
    "f1": _sk(oracle.f1_score),
    "f2": _sk(oracle.fbeta_score, beta=2),
    "matthews_corrcoef": _sk(oracle.matthews_corrcoef),
    **{
        f"{name}_{average}": _sk(function, average=average, zero_division=0)
        for name, function in (
            ("precision", oracle.precision_score),
            ("recall", oracle.recall_score),
            ("f1", oracle.f1_score),
        )
        for average in ("micro", "macro", "weighted")
    },
    "roc_auc": _sk(oracle.roc_auc_score),
    "average_precision": _sk(oracle.average_precision_score),
    "log_loss": _sk(oracle.log_loss),
    "brier_score_loss": _sk(oracle.brier_score_loss),
    "mean_absolute_error": _sk(oracle.mean_absolute_error),
    "mean_squared_error": _sk(oracle.mean_squared_error),
    "mean_absolute_percentage_error": _sk(oracle.mean_absolute_percentage_error),
    "root_mean_squared_error": _sk(oracle.root_mean_squared_error),
    "r2": _sk(oracle.r2_score),
}


def per_row(name: str, rows: Rows):
    """The statistics of `drawn.sample`, one entry for each row."""
    match find_metric(name).family:
        case Family.RANKS:
            return ranked(rows)
        case Family.MEAN | Family.MOMENTS:
            loss = LOSSES.get(name, LOSSES["mean_squared_error"])
            figures = [loss(rows.label, rows.challenger), loss(rows.label, rows.champion)]
            if find_metric(name).family is Family.MOMENTS:
                figures += [rows.label, rows.label**2]
            return RowFigures(values=np.column_stack(figures))
        case family:
            fair = family is Family.FAIRNESS
            classes = 1 + int(max(map(np.max, (rows.label, rows.challenger, rows.champion))))
            return Cells(
                classes=tuple(map(str, range(classes))),
                label=rows.label.astype(np.int64),
                challenger=rows.challenger.astype(np.int64),
                champion=rows.champion.astype(np.int64),
                count=np.ones(len(rows.label), dtype=np.int64),
                groups=("group 0", "group 1") if fair else (),
                group=rows.groups() if fair else None,
            )


def weighted(name, rows, weight=None, cluster=None):
    weight = np.ones(len(rows.label)) if weight is None else weight
    return Weighted(weight=weight, cluster=cluster, inner=per_row(name, rows))


def ends(name, given, confidence=0.9):
    found = compare(find_metric(name), given)
    assert not isinstance(found, Unmeasured), found
    interval = found.difference.interval(confidence)
    return np.array([found.challenger, found.champion, interval.low, interval.high])


WEIGHTS = np.random.default_rng(7).lognormal(size=400)
CLUSTERS = np.random.default_rng(8).integers(0, 60, 400)


@pytest.mark.heavy
@pytest.mark.parametrize("name", ORACLES)
def test_values_are_those_of_scikit_learn(name):
    rows = rows_for(name, 400)

    found = compare(find_metric(name), weighted(name, rows, WEIGHTS))

    for said, value in ((rows.challenger, found.challenger), (rows.champion, found.champion)):
        assert ORACLES[name](rows.label, said, WEIGHTS) == pytest.approx(value)


@pytest.mark.heavy
@pytest.mark.parametrize("name", NAMES)
def test_equal_weights_give_nearly_the_plain_interval(name):
    rows = rows_for(name, 400)
    plain = ends(name, sample(name, rows))

    found = ends(name, weighted(name, rows))

    width = plain[3] - plain[2]
    assert plain[:2] == pytest.approx(found[:2])
    assert 0.75 * width < found[3] - found[2] < 1.45 * width


@pytest.mark.heavy
@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("cluster", [None, CLUSTERS], ids=["rows", "clusters"])
def test_the_scale_of_the_weights_does_not_matter(name, cluster):
    rows = rows_for(name, 400)

    one = ends(name, weighted(name, rows, WEIGHTS, cluster))
    other = ends(name, weighted(name, rows, 1000 * WEIGHTS, cluster))

    assert one == pytest.approx(other)


@pytest.mark.heavy
@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("cluster", [None, CLUSTERS], ids=["rows", "clusters"])
def test_swapping_the_models_mirrors_the_interval(name, cluster):
    rows = rows_for(name, 400)

    one = ends(name, weighted(name, rows, WEIGHTS, cluster))
    other = ends(name, weighted(name, rows.swapped(), WEIGHTS, cluster))

    assert one[[1, 0]] == pytest.approx(other[:2])
    assert -one[[3, 2]] == pytest.approx(other[2:])


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("cluster", [None, CLUSTERS], ids=["rows", "clusters"])
def test_equal_predictions_do_not_differ_and_are_never_superior(name, cluster):
    rows = rows_for(name, 400)
    same = replace(rows, champion=rows.challenger)

    difference = compare(find_metric(name), weighted(name, same, WEIGHTS, cluster)).difference

    assert 0 == pytest.approx(difference.estimate, abs=1e-12)
    assert difference.bound(Side.LOWER, 0.95) <= 1e-12
    assert difference.bound(Side.UPPER, 0.95) >= -1e-12


@pytest.mark.heavy
@pytest.mark.parametrize("name", ["accuracy", "recall", "f1"])
def test_equal_answers_of_few_clusters_leave_room_for_a_difference(name):
    rows = rows_for(name, 400)
    same = replace(rows, champion=rows.challenger)

    low, high = ends(name, weighted(name, same, cluster=np.arange(400) // 20))[2:]

    assert low < 0 < high


@pytest.mark.parametrize(
    ("cluster", "weight", "expected"),
    [
        (np.arange(40) // 4, np.ones(40), 10),
        (np.arange(40) // 4, np.repeat([3.0, 1.0], [20, 20]), 8),
        (None, np.ones(40), 40),
        (None, np.repeat([3.0, 0.0, 1.0], [20, 10, 10]), 25),
    ],
)
def test_clusters_count_and_rows_of_unequal_weight_count_for_fewer(cluster, weight, expected):
    figures = RowFigures(values=np.zeros((40, 2)))
    given = Weighted(weight=weight, cluster=cluster, inner=figures)

    assert expected == counted(find_metric("mean(passed)"), given)
    assert (None if cluster is None else 10) == clusters(given)


def test_recall_counts_the_clusters_that_hold_positives():
    label = np.array([1, 0, 0, 1, 0, 0, 1, 1, 0, 0])
    of = Cells(
        classes=("other", "positive"),
        label=label,
        challenger=label,
        champion=label,
        count=np.ones(10, dtype=np.int64),
    )
    given = Weighted(weight=np.ones(10), cluster=np.arange(10) // 2, inner=of)

    assert [3, 5] == [counted(find_metric(name), given) for name in ("recall", "accuracy")]


@pytest.mark.parametrize("name", NAMES)
def test_the_order_of_rows_does_not_matter(name):
    rows, order = rows_for(name, 400), np.random.default_rng(1).permutation(400)

    one = ends(name, weighted(name, rows, WEIGHTS, CLUSTERS))
    other = ends(name, weighted(name, rows.at(order), WEIGHTS[order], CLUSTERS[order]))

    assert one == pytest.approx(other, rel=1e-9)


@pytest.mark.heavy
@pytest.mark.parametrize("name", NAMES)
def test_a_row_said_twice_is_no_more_evidence_in_its_cluster(name):
    rows = rows_for(name, 400)
    twice = np.repeat(np.arange(400), 2)
    alone = np.arange(400)

    once = ends(name, weighted(name, rows))
    clustered = ends(name, weighted(name, rows.at(twice), cluster=alone[twice]))
    independent = ends(name, weighted(name, rows.at(twice)))

    width = once[3] - once[2]
    assert once[:2] == pytest.approx(clustered[:2])
    assert width <= 1.01 * (clustered[3] - clustered[2])
    assert independent[3] - independent[2] < 0.85 * width


def test_the_variance_of_a_mean_is_the_sandwich_by_cluster():
    rows = rows_for("log_loss", 400)
    figures = per_row("log_loss", rows).values
    apart = figures[:, 0] - figures[:, 1]
    mean = np.average(apart, weights=WEIGHTS)
    scores = np.bincount(CLUSTERS, WEIGHTS * (apart - mean))
    expected = np.sqrt(60 / 59 * (scores**2).sum()) / WEIGHTS.sum()

    found = compare(
        find_metric("log_loss"), weighted("log_loss", rows, WEIGHTS, CLUSTERS)
    ).difference

    assert expected == pytest.approx(found.standard_error)
    assert "cluster-t" == found.method


@pytest.mark.parametrize("name", NAMES)
def test_one_model_is_measured_within_its_interval(name):
    level = measure(find_metric(name), weighted(name, rows_for(name, 400), WEIGHTS, CLUSTERS), 0.9)

    assert level.interval.low < level.value < level.interval.high


def test_rows_without_weight_tell_nothing():
    rows = rows_for("roc_auc", 400)
    half = np.where(np.arange(400) < 200, WEIGHTS, 0.0)

    some = ends("roc_auc", weighted("roc_auc", rows, half))
    alone = ends("roc_auc", weighted("roc_auc", rows.at(slice(0, 200)), WEIGHTS[:200]))

    assert alone == pytest.approx(some)


@pytest.mark.parametrize("name", ["accuracy", "roc_auc", "log_loss", "f1"])
@pytest.mark.parametrize(
    ("weight", "cluster", "told"),
    [
        (np.zeros(400), None, "all weights are 0"),
        (np.ones(400), np.zeros(400, dtype=int), "too few"),
        (np.ones(400), np.arange(400) % 5, "too few"),
    ],
)
def test_what_cannot_be_told_is_not_measured(name, weight, cluster, told):
    given = weighted(name, rows_for(name, 400), weight, cluster)

    for found in (compare(find_metric(name), given), measure(find_metric(name), given, 0.9)):
        assert isinstance(found, Unmeasured)
        assert told in found.reason


@pytest.mark.heavy
def test_one_vs_rest_is_weighted_like_scikit_learn():
    random = np.random.default_rng(3)
    label, weight = random.integers(0, 3, 300), random.lognormal(size=300)
    score = random.dirichlet((1, 1, 1), 300)
    classes = tuple(
        Ranked(positive=label == k, challenger=score[:, k], champion=1 - score[:, k])
        for k in range(3)
    )
    given = Weighted(weight=weight, cluster=None, inner=OneVsRest(classes=classes))

    found = compare(find_metric("roc_auc_ovr"), given)

    expected = np.mean(
        [oracle.roc_auc_score(label == k, score[:, k], sample_weight=weight) for k in range(3)]
    )
    assert expected == pytest.approx(found.challenger)
    assert 100 > counted(find_metric("roc_auc_ovr"), given) > 20


def test_calibration_is_weighted_and_never_compared():
    given = Weighted(weight=WEIGHTS, cluster=None, inner=ranked(probabilities(400)))

    assert isinstance(compare(find_metric("ece"), given), Unmeasured)
    assert 0 < measure(find_metric("ece"), given, 0.9).value < 1
