"""How often a loss is found, and how often a loss of just the margin passes: small simulations."""

import numpy as np
import pytest
import scipy

from cdml.statistics.difference import Side
from cdml.statistics.engine import compare
from cdml.statistics.interval import holm
from cdml.statistics.metrics import find_metric
from cdml.statistics.samples import Cells, RowFigures, Weighted

MARGIN, LEVEL, TRIALS, REPLICATES = 0.1, 0.05, 5, 40


def trials(random, clusters, right, broken=0.0):
    """What both models answer, shape (clusters, trials): alike but for one answer in seven."""
    level = np.clip(right + 0.15 * random.normal(size=(clusters, 1)), 0, 1)
    champion = random.random((clusters, TRIALS)) < level
    again = random.random(champion.shape) < 0.15
    challenger = np.where(again, random.random(champion.shape) < level, champion)
    return challenger & (random.random(champion.shape) >= broken), champion


def sample(name, challenger, champion):
    rows = challenger.size
    cluster = np.repeat(np.arange(len(challenger)), TRIALS)
    if name == "accuracy":
        label = (np.arange(rows) % 2).astype(np.int64)
        of = Cells(
            classes=("a", "b"),
            label=label,
            challenger=np.where(challenger.ravel(), label, 1 - label),
            champion=np.where(champion.ravel(), label, 1 - label),
            count=np.ones(rows, dtype=np.int64),
        )
    else:
        of = RowFigures(
            values=np.column_stack((challenger.ravel(), champion.ravel())).astype(float)
        )
    return Weighted(weight=np.ones(rows), cluster=cluster, inner=of)


def ordinary(challenger, champion):
    """p of a cluster-robust t test that the loss is larger than the margin."""
    apart = (challenger.astype(float) - champion).mean(axis=1)
    error = apart.std(ddof=1) / np.sqrt(len(apart))
    t = (apart.mean() + MARGIN) / error if error > 0 else np.inf  # none: the models are alike
    return scipy.stats.t.cdf(t, len(apart) - 1)


def found(name, clusters, slices, right, broken):
    """How often the broken slice is found after Holm, by the engine and by an ordinary t."""
    random, both = np.random.default_rng(5), np.zeros(2)
    for _ in range(REPLICATES):
        drawn = [trials(random, clusters, right, broken if k == 0 else 0.0) for k in range(slices)]
        ours = [
            compare(find_metric(name), sample(name, *one)).difference.p_value(Side.UPPER, -MARGIN)
            for one in drawn
        ]
        both += [holm(p_values)[0] <= LEVEL for p_values in (ours, [ordinary(*d) for d in drawn])]
    return both / REPLICATES


@pytest.mark.heavy
@pytest.mark.parametrize("name", ["mean(passed)", "accuracy"])
@pytest.mark.parametrize(("clusters", "slices"), [(10, 4), (20, 10)])
@pytest.mark.parametrize("right", [0.55, 0.8])
def test_a_slice_that_fails_wholly_is_found(name, clusters, slices, right):
    engine, _ = found(name, clusters, slices, right, broken=1.0)

    assert engine >= 0.9


@pytest.mark.heavy
@pytest.mark.parametrize("name", ["mean(passed)", "accuracy"])
@pytest.mark.parametrize(("clusters", "slices"), [(10, 4), (20, 10)])
def test_half_of_the_answers_broken_are_found_as_by_an_ordinary_t(name, clusters, slices):
    engine, plain = found(name, clusters, slices, 0.8, broken=0.5)

    assert engine >= plain - 0.05


@pytest.mark.heavy
@pytest.mark.parametrize("clusters", [10, 20, 40])
def test_a_loss_of_just_the_margin_seldom_passes_and_is_seldom_called_more(clusters):
    random, wrong = np.random.default_rng(9), np.zeros(2)
    for _ in range(400):
        shared = random.lognormal(size=(clusters, 1))  # skewed, as log-losses are
        loss = 0.3 * shared + 0.2 * random.normal(size=(clusters, TRIALS))
        values = np.stack((-loss, np.zeros_like(loss)), axis=-1).reshape(-1, 2)
        given = Weighted(
            weight=np.ones(len(values)),
            cluster=np.repeat(np.arange(clusters), TRIALS),
            inner=RowFigures(values=values),
        )
        difference = compare(find_metric("mean(score)"), given).difference
        truth = -0.3 * np.exp(0.5)
        wrong += [difference.p_value(side, truth) < LEVEL for side in Side]

    assert (wrong / 400 <= 0.08).all(), wrong  # 6.5 %, and the error of 400 replicates
