"""The values of the slice columns as small numbers, the largest values apart."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from cdml.adapters.predictions.pairing import Predictions
from cdml.adapters.tables.duckdb_engine import SqlRunner
from cdml.adapters.tables.sql_engine import literal, quote
from cdml.evaluation.prediction_store import OTHER, PredictionValue
from cdml.tables.query import LogicalType

SlicePosition = tuple[int, int] | None
"""A part of the rows: the slice column and its code; None for all rows."""
_PLAIN = (LogicalType.BOOLEAN, LogicalType.INTEGER, LogicalType.NUMBER, LogicalType.STRING)
"""Types whose values evidence holds as they are; of others it holds the text."""
_EXACT = (LogicalType.BOOLEAN, LogicalType.INTEGER, LogicalType.STRING)
"""Types whose equal values have the same text; 0 and -0 have not."""
MOST_GROUPS = 20_000
"""Combinations of slice values up to which all columns are grouped by together."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Slicing:
    """One slice column; `texts` are the values that stand alone, largest first.

    `values` are what each code stands for: those values, then a missing one, then the rest. It is
    `plain` if there is no rest, and equal values have equal texts.
    """

    column: str
    texts: tuple[str, ...]
    values: tuple[PredictionValue, ...]
    plain: bool

    @property
    def value(self) -> str:
        return f"c.{quote(self.column)}"

    def code(self, value: str | None = None) -> str:
        """The SQL of the code of a value; by default the row's."""
        column = value or self.value
        code_sql = "NULL"
        if self.texts:
            names = ", ".join(map(literal, self.texts))
            code_sql = f"enum_code(TRY_CAST(CAST({column} AS VARCHAR) AS ENUM({names})))"
        missing, rest = len(self.texts), len(self.texts) + 1
        code = f"CASE WHEN {column} IS NULL THEN {missing} ELSE coalesce({code_sql}, {rest}) END"
        return f"CAST({code} AS USMALLINT)"


def slicing(
    engine: SqlRunner, file: Predictions, columns: Sequence[str], most: int
) -> tuple[Slicing, ...]:
    """Look at the values of the slice columns."""
    return tuple(_column(engine, file, column, most) for column in columns)


def _column(engine: SqlRunner, file: Predictions, column: str, most: int) -> Slicing:
    name = quote(column)
    plain = file.fields[column].type in _PLAIN
    text = f"CAST({name} AS VARCHAR)"
    one = "bool_or" if file.fields[column].type is LogicalType.BOOLEAN else "any_value"
    # By position: a name given here could be that of a column.
    values: list[Any] = engine.fetch(
        f"SELECT {one}({name if plain else text}), {text}, count(*)"
        f" FROM {file.relation} WHERE {name} IS NOT NULL GROUP BY 2"
        f" ORDER BY 3 DESC, 2 LIMIT {most + 1}",
        file.path,
    )
    most_frequent = values[:most]
    texts = tuple(text for _, text, _ in most_frequent)
    rest = OTHER if OTHER not in texts else f"{OTHER} values"
    return Slicing(
        column=column,
        texts=texts,
        values=(*(_plain(value) for value, _, _ in most_frequent), None, rest),
        plain=len(values) <= most and file.fields[column].type in _EXACT,
    )


def _plain(value: Any) -> PredictionValue:
    if isinstance(value, bool | int | str):
        return value
    return value if isinstance(value, float) and math.isfinite(value) else str(value)


def order_positions(rows: Mapping[SlicePosition, int]) -> tuple[SlicePosition, ...]:
    """All rows first, then slice by slice, the largest first."""
    places = (place for place in rows if place is not None)
    return (None, *sorted(places, key=lambda place: (place[0], -rows[place], place[1])))


def describe_position(
    slices: Sequence[Slicing], place: SlicePosition
) -> Mapping[str, PredictionValue] | None:
    """The value of the slice column; None for all rows."""
    if place is None:
        return None
    one = slices[place[0]]
    return {one.column: one.values[place[1]]}


def groups_stay_small(slices: Sequence[Slicing]) -> bool:
    """Whether grouping by all columns at once stays small."""
    return math.prod(len(one.values) for one in slices) <= MOST_GROUPS
