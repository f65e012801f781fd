"""Which columns of a Parquet file hold no value: by its footer, or by a look at the column."""

from collections.abc import Collection, Mapping
from pathlib import Path

import duckdb

from cdml.adapters.tables.sql_engine import EngineColumn, parquet, quote_path

_FOOTER = """
    SELECT path_in_schema, bool_or(coalesce(stats_min_value, stats_min) IS NOT NULL),
        sum(coalesce(stats_null_count, 0)) = sum(num_values)
    FROM parquet_metadata({file}) GROUP BY ALL
"""


def empty_columns(
    engine: duckdb.DuckDBPyConnection, path: Path, columns: Collection[EngineColumn]
) -> frozenset[str]:
    """The names of the columns of a file with rows in which every value is missing (NULL or NaN).

    Raises:
        duckdb.Error: the file cannot be read.
    """
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
