"""Queries of a contract: one SELECT over the contract's own table, found so before it is run.

Whatever is not known to be harmless is refused. An engine that runs a query still keeps it from
files, the network and settings: two locks, because a parser and an engine may read differently.
"""

import re
from collections.abc import Collection

import sqlglot
from sqlglot import errors, exp

from cdml.common.suggest import describe_unknown
from cdml.data.odcs.repeatable_sql import called, varying
from cdml.tables.query import EVERY_COLUMN, ROWS, Query

_TABLE = frozenset({"table", "object", "schema", "model"})
_COLUMN = frozenset({"column", "property", "field"})
# `{3}` counts in a regular expression, and `\p{Lu}` names a class in one.
_PLACEHOLDER = re.compile(r"(?P<quote>[\"`]?)(?<!\\p)(?<!\\P)\$?\{(?P<name>[A-Za-z_]+)\}(?P=quote)")
_READS = re.compile(
    r"read_|scan_|glob$|getenv|current_setting|set_config|getvariable|query$|query_table|pragma|"
    r"duckdb_|http|load|install|shell|nextval|currval|sniff|parquet_|which_secret|sqlite|postgres|"
    r"mysql|iceberg|delta|attach|import|export|copy|write|pg_|lo_|dblink|java_|reflect|sys|txid|"
    r".*_scan$"
)


class UnsafeQuery(ValueError):
    """A query that may not be run, and why."""


def read_query(written: str, tables: Collection[str], column: str | None) -> Query:
    """Read a query, its placeholders filled in.

    `${table}` or `{object}` stands for the table, `${column}` or `{property}` for the column.

    Raises:
        UnsafeQuery: it is not one SELECT, or reads or does anything but read the table's rows.
    """
    text = _PLACEHOLDER.sub(lambda match: _filled(match, column), written)
    try:
        tokens = sqlglot.tokenize(text, dialect="duckdb")
        if not tokens or tokens[0].text.upper() not in ("SELECT", "WITH", "FROM"):
            statement = tokens[0].text.upper() if tokens else "nothing"
            raise UnsafeQuery(f"the query must be a SELECT, not {statement}")
        statements = sqlglot.parse(text, dialect="duckdb")
    except errors.SqlglotError as error:
        problem = str(error).splitlines()[0]
        if details := getattr(error, "errors", None):
            [first, *_] = details
            problem = f"{first['description'].rstrip('.')} (line {first['line']} of it)"
        raise UnsafeQuery(f"the query is not valid SQL: {problem}") from error
    except RecursionError as error:
        raise UnsafeQuery("the query nests too deeply") from error
    [tree, *others] = statements
    if others or not isinstance(tree, exp.Select):
        raise UnsafeQuery("the query must be one SELECT and nothing else")
    if len(tree.expressions) != 1 or tree.is_star:
        columns = "all columns" if tree.is_star else f"{len(tree.expressions)} columns"
        raise UnsafeQuery(f"the query must return one number, not {columns}")
    _refuse(tree)
    _own_rows(tree, tables)
    return Query(sql=tree.sql(dialect="duckdb"), reveals=_reveals(tree))


def _filled(match: re.Match[str], column: str | None) -> str:
    name = match["name"].lower()
    if name in _TABLE:
        return ROWS
    if name in _COLUMN:
        if column is None:
            raise UnsafeQuery(f"{match[0]} means a column, but the rule belongs to the table")
        return '"' + column.replace('"', '""') + '"'
    raise UnsafeQuery(describe_unknown("placeholder", name, _TABLE | _COLUMN))


def _refuse(tree: exp.Expression) -> None:
    writes = (
        exp.Insert, exp.Update, exp.Delete, exp.Merge, exp.Create, exp.Drop, exp.Alter, exp.Copy,
        exp.Command, exp.Into, exp.Lock, exp.Set, exp.Pragma, exp.Attach, exp.Detach, exp.Use,
        exp.TruncateTable, exp.Transaction, exp.Commit, exp.Rollback,
    )  # fmt: skip
    given = (exp.Placeholder, exp.Parameter, exp.SessionParameter)
    for node in tree.walk():
        if isinstance(node, writes):
            raise UnsafeQuery(f"the query may only read, but contains {node.key.upper()}")
        if isinstance(node, given):
            raise UnsafeQuery(f"the query has a placeholder: {node.sql(dialect='duckdb')}")
        if isinstance(node, exp.Func) and _READS.match(called(node)):
            raise UnsafeQuery(
                f"the query may not call {called(node)}, which can read more than the rows"
            )
    if (why := varying(tree)) is not None:
        raise UnsafeQuery(why)


def _reveals(tree: exp.Select) -> tuple[str, ...]:
    """The columns read, unless the number is made of counts alone."""

    def counted(node: exp.Expression) -> exp.Expression:
        return exp.null() if isinstance(node, exp.Count | exp.CountIf) else node

    outside = tree.expressions[0].transform(counted)
    if not any(outside.find_all(exp.Column, exp.Star, exp.Columns, exp.Subquery)):
        return ()
    rows = {table.alias.casefold() for table in tree.find_all(exp.Table)}
    names = {column.name for column in tree.find_all(exp.Column)}
    # A star, a pattern of names or the name of the table itself stands for whole rows.
    counts_every_column = any(tree.transform(counted).find_all(exp.Star, exp.Columns))
    if counts_every_column or any(name.casefold() in rows for name in names):
        return (EVERY_COLUMN,)
    return tuple(sorted(names))


def _own_rows(tree: exp.Expression, tables: Collection[str]) -> None:
    """Let every table be the contract's own, and give it the name an engine will know it by."""
    own = {name.casefold() for name in (*tables, ROWS)}
    steps = {step.alias.casefold() for step in tree.find_all(exp.CTE)}
    if own & steps:
        raise UnsafeQuery(f"a step of the query has the name of the table: {min(own & steps)}")
    reads_own_rows = False
    for table in list(tree.find_all(exp.Table)):
        if not isinstance(table.this, exp.Identifier):
            raise UnsafeQuery(f"the query may not read from {table.sql(dialect='duckdb')}")
        name = ".".join(part.name for part in table.parts)
        if name.casefold() in own:
            reads_own_rows = True
            if not table.alias:
                table.set("alias", exp.TableAlias(this=exp.to_identifier(table.name, quoted=True)))
            for part in ("db", "catalog"):
                table.set(part, None)
            table.set("this", exp.to_identifier(ROWS))
        elif name.casefold() not in steps:
            raise UnsafeQuery(
                f"a rule may only read its own table; {describe_unknown('table', name, tables)}"
            )
    if not reads_own_rows:
        raise UnsafeQuery(
            f"the query reads no rows; it must select from {min(tables, default=ROWS)}"
        )
