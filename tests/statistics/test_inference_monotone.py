"""A larger loss never looks less certain, a wider margin is never harder to keep."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cdml.statistics.bca import Resampled
from cdml.statistics.difference import Side
from cdml.statistics.engine import compare
from cdml.statistics.fairness import GapDifference
from cdml.statistics.interval import Unmeasured
from cdml.statistics.latency import Percentiles
from cdml.statistics.metric_range import Ranged
from cdml.statistics.metrics import Family, find_metric
from cdml.statistics.proportions import Tango
from cdml.statistics.samples import Cells, Ranked, Replicates, RowFigures, Timings, Weighted
from cdml.statistics.skewed_means import Linear
from cdml.statistics.user_metrics import Outer
from support.sequential_draws import LOSSES, rows_for, sample

few = settings(max_examples=4, derandomize=True, deadline=None)
many = settings(few, max_examples=150)
seeds = st.integers(0, 1000)
sides = st.sampled_from(list(Side))
SHIFTS = np.concatenate((-np.geomspace(300, 1e-3, 25), [0.0], np.geomspace(1e-3, 300, 25)))
LEVELS = (0.9, 0.95, 0.995, 0.9999)
RESAMPLES = 200


def figures(name, rows):
    loss = LOSSES.get(name, LOSSES["mean_squared_error"])
    values = [loss(rows.label, rows.challenger), loss(rows.label, rows.champion)]
    if find_metric(name).family is Family.MOMENTS:
        values += [rows.label, rows.label**2]
    return RowFigures(values=np.column_stack(values))


def per_row(name, rows):
    match find_metric(name).family:
        case Family.MEAN | Family.MOMENTS:
            return figures(name, rows)
        case Family.RANKS:
            return sample(name, rows)
        case _:
            codes = np.stack((rows.label, rows.challenger, rows.champion)).astype(np.int64)
            return Cells(
                classes=("a", "b"),
                label=codes[0],
                challenger=codes[1],
                champion=codes[2],
                count=np.ones(len(rows.label), dtype=np.int64),
            )


def plain(name, seed):
    return sample(name, rows_for(name, 60, seed))


def clustered(name, seed):
    rows = rows_for(name, 60, seed)
    return Weighted(weight=np.ones(60), cluster=np.arange(60) // 4, inner=per_row(name, rows))


def with_weights(name, seed):
    weight = np.random.default_rng(seed).lognormal(size=60)
    return Weighted(weight=weight, cluster=None, inner=per_row(name, rows_for(name, 60, seed)))


def timings(_, seed):
    random = np.random.default_rng(seed)
    return Timings(challenger=random.lognormal(size=80), champion=random.lognormal(size=80))


def replicates(_, seed):
    random = np.random.default_rng(seed)
    values = random.lognormal(size=(40, 2))
    value = values.mean(axis=0)
    left_out = value - (values.sum(axis=0) - values) / 39
    return Replicates(
        rows=40,
        units=40,
        clustered=False,
        discordant=40,
        value=value,
        draws=random.multinomial(40, np.full(40, 1 / 40), RESAMPLES) @ values / 40,
        blocks=left_out,
        singles=left_out,
        kinds=np.empty((0, 2)),
    )


FAMILIES = {
    **{
        f"{how.__name__} {name}": (name, how)
        for name, hows in {
            "accuracy": (plain, clustered, with_weights),
            "recall": (plain, clustered),
            "f1": (plain, clustered, with_weights),
            "balanced_accuracy": (plain, clustered),
            "matthews_corrcoef": (plain, clustered),
            "roc_auc": (plain, clustered, with_weights),
            "average_precision": (plain, clustered),
            "log_loss": (plain, clustered, with_weights),
            "mean_squared_error": (plain, clustered),
            "root_mean_squared_error": (plain, clustered),
            "r2": (plain, clustered),
            "demographic_parity_difference": (plain,),
            "equalized_odds_difference": (plain,),
            "latency_p50_ms": (timings,),
            "own:metric": (replicates,),
        }.items()
        for how in hows
    }
}
each_family = pytest.mark.parametrize("family", FAMILIES)


def difference_of(family, seed):
    name, how = FAMILIES[family]
    found = compare(find_metric(name), how(name, seed), resamples=RESAMPLES)
    assert not isinstance(found, Unmeasured), found
    return found.difference


def shifted(difference, by):
    """Every row's difference moved by the same amount; dispersion and skewness stay."""
    match difference:
        case Ranged():
            return replace(difference, inner=shifted(difference.inner, by))
        case Linear():
            return replace(difference, challenger=difference.challenger + by)
        case Resampled() | Percentiles():
            return replace(
                difference,
                challenger=difference.challenger + by,
                draws=difference.draws + np.array([by, 0.0]),
            )
        case Outer():
            return replace(
                difference,
                resampled=shifted(difference.resampled, by),
                linear=shifted(difference.linear, by),
            )
        case GapDifference():
            gaps = replace(difference.challenger, value=difference.challenger.value + by)
            return replace(difference, challenger=gaps)
        case Tango():  # rows that were alike before
            moved = round(abs(by) * difference.both)
            room = min(moved, difference.both)
            lost, gained = (room, 0) if by < 0 else (0, room)
            return replace(
                difference,
                both=difference.both - room,
                lost=difference.lost + lost,
                gained=difference.gained + gained,
            )
        case other:
            raise TypeError(other)


def never_rises(p_values):
    assert all(0 <= p <= 1 for p in p_values), p_values
    assert (np.diff(p_values) <= 1e-12).all(), p_values


@pytest.mark.heavy
@each_family
@few
@given(seed=seeds, side=sides, margin=st.floats(-0.3, 0.3))
def test_a_larger_loss_never_looks_less_certain(family, seed, side, margin):
    difference = difference_of(family, seed)
    towards = SHIFTS if side is Side.LOWER else -SHIFTS
    if isinstance(difference.inner, Tango):
        towards = np.clip(towards, -1, 1)

    never_rises([shifted(difference, by).p_value(side, margin) for by in towards])


@pytest.mark.heavy
@each_family
@few
@given(seed=seeds, side=sides)
def test_a_wider_margin_is_never_harder_to_keep(family, seed, side):
    difference = difference_of(family, seed)
    values = -SHIFTS if side is Side.LOWER else SHIFTS

    never_rises([difference.p_value(side, value) for value in values])


@pytest.mark.heavy
@each_family
@few
@given(seed=seeds, side=sides, share=st.floats(0.001, 1.0))
def test_a_relative_margin_is_never_harder_to_keep_than_none(family, seed, side, share):
    difference = difference_of(family, seed)
    looser = share if side is Side.LOWER else -share

    at = [difference.p_value(side, 0.0, s) for s in (-looser, 0.0, looser)]

    never_rises(at)


@pytest.mark.heavy
@each_family
@few
@given(seed=seeds, side=sides, by=st.floats(-0.5, 0.5), share=st.sampled_from([0.0, 0.05, -0.05]))
def test_p_is_small_exactly_where_the_bound_lies_beyond(family, seed, side, by, share):
    difference = shifted(difference_of(family, seed), by)
    away = 1e-7 if side is Side.LOWER else -1e-7

    for level in LEVELS:
        bound = difference.bound(side, level, share)
        assert not np.isnan(bound)
        if np.isfinite(bound) and abs(bound) < 1 - 1e-6:
            assert difference.p_value(side, bound - away, share) <= 1 - level + 1e-9
            assert difference.p_value(side, bound + away, share) >= 1 - level - 1e-9


@pytest.mark.heavy
@each_family
@few
@given(seed=seeds, by=st.floats(-2, 2))
def test_nothing_lies_beyond_what_the_metric_can_be(family, seed, by):
    name, _ = FAMILIES[family]
    known = find_metric(name).range
    difference = shifted(difference_of(family, seed), by)
    width = np.inf if known is None else known.width

    interval = difference.interval(0.999)

    for end in (interval.low, interval.high, *(difference.bound(s, 0.999) for s in Side)):
        assert -width <= end <= width


@pytest.mark.heavy
@many
@given(
    rows=st.integers(2, 3000),
    error=st.sampled_from([0.0, 1e-9, 0.01, 0.2, 5.0]),
    skewness=st.floats(-1.5, 1.5),
    extreme=st.sampled_from([0.0, 0.01, 1.0]),
    side=sides,
    harm=st.sampled_from([None, *Side]),
    margin=st.floats(0, 1),
)
def test_no_skewness_makes_a_larger_loss_look_less_certain(
    rows, error, skewness, extreme, side, harm, margin
):
    covariance, third = np.zeros((2, 2)), np.zeros((2, 2, 2))
    covariance[0, 0], third[0, 0, 0] = error**2, skewness * error**3
    linear = Linear(
        challenger=0.5,
        champion=0.5,
        covariance=covariance,
        third=third,
        rows=rows,
        method="cluster-t",
        df=rows - 1,
        extreme=(extreme, 0.0),
        harm=harm,
    )
    towards = SHIFTS if side is Side.LOWER else -SHIFTS
    value = -margin if side is Side.LOWER else margin

    never_rises([shifted(linear, by).p_value(side, value) for by in towards])
    found = shifted(linear, towards[-10])
    for level in LEVELS:
        bound = found.bound(side, level)
        away = 1e-6 * max(1.0, abs(bound)) * (1 if side is Side.LOWER else -1)
        assert found.p_value(side, bound - away) <= 1 - level + 1e-9
        assert found.p_value(side, bound + away) >= 1 - level - 1e-9


@pytest.mark.parametrize(("clusters", "size"), [(2, 50), (9, 5), (10, 5), (20, 5), (40, 1)])
def test_certainty_is_bounded_by_how_many_clusters_there_are(clusters, size):
    rows = clusters * size
    lost = RowFigures(values=np.column_stack((np.zeros(rows), np.ones(rows))))
    given_rows = Weighted(weight=np.ones(rows), cluster=np.arange(rows) // size, inner=lost)

    found = compare(find_metric("mean(passed)"), given_rows)

    if clusters < 10:
        assert f"{clusters} clusters are too few" in found.reason
        return
    assert 0 < found.difference.p_value(Side.UPPER, -0.1) < 0.001
    assert -1 < found.difference.bound(Side.UPPER, 0.95) < -0.7


def test_scores_that_tell_nothing_any_more_are_proven_worse():
    positive = np.arange(60) < 30
    right = np.where(positive, 2.0, 1.0) + np.linspace(0, 0.1, 60)
    given_rows = Ranked(positive=positive, challenger=np.zeros(60), champion=right)

    difference = compare(find_metric("roc_auc"), given_rows).difference

    assert -0.5 == difference.estimate
    assert 0 < difference.p_value(Side.UPPER, -0.1) < 0.001


@pytest.mark.parametrize("name", ["f1", "balanced_accuracy", "matthews_corrcoef", "accuracy"])
@pytest.mark.parametrize("times", [1, 20])
def test_a_model_that_is_always_wrong_is_proven_worse_but_not_beyond_all_doubt(name, times):
    label = np.tile([0, 1], 20 * times).astype(np.int64)
    found, count = np.unique(np.stack((label, 1 - label, label)), axis=1, return_counts=True)
    cells = Cells(
        classes=("a", "b"), label=found[0], challenger=found[1], champion=found[2], count=count
    )

    difference = compare(find_metric(name), cells, resamples=2000).difference

    low = difference.estimate
    assert low < difference.bound(Side.UPPER, 0.95) < 0.75 * low
    assert difference.p_value(Side.UPPER, -0.1) < 0.001
