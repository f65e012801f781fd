"""Curves for the page: few points, and the area of all of them."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cdml.statistics.curves import (
    CLASSES,
    LARGEST_ERROR,
    OTHER,
    POINTS,
    ScoreBins,
    crosstab,
    curves,
)
from cdml.statistics.samples import Cells, OneVsRest, Ranked, Weighted
from support.library import sklearn_metrics

many = settings(max_examples=50, derandomize=True, deadline=None)


def drawn(seed, rows, rate, strength, digits):
    """Scores of a model of some strength, equal ones among them."""
    draw = np.random.default_rng(seed)
    positive = draw.random(rows) < rate
    positive[:2] = True, False
    noise = draw.normal(size=rows)
    score = np.round(1 / (1 + np.exp(-(noise + strength * positive))), digits)
    return Ranked(positive=positive, challenger=score, champion=draw.random(rows))


def area(curve):
    """Of a ROC curve, straight between its points."""
    return float(np.trapezoid(curve[1], curve[0]))


def pairs_in_order(positive, score, weight=None):
    """The area under the ROC curve: of all pairs of both classes, those in order; ties by half."""
    _, at = np.unique(score, return_inverse=True)
    weight = np.ones(len(at)) if weight is None else weight
    ours, others = (np.bincount(at, weights=weight * of) for of in (positive, ~positive))
    return ours @ (np.cumsum(others) - others / 2) / (ours.sum() * others.sum())


def precision(curve):
    """Average precision: steps that end at each point."""
    return float(np.sum(np.diff(curve[0], prepend=0.0) * curve[1]))


@pytest.mark.heavy
@many
@given(
    seed=st.integers(0, 10_000),
    rows=st.sampled_from([2, 50, 999, 5_000, 60_000, 300_000]),
    rate=st.sampled_from([0.001, 0.1, 0.5, 0.99]),
    strength=st.sampled_from([-3.0, 0.0, 1.0, 6.0]),
    digits=st.sampled_from([1, 3, 12]),
    champion=st.booleans(),
)
def test_thinning_keeps_the_areas(seed, rows, rate, strength, digits, champion):
    ranked = drawn(seed, rows, rate, strength, digits)
    scores = ranked.champion if champion else ranked.challenger

    found = curves(ranked, champion=champion)

    assert all(len(x) == len(y) <= POINTS for x, y in found.values())
    assert abs(area(found["roc"]) - pairs_in_order(ranked.positive, scores)) <= 1e-3
    assert precision(found["precision_recall"]) == pytest.approx(
        sklearn_metrics.average_precision_score(ranked.positive, scores),
        abs=1e-3 if rows > 200_000 else 1e-9,
    )


@pytest.mark.parametrize("order", [1, -1])
def test_the_worst_curve_for_chords_keeps_its_area_too(order):
    """In every stretch all negatives come before all positives, or after."""
    block = np.repeat([True, False][::order], 100)
    ranked = Ranked(positive=np.tile(block, 500), challenger=-np.arange(100_000.0), champion=None)

    found = curves(ranked)

    assert len(found["roc"][0]) <= POINTS
    assert abs(area(found["roc"]) - pairs_in_order(ranked.positive, ranked.challenger)) <= 1e-3


def binned(ranked, bins):
    """The challenger's scores, counted in bins of equal width."""
    place = np.floor(ranked.challenger * bins)
    _, first, at = np.unique(place, return_index=True, return_inverse=True)
    low, high = np.full(len(first), np.inf), np.full(len(first), -np.inf)
    np.minimum.at(low, at, ranked.challenger)
    np.maximum.at(high, at, ranked.challenger)
    return ScoreBins(
        positive=np.bincount(at, weights=ranked.positive),
        other=np.bincount(at, weights=~ranked.positive),
        low=low,
        high=high,
        total=np.bincount(at, weights=ranked.challenger),
    )


@pytest.mark.heavy
@many
@given(
    seed=st.integers(0, 10_000),
    rows=st.sampled_from([50, 5_000, 60_000]),
    rate=st.sampled_from([0.001, 0.1, 0.5, 0.99]),
    strength=st.sampled_from([-3.0, 0.0, 1.0, 6.0]),
    digits=st.sampled_from([1, 3, 12]),
    bins=st.sampled_from([10, 300, 2_000, 16_384]),
)
def test_curves_through_fine_bins_have_the_areas_of_those_through_scores(
    seed, rows, rate, strength, digits, bins
):
    ranked = drawn(seed, rows, rate, strength, digits)
    counted = binned(ranked, bins)
    wanted = pairs_in_order(ranked.positive, ranked.challenger)
    precise = sklearn_metrics.average_precision_score(ranked.positive, ranked.challenger)

    found = curves(counted)

    assert all(len(x) == len(y) <= POINTS for x, y in found.values())
    if counted.fine:
        assert abs(area(found["roc"]) - wanted) <= 1e-3 + LARGEST_ERROR
        assert abs(precision(found["precision_recall"]) - precise) <= LARGEST_ERROR + 1e-9
    x, y = found["calibration"]
    assert len(x) <= 20
    assert np.all(np.diff(x) > 0)
    assert ranked.positive.mean() == pytest.approx(y @ shares(counted, x), abs=1e-9)


def shares(counted, x):
    """Of all rows, those of each part of a calibration, by the mean scores of its bins."""
    rows = counted.positive + counted.other
    before = np.append(0.0, np.cumsum(rows))
    starts = np.unique(np.searchsorted(before, np.linspace(0, before[-1], 21)[:-1]))
    found = np.add.reduceat(rows, starts[starts < len(rows)]) / rows.sum()
    assert len(x) == len(found)
    return found


@pytest.mark.parametrize(("bins", "fine"), [(16_384, True), (20, False)])
def test_bins_are_fine_where_they_tell_scores_apart(bins, fine):
    assert fine is binned(drawn(1, 60_000, 0.3, 1.0, 12), bins).fine


def test_bins_of_one_score_each_are_fine_however_many_rows_share_them():
    assert binned(drawn(1, 60_000, 0.3, 1.0, 1), 16_384).fine


def test_bins_of_one_class_have_no_roc():
    one = Ranked(positive=np.array([True, True]), challenger=np.array([0.2, 0.9]), champion=None)

    assert {"precision_recall", "calibration"} == set(curves(binned(one, 10)))


def test_weights_count():
    ranked = drawn(3, 5_000, 0.3, 1.0, 3)
    weight = np.random.default_rng(4).integers(0, 4, 5_000).astype(float)

    found = curves(Weighted(weight=weight, cluster=None, inner=ranked))

    wanted = pairs_in_order(ranked.positive, ranked.challenger, weight)
    assert abs(area(found["roc"]) - wanted) <= 1e-3


def test_calibration_tells_the_share_of_positives_by_score():
    rows = 20_000
    score = np.random.default_rng(1).random(rows)
    positive = np.random.default_rng(2).random(rows) < score

    x, y = curves(Ranked(positive=positive, challenger=score, champion=None))["calibration"]

    assert 20 == len(x)
    assert np.all(np.diff(x) > 0)
    assert np.abs(x - y).max() < 0.05


def test_classes_are_drawn_together_each_against_the_rest():
    parts = [drawn(seed, 500, 0.3, 1.0, 6) for seed in range(3)]

    found = curves(OneVsRest(classes=tuple(parts)))

    wanted = pairs_in_order(
        np.concatenate([one.positive for one in parts]),
        np.concatenate([one.challenger for one in parts]),
    )
    assert abs(area(found["roc"]) - wanted) <= 1e-3


@pytest.mark.parametrize(
    ("positive", "names"),
    [([True, True], {"precision_recall", "calibration"}), ([False, False], {"calibration"})],
)
def test_one_class_alone_has_no_roc(positive, names):
    ranked = Ranked(positive=np.array(positive), challenger=np.array([0.2, 0.9]), champion=None)

    assert names == set(curves(ranked))


def test_a_model_that_is_not_there_has_no_curves():
    alone = Ranked(positive=np.array([True, False]), challenger=np.zeros(2), champion=None)

    assert {} == curves(alone, champion=True)


def cells(classes, label, challenger, champion=None):
    return Cells(
        classes=classes,
        label=np.array(label),
        challenger=np.array(challenger),
        champion=None if champion is None else np.array(champion),
        count=np.arange(1, len(label) + 1),
    )


def test_a_matrix_counts_rows_by_label_and_prediction():
    found = cells(("no", "yes"), [0, 0, 1, 1], [0, 1, 0, 1], [1, 1, 1, 1])

    names, counts = crosstab(found)

    assert (("no", "yes"), [[1, 2], [3, 4]]) == (names, counts.tolist())
    assert [[0, 3], [0, 7]] == crosstab(found, champion=True)[1].tolist()


def test_rare_classes_are_told_together():
    names = tuple(f"c{number:02}" for number in range(30))
    found = cells(names, list(range(30)), list(range(30)))

    shown, counts = crosstab(found)

    assert (*names[30 - CLASSES :], OTHER) == shown
    assert (465, sum(range(1, 11))) == (counts.sum(), counts[-1, -1])


def test_of_figures_there_is_neither():
    found = cells(("no", "yes"), [0], [1])

    assert crosstab(found, champion=True) is None
    assert {} == curves(found)
