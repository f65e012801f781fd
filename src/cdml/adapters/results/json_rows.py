"""JSON rows of results in a few parallel scans, where all values of a column are of one kind."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import duckdb

from cdml.adapters.results.long_texts import shortened
from cdml.adapters.tables.sql_engine import literal, quote, quote_path

_LONGEST = (2**22, 2**28)
"""Bytes of the longest object, tried in this order: the engine reads blocks of twice as much."""
_TEXT, _FLAG, _NESTED, _INTEGER, _FRACTION, _OTHER = 1, 2, 4, 8, 16, 32
_KINDS: Mapping[int, str] = {
    0: "VARCHAR",
    _TEXT: "VARCHAR",
    _FLAG: "BOOLEAN",
    _NESTED: "VARCHAR",
    _INTEGER: "BIGINT",
    _FRACTION: "DOUBLE",
    _INTEGER | _FRACTION: "DOUBLE",
}


def copy_json(engine: duckdb.DuckDBPyConnection, path: Path, target: Path) -> bool:
    """Write the rows of a JSON file; objects and lists in them become their text, long texts short.

    Numbers are the nearest a double has, and whole numbers of more than 64 bits are left alone.
    False where a column holds several kinds of values, or the file is broken: the engine of tables
    reads such a file in full, and says what is wrong.
    """
    for size in _LONGEST:
        file = f"{quote_path(path)}, format = 'auto', maximum_object_size = {size}"
        try:
            return _copy(engine, file, target)
        except duckdb.Error:
            target.unlink(missing_ok=True)
    return False


def _copy(engine: duckdb.DuckDBPyConnection, file: str, target: Path) -> bool:
    names = _names(engine, file)
    if not names:
        return False
    flags = _flags(engine, file, names)
    if not set(flags) <= _KINDS.keys():
        return False
    kinds = [_KINDS[flag] for flag in flags]
    cells = ", ".join(
        f"{shortened(quote(name))} AS {quote(name)}" if kind == "VARCHAR" else quote(name)
        for name, kind in zip(names, kinds, strict=True)
    )
    rows = _rows(file, names, kinds)
    engine.execute(f"COPY (SELECT {cells} FROM {rows}) TO {literal(str(target))} (FORMAT parquet)")
    return True


def _names(engine: duckdb.DuckDBPyConnection, file: str) -> Sequence[str]:
    """The keys of all objects, in the order of the longest; none where they are ambiguous."""
    rows = engine.execute(
        f"SELECT DISTINCT json_keys(json) FROM read_json_objects({file})"
    ).fetchall()
    lists = sorted((keys or [] for (keys,) in rows), key=lambda keys: (-len(keys), keys))
    names = list(dict.fromkeys(key for keys in lists for key in keys))
    repeated = any(len(set(keys)) < len(keys) for keys in lists)
    ambiguous = len({name.casefold() for name in names}) < len(names)
    return [] if repeated or ambiguous or not all(name.strip() for name in names) else names


def _rows(file: str, names: Sequence[str], kinds: Sequence[str]) -> str:
    columns = zip(names, kinds, strict=True)
    structure = ", ".join(f"{literal(name)}: {literal(kind)}" for name, kind in columns)
    return f"read_json({file}, columns = {{{structure}}})"


def _flags(engine: duckdb.DuckDBPyConnection, file: str, names: Sequence[str]) -> Sequence[int]:
    looks = ", ".join(f"coalesce(bit_or({_look(quote(name))}), 0)" for name in names)
    rows = _rows(file, names, ["JSON"] * len(names))
    [row] = engine.execute(f"SELECT {looks} FROM {rows}").fetchall()
    return tuple(map(int, row))


def _look(name: str) -> str:
    """What a value is, as one bit, by its first character; null (n) is nothing."""
    number = (
        f"CASE WHEN contains({name}, '.') OR contains(lower({name}), 'e')"
        f" THEN CASE WHEN isfinite(TRY_CAST({name} AS DOUBLE)) THEN {_FRACTION} ELSE {_OTHER} END"
        f" WHEN TRY_CAST({name} AS BIGINT) IS NOT NULL THEN {_INTEGER} ELSE {_OTHER} END"
    )
    return (
        f"CASE coalesce(ascii({name}), 110) WHEN 110 THEN 0 WHEN 34 THEN {_TEXT}"
        f" WHEN 116 THEN {_FLAG} WHEN 102 THEN {_FLAG}"
        f" WHEN 123 THEN {_NESTED} WHEN 91 THEN {_NESTED} ELSE {number} END"
    )
