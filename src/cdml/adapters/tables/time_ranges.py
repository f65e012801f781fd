"""Times in SQL, as ranges that a Parquet file's statistics can be held against."""

from datetime import UTC, datetime, timedelta

from cdml.adapters.tables.sql_engine import EngineColumn, literal, quote


def time_between(column: EngineColumn, low: datetime, high: datetime) -> str:
    """Whether a time is at `low` or later, and before `high`."""
    return f"{compare_time(column, '>=', low)} AND {compare_time(column, '<', high)}"


def compare_time(column: EngineColumn, operator: str, at: datetime) -> str:
    """Whether a time stands in this order to another."""
    physical = column.field.physical
    if physical == "DATE":  # midnight, which may be compared with any other time
        return f"{microseconds(column)} {operator} {since_1970(at)}"
    # The column alone, so that the statistics say which parts of the file to read.
    return f"{quote(column.engine_name)} {operator} CAST({literal(at.isoformat())} AS {physical})"


def microseconds(column: EngineColumn) -> str:
    """A time in microseconds since 1970; without a zone it is UTC."""
    return f"epoch_us(CAST({column.value} AS TIMESTAMP))"


def since_1970(at: datetime) -> int:
    """The same of a time that has a zone."""
    return (at - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1)
