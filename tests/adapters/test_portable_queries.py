"""A contract's queries outside files: told with the table's names, and only where they are safe."""

import pytest
import sqlglot

from cdml.adapters.tables import dialects
from cdml.adapters.tables.dialects import DIALECTS, translate
from cdml.adapters.tables.sql_engine import EngineColumn
from cdml.data.odcs.sql_rules import read_query
from cdml.tables.query import Field, LogicalType, NotRun

COLUMNS = tuple(
    EngineColumn(field=Field(name=name, type=kind, physical=physical), engine_name=name)
    for name, kind, physical in (
        ("Delay", LogicalType.NUMBER, "DOUBLE"),
        ("carrier", LogicalType.STRING, "VARCHAR"),
    )
)


def asked(query):
    """The question of an engine, or why there is none."""
    questions = []
    answer = dialects.answer_query(
        read_query(query, ["flights"], None),
        '"main"."flights"',
        COLUMNS,
        lambda sql: questions.append(sql) or [(1,)],
    )
    return questions[0] if questions else answer


@pytest.mark.parametrize("dialect", DIALECTS)
def test_names_are_those_of_the_table_whatever_their_case(dialect):
    told = asked("SELECT avg(delay) FROM ${table} WHERE CARRIER = 'x' AND flights_ IS NULL")
    tree = sqlglot.parse_one(translate(told, dialect), dialect=dialect)
    names = {column.name for column in tree.find_all(sqlglot.exp.Column)}

    assert {"Delay", "carrier", "flights_"} == names - {"*"}
    assert {"flights"} == {table.name for table in tree.find_all(sqlglot.exp.Table)}


def test_nan_is_null_before_the_query_sees_it():
    assert 'CASE WHEN NOT ISNAN("Delay") THEN "Delay" END AS "Delay"' in asked(
        "SELECT max(Delay) FROM flights"
    )


@pytest.mark.parametrize("call", ["my_function(carrier)", "evil()"])
def test_functions_that_nobody_here_knows_are_not_called(call):
    told = asked(f"SELECT count({call}) FROM flights")  # noqa: S608 - our own words

    assert isinstance(told, NotRun)
    assert call.partition("(")[0] in told.reason


def test_an_answer_is_one_number_of_at_most_two_rows():
    assert asked("SELECT count(*) FROM flights").endswith("LIMIT 2")
