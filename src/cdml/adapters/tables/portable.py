"""A contract's own queries where no engine can be locked up: only what is surely harmless is asked.

On a file, an engine of their own runs them, which can open nothing else. A database or a cluster
has functions that nobody here knows, so that there a query may call those alone that mean the
same in every dialect.
"""

from collections.abc import Callable, Sequence
from typing import Any

import sqlglot
from sqlglot import exp

from cdml.adapters.tables.queries import SECONDS, number
from cdml.adapters.tables.sql_engine import Column, quote
from cdml.tables.query import ROWS, NotRun, Query

__all__ = ["SECONDS", "answers"]


def answers(
    queries: Sequence[Query],
    relation: str,
    columns: Sequence[Column],
    ask: Callable[[str], Sequence[Any] | NotRun],
) -> tuple[float | NotRun, ...]:
    """The number each query gives; NaN is NULL to it.

    Args:
        queries: what is asked.
        relation: the rows, for FROM.
        columns: of the rows.
        ask: gives the rows of an answer to a question in DuckDB's words.
    """
    return tuple(_answer(query, relation, columns, ask) for query in queries)


def _answer(
    query: Query,
    relation: str,
    columns: Sequence[Column],
    ask: Callable[[str], Sequence[Any] | NotRun],
) -> float | NotRun:
    tree = sqlglot.parse_one(query.sql, dialect="duckdb")
    unknown = sorted({call.name.lower() for call in tree.find_all(exp.Anonymous)})
    if unknown:
        return NotRun(f"{unknown[0]} is a function of files' own engine, and this table is no file")
    one = exp.Subquery(this=_bound(tree, relation, columns), alias=exp.to_identifier("one"))
    found = ask(exp.select("*").from_(one).limit(2).sql(dialect="duckdb"))
    return found if isinstance(found, NotRun) else number(found)


def _bound(tree: exp.Expr, relation: str, columns: Sequence[Column]) -> exp.Expr:
    """The query over these rows; names as the table writes them, whatever their case."""
    written = {column.engine_name.casefold(): column.engine_name for column in columns}
    for name in tree.find_all(exp.Identifier):
        plain = name.name.casefold()
        name.replace(exp.to_identifier(written.get(plain, plain), quoted=True))
    for table in list(tree.find_all(exp.Table)):
        if table.name == ROWS:
            rows = sqlglot.parse_one(_rows(relation, columns), dialect="duckdb")
            table.replace(exp.Subquery(this=rows, alias=table.args.get("alias")))
    return tree


def _rows(relation: str, columns: Sequence[Column]) -> str:
    plain = (
        f"CASE WHEN NOT isnan({quote(c.engine_name)}) THEN {quote(c.engine_name)} END"
        f" AS {quote(c.engine_name)}"
        if c.has_nan
        else quote(c.engine_name)
        for c in columns
    )
    return f"SELECT {', '.join(plain)} FROM {relation}"
