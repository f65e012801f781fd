"""An engine gives DuckDB's figures for rows made for the purpose, or its figures are refused."""

from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import sqlglot
from sqlalchemy import create_engine

from cdml.adapters.predictions.proof import Proof
from cdml.adapters.predictions.sql_store import RemoteEngine, SqlSamples
from cdml.adapters.tables.dialects import translate
from cdml.adapters.tables.warehouse import DatabaseTable
from cdml.errors import ConfigurationError, InputError, ServiceError
from cdml.evaluation.prediction_store import Layout
from cdml.statistics.metrics import Statistic, Task, find_metric
from cdml.tables.query import LogicalType
from fakes.predictions import BINARY, GENERATION, MULTICLASS, REGRESSION, binary, of, rival
from fakes.sql_places import place_tables

pytestmark = pytest.mark.long

GOLDEN = Path(__file__).parents[1] / "golden"
METRICS = tuple(map(find_metric, ("f1", "log_loss", "roc_auc", "mean(cents)")))
PLAIN = replace(BINARY, slices=("carrier",), sensitive=None)


@pytest.fixture
def files(tmp_path):
    rows = {"a": binary(60), "b": rival(binary(60))}
    for name, some in rows.items():
        pq.write_table(pa.Table.from_pylist(some), tmp_path / f"{name}.parquet")
    return {name: tmp_path / f"{name}.parquet" for name in rows}


def reduced(tables, samples=None, metrics=METRICS):
    return (samples or SqlSamples()).reduce(tables["a"], tables["b"], PLAIN, metrics)


@pytest.mark.parametrize("dialect", ["duckdb", "mysql", "snowflake"])
def test_an_engine_with_duckdbs_figures_is_trusted_and_the_evidence_says_so(files, dialect):
    tables, samples = place_tables(files, dialect), SqlSamples()
    before = samples.describe_proof(tables["a"])
    parts = reduced(tables, samples)

    [sentence] = samples.describe_proof(tables["a"])

    assert () == before
    assert 60 == parts[0].rows
    assert f"The figures are those of {dialect}, which before gave DuckDB's for 48 rows" in sentence


def test_what_was_proven_is_not_asked_again(files):
    tables, samples = place_tables(files), SqlSamples()
    asked = tables["a"].place.asked
    counts = []
    for metrics in (METRICS, METRICS, METRICS[:1]):
        asked.clear()
        reduced(tables, samples, metrics)
        counts.append(sum("cdml_rows" in sql for sql in asked))

    first, again, other = counts
    assert first > 0
    assert again == 0
    assert other > 0


def on(words, change):
    """A lie: answers to statements with these words are changed."""

    def say(sql, rows):
        return change(rows) if words in sql else rows

    return say


def one_more(rows):
    """The last number of the first row, off by a part in a hundred million."""
    *others, last = rows[0]
    return [(*others, last + max(abs(last) // 10**8, 1)), *rows[1:]]


LIES = {
    "a sum is off": (on("t10", one_more), r"log_loss.*: \w+ is .*, not "),
    "a row is lost": (on("GROUPING SETS", lambda rows: rows[:-1]), "it refuses some rows"),
    "case counts not": (
        on("AS many", lambda rows: [(rows[0][0] - 1, *rows[0][1:])]),
        "repeat the key",
    ),
    "numbers are others": (
        on("GROUPING SETS", lambda rows: [(*row[:-1], float("nan")) for row in rows]),
        "log_loss|cannot be read",
    ),
    "NaN is a probability": (
        on("AS wrong", lambda rows: [row for row in rows if row[0] is None]),
        "accepts all rows|DuckDB refuses some rows",
    ),
    "slices are in another order": (
        on("ORDER BY 3 DESC", lambda rows: rows[::-1]),
        "the slices and their rows are",
    ),
    "answers have another shape": (
        on("WITH ranked_0", lambda rows: [r[:3] for r in rows]),
        "cannot be read",
    ),
}


@pytest.mark.parametrize("lie", LIES)
def test_an_engine_that_lies_is_refused_with_the_figure(files, lie):
    say, reason = LIES[lie]
    tables = place_tables(files, "oracle", say)

    with pytest.raises(ConfigurationError, match=reason) as caught:
        reduced(tables)

    assert "oracle does not add up predictions as DuckDB does" in caught.value.message
    assert "Write the predictions to Parquet files" in caught.value.hint
    assert not any("SELECT * FROM a)" in sql for sql in tables["a"].place.asked[5:])


def test_a_statement_that_an_engine_cannot_run_is_told(files):
    def say(sql, rows):
        if "GROUPING SETS" in sql:
            raise duckdb.ParserException("no sets here")
        return rows

    with pytest.raises(ServiceError, match=r"oracle does not run the statements.*no sets here"):
        reduced(place_tables(files, "oracle", say))


def test_columns_that_take_different_texts_as_equal_are_refused(files):
    say = on("DISTINCT MD5", lambda rows: [(len(rows), 2)])

    with pytest.raises(InputError, match="2 different texts, which its collation counts as 1"):
        reduced(place_tables(files, "tsql", say))


KINDS = {
    LogicalType.BOOLEAN: pa.bool_(),
    LogicalType.INTEGER: pa.int64(),
    LogicalType.NUMBER: pa.float64(),
    LogicalType.STRING: pa.string(),
    LogicalType.DATE: pa.date32(),
    LogicalType.TIMESTAMP: pa.timestamp("us"),
    LogicalType.TIME: pa.time64("us"),
}
TASKS = {
    Task.BINARY: BINARY,
    Task.MULTICLASS: MULTICLASS,
    Task.REGRESSION: REGRESSION,
    Task.GENERATION: GENERATION,
}


@pytest.mark.parametrize("task", TASKS)
@pytest.mark.parametrize("kind", KINDS)
def test_rows_of_every_type_can_be_added_up(tmp_path, task, kind):
    label = pa.float64() if task is Task.REGRESSION and not kind.numeric else KINDS[kind]
    columns = {
        "k": KINDS[kind],
        "y": label,
        "prediction": label,
        "s": KINDS[kind],
        "v": pa.float64(),
    }
    path = tmp_path / "a.parquet"
    pq.write_table(pa.table({n: pa.array([None], type_) for n, type_ in columns.items()}), path)
    layout = Layout(
        key=("k",), label="y", slices=("s",), task=task, positive=None, max_slices=9, sensitive="s"
    )
    metrics = tuple(
        one
        for one in (*of(task), find_metric("mean(v)"))
        if one.family.reads is not Statistic.CASES and one.name != "roc_auc_ovr"
    )
    place = place_tables({"a": path})["a"].place
    proof = Proof(files=[Described(place), Described(place)], layout=layout, metrics=metrics)

    proof.run(lambda rows: in_place(place, rows))


class Described:
    """Predictions of which only the types are known."""

    def __init__(self, place):
        self.fields = {one.field.name: one.field for one in place.columns}


def in_place(place, rows):
    places = place.with_rows({name: (one.sql, one.columns) for name, one in rows.items()})
    return RemoteEngine(places[0]), [one.relation for one in places]


@pytest.mark.parametrize("dialect", ["bigquery", "snowflake", "trino", "databricks"])
def test_the_statements_in_the_words_of_warehouses(files, dialect, request):
    tables = place_tables(files, dialect)
    reduced(tables, metrics=METRICS[:3])
    asked = [sql for sql in tables["a"].place.asked if "cdml_rows" in sql]
    for sql in asked:
        [parsed] = sqlglot.parse(sql, dialect=dialect)
        assert parsed.key == "select"
    text = "".join(f"{sql};\n" for sql in dict.fromkeys(asked))
    golden = GOLDEN / f"predictions.{dialect}.sql"
    if request.config.getoption("--update-golden"):
        golden.write_text(text, encoding="utf-8")

    assert golden.read_text(encoding="utf-8") == text


@pytest.mark.parametrize(
    ("dialect", "words"),
    [
        ("snowflake", "'-inf'"),
        ("bigquery", "BIGNUMERIC"),
        ("mysql", "-1.7976931348623157E+308"),
    ],
)
def test_words_that_an_engine_has_otherwise(dialect, words):
    sql = "SELECT sum(CAST(a AS DECIMAL(38, 0))) FROM t WHERE b > CAST('-Infinity' AS DOUBLE)"

    assert words in translate(sql, dialect)


@pytest.mark.parametrize("number", [-(2**52) - 1, -(2**20), -1, 0, 1, 2**40 + 7, 2**59])
def test_bits_are_shifted_alike_where_numbers_below_zero_are_shifted_otherwise(number):
    [(shifted,)] = duckdb.sql(translate(f"SELECT ({number}) >> 20", "duckdb")).fetchall()

    assert shifted == number >> 20


def test_groupings_are_queries_of_their_own_where_there_are_no_sets_of_them():
    sql = (
        "SELECT a, b, count(*) AS n FROM (VALUES (1, 2), (1, 3)) AS t(a, b)"
        " GROUP BY GROUPING SETS ((a, b), (a), ())"
    )
    alone = sqlglot.transpile(translate(sql, "mysql"), read="mysql", write="duckdb")[0]

    assert "GROUPING" not in alone
    assert sorted(map(str, duckdb.sql(sql).fetchall())) == sorted(
        map(str, duckdb.sql(alone).fetchall())
    )


def test_data_is_not_checked_where_no_check_was_translated():
    engine = create_engine("sqlite://")
    place = DatabaseTable(
        name="t", uri="mysql://h/db#t", dialect="mysql", columns=(), engine=engine
    )

    with pytest.raises(ConfigurationError, match="does not check data in mysql"):
        place.fetch("SELECT 1")
    assert Decimal(1) == place.fetch_rows("SELECT 1")[0][0]
