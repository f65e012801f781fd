"""Queries of a contract, run by an engine that can open one file and change nothing."""

import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from decimal import Decimal
from math import isnan
from pathlib import Path
from threading import Timer
from typing import Any

import duckdb

from cdml.adapters.tables.duckdb_engine import connect
from cdml.adapters.tables.sql_engine import EngineColumn, literal, parquet, quote
from cdml.common.scratch_folders import prefix as scratch_prefix
from cdml.tables.query import ROWS, NotRun, Query

SECONDS = 300.0


def query_answers(
    queries: Sequence[Query], rows: Path, columns: Sequence[EngineColumn], seconds: float = SECONDS
) -> tuple[float | NotRun, ...]:
    """Each query's number, NaN as NULL, in so many seconds; it can read only this file."""
    if not queries:
        return ()
    with tempfile.TemporaryDirectory(prefix=scratch_prefix("cdml-query")) as folder:
        engine = connect(Path(folder))
        try:
            _lock(engine, rows, columns)
            return tuple(_answer(engine, query, seconds) for query in queries)
        finally:
            engine.close()


def _lock(engine: duckdb.DuckDBPyConnection, rows: Path, columns: Sequence[EngineColumn]) -> None:
    names = (quote(column.engine_name) for column in columns if column.has_nan)
    plain = ", ".join(f"CASE WHEN NOT isnan({name}) THEN {name} END AS {name}" for name in names)
    replaced = f" REPLACE ({plain})" if plain else ""
    engine.execute(f"SET allowed_paths = [{literal(str(rows))}]")
    engine.execute("SET enable_external_access = false")
    engine.execute(f"CREATE VIEW {ROWS} AS SELECT *{replaced} FROM {parquet(rows)}")
    engine.execute("SET lock_configuration = true")


def _answer(engine: duckdb.DuckDBPyConnection, query: Query, seconds: float) -> float | NotRun:
    try:
        with _limited(engine, seconds):
            rows = engine.execute(query.sql).fetchmany(2)
    except duckdb.InterruptException:
        return NotRun(f"it took longer than {seconds:g} s")
    except (duckdb.BinderException, duckdb.CatalogException, duckdb.ParserException) as error:
        return NotRun(str(error).splitlines()[0].partition("Error: ")[2])
    except duckdb.Error as error:
        # What goes wrong at a value quotes the value, which may be personal.
        return NotRun(f"the engine failed: {str(error).partition(':')[0]}")
    return single_number(rows)


def single_number(rows: Sequence[Any]) -> float | NotRun:
    """The one number of an answer, of which two rows are looked at."""
    if len(rows) != 1:
        return NotRun(f"it returns {'no row' if not rows else 'more than one row'}, not one number")
    value = rows[0][0]
    if value is None:
        return NotRun("it returns no value")
    if not isinstance(value, bool | int | float | Decimal):
        return NotRun(f"it returns a {type(value).__name__}, not a number")
    return NotRun("it gives NaN") if isnan(value) else float(value)


@contextmanager
def _limited(engine: duckdb.DuckDBPyConnection, seconds: float) -> Iterator[None]:
    timer = Timer(seconds, engine.interrupt)
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()
