"""The checks' SQL in the words of engines that no test can run."""

from datetime import UTC, date, datetime, time

import pytest
import sqlglot

from cdml.adapters.tables.dialects import DIALECTS, physical, translate
from cdml.adapters.tables.export import reference
from cdml.adapters.tables.sql_engine import EngineColumn
from cdml.adapters.tables.sql_table import SqlTable
from cdml.evidence.schema import DataRef
from cdml.tables.query import All, Compare, Field, In, Length, LogicalType, Matches, Missing, Not

TYPES = {
    "id": (LogicalType.INTEGER, "BIGINT"),
    "share": (LogicalType.NUMBER, "DOUBLE"),
    "flag": (LogicalType.BOOLEAN, "BOOLEAN"),
    "word": (LogicalType.STRING, "VARCHAR"),
    "day": (LogicalType.DATE, "DATE"),
    "at": (LogicalType.TIMESTAMP, "TIMESTAMP WITH TIME ZONE"),
    "hour": (LogicalType.TIME, "TIME"),
}
COLUMNS = {
    name: EngineColumn(field=Field(name=name, type=kind, physical=physical_), engine_name=name)
    for name, (kind, physical_) in TYPES.items()
}
HOSTILE = "it's \\' -- ; DROP TABLE t /* \" ` ?"


class Heard:
    """A place that keeps the questions, and answers with ones."""

    relation = "rows"
    columns = tuple(COLUMNS.values())

    def __init__(self, dialect):
        self.dialect, self.asked, self.states = dialect, [], {}

    def fetch(self, sql, parameters=()):
        self.asked.append(translate(sql, self.dialect, parameters))
        width = sqlglot.parse_one(sql, dialect="duckdb").selects
        return [(1,) * len(width)]

    fetch_rows = fetch

    def reaches(self, other):
        return other is self


@pytest.mark.parametrize("dialect", DIALECTS)
def test_every_question_is_the_engines_own_sql(dialect):
    place = Heard(dialect)
    ref = DataRef(uri="x", digest=f"sha256:{0:064}", rows=9)
    table = SqlTable(ref=ref, place=place)
    conditions = (
        *map(Missing, COLUMNS),
        Compare("share", ">", -1.5),
        Compare("day", "<", date(2013, 1, 1)),
        Compare("at", "<", datetime(2013, 1, 1, tzinfo=UTC)),
        Compare("hour", "<", time(1)),
        In("word", (HOSTILE, "b")),
        All((Length("word", "==", 3), Not(Matches("word", HOSTILE)))),
    )

    table.count(conditions)
    table.repeated(list(COLUMNS))
    table.shared(table, ["id", "word"])
    table.overlap(table, list(COLUMNS))
    table.conflicts(["id", "share"], "flag")
    table.extent("share")
    reference(place, tuple(COLUMNS.values()), "x")

    assert len(place.asked) == 7
    for sql in place.asked:
        [parsed] = sqlglot.parse(sql, dialect=dialect)
        assert parsed.key == "select"
        assert not list(parsed.find_all(sqlglot.exp.Placeholder))


@pytest.mark.parametrize("dialect", DIALECTS)
def test_a_value_stays_one_literal_whatever_is_in_it(dialect):
    sql = translate("SELECT count(*) FROM t WHERE a = ?", dialect, [HOSTILE])

    literals = list(sqlglot.parse_one(sql, dialect=dialect).find_all(sqlglot.exp.Literal))

    assert [HOSTILE] == [literal.this for literal in literals]


@pytest.mark.parametrize(
    ("kind", "dialect", "expected"),
    [
        ("DOUBLE PRECISION", "postgres", "DOUBLE"),
        ("NUMERIC(10, 2)", "postgres", "DECIMAL(10, 2)"),
        ("CHARACTER VARYING(3)", "postgres", "VARCHAR"),
        ("timestamp", "spark", "TIMESTAMP WITH TIME ZONE"),
        ("array<int>", "spark", "INT[]"),
        ("NUMBER(38, 0)", "snowflake", "DECIMAL(38, 0)"),
        ("FLOAT64", "bigquery", "DOUBLE"),
        ("a kind of its own", "postgres", "A KIND OF ITS OWN"),
    ],
)
def test_types_have_the_names_they_have_in_files(kind, dialect, expected):
    assert expected == physical(kind, dialect)


def test_postgres_reckons_a_figure_of_a_subquery_once():
    """It would put the expression into each place that reads it: a hash was made 28 times a row."""
    twice = "SELECT sum(h), max(h) FROM (SELECT md5(word) AS h FROM rows) AS hashed"
    assert "OFFSET 0" in translate(twice, "postgres")
    assert "OFFSET" not in translate(twice, "spark")


@pytest.mark.parametrize(
    "query",
    [
        "SELECT sum(h) FROM (SELECT md5(word) AS h FROM rows) AS hashed",
        "SELECT sum(h), max(h) FROM (SELECT word AS h FROM rows) AS named",
        "SELECT sum(h), max(h) FROM (SELECT md5(word) AS h FROM rows LIMIT 3) AS few",
        "SELECT sum(h), max(h) FROM rows",
    ],
)
def test_postgres_may_look_into_other_subqueries(query):
    assert "OFFSET" not in translate(query, "postgres")
