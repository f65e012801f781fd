"""The checks' SQL, written in DuckDB's dialect, in the dialects of other engines.

sqlglot translates. Where engines mean different things by the same word, the differences are
corrected here: NaN, seconds since 1970, time zones.

A contract's own queries run on files in an engine that can open nothing else. A database or a
cluster cannot be locked up like that and has functions that nobody here knows, so a query may call
only those that mean the same in every dialect.
"""

import math
import sys
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime, time
from functools import partial
from typing import Any

import sqlglot
from sqlglot import exp

from cdml.adapters.tables.queries import single_number
from cdml.adapters.tables.sql_engine import EngineColumn, logical_type, quote
from cdml.tables.query import ROWS, LogicalType, NotRun, Query

_MOMENTS = {datetime: "TIMESTAMP", date: "DATE", time: "TIME"}
"""A datetime is a date too, so it comes first."""

Rewrite = Callable[[exp.Expr], exp.Expr]

_SAME_TYPES = {"TEXT": "VARCHAR", "TIMESTAMPTZ": "TIMESTAMP WITH TIME ZONE", "REAL": "FLOAT",
               "INT": "INTEGER"}  # fmt: skip


def translate(sql: str, dialect: str, parameters: Sequence[Any] = ()) -> str:
    """A query in DuckDB's words for another engine, its bound values (`?`) put in as literals."""
    values = iter(parameters)
    own = _REWRITES.get(dialect, _shift)

    def rewrite(node: exp.Expr) -> exp.Expr:
        if isinstance(node, exp.Placeholder):
            node = _literal(next(values))
        node = _plain_sums(node)
        return own(node)

    tree = sqlglot.parse_one(sql, dialect="duckdb").transform(rewrite)
    if dialect in _WITHOUT_SETS:
        tree = _grouped_apart(tree)
    # What such an engine lacks shows where it proves itself; see `predictions/proof.py`.
    levels = sqlglot.ErrorLevel
    level = levels.WARN if dialect in DIALECTS else levels.IGNORE
    return str(tree.sql(dialect=dialect, unsupported_level=level))


def physical(kind: str, dialect: str) -> str:
    """DuckDB's name of another engine's type; its own name where there is none."""
    try:
        named = exp.DataType.build(kind, dialect=dialect).sql(dialect="duckdb")
    except sqlglot.errors.SqlglotError:
        return kind.upper()
    bare = named.partition("(")[0]
    if logical_type(named) is LogicalType.NUMBER and bare == "DECIMAL":
        return named
    return _SAME_TYPES.get(bare, bare if bare == "TEXT" else named)


def _literal(value: Any) -> exp.Expr:
    """A value as SQL; texts are quoted by the generator of each dialect."""
    match value:
        case bool():
            return exp.Boolean(this=value)
        case float() if not math.isfinite(value):
            word = "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
            return exp.cast(exp.Literal.string(word), "DOUBLE")
        case int() | float():
            number = exp.Literal.number(repr(abs(value)))
            typed = exp.cast(number, "DOUBLE") if isinstance(value, float) else number
            return exp.Neg(this=typed) if value < 0 else typed
        case _:
            kind = next(
                (name for python_type, name in _MOMENTS.items() if isinstance(value, python_type)),
                None,
            )
            text = exp.Literal.string(str(value))
            return exp.cast(text, kind) if kind else text


def _plain_sums(node: exp.Expr) -> exp.Expr:
    """Sums that keep lost digits are the embedded engine's own."""
    name = str(node.this).lower() if isinstance(node, exp.Anonymous) else ""
    if name in {"favg", "fsum"}:
        return exp.func(name[1:], *node.expressions)
    return node


def _nan_is_equal(node: exp.Expr) -> exp.Expr:
    """Engines without a word for NaN, in which it equals itself."""
    if isinstance(node, exp.IsNan):
        return exp.EQ(this=node.this, expression=exp.cast(exp.Literal.string("NaN"), "DOUBLE"))
    return node


def _seconds(node: exp.Expr, express: Callable[[exp.Expr], exp.Expr]) -> exp.Expr:
    return express(node.this) if isinstance(node, exp.TimeToUnix) else node


def _is_in_utc(node: exp.Expr) -> exp.Expr | None:
    """The types that `timezone('UTC', x)` is applied to."""
    if isinstance(node, exp.Anonymous) and str(node.this).lower() == "timezone":
        moment: exp.Expr = node.expressions[1]
        return moment
    return None


def _shift(node: exp.Expr) -> exp.Expr:
    """Shifted bits as a share rounded down: elsewhere, those of numbers below 0 are others."""
    if isinstance(node, exp.BitwiseRightShift):
        share = exp.Literal.string(repr(2.0 ** -int(node.expression.name)))
        part = exp.Mul(this=exp.cast(node.this, "DOUBLE"), expression=exp.cast(share, "DOUBLE"))
        return exp.cast(exp.Floor(this=part), "BIGINT")
    return node


def _widest(node: exp.Expr, name: str, dialect: str) -> exp.Expr:
    """The engine's own type for sums of any size."""
    if isinstance(node, exp.Cast) and node.to.sql(dialect="duckdb") == "DECIMAL(38, 0)":
        node.set("to", exp.DataType.build(name, dialect=dialect))
    return node


def _limit(node: exp.Expr, express: Callable[[str], exp.Expr]) -> exp.Expr:
    """Infinity, in which rows that can be used end."""
    if isinstance(node, exp.Cast) and node.this.name in {"Infinity", "-Infinity"}:
        return express(node.this.name.removesuffix("Infinity"))
    return node


def _grouped_apart(tree: exp.Expr) -> exp.Expr:
    """One query for each of the grouping sets, for engines that have none."""

    def apart(select: exp.Expr) -> exp.Expr:
        sets = select.args["group"].find(exp.GroupingSets) if select.args.get("group") else None
        if not isinstance(select, exp.Select) or sets is None:
            return select
        grouped = [[column.name for column in one.find_all(exp.Column)] for one in sets.expressions]
        keys = {name for names in grouped for name in names}
        queries = []
        for names in grouped:
            one = select.copy()
            by = exp.Group(expressions=[exp.column(name) for name in names])
            one.set("group", by if names else None)
            for column in one.expressions:
                if column.name in keys - set(names):
                    column.replace(exp.alias_(exp.null(), column.name))
            queries.append(one)
        return exp.union(*queries, distinct=False) if queries[1:] else queries[0]

    return tree.transform(apart)


def _postgres(node: exp.Expr) -> exp.Expr:
    """A subquery's figure that is read several times is reckoned once, as by other engines.

    PostgreSQL puts its expression into each of those places, unless the subquery has an offset.
    """
    source = node.args["from_"].this if isinstance(node, exp.Select) and "from_" in node.args else 0
    inner = source.this if isinstance(source, exp.Subquery) else None
    if isinstance(inner, exp.Select) and not inner.args.get("limit"):
        read = Counter(
            one.name for column in node.expressions for one in column.find_all(exp.Column)
        )
        plain = exp.Column | exp.Literal
        made = (one for one in inner.expressions if not isinstance(one.unalias(), plain))
        if any(read[one.alias] > 1 for one in made):
            inner.set("offset", exp.Offset(expression=exp.Literal.number(0)))
    if (whole := _whole_summed(node)) is not None:
        node.set("this", whole)  # its sums of BIGINTs have any size
    return _nan_is_equal(node)


def _whole_summed(node: exp.Expr) -> exp.Expr | None:
    """The BIGINT that a sum of any size is of."""
    summed = isinstance(node, exp.Sum) and not isinstance(node.parent, exp.Window)
    wide = node.this if summed else None
    if isinstance(wide, exp.Cast) and wide.to.sql(dialect="duckdb") == "DECIMAL(38, 0)":
        whole: exp.Expr = wide.this
        return whole if isinstance(whole, exp.Cast) and whole.to.is_type("BIGINT") else None
    return None


def _sum_of_parts(whole: exp.Expr) -> exp.Expr:
    """The sum of BIGINTs by their bits: each part's stays one for 2^42 rows, and decimals are slow.

    Shifted bits keep their sign, so only the highest part may be below 0.
    """
    upper, middle, lower = (
        f"CAST(SUM({part}) AS DECIMAL(38, 0)) * CAST({1 << shift} AS DECIMAL(38, 0))"
        for part, shift in (
            (f"SHIFTRIGHT(x, {2 * _PART})", 2 * _PART),
            (f"SHIFTRIGHT(x, {_PART}) & {(1 << _PART) - 1}", _PART),
            (f"x & {(1 << _PART) - 1}", 0),
        )
    )
    tree = sqlglot.parse_one(f"({upper} + {middle} + {lower})", dialect="spark")
    return tree.transform(lambda one: whole.copy() if isinstance(one, exp.Column) else one)


_PART = 21
"""Bits of a third of a BIGINT, whose highest one has a bit more."""


def _spark(node: exp.Expr) -> exp.Expr:
    """In a session whose zone is UTC; a moment as a number is its seconds."""
    if (whole := _whole_summed(node)) is not None:
        return _sum_of_parts(whole)
    if (moment := _is_in_utc(node)) is not None:
        return exp.cast(moment, "TIMESTAMPNTZ", dialect="spark")
    if isinstance(node, exp.Cast) and node.to.is_type("TIME"):
        return exp.func("to_time", node.this)
    if isinstance(node, exp.PercentileCont):
        return exp.func("PERCENTILE", node.this, node.expression)
    return _seconds(node, lambda at: exp.cast(exp.cast(at, "TIMESTAMPLTZ"), "DOUBLE"))


def _bigquery(node: exp.Expr) -> exp.Expr:
    if (moment := _is_in_utc(node)) is not None:
        return exp.func("DATETIME", moment)
    node = _widest(_shift(node), "BIGNUMERIC", "bigquery")
    micros = partial(exp.func, "UNIX_MICROS")
    return _seconds(node, lambda at: exp.Div(this=micros(exp.cast(at, "TIMESTAMPTZ")),
                                             expression=exp.Literal.number("1e6")))  # fmt: skip


def _snowflake(node: exp.Expr) -> exp.Expr:
    if (moment := _is_in_utc(node)) is not None:
        return exp.cast(
            exp.func("CONVERT_TIMEZONE", exp.Literal.string("UTC"), moment), "TIMESTAMP"
        )
    ends = partial(exp.cast, to="DOUBLE")
    node = _limit(node, lambda sign: ends(exp.Literal.string(f"{sign}inf")))
    return _shift(_nan_is_equal(node))


def _trino(node: exp.Expr) -> exp.Expr:
    if (moment := _is_in_utc(node)) is not None:
        return exp.cast(exp.AtTimeZone(this=moment, zone=exp.Literal.string("UTC")), "TIMESTAMP")
    return _shift(node)


def _mysql(node: exp.Expr) -> exp.Expr:
    """MySQL and MariaDB, whose numbers are never NaN nor infinite."""
    node = _widest(_shift(node), "DECIMAL(65, 0)", "mysql")
    if isinstance(node, exp.IsNan):
        return exp.NEQ(this=node.this, expression=node.this.copy())
    if isinstance(node, exp.CountIf):
        one = exp.Case().when(node.this, exp.Literal.number(1)).else_(exp.Literal.number(0))
        return exp.func("COALESCE", exp.Sum(this=one), exp.Literal.number(0))
    return _limit(node, lambda sign: exp.Literal.number(f"{sign}{sys.float_info.max!r}"))


_REWRITES: Mapping[str, Rewrite] = {
    "postgres": _postgres,
    "redshift": _nan_is_equal,
    "snowflake": _snowflake,
    "spark": _spark,
    "databricks": _spark,
    "bigquery": _bigquery,
    "trino": _trino,
    "mysql": _mysql,
}
DIALECTS = ("postgres", "redshift", "snowflake", "spark", "databricks", "bigquery", "trino")
"""The engines that the checks are translated for; predictions are compared in others too."""
_WITHOUT_SETS = frozenset({"mysql"})


def answer_query(
    query: Query, relation: str, columns: Sequence[EngineColumn],
    execute: Callable[[str], Sequence[Any] | NotRun],
) -> float | NotRun:  # fmt: skip
    """The number that a query gives, NaN as NULL; `ask` answers a question in DuckDB's words."""
    tree = sqlglot.parse_one(query.sql, dialect="duckdb")
    unknown = sorted({call.name.lower() for call in tree.find_all(exp.Anonymous)})
    if unknown:
        return NotRun(f"{unknown[0]} works only on files, and this table is not a file")
    one = exp.Subquery(this=_bound(tree, relation, columns), alias=exp.to_identifier("one"))
    rows = execute(exp.select("*").from_(one).limit(2).sql(dialect="duckdb"))
    return rows if isinstance(rows, NotRun) else single_number(rows)


def _bound(tree: exp.Expr, relation: str, columns: Sequence[EngineColumn]) -> exp.Expr:
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


def _rows(relation: str, columns: Sequence[EngineColumn]) -> str:
    names = ((quote(column.engine_name), column.has_nan) for column in columns)
    plain = (
        f"CASE WHEN NOT isnan({name}) THEN {name} END AS {name}" if has_nan else name
        for name, has_nan in names
    )
    return f"SELECT {', '.join(plain)} FROM {relation}"
