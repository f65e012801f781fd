"""Figures of a column in DuckDB's SQL."""

from math import isfinite, isnan
from typing import Any

from cdml.adapters.tables.sql_engine import Column, quote
from cdml.tables.query import Aggregate, LogicalType, NotRun

_ANY_SIZE = ("minimum", "maximum", "quantile")
"""Figures that may be infinite, because a value is."""

_WHOLE = {"mean": "avg", "sum": "sum"}
_FUNCTIONS = {
    "mean": "favg",
    "sum": "fsum",
    "standardDeviation": "stddev_samp",
    "minimum": "min",
    "maximum": "max",
}


def aggregate(asked: Aggregate, column: Column) -> str:
    """One aggregate; NULL where no value is there."""
    whole = column.field.type is LogicalType.INTEGER
    if whole and asked.function in ("mean", "sum"):
        # Integers add up exactly; as floating-point numbers they would not.
        return f"CAST({_WHOLE[asked.function]}({quote(column.engine_name)}) AS DOUBLE)"
    if asked.function == "quantile":
        return f"quantile_cont({column.number}, {float(asked.q or 0)!r})"
    return f"{_FUNCTIONS[asked.function]}({column.number})"


def figure(asked: Aggregate, value: Any) -> float | NotRun:
    """An answer of the engine as the port promises it."""
    if isinstance(value, NotRun):
        return value
    if value is None:
        few = " (two are needed)" if asked.function == "standardDeviation" else ""
        return NotRun(f"{asked.column} has no values{few}")
    told = float(value)
    if isnan(told) or not (isfinite(told) or asked.function in _ANY_SIZE):
        return NotRun(f"{asked.column} holds infinite values, or too large ones")
    return told
