"""Types and values of a contract in terms of a column's."""

from datetime import datetime, time
from typing import Any, TypeVar

from cdml.tables.query import CellValue, Field, LogicalType

T = TypeVar("T", datetime, time)

_SYNONYMS = {
    "INT": "INTEGER", "INT4": "INTEGER", "INT32": "INTEGER", "SIGNED": "INTEGER",
    "INT8": "BIGINT", "LONG": "BIGINT", "INT64": "BIGINT",
    "INT2": "SMALLINT", "SHORT": "SMALLINT", "INT16": "SMALLINT", "INT1": "TINYINT",
    "TEXT": "VARCHAR", "STRING": "VARCHAR", "CHAR": "VARCHAR", "BPCHAR": "VARCHAR",
    "CHARACTER VARYING": "VARCHAR", "NVARCHAR": "VARCHAR",
    "FLOAT8": "DOUBLE", "DOUBLE PRECISION": "DOUBLE", "FLOAT64": "DOUBLE",
    "FLOAT4": "FLOAT", "REAL": "FLOAT", "FLOAT32": "FLOAT",
    "BOOL": "BOOLEAN", "LOGICAL": "BOOLEAN", "NUMERIC": "DECIMAL",
    "DATETIME": "TIMESTAMP", "TIMESTAMPTZ": "TIMESTAMP WITH TIME ZONE",
    "BYTES": "BLOB", "BINARY": "BLOB", "VARBINARY": "BLOB",
}  # fmt: skip
PHYSICAL_TYPES = frozenset(_SYNONYMS.values()) | {
    "HUGEINT", "UTINYINT", "USMALLINT", "UINTEGER", "UBIGINT", "DATE", "TIME", "UUID", "JSON",
    "INTERVAL", "TIMESTAMP_NS", "TIMESTAMP_MS", "TIMESTAMP_S",
}  # fmt: skip
"""The physical types that can be compared."""


def physical_type(written: str) -> str:
    """A physical type without its size, synonyms made one."""
    name = written.upper().partition("(")[0].strip()
    return _SYNONYMS.get(name, name)


def binary(column: Field) -> bool:
    """Whether a column holds bytes, which the standard calls a string of the format binary."""
    return physical_type(column.physical) == "BLOB"


def coerce(value: Any, kind: LogicalType) -> CellValue | None:
    """A value of a contract as a value of a column's type; None where no row can equal it."""
    coerced: CellValue | None = None
    if kind is LogicalType.BOOLEAN:
        coerced = value if isinstance(value, bool) else None
    elif kind is LogicalType.STRING:
        plain = isinstance(value, str | int | float) and not isinstance(value, bool)
        coerced = str(value) if plain else None
    elif kind.numeric:
        coerced = _number(value) if isinstance(value, str | int | float) else None
    elif kind.ordered:
        coerced = _time(value, kind)
    return coerced


def _number(value: str | float) -> int | float | None:
    if isinstance(value, bool):
        return None
    for parse in (int, float):
        try:
            return value if not isinstance(value, str) else parse(value)
        except ValueError:
            continue
    return None


def _time(value: Any, kind: LogicalType) -> CellValue | None:
    """A time, or the ISO text of one, as what the column holds."""
    if kind is LogicalType.TIME:
        return value if isinstance(value, time) else _parsed(time, str(value))
    moment = value if isinstance(value, datetime) else _parsed(datetime, str(value))
    if kind is LogicalType.TIMESTAMP or moment is None:
        return moment
    return moment.date() if moment.time() == time() else None


def _parsed(kind: type[T], text: str) -> T | None:
    try:
        return kind.fromisoformat(text)
    except ValueError:
        return None
