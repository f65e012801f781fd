import math
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cdml.core import drift
from cdml.core.expressions import LogicalType
from cdml.core.verdict import Verdict
from fakes.tables import table

COUNTS = st.dictionaries(st.sampled_from("abcdef"), st.integers(0, 10_000), min_size=1)


def measured(before, now):
    found = drift.measure(before, now)
    assert found is not None
    return found


def test_the_index_is_that_of_the_formula():
    found = measured({"a": 6000, "b": 4000}, {"a": 4000, "b": 6000})

    assert pytest.approx(0.4 * math.log(1.5), rel=1e-3) == found.psi
    assert ("a", 0.6, 0.4) == found.largest


def test_the_distance_of_disjoint_distributions_is_one():
    found = measured({"a": 10**6, "b": 0}, {"a": 0, "b": 10**6})

    assert pytest.approx(1, abs=1e-3) == found.js


@given(counts=COUNTS, factor=st.integers(1, 5))
def test_the_same_shares_do_not_drift(counts, factor):
    found = drift.measure(counts, {name: n * factor for name, n in counts.items()})

    assert found is None or found.psi < found.noise + 1e-9


@given(before=COUNTS, now=COUNTS)
def test_drift_is_finite_and_never_negative(before, now):
    found = drift.measure(before, now)

    assert (found is None) == (sum(before.values()) == 0 or sum(now.values()) == 0)
    if found is not None:
        assert 0 <= found.psi < math.inf
        assert 0 <= found.js <= 1


def test_bins_have_about_the_same_rows_on_the_reference():
    rng = random.Random(1)
    values = [rng.gauss(0, 1) for _ in range(5000)]
    at = drift.edges(values)
    counts = table("x", {"x": values}).count(drift.cuts("x", LogicalType.NUMBER, at))

    bins = drift.bins(list(counts), 5000, LogicalType.NUMBER, at)
    assert 11 == len(bins)
    assert all(n == 0 if name == "missing" else 450 <= n <= 550 for name, n in bins.items())


def test_a_value_that_fills_many_bins_gets_its_own():
    values = [0.0] * 900 + [float(i) for i in range(1, 101)]

    assert (0.0, 1.0) == drift.edges(values)


def test_a_column_of_few_values_has_a_bin_for_each():
    assert (1.0, 2.0, 6.0) == drift.edges([6.0, 1.0, 2.0, 1.0, None, math.inf])


@given(st.lists(st.one_of(st.none(), st.floats(), st.integers(-5, 5).map(float)), min_size=1))
def test_every_row_is_in_exactly_one_bin(values):
    at = drift.edges(values)
    counts = table("x", {"x": values}).count(drift.cuts("x", LogicalType.NUMBER, at))

    bins = drift.bins([int(n) for n in counts], len(values), LogicalType.NUMBER, at)
    assert len(values) == sum(bins.values())
    assert min(bins.values()) >= 0


def test_bins_of_dates_are_told_as_dates():
    assert "1970-01-02 and above" in drift.bins([0, 3], 10, LogicalType.DATE, [86400.0])


def test_categories_that_are_not_kept_are_one_bin():
    found = drift.categories([("a", 5), ("c", 2)], missing=1, rows=10, keep=("a", "b"))

    assert {"a": 5, "b": 0, "(missing)": 1, "(other)": 4} == found


def judged(psi, rows=10_000, *, warn=0.2, fail=None, shown=True):
    noise = 9 * 2 / rows
    found = drift.Drift(psi=psi, js=0.1, noise=noise, largest=("75 and above", 0.1, 0.3))
    return drift.judge("temp", found, warn=warn, fail=fail, shown=shown)


@pytest.mark.parametrize(
    ("psi", "expected"),
    [
        (0.19, Verdict.PASS),
        (0.2, Verdict.WARN),
        (0.49, Verdict.WARN),
        (0.5, Verdict.FAIL),
        (math.nan, Verdict.FAIL),
    ],
)
def test_thresholds_decide_and_nan_never_passes(psi, expected):
    assert expected is judged(psi, warn=0.2, fail=0.5).verdict


def test_too_few_rows_are_not_judged():
    assert Verdict.WARN is judged(0.01, rows=100).verdict
    assert Verdict.INCONCLUSIVE is judged(0.01, rows=100, fail=0.2).verdict


def test_without_thresholds_drift_is_told_and_decides_nothing():
    found = judged(5.0, warn=None)

    assert ("info", Verdict.PASS) == (found.severity, found.verdict)


def test_the_value_that_moved_is_told_only_where_values_may_be():
    assert "75 and above" in judged(0.4).reason
    assert "75" not in judged(0.4, shown=False).reason
