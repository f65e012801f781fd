"""What every engine answers, and the fake with it: the fake is plain Python, and the oracle."""

import math
from datetime import UTC, date, datetime, time, timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pyarrow import parquet as pq

from cdml.adapters.tables.duckdb_tables import DuckTables
from cdml.errors import InputError
from cdml.tables.query import (
    All,
    Compare,
    Either,
    In,
    Length,
    LogicalType,
    Matches,
    Missing,
    Not,
    NotRun,
)
from cdml.tables.table import Since, open_since
from fakes.tables import FakeTables

NOON = datetime.fromisoformat("2013-01-01T12:00:00")
ROWS = {
    "id": [1, 2, 3, 4, 5],
    'a "quoted" name': ["x", "it's", None, "ü", "x"],
    "select": [0.5, math.nan, None, math.inf, -math.inf],
    "flag": [True, False, None, True, True],
    "Größe": [1, None, 3, 3, 3],
    "day": [date(2013, 1, 1), date(2013, 6, 1), None, date(2014, 1, 1), date(2013, 1, 1)],
    "at": [NOON, None, NOON + timedelta(hours=12), NOON + timedelta(days=2), None],
    "hour": [time(1), time(2, 30), None, time(23), time(1)],
}


def engines(tmp_path):
    fake = FakeTables(tmp_path)
    yield lambda rows: fake.add("rows", rows)
    duck = DuckTables()
    yield lambda rows: duck.open(str(fake.add("rows", rows).parquet))


SPARK = [
    pytest.mark.xdist_group("spark"),
    # Its client leaves the closing of sockets to the collector of garbage.
    pytest.mark.filterwarnings(
        "ignore:Exception ignored in. <socket.socket:pytest.PytestUnraisableExceptionWarning"
    ),
    pytest.mark.filterwarnings("ignore:unclosed <socket.socket:ResourceWarning"),
]


@pytest.fixture(
    params=[
        "fake",
        "duckdb",
        pytest.param("postgres", marks=pytest.mark.xdist_group("postgres")),
        pytest.param("spark", marks=SPARK),
    ]
)
def opened(request, tmp_path):
    fake, duck = engines(tmp_path)
    if request.param in {"fake", "duckdb"}:
        return fake if request.param == "fake" else duck
    open_ = request.getfixturevalue(f"{request.param}_tables")
    return lambda rows: open_(FakeTables(tmp_path).add("rows", rows).parquet)


def test_the_columns_are_told_with_their_logical_types(opened):
    found = {field.name: field.type for field in opened(ROWS).fields}

    assert {
        "id": LogicalType.INTEGER,
        'a "quoted" name': LogicalType.STRING,
        "select": LogicalType.NUMBER,
        "flag": LogicalType.BOOLEAN,
        "Größe": LogicalType.INTEGER,
        "day": LogicalType.DATE,
        "at": LogicalType.TIMESTAMP,
        "hour": LogicalType.TIME,
    } == found


TIMES = {
    "all are known": [NOON + timedelta(hours=n) for n in range(5)],
    "with a zone": [NOON.replace(tzinfo=UTC) + timedelta(hours=n) for n in range(5)],
    "one is missing": [NOON, None, NOON + timedelta(hours=2), NOON, NOON],
    "none is known": [None, None, None, None, None],
    "numbers": [1, 2, 3, 4, 5],
}


def recent_engine(kind, tmp_path, times):
    """The tables, and where five rows lie, in a file each if there are files."""
    fake, address = FakeTables(tmp_path), "rows"
    fake.add(address, {"id": [0, 1, 2, 3, 4], "at": times})
    if kind == "fake":
        return fake, address
    folder = tmp_path / "log"
    folder.mkdir()
    for row, at in enumerate(times):
        one = fake.add("one", {"id": [row], "at": [at]}).parquet
        one.rename(folder / f"{row}.parquet")
    return DuckTables(), str(folder / "*.parquet")


@pytest.mark.parametrize("times", TIMES)
@pytest.mark.parametrize("hours", [-1, 3, 9])
@pytest.mark.parametrize("kind", ["fake", "duckdb"])
def test_only_rows_that_are_known_to_be_older_are_left_out(tmp_path, kind, times, hours):
    tables, address = recent_engine(kind, tmp_path, TIMES[times])
    moment = NOON.replace(tzinfo=UTC) + timedelta(hours=hours)

    recent = open_since(tables, address, {}, Since(column="at", moment=moment))

    by_name = dict(zip(range(5), TIMES[times], strict=True))
    known = {n: at.replace(tzinfo=UTC) for n, at in by_name.items() if isinstance(at, datetime)}
    newest = max(known.values(), default=moment)
    older = {n for n, at in known.items() if at < min(moment, newest)}
    read = {row["id"] for row in pq.read_table(recent.parquet).to_pylist()}
    assert set(range(5)) - older <= read
    assert len(known) < 5 or set(range(5)) - older == read
    columns = [(one.name, one.type) for one in tables.open(address).fields]
    assert columns == [(one.name, one.type) for one in recent.fields]


@pytest.mark.parametrize("kind", ["fake", "duckdb"])
def test_all_rows_are_read_where_the_column_of_times_is_not_there(tmp_path, kind):
    tables, address = recent_engine(kind, tmp_path, TIMES["all are known"])
    moment = NOON.replace(tzinfo=UTC) + timedelta(hours=3)

    assert 5 == open_since(tables, address, {}, Since(column="when", moment=moment)).ref.rows


def test_rows_are_counted(opened):
    assert opened(ROWS).ref.rows == 5


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        (Missing("select"), 2),
        (Not(Missing("select")), 3),
        (Compare("select", ">", 0), 2),
        (Compare("select", "<", 0), 1),
        (Compare("select", "!=", 0.5), 2),
        (Not(Compare("select", ">", 0)), 3),
        (Compare("Größe", "==", 3), 3),
        (Compare("flag", "==", value=True), 3),
        (Compare("day", ">=", date(2013, 6, 1)), 2),
        (Compare("at", "<", datetime(2013, 1, 2, tzinfo=UTC)), 1),
        (Compare("hour", "<=", time(2, 30)), 3),
        (In('a "quoted" name', ("x", "it's")), 3),
        (In("id", ()), 0),
        (Length('a "quoted" name', "==", 1), 3),
        (Matches('a "quoted" name', "^[a-z]'?"), 3),
        (All(()), 5),
        (Either(()), 0),
        (
            All(
                (
                    Compare("id", ">", 1),
                    Either((Missing("flag"), Compare("flag", "==", value=False))),
                )
            ),
            2,
        ),
    ],
    ids=repr,
)
def test_a_condition_is_true_or_false_of_every_row(opened, condition, expected):
    assert (expected,) == opened(ROWS).count([condition])


def test_no_conditions_need_no_answer(opened):
    assert () == opened(ROWS).count([])


def test_a_condition_that_cannot_be_asked_does_not_silence_the_others(opened):
    broken, fine = opened(ROWS).count([Matches('a "quoted" name', "("), Missing("Größe")])

    assert isinstance(broken, NotRun)
    assert fine == 1


def test_repeated_rows_are_those_after_the_first(opened):
    table = opened(ROWS)

    assert (0, 2, 1) == (
        table.repeated(["id"]),
        table.repeated(["Größe"]),
        table.repeated(["Größe", "flag"]),
    )


def test_a_column_may_be_called_as_the_query_calls_its_own(opened):
    found = opened({"w": ["a", "a", "b"], "v": ["x", "y", "z"], "n": [1, 2, 3]})

    assert (("a", 2), ("b", 1)) == found.frequencies("w", 5)
    assert {"a": (2, 1), "b": (1, 0)} == found.count_by("w", [Compare("n", "<", 2)], 5)


def test_rows_are_counted_within_the_most_frequent_values(opened):
    asked = [Missing("select"), Compare("select", ">", 0)]
    found = opened(ROWS).count_by('a "quoted" name', asked, 2)

    assert {"x": (2, 0, 1), "it's": (1, 1, 0)} == found
    assert ["x", "it's"] == list(found)
    assert {True: (3,), False: (1,)} == opened(ROWS).count_by("flag", [], 5)


def test_frequencies_come_largest_first_and_ties_by_value(opened):
    assert (("x", 2), ("it's", 1)) == opened(ROWS).frequencies('a "quoted" name', 2)


def test_examples_are_the_first_rows_counted_from_one(opened):
    table = opened(ROWS)

    assert ((2, None), (3, None)) == table.examples(Missing("select"), "select", 5)
    assert ((4, math.inf),) == table.examples(Compare("select", ">", 0.5), "select", 1)


def test_a_sample_holds_numbers_and_seconds_and_text(opened):
    found = opened(ROWS).sample(["select", "flag", "day", "at", "hour", 'a "quoted" name'], 100)

    assert [0.5, None, None, math.inf, -math.inf] == list(found["select"])
    assert [1.0, 0.0, None, 1.0, 1.0] == list(found["flag"])
    assert 1356998400.0 == found["day"][0]
    assert 1357041600.0 == found["at"][0]
    assert 9000.0 == found["hour"][1]
    assert ["x", "it's", None, "ü", "x"] == list(found['a "quoted" name'])


def test_a_sample_is_no_larger_than_asked_and_the_same_again(opened):
    table = opened({"id": list(range(5000))})

    once = table.sample(["id"], 100)
    assert 50 <= len(once["id"]) <= 100
    assert list(once["id"]) == list(table.sample(["id"], 100)["id"])


def test_shared_rows_are_found_by_all_columns_together(tmp_path):
    for opened in engines(tmp_path):
        table = opened(ROWS)
        other = opened({"id": [1, 2, 9], "Größe": [1, 2, None]})

        assert (2, 1) == (table.shared(other, ["id"]), table.shared(other, ["id", "Größe"]))


def test_the_parquet_file_holds_the_rows(opened):
    from pyarrow import parquet

    assert ROWS["id"] == parquet.read_table(opened(ROWS).parquet)["id"].to_pylist()


NUMBERS = st.one_of(st.none(), st.floats(width=64), st.sampled_from([0.0, 1.0, -1.0]))
WORDS = st.one_of(st.none(), st.text(st.characters(exclude_categories=["Cs"]), max_size=5))
INTEGERS = st.one_of(st.none(), st.integers(-(2**53), 2**53))
COLUMNS = ["n", 'i"; drop table x --', "w"]
LEAVES = st.one_of(
    st.builds(Missing, st.sampled_from(COLUMNS)),
    st.builds(
        Compare,
        st.just("n"),
        st.sampled_from(["<", "<=", ">", ">=", "==", "!="]),
        st.floats(allow_nan=False),
    ),
    st.builds(
        Compare,
        st.just(COLUMNS[1]),
        st.sampled_from(["<", "<=", ">", ">=", "==", "!="]),
        st.integers(-(2**53), 2**53),
    ),
    st.builds(Length, st.just("w"), st.sampled_from(["<", ">", "=="]), st.integers(0, 5)),
    st.builds(In, st.just("w"), st.lists(WORDS.filter(bool), max_size=3).map(tuple)),
)
CONDITIONS = st.recursive(
    LEAVES,
    lambda inner: st.one_of(
        st.builds(Not, inner),
        st.builds(All, st.lists(inner, max_size=3).map(tuple)),
        st.builds(Either, st.lists(inner, max_size=3).map(tuple)),
    ),
    max_leaves=5,
)
_DUCK = DuckTables()


@settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(
    rows=st.lists(st.tuples(NUMBERS, INTEGERS, WORDS), min_size=1, max_size=8),
    conditions=st.lists(CONDITIONS, min_size=1, max_size=6),
)
def test_any_condition_counts_the_same_rows_as_plain_python(tmp_path, rows, conditions):
    import pyarrow as pa
    from pyarrow import parquet

    data = dict(zip(COLUMNS, map(list, zip(*rows, strict=True)), strict=True))
    kinds = [pa.float64(), pa.int64(), pa.string()]
    path = tmp_path / "rows.parquet"
    parquet.write_table(
        pa.table(
            [pa.array(data[c], kind) for c, kind in zip(COLUMNS, kinds, strict=True)], COLUMNS
        ),
        path,
    )
    expected = FakeTables().add("rows", data)
    found = _DUCK.open(str(path))

    assert expected.count(conditions) == found.count(conditions)
    assert expected.repeated(COLUMNS[1:]) == found.repeated(COLUMNS[1:])


def test_what_does_not_exist_is_an_input_error(tmp_path):
    for tables in (FakeTables(), DuckTables()):
        with pytest.raises(InputError):
            tables.open(str(tmp_path / "none.parquet"))


def test_a_pattern_that_explodes_elsewhere_takes_no_time(tmp_path):
    words = [f"{'a' * length}!" for length in range(2000)]
    table = DuckTables().open(str(FakeTables(tmp_path).add("rows", {"w": words}).parquet))

    # Python's own engine would take longer than the universe has been there.
    assert (0,) == table.count([Matches("w", "^(a|a)*(a+)+$")])
