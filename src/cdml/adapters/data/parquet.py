"""Any table as one Parquet file, and what its footer says."""

from collections import Counter
from pathlib import Path

import duckdb

from cdml.adapters.data import sql
from cdml.adapters.data.files import Files
from cdml.adapters.data.sql import Column, literal, logical_type, name_of, quote
from cdml.core.expressions import Field
from cdml.errors import InputError

_HARMLESS = ("Expected Number of Columns", "Invalid unicode")


def unreadable(uri: str, error: Exception) -> InputError:
    """The engine's complaint about the data, in one line."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    told = lines[0].partition("Error: ")[2] or lines[0] if lines else type(error).__name__
    # The line itself, which the engine quotes too, may hold personal data.
    told += "".join(f": {line}" for line in lines[1:] if line.startswith(_HARMLESS))
    return InputError(
        f"{uri} cannot be read: {told.rstrip('.')}.",
        "The file may be cut off, of another format, or not UTF-8.",
    )


def as_one_file(engine: duckdb.DuckDBPyConnection, files: Files, into: Path) -> Path:
    """The table as one Parquet file: the file itself, or a copy made once.

    Raises:
        InputError: the files cannot be read, or differ in their columns.
    """
    if files.format == "parquet" and len(files.paths) == 1 and not files.folder:
        return files.paths[0]
    target = into / "table.parquet"
    try:
        source = _source(engine, files)
        engine.execute(f"COPY (SELECT * FROM {source}) TO {literal(str(target))} (FORMAT parquet)")
    except duckdb.Error as error:
        raise unreadable(files.uri, _with_line(engine, files, error)) from error
    return target


def _with_line(
    engine: duckdb.DuckDBPyConnection, files: Files, error: duckdb.Error
) -> duckdb.Error:
    """The line of a CSV file that broke it: looking for types, the engine does not tell."""
    if files.format != "csv" or "sniffing" not in str(error):
        return error
    names = [literal(f"c{number}") for number in range(len(_header(files)[1]))]
    columns = ", ".join(f"{name}: 'VARCHAR'" for name in names)
    how = f"auto_detect = false, columns = {{{columns}}}"
    try:
        engine.execute(f"SELECT count(*) FROM {_csv(files, how)}").fetchall()
    except duckdb.Error as plainer:
        return plainer
    return error


def _source(engine: duckdb.DuckDBPyConnection, files: Files) -> str:
    names = _names(files)
    match files.format:
        case "parquet":
            return f"read_parquet({names})"
        case "csv":
            # All rows decide a column's type: one late text must not break a reading half done.
            return _csv(files, "sample_size = -1" + _texts(engine, files))
        case _:
            return f"read_json({names}, sample_size = -1)"


def _texts(engine: duckdb.DuckDBPyConnection, files: Files) -> str:
    """Columns of yes and no, or t and f, are texts: only true and false are truth values."""
    described = engine.execute(f"DESCRIBE SELECT * FROM {_csv(files, 'sample_size = -1')}")
    flags = [name for name, kind, *_ in described.fetchall() if kind == "BOOLEAN"]
    if not flags:
        return ""
    plain = ", ".join(f"bool_and(lower({quote(name)}) IN ('true', 'false'))" for name in flags)
    [true_or_false] = engine.execute(
        f"SELECT {plain} FROM {_csv(files, 'all_varchar = true')}"
    ).fetchall()
    texts = [name for name, only in zip(flags, true_or_false, strict=True) if not only]
    types = ", ".join(f"{literal(name)}: 'VARCHAR'" for name in texts)
    return f", types = {{{types}}}" if texts else ""


def _names(files: Files) -> str:
    return "[" + ", ".join(map(name_of, files.paths)) + "]"


def _csv(files: Files, how: str) -> str:
    delimiter, names = _header(files)
    _refuse_repeated([name.strip().casefold() for name in names], files.uri)
    # skip: the engine would pass over lines until the rest had one width.
    return (
        f"read_csv({_names(files)}, header = true, skip = 0, delim = {literal(delimiter)},"
        f" quote = '\"', escape = '\"', {how})"
    )


def _header(files: Files) -> tuple[str, list[str]]:
    """The delimiter and the names of the first line, as they are written.

    The engine would silently rename a column that is named twice.
    """
    import csv
    import gzip

    path = files.paths[0]
    try:
        opened = gzip.open if path.suffix.lower() == ".gz" else open
        with opened(path, "rt", encoding="utf-8-sig", newline="") as file:
            line = file.readline(2**20)
    except (OSError, EOFError, UnicodeDecodeError) as error:
        raise unreadable(files.uri, error) from error
    delimiter = max(",;\t|", key=line.count)
    return delimiter, next(csv.reader([line], delimiter=delimiter), [])


def read_columns(
    engine: duckdb.DuckDBPyConnection, parquet: Path, uri: str
) -> tuple[tuple[Column, ...], int]:
    """The columns of a Parquet file and its number of rows, from its footer.

    Raises:
        InputError: it cannot be read, has no rows or columns, or names a column twice.
    """
    file = name_of(parquet)
    try:
        described = engine.execute(f"DESCRIBE SELECT * FROM {sql.parquet(parquet)}").fetchall()
        schema = engine.execute(
            f"SELECT name, num_children, repetition_type FROM parquet_schema({file})"
        ).fetchall()
        rows = engine.execute(f"SELECT count(*) FROM {sql.parquet(parquet)}").fetchall()[0][0]
    except duckdb.Error as error:
        raise unreadable(uri, error) from error
    top = _top_level(schema)
    if not described or not top:
        raise InputError(f"{uri} has no columns.")
    if rows == 0:
        raise InputError(f"{uri} has columns, but no rows.", "No rows are no evidence.")
    _refuse_repeated([name for name, _ in top], uri)
    columns = tuple(
        Column(
            field=Field(
                name=name, type=logical_type(kind), physical=kind, nullable=repetition != "REQUIRED"
            ),
            engine_name=engine_name,
        )
        for (name, repetition), (engine_name, kind, *_) in zip(top, described, strict=True)
    )
    return columns, rows


def _top_level(schema: list[tuple[str, int | None, str]]) -> list[tuple[str, str]]:
    """Names and repetition of the top-level columns; the footer lists the tree depth first."""
    found, skip = [], 0
    for name, children, repetition in schema[1:]:
        if skip == 0:
            found.append((name, repetition))
            skip = children or 0
        else:
            skip += (children or 0) - 1
    return found


def _refuse_repeated(names: list[str], uri: str) -> None:
    repeated = [name for name, times in Counter(names).items() if times > 1]
    if repeated:
        raise InputError(
            f"{uri} has {Counter(names)[repeated[0]]} columns called {repeated[0]!r}.",
            "A check could not tell which one it speaks of: rename one.",
        )
