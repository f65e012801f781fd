"""Types and values of a contract in terms of a column's."""

import re
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
_WORDS = {
    "BOOLEAN": "true or false", "VARCHAR": "text", "JSON": "JSON", "UUID": "UUID", "BLOB": "bytes",
    "DATE": "date", "TIME": "time of day", "INTERVAL": "duration", "TIMESTAMP": "timestamp",
    "TIMESTAMP WITH TIME ZONE": "timestamp with time zone", "TIMESTAMP_S": "timestamp in seconds",
    "TIMESTAMP_MS": "timestamp in milliseconds", "TIMESTAMP_NS": "timestamp in nanoseconds",
    "FLOAT": "32-bit number", "DOUBLE": "64-bit number", "DECIMAL": "decimal number",
    "STRUCT": "object", "MAP": "object", "ENUM": "text",
    **{
        f"{sign}{name}": f"{words}{bits}-bit whole number"
        for sign, words in (("", ""), ("U", "unsigned "))
        for name, bits in (
            ("TINYINT", 8), ("SMALLINT", 16), ("INTEGER", 32), ("BIGINT", 64), ("HUGEINT", 128),
        )
    },
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


def describe_physical(written: str) -> str:
    """A physical type in words, such as `64-bit whole number`; users know no engine's names."""
    if written.endswith("]"):
        return f"list of {describe_physical(written.rpartition('[')[0])}"
    words = _WORDS.get(physical_type(written), "other type")
    size = re.search(r"\((\d+),\s*(\d+)\)$", written)
    return f"{words} ({size[1]} digits, {size[2]} of them decimals)" if size else words


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
