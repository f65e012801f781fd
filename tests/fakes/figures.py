"""Figures of columns in plain Python, and queries by another engine: the oracle of the real one."""

import math
import sqlite3
import statistics
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from cdml.tables.query import ROWS, Aggregate, NotRun, Query


def missing(value: Any) -> bool:
    return value is None or (isinstance(value, float) and math.isnan(value))


def multiple(value: float, of: float) -> bool:
    if isinstance(value, int) and isinstance(of, int):
        return value % of == 0
    quotient = value / of
    if not math.isfinite(quotient):
        return False
    return abs(quotient - round(quotient)) <= 1e-9 * max(1, abs(quotient))


def number(value: Any) -> float | str | None:
    match value:
        case None:
            return None
        case datetime():
            zoned = value if value.tzinfo else value.replace(tzinfo=UTC)
            return zoned.timestamp()
        case date():
            return (value - date(1970, 1, 1)) / timedelta(seconds=1)
        case time():
            return value.hour * 3600 + value.minute * 60 + value.second + value.microsecond / 1e6
        case str():
            return value
    return None if missing(value) else float(value)


def figure(asked: Aggregate, values: Sequence[Any]) -> float | NotRun:  # noqa: PLR0911 - one for each
    there = sorted(number(value) for value in values if not missing(value))
    least = 2 if asked.function == "standardDeviation" else 1
    if len(there) < least:
        return NotRun("too few values")
    match asked.function:
        case "minimum":
            return there[0]
        case "maximum":
            return there[-1]
        case "quantile":
            return _quantile(there, asked.q)
    if not all(map(math.isfinite, there)):
        return NotRun("infinite values")
    try:
        match asked.function:
            case "mean":
                return math.fsum(there) / len(there)
            case "sum":
                return math.fsum(there)
            case "standardDeviation":
                return statistics.stdev(there)
    except OverflowError:
        return NotRun("too large")


def _quantile(there: list[float], q: float) -> float | NotRun:
    at = q * (len(there) - 1)
    low, high = there[math.floor(at)], there[math.ceil(at)]
    found = low if low == high else low + (high - low) * (at - math.floor(at))
    return NotRun("infinite values") if math.isnan(found) else found


def answers(queries: Sequence[Query], data: Mapping[str, list[Any]]) -> tuple[float | NotRun, ...]:
    import sqlglot

    database = sqlite3.connect(":memory:")
    names = ", ".join('"' + name.replace('"', '""') + '"' for name in data)
    database.execute(f"CREATE TABLE {ROWS} ({names})")
    marks = ", ".join("?" for _ in data)
    rows = [[_plain(value) for value in row] for row in zip(*data.values(), strict=True)]
    database.executemany(f"INSERT INTO {ROWS} VALUES ({marks})", rows)  # noqa: S608 - names are quoted
    return tuple(
        _answer(database, sqlglot.transpile(query.sql, read="duckdb", write="sqlite")[0])
        for query in queries
    )


def _plain(value: Any) -> Any:
    return value if value is None or isinstance(value, bool | int | float) else str(value)


def _answer(database: sqlite3.Connection, sql: str) -> float | NotRun:
    try:
        found = database.execute(sql).fetchmany(2)
    except sqlite3.Error as error:
        return NotRun(str(error))
    if len(found) != 1 or not isinstance(found[0][0], int | float):
        return NotRun(f"it gives {found}, not one number")
    return float(found[0][0])
