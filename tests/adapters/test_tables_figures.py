"""Figures of columns, comparisons of two, and queries: the same on every engine."""

import math
from datetime import date, datetime

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cdml.adapters.tables import queries
from cdml.adapters.tables.duckdb_tables import DuckTables
from cdml.tables.query import (
    Aggregate,
    CompareColumns,
    IsWholeNumber,
    Missing,
    MultipleOf,
    NotRun,
    Query,
)
from fakes.tables import FakeTables

ROWS = {
    "n": [1.5, math.nan, None, 4.0, -2.5],
    "i": [2**53, 1, None, 3, 2**53],
    "flag": [True, False, None, True, True],
    "day": [date(2013, 1, 1), date(2013, 1, 3), None, date(2013, 1, 2), None],
    "at": [datetime.fromisoformat("2013-01-01T12:00:00"), None, None, None, None],
    'odd "name"': ["a", "b", None, "c", "a"],
    "none": [None, None, None, None, 1.0],
    "wide": [math.inf, 1.0, 2.0, 3.0, 4.0],
}
DAY = 86400.0


@pytest.fixture(params=["fake", "duckdb"])
def opened(request, tmp_path):
    fake = FakeTables(tmp_path)
    if request.param == "fake":
        return lambda rows: fake.add("rows", rows)
    duck = DuckTables()
    return lambda rows: duck.open(str(fake.add("rows", rows).parquet))


@pytest.mark.parametrize(
    ("function", "column", "q", "expected"),
    [
        ("mean", "n", None, 1.0),
        ("sum", "n", None, 3.0),
        ("minimum", "n", None, -2.5),
        ("maximum", "n", None, 4.0),
        ("standardDeviation", "n", None, 3.278719262151),
        ("quantile", "n", 0.5, 1.5),
        ("quantile", "n", 0.75, 2.75),
        ("quantile", "n", 0, -2.5),
        ("quantile", "n", 1, 4.0),
        ("sum", "i", None, float(2**54 + 4)),
        ("mean", "i", None, (2**54 + 4) / 4),
        ("mean", "flag", None, 0.75),
        ("maximum", "day", None, 15708 * DAY),
        ("maximum", "at", None, 15706.5 * DAY),
        ("maximum", "wide", None, math.inf),
        ("minimum", "wide", None, 1.0),
    ],
)
def test_a_figure_of_a_column(opened, function, column, q, expected):
    _, (found,) = opened(ROWS).compute((), [Aggregate(function=function, column=column, q=q)])

    assert found == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize(
    ("function", "column"),
    [("standardDeviation", "none"), ("mean", "wide"), ("sum", "wide"),
     ("standardDeviation", "wide")],
)  # fmt: skip
def test_a_figure_that_is_not_there_is_no_number(opened, function, column):
    _, (found,) = opened(ROWS).compute((), [Aggregate(function=function, column=column)])

    assert isinstance(found, NotRun)


def test_a_figure_that_cannot_be_told_does_not_silence_the_others(opened):
    asked = [
        Aggregate(function="standardDeviation", column="wide"),
        Aggregate(function="mean", column="n"),
    ]
    counts, (lost, found) = opened(ROWS).compute([Missing("n"), Missing("i")], asked)

    assert ((2, 1), 1.0) == (counts, found)
    assert isinstance(lost, NotRun)


@pytest.mark.parametrize(
    ("left", "operator", "right", "expected"),
    [
        ("n", "<", "wide", 2), ("wide", ">", "n", 2), ("n", ">=", "wide", 1), ("i", ">=", "i", 4),
        ("n", "!=", "none", 1), ("n", "==", "n", 3), ("day", "<=", "day", 3),
    ],
)  # fmt: skip
def test_two_columns_are_compared_row_by_row(opened, left, operator, right, expected):
    assert (expected,) == opened(ROWS).count([CompareColumns(left, operator, right)])


@pytest.mark.parametrize(
    ("column", "of", "expected"),
    [("i", 2, 2), ("i", 3, 1), ("i", 0.5, 4), ("n", 0.5, 3), ("n", 1, 1), ("wide", 2, 2),
     ("tenths", 0.1, 4), ("tenths", 0.2, 1)],
)  # fmt: skip
def test_whole_multiples_are_told_though_fractions_are_inexact(opened, column, of, expected):
    rows = {**ROWS, "tenths": [0.1, 0.7, 0.3, 1e9 + 0.1, None]}

    assert (expected,) == opened(rows).count([MultipleOf(column, of)])


def test_a_fraction_is_told_however_small_it_is(opened):
    rows = {"id": [1, 2, 3, 4, 5], "x": [4.0, -2.0, 1e9 + 0.25, 0.1, None]}

    assert (2, 5) == opened(rows).count([IsWholeNumber("x"), IsWholeNumber("id")])


@pytest.mark.parametrize(
    ("sql", "expected"),
    [
        ("SELECT COUNT(*) FROM cdml_rows", 5.0),
        ('SELECT COUNT(DISTINCT "odd ""name""") FROM cdml_rows', 3.0),
        ("SELECT MAX(i) FROM cdml_rows WHERE i < 100", 3.0),
        ("SELECT MAX(i) > 5 FROM cdml_rows", 1.0),
        ("SELECT COUNT(*) FROM cdml_rows WHERE n IS NULL", 2.0),
        ("SELECT AVG(n) FROM cdml_rows", 1.0),
    ],
)
def test_a_query_gives_one_number(opened, sql, expected):
    assert (expected,) == opened(ROWS).answer([Query(sql)])


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT i FROM cdml_rows",
        "SELECT i FROM cdml_rows WHERE i = 77",
        "SELECT MAX(i) FROM cdml_rows WHERE i = 77",
        'SELECT MAX("odd ""name""") FROM cdml_rows',
        "SELECT MAX(lost) FROM cdml_rows",
    ],
)
def test_a_query_that_gives_no_number_says_so_and_the_next_is_asked(opened, sql):
    broken, fine = opened(ROWS).answer([Query(sql), Query("SELECT COUNT(*) FROM cdml_rows")])

    assert isinstance(broken, NotRun)
    assert 5.0 == fine


def test_a_query_that_breaks_at_a_value_does_not_tell_it(tmp_path):
    rows = FakeTables(tmp_path).add("rows", {"w": ["secret"]})
    table = DuckTables().open(str(rows.parquet))
    (found,) = table.answer([Query("SELECT SUM(CAST(w AS INTEGER)) FROM cdml_rows")])

    assert isinstance(found, NotRun)
    assert "secret" not in found.reason


def test_shared_rows_are_found_under_other_names(tmp_path):
    fake, duck = FakeTables(tmp_path), DuckTables()
    ours = fake.add("ours", {"customer": [1, 2, 2, None], "land": ["a", "a", "b", "b"]})
    theirs = fake.add("theirs", {"id": [1, 2], "country": ["a", "b"]})
    pairs = [(ours, theirs), (duck.open(str(ours.parquet)), duck.open(str(theirs.parquet)))]

    for table, other in pairs:
        assert 3 == table.shared(other, ["customer"], ["id"])
        assert 2 == table.shared(other, ["customer", "land"], ["id", "country"])


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT size FROM read_text('/etc/hostname')",
        "SELECT count(*) FROM glob('/etc/*')",
        "SELECT count(*) FROM read_parquet('http://127.0.0.1:1/x.parquet')",
        "COPY cdml_rows TO '/tmp/never.csv'",
        "ATTACH '/tmp/never.db'",
        "SET memory_limit = '1TB'",
        "SET enable_external_access = true",
        "INSTALL httpfs",
    ],
)
def test_the_engine_of_queries_is_locked_even_against_what_the_reader_lets_through(tmp_path, sql):
    table = DuckTables().open(str(FakeTables(tmp_path).add("rows", ROWS).parquet))
    (found,) = table.answer([Query(sql)])

    assert isinstance(found, NotRun)


def test_a_query_that_takes_too_long_is_given_up(tmp_path):
    rows = FakeTables(tmp_path).add("rows", {"a": [float(i) for i in range(30_000)]})
    slow = Query("SELECT count(*) FROM cdml_rows x, cdml_rows y, cdml_rows z WHERE x.a*y.a=z.a+.5")
    (found,) = queries.query_answers([slow], rows.parquet, (), seconds=0.3)

    assert isinstance(found, NotRun)
    assert "longer than 0.3 s" in found.reason


NUMBERS = st.floats(-1e6, 1e6, allow_subnormal=False)
FIGURES = st.one_of(
    st.builds(
        Aggregate,
        function=st.sampled_from(["mean", "sum", "minimum", "maximum", "standardDeviation"]),
        column=st.sampled_from(["n", "i"]),
    ),
    st.builds(
        Aggregate, function=st.just("quantile"), column=st.sampled_from(["n", "i"]),
        q=st.floats(0, 1),
    ),
)  # fmt: skip
_DUCK = DuckTables()


@settings(
    max_examples=40,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(
    rows=st.lists(
        st.tuples(
            st.one_of(st.none(), NUMBERS), st.one_of(st.none(), st.integers(-(2**50), 2**50))
        ),
        min_size=1,
        max_size=12,
    ),
    figures=st.lists(FIGURES, min_size=1, max_size=5),
)
def test_any_figure_is_the_one_of_plain_python(tmp_path, rows, figures):
    import pyarrow as pa
    from pyarrow import parquet

    n, i = map(list, zip(*rows, strict=True))
    path = tmp_path / "rows.parquet"
    parquet.write_table(pa.table([pa.array(n, pa.float64()), pa.array(i, pa.int64())], "ni"), path)
    _, expected = FakeTables().add("rows", {"n": n, "i": i}).compute((), figures)
    _, found = _DUCK.open(str(path)).compute((), figures)

    for ours, theirs in zip(found, expected, strict=True):
        assert isinstance(ours, NotRun) == isinstance(theirs, NotRun)
        if not isinstance(ours, NotRun):
            size = max(1.0, *(abs(v) for pair in rows for v in pair if v is not None))
            assert ours == pytest.approx(theirs, rel=1e-9, abs=1e-9 * size)
