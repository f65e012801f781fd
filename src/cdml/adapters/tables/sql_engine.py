"""Conditions and column figures in DuckDB's SQL, and where a table's rows are.

Names are always quoted, values always bound.
"""

import glob
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time
from math import isfinite, isnan
from pathlib import Path
from typing import Any, Protocol

from cdml.tables.declared_types import Types
from cdml.tables.query import (
    Aggregate,
    All,
    CellValue,
    Compare,
    CompareColumns,
    Condition,
    Either,
    Field,
    In,
    IsWholeNumber,
    Length,
    LogicalType,
    Matches,
    Missing,
    MultipleOf,
    Not,
    NotRun,
    Query,
    columns,
)

INTEGER_TYPES = frozenset(
    f"{sign}{size}" for sign in ("", "U") for size in ("TINYINT", "SMALLINT", "INTEGER", "BIGINT")
)
"""Types of at most 64 bits."""
_INTEGERS = INTEGER_TYPES | {"HUGEINT", "UHUGEINT"}
_LONG = 100
"""Characters of a text that a sample holds."""
_OPERATORS = {"<": "<", "<=": "<=", ">": ">", ">=": ">=", "==": "=", "!=": "<>"}


def quote(name: str) -> str:
    """An identifier, whatever is in it."""
    return '"' + name.replace('"', '""') + '"'


def parquet(path: Path) -> str:
    """The rows of one file, for FROM: its name is no pattern, and its folders are no columns."""
    return f"read_parquet({quote_path(path)}, hive_partitioning = false)"


def quote_path(path: Path) -> str:
    """A file's name where the engine looks for patterns."""
    return literal(glob.escape(str(path)))


def literal(text: str) -> str:
    """A text literal, for the places that take no bound value."""
    return "'" + text.replace("'", "''") + "'"


def constant(value: Any) -> str:
    """A value where one would be bound."""
    match value:
        case None:
            return "NULL"
        case bool() | int():
            return str(value)
        case float():
            return f"CAST({literal(repr(value))} AS DOUBLE)"
        case datetime() | date() | time():
            kind = {datetime: "TIMESTAMP", date: "DATE", time: "TIME"}[type(value)]
            return f"{kind} {literal(str(value))}"
        case _:
            return literal(str(value))


def logical_type(physical: str) -> LogicalType:
    """What a DuckDB type holds."""
    if physical.endswith("]"):
        return LogicalType.ARRAY
    name = physical.partition("(")[0]
    if name in _INTEGERS:
        return LogicalType.INTEGER
    if name.startswith("TIMESTAMP"):
        return LogicalType.TIMESTAMP
    types = {
        "BOOLEAN": LogicalType.BOOLEAN,
        **dict.fromkeys(("FLOAT", "DOUBLE", "DECIMAL"), LogicalType.NUMBER),
        **dict.fromkeys(("VARCHAR", "JSON", "UUID", "ENUM"), LogicalType.STRING),
        "DATE": LogicalType.DATE,
        "TIME": LogicalType.TIME,
        **dict.fromkeys(("STRUCT", "MAP"), LogicalType.OBJECT),
    }
    return types.get(name, LogicalType.OTHER)


@dataclass(frozen=True, slots=True, kw_only=True)
class EngineColumn:
    """A field, and the name the engine knows it by (it renames what differs only by case)."""

    field: Field
    engine_name: str

    @property
    def value(self) -> str:
        """The value in one of the types that compare as Python's do; times in UTC."""
        name = quote(self.engine_name)
        match self.field.type:
            case LogicalType.NUMBER:
                return name if self.field.physical == "DOUBLE" else f"CAST({name} AS DOUBLE)"
            case LogicalType.TIMESTAMP if self.field.physical == "TIMESTAMP WITH TIME ZONE":
                return f"timezone('UTC', {name})"
            case LogicalType.TIMESTAMP if self.field.physical != "TIMESTAMP":
                return f"CAST({name} AS TIMESTAMP)"
            case (
                LogicalType.STRING | LogicalType.ARRAY | LogicalType.OBJECT | LogicalType.OTHER
            ) if self.field.physical != "VARCHAR":
                return f"CAST({name} AS VARCHAR)"
            case _:
                return name

    @property
    def exact(self) -> str:
        """The value in full: with every digit of a decimal, and nanoseconds."""
        digits = self.field.physical.startswith("DECIMAL")
        if digits or self.field.physical == "TIMESTAMP_NS":
            return quote(self.engine_name)
        return self.value

    @property
    def number(self) -> str:
        """The value on a number line, NULL for NaN; only for ordered types."""
        if self.field.type is LogicalType.NUMBER:
            return f"CASE WHEN NOT isnan({self.value}) THEN {self.value} END"
        if self.field.type is LogicalType.BOOLEAN:
            flag = f"CASE WHEN {self.value} THEN 1 WHEN NOT {self.value} THEN 0 END"
            return f"CAST({flag} AS DOUBLE)"
        if self.field.type.numeric:
            return f"CAST({self.value} AS DOUBLE)"
        if self.field.type is LogicalType.TIME:
            value = self.value
            parts = (("hour", 3600), ("minute", 60), ("second", 1))
            seconds = " + ".join(f"extract({part} FROM {value}) * {n}" for part, n in parts)
            return f"CAST({seconds} AS DOUBLE)"
        return f"CAST(epoch({self.value}) AS DOUBLE)"

    @property
    def short(self) -> str:
        """The value, or the beginning and the digest of a long text; no times."""
        if self.field.type.ordered:
            return self.value
        text = self.value
        return (
            f"CASE WHEN length({text}) > {_LONG}"
            f" THEN substr({text}, 1, {_LONG}) || ' ' || md5({text}) ELSE {text} END"
        )

    @property
    def has_nan(self) -> bool:
        """Whether the type knows NaN, which counts as missing."""
        return self.field.physical in ("FLOAT", "DOUBLE")

    @property
    def missing(self) -> str:
        """Whether there is no value."""
        name = quote(self.engine_name)
        if self.has_nan:
            return f"({name} IS NULL OR isnan({name}))"
        return f"({name} IS NULL)"

    def python(self, value: Any) -> CellValue | None:
        """A fetched value as the port promises it."""
        zoned = self.field.physical == "TIMESTAMP WITH TIME ZONE"
        if zoned and isinstance(value, datetime):
            return value.replace(tzinfo=UTC)
        plain: CellValue | None = None if value != value else value  # noqa: PLR0124 - NaN is missing
        return plain


@dataclass(slots=True)
class Translation:
    """Conditions as SQL; the bound values collect in `parameters`, in the order of the text."""

    columns: Mapping[str, EngineColumn]
    parameters: list[Any] = field(default_factory=list)

    def condition(self, condition: Condition, *, exact: bool = True) -> str:  # noqa: C901, PLR0911, PLR0912 - one for each kind
        """A condition; where it is not `exact`, NULL may stand for false."""
        tests = not isinstance(condition, Missing | Not | All | Either)
        if tests and any(self.columns[name].field.empty for name in columns(condition)):
            return "false"  # whatever the type that an empty column fell back on
        match condition:
            case Missing(column=name):
                return "true" if self.columns[name].field.empty else self.columns[name].missing
            case Not(condition=inner):
                return f"(NOT {self.condition(inner)})"
            case All(conditions=parts):
                return self._joined(parts, " AND ", "true", exact)
            case Either(conditions=parts):
                return self._joined(parts, " OR ", "false", exact)
            case Compare(column=name, operator=operator, value=value):
                test = f"{{}} {_OPERATORS[operator]} {self._bind(value)}"
                return self._on(name, test, exact)
            case CompareColumns(left=left, operator=operator, right=right):
                return self._between(self.columns[left], operator, self.columns[right], exact)
            case MultipleOf(column=name, divisor=divisor):
                return self._on(name, self._multiple(self.columns[name], divisor), exact)
            case IsWholeNumber(column=name):
                return self._on(name, f"round({self.columns[name].value}) = {{}}", exact)
            case Length(column=name, operator=operator, value=value):
                test = f"length({{}}) {_OPERATORS[operator]} {self._bind(value)}"
                return self._on(name, test, exact)
            case Matches(column=name, pattern=pattern):
                return self._on(name, f"regexp_matches({{}}, {self._bind(pattern)})", exact)
            case In(values=()):
                return "false"
            case In(column=name, values=values):
                return self._on(name, f"{{}} IN ({', '.join(map(self._bind, values))})", exact)

    def _joined(self, parts: Sequence[Condition], word: str, nothing: str, exact: bool) -> str:
        return f"({word.join(self.condition(p, exact=exact) for p in parts) or nothing})"

    def _on(self, name: str, test: str, exact: bool) -> str:
        """A test of a value; none is true of NaN.

        To the engine NaN is the largest number, and a file's statistics, by which it answers
        without looking where they suffice, do not count NaN at all.
        """
        column = self.columns[name]
        condition_sql = test.replace("{}", column.value, 1)
        if column.has_nan:
            condition_sql = f"(NOT isnan({column.value}) AND {condition_sql})"
        return f"coalesce({condition_sql}, false)" if exact else f"({condition_sql})"

    @staticmethod
    def _multiple(column: EngineColumn, divisor: float) -> str:
        if column.field.type is LogicalType.INTEGER and isinstance(divisor, int):
            return f"{{}} % {divisor} = 0"
        quotient = f"({column.value} / CAST({float(divisor)!r} AS DOUBLE))"
        return (
            f"{{}} IS NOT NULL AND isfinite({quotient}) AND abs({quotient} - round({quotient}))"
            f" <= 1e-9 * greatest(1, abs({quotient}))"
        )

    @staticmethod
    def _between(left: EngineColumn, operator: str, right: EngineColumn, exact: bool) -> str:
        """An order of two columns, of which either may be missing."""
        comparison = f"{left.value} {_OPERATORS[operator]} {right.value}"
        there = [f"NOT isnan({side.value})" for side in (left, right) if side.has_nan]
        comparison = " AND ".join([*there, comparison])
        return f"coalesce({comparison}, false)" if exact else f"({comparison})"

    def _bind(self, value: CellValue) -> str:
        if isinstance(value, datetime) and value.tzinfo is not None:
            value = value.astimezone(UTC).replace(tzinfo=None)
        self.parameters.append(value)
        return "?"


def counts(translation: Translation, conditions: Iterable[Condition]) -> str:
    """One aggregate per condition; `count_if` takes a third of a FILTER's time, and may be NULL."""
    return ", ".join(
        f"coalesce(count_if({translation.condition(condition, exact=False)}), 0)"
        for condition in conditions
    )


_ANY_SIZE = ("minimum", "maximum", "quantile")
"""Figures that may be infinite, because a value is."""

_OVER_ALL_ROWS = {"mean": "avg", "sum": "sum"}
_FUNCTIONS = {
    "mean": "favg",
    "sum": "fsum",
    "standardDeviation": "stddev_samp",
    "minimum": "min",
    "maximum": "max",
}


def aggregate_sql(aggregate: Aggregate, column: EngineColumn) -> str:
    """One aggregate; NULL where no value is there."""
    is_integer = column.field.type is LogicalType.INTEGER
    if is_integer and aggregate.function in ("mean", "sum"):
        # Integers add up exactly; as floating-point numbers they would not.
        return f"CAST({_OVER_ALL_ROWS[aggregate.function]}({quote(column.engine_name)}) AS DOUBLE)"
    if aggregate.function == "quantile":
        return f"quantile_cont({column.number}, {float(aggregate.q or 0)!r})"
    return f"{_FUNCTIONS[aggregate.function]}({column.number})"


def engine_value(aggregate: Aggregate, value: Any) -> float | NotRun:
    """An answer of the engine as the port promises it."""
    if isinstance(value, NotRun):
        return value
    if value is None:
        few = " (two are needed)" if aggregate.function == "standardDeviation" else ""
        return NotRun(f"{aggregate.column} has no values{few}")
    number = float(value)
    if isnan(number) or not (isfinite(number) or aggregate.function in _ANY_SIZE):
        return NotRun(f"{aggregate.column} has infinite or too large values")
    return number


class QueryRejected(Exception):
    """The engine does not answer a question, and why."""

    def __init__(self, reason: str, hint: str = "") -> None:
        super().__init__(reason)
        self.reason = reason
        self.hint = hint


class SqlEngine(Protocol):
    """Where rows lie, and the engine that is there."""

    @property
    def relation(self) -> str:
        """The rows, as DuckDB's SQL names them in FROM."""
        ...

    def numbered(self, row: str, columns: Sequence[EngineColumn]) -> str:
        """The rows with their number from 0 in a further column of this name, for FROM."""
        ...

    def fetch(self, sql: str, parameters: Sequence[Any] = ()) -> list[Any]:
        """All rows of an answer to SQL in DuckDB's words, or `QueryRejected`."""
        ...

    def repeated(self, column: EngineColumn) -> int | None:
        """Rows whose value an earlier row has too; None where only grouping would show it."""
        ...

    def answer(self, queries: Sequence[Query]) -> tuple[float | NotRun, ...]:
        """The one number that each query of a contract gives."""
        ...

    @property
    def columns(self) -> tuple[EngineColumn, ...]:
        """What there is in a row."""
        ...

    def read_as(self, declared: Types) -> "SqlEngine":
        """The rows with columns in these types, where the place stores no types; else itself.

        Raises:
            InputError: a value is not of the type that it must have.
        """
        ...

    def reaches(self, other: "SqlEngine") -> bool:
        """Whether one question can be asked of both."""
        ...

    def parquet(self) -> Path:
        """The rows as one Parquet file."""
        ...
