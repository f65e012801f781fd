"""Several Parquet files as one table, whatever their number and order."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from itertools import groupby
from pathlib import Path
from typing import Any

import duckdb

from cdml.adapters.tables.sql_engine import (
    INTEGER_TYPES,
    EngineColumn,
    literal,
    parquet,
    quote,
)
from cdml.adapters.tables.text_columns import paths, refuse_differences
from cdml.adapters.tables.time_ranges import compare_time
from cdml.errors import InputError
from cdml.tables.declared_types import Types
from cdml.tables.query import Field, LogicalType
from cdml.tables.table import Since
from cdml.tables.types import describe_physical

_SIZES = {"TINYINT": 8, "SMALLINT": 16, "INTEGER": 32, "BIGINT": 64}
_EXACT_IN_DOUBLE = 2**53
_MOMENTS = ("TIMESTAMP_S", "TIMESTAMP_MS", "TIMESTAMP", "TIMESTAMP_NS")


@dataclass(frozen=True, slots=True, kw_only=True)
class _File:
    """One file: its columns and their types, and the columns that its folders name."""

    path: Path
    types: Mapping[str, str]
    folders: Mapping[str, str]
    rows: str = ""
    """A condition that its rows fulfil; those that do not are left out."""

    @property
    def names(self) -> tuple[str, ...]:
        return (*self.types, *(name for name in self.folders if name not in self.types))


def join_parquet(
    engine: duckdb.DuckDBPyConnection,
    files: Sequence[Path],
    target: Path,
    *,
    folder: Path | None = None,
    declared: Types,
    since: Since | None = None,
) -> None:
    """Write the rows of several files as one, in their order, without those before `since`.

    The subfolders of `folder`, called `year=2013`, hold columns, which may have declared types.

    Raises:
        InputError: files differ in their columns, or in types that cannot be one without a loss.
        duckdb.Error: a file cannot be read.
    """
    described = [_describe(engine, path, folder) for path in files]
    first = described[0]
    for other in described[1:]:
        refuse_differences(first.names, first.path, other.names, other.path)
    types = {name: _common(engine, described, name) for name in first.types}
    kinds = {name: _of_folders(described, name, declared) for name in first.folders}
    if since is not None:
        described = _recent(engine, described, since)
    alike = groupby(described, key=lambda file: (tuple(file.types), tuple(file.folders.items())))
    parts = " UNION ALL ".join(_select(list(group), types, kinds) for _, group in alike)
    engine.execute(f"COPY ({parts}) TO {literal(str(target))} (FORMAT parquet)")


def _describe(engine: duckdb.DuckDBPyConnection, path: Path, folder: Path | None) -> _File:
    described = engine.execute(f"DESCRIBE SELECT * FROM {parquet(path)}").fetchall()
    return _File(
        path=path,
        types={str(name): str(kind) for name, kind, *_ in described},
        folders=_folders(path, folder) if folder else {},
    )


def _folders(path: Path, folder: Path) -> dict[str, str]:
    from urllib.parse import unquote

    named = (part.partition("=") for part in path.relative_to(folder).parts[:-1])
    return {name: unquote(value) for name, sign, value in named if sign}


def recent_files(
    engine: duckdb.DuckDBPyConnection, files: Sequence[Path], since: Since
) -> tuple[Path, ...]:
    """The files that may have rows since then, and the one with the newest row, by their footers.

    All files if their columns differ: what type fits all of them, their values say.

    Raises:
        duckdb.Error: a file cannot be read.
    """
    described = [_describe(engine, path, None) for path in files]
    if any(file.types != described[0].types for file in described):
        return tuple(files)
    return tuple(file.path for file in _recent(engine, described, since))


def _recent(engine: duckdb.DuckDBPyConnection, files: Sequence[_File], since: Since) -> list[_File]:
    """These files, and which of their rows are read: all, if the footer does not know the times."""
    kinds = {file.types.get(since.column, "") for file in files}
    [kind, *others] = kinds
    if others or not kind.startswith("TIMESTAMP"):
        return list(files)
    known = dict(_newest(engine, files, since.column))
    if not known:
        return list(files)
    moment = min(since.moment, max(known.values()))
    field = Field(name=since.column, type=LogicalType.TIMESTAMP, physical=kind)
    rows = compare_time(EngineColumn(field=field, engine_name=since.column), ">=", moment)
    return [
        replace(file, rows=rows) if str(file.path) in known else file
        for file in files
        if known.get(str(file.path), moment) >= moment
    ]


def _newest(
    engine: duckdb.DuckDBPyConnection, files: Sequence[_File], column: str
) -> Iterator[tuple[str, datetime]]:
    """The newest time of each file whose footer says it, and that every row has one."""
    held = paths([file.path for file in files])
    for path, newest in engine.execute(
        f"SELECT file_name, max(CAST(stats_max_value AS TIMESTAMP)) FROM parquet_metadata({held})"
        f" WHERE path_in_schema = {literal(column)} GROUP BY ALL"
        " HAVING bool_and(stats_max_value IS NOT NULL AND stats_null_count = 0)"
    ).fetchall():
        yield str(path), newest.replace(tzinfo=UTC)


def _select(files: Sequence[_File], types: Mapping[str, str], kinds: Mapping[str, str]) -> str:
    """Files whose columns are called alike; each value in the type of its column."""
    parts = []
    for _, group in groupby(files, key=lambda file: (file.rows, tuple(file.types.items()))):
        alike = list(group)
        columns = [
            quote(name)
            if alike[0].types[name] == kind
            else f"CAST({quote(name)} AS {kind}) AS {quote(name)}"
            for name, kind in types.items()
        ]
        columns += [
            f"CAST({literal(alike[0].folders[name])} AS {kind}) AS {quote(name)}"
            if alike[0].folders[name] != "__HIVE_DEFAULT_PARTITION__"
            else f"CAST(NULL AS {kind}) AS {quote(name)}"
            for name, kind in kinds.items()
            if name not in types
        ]
        source = f"read_parquet({paths([file.path for file in alike])}, hive_partitioning = false)"
        where = f" WHERE {alike[0].rows}" if alike[0].rows else ""
        parts.append(f"SELECT {', '.join(columns)} FROM {source}{where}")
    return " UNION ALL ".join(parts)


def _of_folders(files: Sequence[_File], name: str, declared: Types) -> str:
    """The type of a column that folders name: text, or whole numbers written as such."""
    if name in declared and declared[name].type is LogicalType.STRING:
        return "VARCHAR"
    values = {file.folders[name] for file in files} - {"__HIVE_DEFAULT_PARTITION__"}
    all_integers = all(_is_integer(value) for value in values)
    return "BIGINT" if values and all_integers else "VARCHAR"


def _is_integer(value: str) -> bool:
    try:
        return str(int(value)) == value and -(2**63) <= int(value) < 2**63
    except ValueError:
        return False


def _common(engine: duckdb.DuckDBPyConnection, files: Sequence[_File], name: str) -> str:
    """The one type that holds the values of all files as they are, or an InputError."""
    first: dict[str, _File] = {}
    for file in files:
        first.setdefault(file.types[name], file)
    kinds = dict(first)
    if len(kinds) > 1:  # pandas writes a column without values in its own type
        filled = {
            kind: kinds[kind] for kind in kinds if _aggregate(engine, files, name, kind, "count")[0]
        }
        kinds = filled or dict(list(kinds.items())[:1])
    common = _joined(tuple(kinds)) if len(kinds) > 1 else next(iter(kinds))
    if common == "DOUBLE":
        integers = (kind for kind in kinds if kind in {*INTEGER_TYPES, "HUGEINT"})
        ends = (
            end for kind in integers for end in _aggregate(engine, files, name, kind, "max", "min")
        )
        common = None if any(abs(end or 0) > _EXACT_IN_DOUBLE for end in ends) else common
    if common is None:
        (one, here), (other, there) = list(kinds.items())[:2]
        words, others = describe_physical(one), describe_physical(other)
        others = f"{others} with other parts" if others == words else others
        raise InputError(
            f"the column {name!r} is of type {words} in {here.path.name}, but of type {others} in"
            f" {there.path.name}.",
            "No type fits both. Write the files with one type.",
        )
    return common


def _joined(kinds: Sequence[str]) -> str | None:
    if all(kind in INTEGER_TYPES for kind in kinds):
        return _widest(kinds)
    if all(kind in {*INTEGER_TYPES, "FLOAT", "DOUBLE"} for kind in kinds):
        return "DOUBLE"
    if all(kind.startswith("DECIMAL(") for kind in kinds):
        sizes = [tuple(map(int, kind[8:-1].split(","))) for kind in kinds]
        scale, digits = max(s for _, s in sizes), max(p - s for p, s in sizes)
        return f"DECIMAL({digits + scale},{scale})" if digits + scale <= 38 else None  # noqa: PLR2004 - the engine's widest
    if all(kind in _MOMENTS[:3] for kind in kinds):
        return "TIMESTAMP"
    if all(kind == "VARCHAR" or kind.startswith("ENUM(") for kind in kinds):
        return "VARCHAR"
    return None


def _widest(kinds: Sequence[str]) -> str | None:
    signed = [_SIZES[kind] for kind in kinds if kind in _SIZES]
    unsigned = [_SIZES[kind[1:]] for kind in kinds if kind not in _SIZES]
    if not signed:
        return max(kinds, key=lambda kind: _SIZES[kind[1:]])
    needed = max([*signed, *(2 * size for size in unsigned)])
    return next((kind for kind, size in _SIZES.items() if size == needed), None)


def _aggregate(
    engine: duckdb.DuckDBPyConnection,
    files: Sequence[_File],
    name: str,
    kind: str,
    *functions: str,
) -> tuple[Any, ...]:
    """Aggregates of the files in which a column has this type."""
    held = paths([file.path for file in files if file.types[name] == kind])
    aggregates = ", ".join(f"{function}({quote(name)})" for function in functions)
    sql = f"SELECT {aggregates} FROM read_parquet({held}, hive_partitioning = false)"
    row: tuple[Any, ...] = engine.execute(sql).fetchall()[0]
    return row
