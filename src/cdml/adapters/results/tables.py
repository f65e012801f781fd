"""Files of rows: Parquet, CSV, JSON and JSON Lines, by the engine of tables."""

import shutil
from collections.abc import Mapping
from pathlib import Path

from cdml.adapters.results import TABLE
from cdml.adapters.tables.duckdb_engine import Engine, connect
from cdml.adapters.tables.duckdb_tables import DuckTables
from cdml.adapters.tables.sql_engine import constant, literal, parquet, quote
from cdml.common.suggest import describe_unknown
from cdml.errors import InputError
from cdml.results.reader import ResultColumn, ResultTable


def read_table(path: Path, folder: Path, select: Mapping[str, str]) -> ResultTable:
    """Read rows as they are, in types that change no value; a file of Parquet stays where it is.

    Raises:
        InputError: the file cannot be read, or has none of the selected rows.
    """
    tables = DuckTables()
    table = tables.open(str(path))
    rows = table.ref.rows
    columns = tuple(ResultColumn(field.name) for field in table.fields)
    source, target = table.parquet, folder / "results.parquet"
    if select:
        for name in select:
            if name not in table.columns:
                raise InputError(f"{path.name}: {describe_unknown('column', name, table.columns)}")
        rows = _copy_selected(source, target, select, path)
    elif source.resolve() == path.resolve():
        target = path
    else:
        shutil.move(source, target)
    return ResultTable(
        path=target, reader=TABLE, columns=columns, rows=rows, notes=(), digest=table.ref.digest
    )


def _copy_selected(source: Path, target: Path, select: Mapping[str, str], path: Path) -> int:
    conditions = " AND ".join(
        f"CAST({quote(name)} AS VARCHAR) = {constant(value)}" for name, value in select.items()
    )
    engine = Engine(connect(target.parent))
    try:
        engine.run(
            f"COPY (SELECT * FROM {parquet(source)} WHERE {conditions})"
            f" TO {literal(str(target))} (FORMAT parquet)",
            path,
        )
        [[rows]] = engine.fetch(f"SELECT count(*) FROM {parquet(target)}", path)
    finally:
        engine.connection.close()
    if not rows:
        pairs = " and ".join(f"{name}={value}" for name, value in select.items())
        raise InputError(f"{path.name} has no row with {pairs}.")
    return int(rows)
