"""Conditions on rows and counts of them, stated once for every engine.

Adapters translate them, quoting each name. A condition is true or false, never unknown: on a
missing value (NULL or NaN) everything but `Missing` is false. So `Not(Matches(...))` is true of a
missing value; rules that let missing values be use `violates`. Counts of many conditions are put
together from counts that they share.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, time
from enum import StrEnum
from typing import Literal

CellValue = bool | int | float | str | date | datetime | time
Operator = Literal["<", "<=", ">", ">=", "==", "!="]


class LogicalType(StrEnum):
    """What a column holds, in the words of the Open Data Contract Standard."""

    BOOLEAN = "boolean"
    INTEGER = "integer"
    NUMBER = "number"
    STRING = "string"
    DATE = "date"
    TIMESTAMP = "timestamp"
    TIME = "time"
    ARRAY = "array"
    OBJECT = "object"
    OTHER = "other"

    @property
    def words(self) -> str:
        """The values of such a column, as in *the column holds text*."""
        return _WORDS[self]

    @property
    def numeric(self) -> bool:
        """Whether values have a size: numbers, and booleans as 0 and 1."""
        return self in (LogicalType.BOOLEAN, LogicalType.INTEGER, LogicalType.NUMBER)

    @property
    def ordered(self) -> bool:
        """Whether a column can be put on a number line: numbers, and times in seconds."""
        times = (LogicalType.DATE, LogicalType.TIMESTAMP, LogicalType.TIME)
        return self.numeric or self in times

    @property
    def plain(self) -> bool:
        """Whether rows can be told apart by it: not by what is nested, or of no known type."""
        return self not in (LogicalType.ARRAY, LogicalType.OBJECT, LogicalType.OTHER)


_WORDS: Mapping[LogicalType, str] = {
    LogicalType.BOOLEAN: "true or false",
    LogicalType.INTEGER: "whole numbers",
    LogicalType.NUMBER: "numbers",
    LogicalType.STRING: "text",
    LogicalType.DATE: "dates",
    LogicalType.TIMESTAMP: "timestamps",
    LogicalType.TIME: "times",
    LogicalType.ARRAY: "lists",
    LogicalType.OBJECT: "objects",
    LogicalType.OTHER: "values of an unsupported type",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """A column of a table; `physical` is the engine's own name of its type, e.g. `BIGINT`.

    `nullable` is False only where the file itself rules missing values out. `misfit` says why, and
    where, it has not the type it is declared to have; "" where it has. An `empty` one is known to
    hold no value: its type is only what the file fell back on.
    """

    name: str
    type: LogicalType
    physical: str
    nullable: bool = True
    misfit: str = ""
    empty: bool = False

    @property
    def words(self) -> str:
        """What the column holds, for people: no engine's name of a type."""
        return {"UUID": "UUIDs", "BLOB": "bytes"}.get(self.physical, self.type.words)


@dataclass(frozen=True, slots=True)
class Missing:
    """The column is NULL or NaN."""

    column: str


@dataclass(frozen=True, slots=True)
class Compare:
    """The column's value has this order to a value of the same type."""

    column: str
    operator: Operator
    value: CellValue


@dataclass(frozen=True, slots=True)
class Length:
    """The text has so many characters."""

    column: str
    operator: Operator
    value: int


@dataclass(frozen=True, slots=True)
class Matches:
    """The regular expression is found somewhere in the text (anchor it to match all)."""

    column: str
    pattern: str


@dataclass(frozen=True, slots=True)
class In:
    """The column's value is one of these."""

    column: str
    values: tuple[CellValue, ...]


@dataclass(frozen=True, slots=True)
class CompareColumns:
    """Both columns have a value, and the values stand in this order."""

    left: str
    operator: Operator
    right: str


@dataclass(frozen=True, slots=True)
class MultipleOf:
    """The number is a whole multiple; of or by a fraction, to a billionth of the quotient."""

    column: str
    divisor: int | float


@dataclass(frozen=True, slots=True)
class IsWholeNumber:
    """The number has no fraction; infinity has none either."""

    column: str


@dataclass(frozen=True, slots=True)
class Not:
    """The condition is false."""

    condition: "Condition"


@dataclass(frozen=True, slots=True)
class All:
    """Every condition is true."""

    conditions: tuple["Condition", ...]


@dataclass(frozen=True, slots=True)
class Either:
    """At least one condition is true."""

    conditions: tuple["Condition", ...]


Test = Missing | Compare | CompareColumns | MultipleOf | IsWholeNumber | Length | Matches | In
Condition = Test | Not | All | Either


def comparable(one: LogicalType, other: LogicalType) -> bool:
    """Whether values of both types can be equal as they are."""
    numbers = {LogicalType.INTEGER, LogicalType.NUMBER}
    moments = {LogicalType.DATE, LogicalType.TIMESTAMP}
    return one is other or {one, other} in (numbers, moments)


def in_common(mine: Iterable[Field], others: Iterable[Field]) -> tuple[str, ...]:
    """The columns by which rows of two tables can be matched, in my order."""
    before = {field.name: field.type for field in others}
    return tuple(f.name for f in mine if before.get(f.name) is f.type and f.type.plain)


def columns(condition: Condition) -> frozenset[str]:
    """The columns a condition reads."""
    match condition:
        case Not(condition=inner):
            return columns(inner)
        case All(conditions=parts) | Either(conditions=parts):
            return frozenset[str]().union(*map(columns, parts))
        case CompareColumns(left=left, right=right):
            return frozenset({left, right})
        case _:
            return frozenset({condition.column})


def present(column: str) -> Condition:
    """The column has a value."""
    return Not(Missing(column))


def violates(column: str, *allowed: Condition) -> Condition:
    """The column has a value, and not all its conditions hold."""
    return All((present(column), Not(All(allowed))))


AggregateFunction = Literal["mean", "standardDeviation", "sum", "minimum", "maximum", "quantile"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Aggregate:
    """One figure of the values of an ordered column; times in seconds, since 1970 or midnight.

    Missing values are left out; `standardDeviation` is the sample's (n - 1). `q` of a quantile, 0
    to 1, is interpolated linearly between two values.
    """

    function: AggregateFunction
    column: str
    q: float | None = None


EVERY_COLUMN = "*"
ROWS = "cdml_rows"
"""What the table is called in a `Query`."""


@dataclass(frozen=True, slots=True)
class Query:
    """A SELECT in DuckDB's dialect that reads `ROWS` and gives one number.

    `reveals` names columns, in any case, or `EVERY_COLUMN`, of which that number may be a value:
    none where it only counts.
    """

    sql: str
    reveals: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class NotRun:
    """The engine cannot answer this, and why."""

    reason: str


EVERY_ROW = All(())

Terms = tuple[tuple[int, Condition], ...]
"""Counts that are added up, each with its sign."""


def terms(condition: Condition) -> Terms:
    """What to count in place of a condition; itself where nothing is gained.

    A missing value fulfils only `Missing`: what is missing or fulfils is both counts together.
    """
    match condition:
        case Either((Missing(name), *rest)) if rest and _fulfilled(name, *rest):
            return (1, Missing(name)), (1, rest[0] if len(rest) == 1 else Either(tuple(rest)))
        case All((Not(Missing(name)), Not(inner))) if _fulfilled(name, inner):
            return (1, EVERY_ROW), (-1, Missing(name)), (-1, inner)
        case _:
            return ((1, condition),)


def total(terms: Terms, counted: Mapping[Condition, int | NotRun]) -> int | NotRun:
    """The count of a condition by those of its terms; the first that was not run stands."""
    total = 0
    for sign, term in terms:
        count = counted[term]
        if isinstance(count, NotRun):
            return count
        total += sign * count
    return total


def _fulfilled(name: str, *conditions: Condition) -> bool:
    """Whether each reads this column alone, and none is true of a missing value."""
    return all(
        columns(one) == {name} and not isinstance(one, Missing | Not)
        if not isinstance(one, All | Either)
        else bool(one.conditions) and _fulfilled(name, *one.conditions)
        for one in conditions
    )
