"""What the footer of a Parquet file says."""

from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import replace
from pathlib import Path

import duckdb

from cdml.adapters.tables import sql_engine
from cdml.adapters.tables.sql_engine import EngineColumn, logical_type, parquet, quote_path
from cdml.common.addresses import mask
from cdml.errors import InputError
from cdml.tables.query import Field


def unreadable(uri: str, error: Exception) -> InputError:
    """The engine's complaint about the data, in one line."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    message = lines[0].partition("Error: ")[2] or lines[0] if lines else type(error).__name__
    return InputError(
        f"{uri} cannot be read: {mask(message, uri).rstrip('.')}.",
        "The file may be incomplete or in another format.",
    )


def read_columns(
    engine: duckdb.DuckDBPyConnection, parquet: Path, uri: str
) -> tuple[tuple[EngineColumn, ...], int]:
    """The columns of a Parquet file and its number of rows, from its footer.

    Raises:
        InputError: it cannot be read, has no rows or columns, or names a column twice.
    """
    relation = sql_engine.parquet(parquet)
    try:
        described = engine.execute(f"DESCRIBE SELECT * FROM {relation}").fetchall()
        schema = engine.execute(
            f"SELECT name, num_children, repetition_type FROM parquet_schema({quote_path(parquet)})"
        ).fetchall()
        [[rows]] = engine.execute(f"SELECT count(*) FROM {relation}").fetchall()
    except duckdb.Error as error:
        raise unreadable(uri, error) from error
    top = _top_level(schema)
    if not described or not top:
        raise InputError(f"{uri} has no columns.")
    if rows == 0:
        raise InputError(f"{uri} has columns but no rows.", "A gate needs rows.")
    _refuse_repeated([name for name, _ in top], uri)
    columns = tuple(
        EngineColumn(
            field=Field(
                name=name, type=logical_type(kind), physical=kind, nullable=repetition != "REQUIRED"
            ),
            engine_name=engine_name,
        )
        for (name, repetition), (engine_name, kind, *_) in zip(top, described, strict=True)
    )
    try:
        empty = empty_columns(engine, parquet, columns)
    except duckdb.Error as error:
        raise unreadable(uri, error) from error
    return tuple(
        replace(column, field=replace(column.field, empty=column.field.name in empty))
        for column in columns
    ), rows


def _top_level(schema: list[tuple[str, int | None, str]]) -> list[tuple[str, str]]:
    """Names and repetition of the top-level columns; the footer lists the tree depth first."""
    columns, skip = [], 0
    for name, children, repetition in schema[1:]:
        if skip == 0:
            columns.append((name, repetition))
            skip = children or 0
        else:
            skip += (children or 0) - 1
    return columns


def _refuse_repeated(names: list[str], uri: str) -> None:
    repeated = [name for name, times in Counter(names).items() if times > 1]
    if repeated:
        raise InputError(
            f"{uri} has {Counter(names)[repeated[0]]} columns named {repeated[0]!r}.",
            "Rename all but one.",
        )


_FOOTER = """
    SELECT path_in_schema, bool_or(coalesce(stats_min_value, stats_min) IS NOT NULL),
        sum(coalesce(stats_null_count, 0)) = sum(num_values)
    FROM parquet_metadata({file}) GROUP BY ALL
"""


def empty_columns(
    engine: duckdb.DuckDBPyConnection, path: Path, columns: Collection[EngineColumn]
) -> frozenset[str]:
    """Columns of a file with rows in which every value is missing (NULL or NaN), by name."""
    footer: Mapping[str, tuple[bool, bool]] = {
        name: (valued, empty)
        for name, valued, empty in engine.execute(_FOOTER.format(file=quote_path(path))).fetchall()
    }
    names = set()
    for column in columns:
        # Of nested columns the footer knows the leaves; of NaN and of no type at all, nothing.
        valued, empty = footer.get(column.field.name, (False, False))
        if empty or (not valued and _holds_nothing(engine, path, column)):
            names.add(column.field.name)
    return frozenset(names)


def _holds_nothing(engine: duckdb.DuckDBPyConnection, path: Path, column: EngineColumn) -> bool:
    """Stops at the first value."""
    query = f"SELECT 1 FROM {parquet(path)} WHERE NOT {column.missing} LIMIT 1"
    return not engine.execute(query).fetchall()
