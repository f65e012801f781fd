"""Every measure against its textbook, from the counts of the same bins."""

import math

import numpy as np
import pytest
import scipy
from hypothesis import given
from hypothesis import strategies as st

from cdml.data.drift.bins import Categories, Edges
from cdml.data.drift.distances import distances
from cdml.data.drift.profile import ColumnProfile
from cdml.tables.query import LogicalType

COUNTS = st.lists(st.integers(0, 10_000), min_size=7, max_size=7)
FULL = st.lists(st.integers(1, 300), min_size=7, max_size=7)
STEPS = Edges(at=(0.0, 1.0, 3.0, 7.0), each=True)
CUTS = Edges(at=(0.0, 1.0, 3.0, 7.0, 9.0))


def column(counts, bins=CUTS, **more):
    return ColumnProfile(name="x", type=LogicalType.NUMBER, bins=bins, counts=tuple(counts), **more)


def named(*counts):
    names = tuple("abcdefgh"[: len(counts) - 2])
    return ColumnProfile(
        name="x", type=LogicalType.STRING, bins=Categories(names=names), counts=tuple(counts)
    )


def spread(counts):
    """The rows, each at the number of its bin."""
    return np.repeat(np.arange(len(counts)), counts)


def test_the_index_is_that_of_the_formula():
    found = distances(named(0, 6000, 4000, 0), (0, 4000, 6000, 0))

    assert pytest.approx(0.4 * math.log(1.5), rel=1e-3) == found.values["psi"]


def test_disjoint_distributions_are_as_far_apart_as_can_be():
    found = distances(named(0, 10**6, 0, 0), (0, 0, 10**6, 0)).values

    for name in ("js", "ks", "wasserstein", "cramers_v"):
        assert pytest.approx(1, abs=1e-3) == found[name]


@pytest.mark.heavy
@given(before=FULL, now=FULL)
def test_ks_is_that_of_the_binned_values(before, now):
    found = distances(column(before), now)

    assert (
        pytest.approx(scipy.stats.ks_2samp(spread(before), spread(now), method="asymp").statistic)
        == found.values["ks"]
    )


@pytest.mark.heavy
@given(before=FULL, now=FULL)
def test_chi2_and_cramers_v_are_those_of_the_table(before, now):
    found = distances(column(before), now)
    chi2 = scipy.stats.chi2_contingency([before, now], correction=False).statistic
    shares = np.outer((1, 1), np.ones(7))
    shares[0], shares[1] = np.array(before) / sum(before), np.array(now) / sum(now)
    evenly = np.rint(shares * 10**9).astype(int)

    assert pytest.approx(chi2, rel=1e-9, abs=1e-9) == found.chi2
    assert (
        pytest.approx(scipy.stats.contingency.association(evenly, "cramer"), abs=1e-6)
        == found.values["cramers_v"]
    )


@pytest.mark.heavy
@given(before=FULL, now=FULL)
def test_wasserstein_of_few_values_is_exact(before, now):
    places = (0.0, 1.0, 3.0, 7.0)

    def weights(counts):
        below, *inner, above = counts[1:]
        return [below + inner[0], inner[1], inner[2], inner[3] + above]

    found = distances(column(before, STEPS), now)
    expected = scipy.stats.wasserstein_distance(places, places, weights(before), weights(now))
    assert pytest.approx(expected, abs=1e-9) == found.moved
    missing = abs(before[0] / sum(before) - now[0] / sum(now))
    deviation = math.sqrt(np.cov(places, fweights=weights(before), ddof=0))
    assert pytest.approx(expected / deviation + missing) == found.values["wasserstein"]


@pytest.mark.heavy
def test_wasserstein_of_many_values_is_near_that_of_the_values():
    draw = np.random.default_rng(1)
    before, now = draw.normal(10, 2, 20_000), draw.normal(11, 3, 20_000)
    at = np.quantile(before, np.linspace(0.1, 0.9, 9))
    count = [(0, *np.histogram(v, [-np.inf, *at, np.inf])[0]) for v in (before, now)]
    reference = column(map(int, count[0]), Edges(at=tuple(at)), low=before.min(), high=before.max())
    found = distances(reference, tuple(map(int, count[1])))

    expected = scipy.stats.wasserstein_distance(before, now)
    assert pytest.approx(expected, rel=0.15) == found.moved
    assert pytest.approx(expected / 2, rel=0.25) == found.values["wasserstein"]


def test_values_that_vanish_count_as_moved_by_a_standard_deviation():
    found = distances(column([0, 100, 100, 100, 100, 100, 100]), (300, 50, 50, 50, 50, 50, 50))

    assert pytest.approx((0, 0.5)) == (found.moved, found.values["wasserstein"])


def test_a_constant_that_changes_has_moved():
    found = distances(column([0, 0, 100, 0], Edges(at=(5.0,), each=True)), (0, 0, 25, 75))

    assert pytest.approx(0.75) == found.values["wasserstein"]


@pytest.mark.heavy
@given(counts=COUNTS, factor=st.integers(1, 5), bins=st.sampled_from([STEPS, CUTS]))
def test_the_same_shares_do_not_drift(counts, factor, bins):
    found = distances(column(counts, bins), [n * factor for n in counts])

    for name in found.values if found else ():
        assert found.values[name] < found.noise[name] + 1e-6


@pytest.mark.heavy
@given(before=COUNTS, now=COUNTS, bins=st.sampled_from([STEPS, CUTS]))
def test_drift_is_finite_and_never_negative(before, now, bins):
    found = distances(column(before, bins), now)

    assert (found is None) == (sum(before) == 0 or sum(now) == 0)
    if found is not None:
        assert all(0 <= value < math.inf for value in found.values.values())
        assert all(found.values[name] <= 1 + 1e-9 for name in ("js", "ks", "cramers_v"))


@pytest.mark.parametrize("size", [500, 5_000])
@pytest.mark.parametrize("bins", [STEPS, CUTS])
def test_the_noise_is_what_chance_gives(size, bins):
    draw = np.random.default_rng(2)
    shares = [0.1, 0.1, 0.15, 0.2, 0.15, 0.2, 0.1]
    pairs = [draw.multinomial(size, shares, 2) for _ in range(300)]
    found = [distances(column(map(int, a), bins), [int(n) for n in b]) for a, b in pairs]

    for name in ("psi", "js", "ks", "wasserstein", "cramers_v"):
        mean = np.mean([one.values[name] for one in found])
        expected = np.mean([one.noise[name] for one in found])
        assert 0.5 < mean / expected < 1.3, name


@pytest.mark.parametrize("bins", [Edges(at=(-1.7e308, 0.0, 1.7e308)), Edges(at=(0.0, 1e300))])
def test_the_largest_numbers_have_finite_distances(bins):
    size = bins.size
    found = distances(column([0, *range(10, 9 + size)], bins, high=1.7e308), range(size))

    assert all(math.isfinite(one) for one in (*found.values.values(), found.moved))
