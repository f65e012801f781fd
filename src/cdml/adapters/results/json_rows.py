"""JSON rows of results in a few parallel scans, where all values of a column are of one kind."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import duckdb

from cdml.adapters.tables.sql_engine import literal, quote, quote_path

_LONGEST = 2**28
"""Bytes of the longest object."""
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
_OBJECTS = f"format = 'auto', maximum_object_size = {_LONGEST}"


def copy_json(engine: duckdb.DuckDBPyConnection, path: Path, target: Path) -> bool:
    """Write the rows of a JSON file; objects and lists in them become their text.

    Numbers are the nearest a double has, and whole numbers of more than 64 bits are left alone.
    False where a column holds several kinds of values, or the file is broken: the engine of tables
    reads such a file in full, and says what is wrong.
    """
    try:
        names = _names(engine, path)
        if not names:
            return False
        flags = _flags(engine, path, names)
        if not set(flags) <= _KINDS.keys():
            return False
        kinds = [_KINDS[flag] for flag in flags]
        engine.execute(
            f"COPY (SELECT * FROM {_rows(path, names, kinds)})"
            f" TO {literal(str(target))} (FORMAT parquet)"
        )
    except duckdb.Error:
        target.unlink(missing_ok=True)
        return False
    return True


def _names(engine: duckdb.DuckDBPyConnection, path: Path) -> Sequence[str]:
    """The keys of all objects, in the order of the longest; none where they are ambiguous."""
    rows = engine.execute(
        f"SELECT DISTINCT json_keys(json) FROM read_json_objects({quote_path(path)}, {_OBJECTS})"
    ).fetchall()
    lists = sorted((keys or [] for (keys,) in rows), key=lambda keys: (-len(keys), keys))
    names = list(dict.fromkeys(key for keys in lists for key in keys))
    repeated = any(len(set(keys)) < len(keys) for keys in lists)
    ambiguous = len({name.casefold() for name in names}) < len(names)
    return [] if repeated or ambiguous or not all(name.strip() for name in names) else names


def _rows(path: Path, names: Sequence[str], kinds: Sequence[str]) -> str:
    columns = zip(names, kinds, strict=True)
    structure = ", ".join(f"{literal(name)}: {literal(kind)}" for name, kind in columns)
    return f"read_json({quote_path(path)}, {_OBJECTS}, columns = {{{structure}}})"


def _flags(
    engine: duckdb.DuckDBPyConnection, path: Path, names: Sequence[str]
) -> Sequence[int]:  # fmt: skip
    looks = ", ".join(f"coalesce(bit_or({_look(quote(name))}), 0)" for name in names)
    [row] = engine.execute(
        f"SELECT {looks} FROM {_rows(path, names, ['JSON'] * len(names))}"
    ).fetchall()
    return tuple(map(int, row))


def _look(name: str) -> str:
    """What a value is, as one bit, by its first character; null (n) is nothing."""
    number = (
        f"CASE WHEN CAST(TRY_CAST({name} AS BIGINT) AS VARCHAR) = {name} THEN {_INTEGER}"
        f" WHEN regexp_matches({name}, '[.eE]') AND isfinite(TRY_CAST({name} AS DOUBLE))"
        f" THEN {_FRACTION} ELSE {_OTHER} END"
    )
    return (
        f"CASE coalesce(ascii({name}), 110) WHEN 110 THEN 0 WHEN 34 THEN {_TEXT}"
        f" WHEN 116 THEN {_FLAG} WHEN 102 THEN {_FLAG}"
        f" WHEN 123 THEN {_NESTED} WHEN 91 THEN {_NESTED} ELSE {number} END"
    )
