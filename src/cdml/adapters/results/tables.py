"""Files of rows: Parquet, CSV, JSON and JSON Lines, by the engine of tables."""

import json
import re
import shlex
import shutil
from collections.abc import Mapping
from pathlib import Path

from cdml.adapters.results import TABLE, result_readers
from cdml.adapters.results.json_rows import copy_json
from cdml.adapters.results.json_stream import read_lines
from cdml.adapters.tables.duckdb_engine import Engine, connect
from cdml.adapters.tables.duckdb_tables import DuckTables
from cdml.adapters.tables.files import FORMATS
from cdml.adapters.tables.parquet import read_columns
from cdml.adapters.tables.sql_engine import constant, literal, parquet, quote
from cdml.common.suggest import describe_unknown
from cdml.errors import InputError
from cdml.evidence.store import file_digest
from cdml.results.reader import ResultColumn, ResultTable

_LINES = (".jsonl", ".ndjson")
_LARGE = 2**26
_PLAIN = re.compile(r"[A-Za-z_]\w*", re.ASCII)


def read_table(path: Path, folder: Path, select: Mapping[str, str]) -> ResultTable:
    """Read rows in types that their values allow; a file of Parquet stays where it is.

    Raises:
        InputError: the file cannot be read, or has none of the selected rows.
    """
    target = folder / "results.parquet"
    engine = Engine(connect(folder))
    try:
        source, digest = _as_parquet(path, target, engine)
        if select:
            selected = folder / "selected.parquet"
            _copy_selected(engine, source, selected, select, path)
            source = selected
        columns, rows = read_columns(engine.connection, source, str(path))
        if rows == 1 and path.suffix.lower() == ".json" and not select:
            _refuse_one_object(path)
    finally:
        engine.connection.close()
    return ResultTable(
        path=source,
        reader=TABLE,
        columns=tuple(ResultColumn(column.field.name) for column in columns),
        rows=rows,
        notes=(),
        digest=digest,
    )


def _as_parquet(path: Path, target: Path, engine: Engine) -> tuple[Path, str]:
    """The rows as one Parquet file, and the digest of the file that was read."""
    if FORMATS.get(path.suffix.lower()) == "json" and copy_json(engine.connection, path, target):
        return target, file_digest(path)
    try:
        table = DuckTables().open(str(path))
    except InputError:
        if path.suffix.lower() in _LINES:
            for _ in read_lines(path):  # the engine is wrong about the number of a broken line
                continue
        raise
    if table.parquet.resolve() == path.resolve():
        return path, table.ref.digest
    shutil.move(table.parquet, target)
    return target, table.ref.digest


def _refuse_one_object(path: Path) -> None:
    """Refuse an object that is the whole file: a summary, or what a tool unknown to us wrote."""
    with path.open("rb") as file:
        if not file.read(2**16).lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"{"):
            return
    hint = f"cdml reads files of {', '.join(sorted(result_readers()))}, and a list of objects."
    if name := _list_in(path):
        quoted = shlex.quote(path.name)
        hint = f"Write its {name} to a file, for example by: jq .{name} {quoted} > {name}.json"
    raise InputError(f"{path.name} is one object, not a list of cases.", hint)


def _list_in(path: Path) -> str:
    """The key of the only list of objects in an object; empty for none, or for a large file."""
    if path.stat().st_size > _LARGE:
        return ""
    try:
        values = json.loads(path.read_text("utf-8-sig"))
    except (ValueError, RecursionError):
        return ""
    lists = [
        name
        for name, value in values.items()
        if isinstance(value, list) and value and all(isinstance(one, dict) for one in value)
    ]
    return lists[0] if len(lists) == 1 and _PLAIN.fullmatch(lists[0]) else ""


def _copy_selected(
    engine: Engine, source: Path, target: Path, select: Mapping[str, str], path: Path
) -> None:
    columns, _ = read_columns(engine.connection, source, str(path))
    names = {column.field.name for column in columns}
    for name in select:
        if name not in names:
            raise InputError(f"{path.name}: {describe_unknown('column', name, names)}")
    conditions = " AND ".join(
        f"CAST({quote(name)} AS VARCHAR) = {constant(value)}" for name, value in select.items()
    )
    engine.run(
        f"COPY (SELECT * FROM {parquet(source)} WHERE {conditions})"
        f" TO {literal(str(target))} (FORMAT parquet)",
        path,
    )
    [[rows]] = engine.fetch(f"SELECT count(*) FROM {parquet(target)}", path)
    if not rows:
        pairs = " and ".join(f"{name}={value}" for name, value in select.items())
        raise InputError(f"{path.name} has no row with {pairs}.")
