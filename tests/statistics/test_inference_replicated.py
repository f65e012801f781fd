"""Metrics of the user's own: what holds of replicates, whatever function they are of."""

from dataclasses import replace

import numpy as np
import pytest

from cdml.statistics.difference import Side
from cdml.statistics.engine import compare, measure
from cdml.statistics.interval import Unmeasured
from cdml.statistics.metrics import find_metric
from cdml.statistics.sample_size import counted
from cdml.statistics.samples import Replicates

METRIC = find_metric("own:metric")


def means(figures, resamples=500, seed=0):
    """The replicates of a mean, shape of the figures (rows, models)."""
    rows = len(figures)
    random = np.random.default_rng(seed)
    draws = random.multinomial(rows, np.full(rows, 1 / rows), size=resamples) @ figures / rows
    value = figures.mean(axis=0)
    singles = value - (figures.sum(axis=0) - figures) / (rows - 1)
    return Replicates(
        rows=rows,
        units=rows,
        clustered=False,
        discordant=int((figures[:, 0] != figures[:, -1]).sum()),
        value=value,
        draws=draws,
        blocks=singles,
        singles=singles,
        kinds=np.empty((0, figures.shape[1])),
    )


def drawn(rows=200, seed=1):
    random = np.random.default_rng(seed)
    champion = random.normal(size=rows)
    return np.column_stack((champion + 0.5 * random.normal(size=rows), champion))


def test_the_error_of_a_mean_is_that_of_a_mean():
    figures = drawn()
    expected = (figures[:, 0] - figures[:, 1]).std(ddof=1) / np.sqrt(len(figures))

    found = compare(METRIC, means(figures, resamples=4000)).difference

    assert expected == pytest.approx(found.standard_error, rel=0.05)


@pytest.mark.parametrize("side", Side)
@pytest.mark.parametrize("share", [0.0, 0.01])
def test_p_falls_below_the_level_just_where_the_bound_passes(side, share):
    difference = compare(METRIC, means(drawn())).difference
    bound = difference.bound(side, 0.95, share)
    beyond = -1e-6 if side is Side.LOWER else 1e-6

    assert difference.p_value(side, bound + beyond, share) < 0.05
    assert difference.p_value(side, bound - beyond, share) > 0.05


def test_a_bootstrap_that_saw_no_difference_still_leaves_room_for_one():
    right = np.repeat([1.0, 0.0], [45, 5])

    difference = compare(METRIC, means(np.column_stack((right, right)))).difference

    assert 0 == difference.estimate
    assert difference.bound(Side.LOWER, 0.95) < -3 / 50
    assert 1 == difference.p_value_null()


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"problem": "fails on these rows: KeyError"}, "own:metric fails on these rows"),
        ({"units": 19}, "19 rows are too few"),
        ({"units": 12, "clustered": True}, "12 clusters are too few"),
        ({"value": np.array([np.nan, 0.0])}, "not a finite number"),
        ({"draws": np.full((500, 2), np.nan)}, "no value on many resamples"),
        ({"blocks": np.full((200, 2), np.nan)}, "no value on many resamples"),
        ({"singles": np.empty((0, 2))}, "no value on many resamples"),
        ({"singles": np.zeros((200, 2)), "value": np.ones(2)}, "no single row changes own:metric"),
    ],
    ids=str,
)
def test_what_cannot_be_told_is_not_measured(change, told):
    sample = replace(means(drawn()), **change)

    found = compare(METRIC, sample)

    assert isinstance(found, Unmeasured)
    assert told in found.reason
    level = measure(METRIC, sample, 0.95)
    assert isinstance(level, Unmeasured) or isinstance(level.interval, Unmeasured)


def test_a_model_that_is_wrong_on_every_row_is_proven_worse_but_not_beyond_all_doubt():
    lost = means(np.column_stack((np.zeros(40), np.ones(40))))

    difference = compare(METRIC, lost).difference

    assert 0 < difference.p_value(Side.UPPER, -0.1) < 0.001
    assert -1 < difference.bound(Side.UPPER, 0.95) < -0.8


def test_one_model_has_an_interval_around_its_value():
    figures = drawn()[:, :1]

    level = measure(METRIC, means(figures), 0.95)

    assert level.interval.low < level.value < level.interval.high
    assert figures.mean() == pytest.approx(level.value)
    assert 200 == counted(METRIC, means(figures))
