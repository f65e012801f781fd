import math
import random
from datetime import date, time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cdml.data.drift import bins
from cdml.data.drift.bins import Buckets, Categories, Edges
from cdml.tables.query import LogicalType
from fakes.tables import table

ANYTHING = st.lists(st.one_of(st.none(), st.floats(), st.integers(-5, 5).map(float)), min_size=1)


def counted(values, at):
    """Rows per bin of a column of numbers."""
    found = table("x", {"x": values}).count(bins.cuts("x", LogicalType.NUMBER, at))
    return bins.between([int(n) for n in found], len(values))


def test_bins_have_about_the_same_rows_on_the_reference():
    rng = random.Random(1)
    values = [rng.gauss(0, 1) for _ in range(5000)]
    missing, *counts = counted(values, bins.edges(values))

    assert (0, 10) == (missing, len(counts))
    assert all(450 <= n <= 550 for n in counts)


def test_a_value_that_fills_many_bins_gets_its_own():
    values = [0.0] * 900 + [float(i) for i in range(1, 101)]

    assert (0.0, 1.0) == bins.edges(values).at


def test_a_column_of_few_values_has_a_bin_for_each_and_for_what_lies_outside():
    found = bins.edges([6.0, 1.0, 2.0, 1.0, None, math.inf])

    assert Edges(at=(1.0, 2.0, 6.0), each=True) == found
    assert (1, 0, 2, 1, 1, 1) == counted([1.0, 1.0, 2.0, 6.0, 7.0, None], found)


@pytest.mark.heavy
@pytest.mark.parametrize("find", [bins.edges, bins.grid])
@given(values=ANYTHING)
def test_every_row_is_in_exactly_one_bin(find, values):
    at = find(values)
    counts = counted(values, at)

    assert (len(values), at.size) == (sum(counts), len(counts))
    assert min(counts) >= 0
    assert at.size == len(bins.labels(LogicalType.NUMBER, at))


@pytest.mark.heavy
@given(st.lists(st.floats(-1e6, 1e6), min_size=1))
def test_a_grid_has_a_bounded_number_of_bins(values):
    assert len(bins.grid(values).at) <= 21


def test_a_grid_tells_no_value_of_the_column():
    values = [random.Random(1).gauss(52_345.67, 8_000) for _ in range(1000)]
    values = [value + n / 7 for n, value in enumerate(values)]
    at = bins.grid(values).at

    assert not set(at) & set(values)
    assert all(edge % 10 == 0 for edge in at)
    assert 6 <= len(at) <= 21


@pytest.mark.parametrize(
    ("kind", "found", "expected"),
    [
        (LogicalType.DATE, Edges(at=(0.0, 86400.0)), "1970-01-01 to 1970-01-02"),
        (LogicalType.NUMBER, Edges(at=(0.5,)), "0.5 and above"),
        (LogicalType.INTEGER, Edges(at=(6.0, 7.0, 9.0), each=True), "6"),
        (LogicalType.INTEGER, Edges(at=(6.0, 7.0, 9.0), each=True), "7 to 9"),
        (LogicalType.INTEGER, Edges(at=(6.0, 7.0, 9.0), each=True), "above 9"),
        (LogicalType.STRING, Categories(names=("JFK",)), "JFK"),
    ],
)
def test_bins_are_called_by_what_is_in_them(kind, found, expected):
    assert expected in bins.labels(kind, found)


def test_an_edge_of_a_kind_of_time_is_one():
    assert date(1970, 1, 2) == bins.on_line(86400.0, LogicalType.DATE)
    assert time.max == bins.on_line(90_000.0, LogicalType.TIME)
    assert time.min == bins.on_line(-1.0, LogicalType.TIME)


def test_categories_that_are_not_kept_are_one_bin():
    keep = Categories(names=("a", "b"))

    assert (1, 5, 0, 4) == bins.by_value([("a", 5), ("c", 2)], missing=1, rows=10, bins=keep)


def test_the_most_frequent_categories_are_kept_but_no_long_text():
    found = [("x" * 101, 9), *((f"c{n}", 5) for n in range(60))]

    assert tuple(f"c{n}" for n in range(50)) == bins.count_categories(found).names


def test_a_bucket_does_not_tell_its_values():
    found = [(f"name {n}", 1) for n in range(1000)]
    counts = bins.by_value(found, missing=0, rows=1000, bins=Buckets())

    assert (0, 1000, 0) == (counts[0], sum(counts[1:-1]), counts[-1])
    assert max(counts) < 100


@pytest.mark.parametrize("at", [(1.0, 1.0), (2.0, 1.0), (math.nan,), (math.inf,)])
def test_edges_increase_and_are_finite(at):
    with pytest.raises(ValueError, match="edge"):
        Edges(at=at)


def test_bins_are_named_by_few_digits_that_tell_them_apart():
    near = bins.labels(LogicalType.NUMBER, Edges(at=(0.1234567890123, 0.1234568890123)))
    far = bins.labels(LogicalType.NUMBER, Edges(at=(-0.30000000000000004, 1 / 3, 12.0)))

    assert far[1:] == ("below -0.3", "-0.3 to 0.333333", "0.333333 to 12", "12 and above")
    assert near[1:] == ("below 0.1234568", "0.1234568 to 0.1234569", "0.1234569 and above")
