"""An embedded DuckDB."""

import os
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import duckdb

from cdml.adapters.tables.parquet import read_columns, unreadable
from cdml.adapters.tables.sql_engine import EngineColumn


def connect(folder: Path) -> duckdb.DuckDBPyConnection:
    """An engine that stays on this machine, in a quarter of its memory; it spills to `folder`."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    engine = duckdb.connect(
        config={
            "autoinstall_known_extensions": "false",
            "autoload_known_extensions": "false",
            # A file that is written anew between two looks must not be read from memory.
            "enable_external_file_cache": "false",
            "memory_limit": f"{max(memory // 4, 2**29) // 2**20}MiB",
            "temp_directory": str(folder / "spill"),
        }
    )
    return _quiet(engine)


def _quiet(engine: duckdb.DuckDBPyConnection) -> duckdb.DuckDBPyConnection:
    """Without the progress bar that scans of over two seconds would print."""
    engine.execute("SET enable_progress_bar = false")
    return engine


def another_connection(engine: duckdb.DuckDBPyConnection) -> duckdb.DuckDBPyConnection:
    """The same engine for another thread."""
    return _quiet(engine.cursor())


class SqlRunner(Protocol):
    """Runs DuckDB's SQL; errors name the file or table that a statement is about."""

    def fetch(self, sql: str, about: Path) -> list[Any]:
        """All rows of the answer."""
        ...

    def arrays(self, sql: str, about: Path) -> dict[str, Any]:
        """The answer by column, as arrays of numpy."""
        ...

    def holding(self, sql: str, about: Path) -> AbstractContextManager[str]:
        """The rows of a query, for FROM, which an engine may keep for as long as it is entered."""
        ...


@dataclass(frozen=True, slots=True)
class Engine:
    """DuckDB, its errors raised as ours."""

    connection: duckdb.DuckDBPyConnection
    _footers: dict[tuple[Path, int, int, int], tuple[tuple[EngineColumn, ...], int]] = field(
        default_factory=dict
    )

    def columns(self, path: Path) -> tuple[tuple[EngineColumn, ...], int]:
        """Columns and number of rows, as `read_columns`; a file's footer is read once."""
        state = path.stat()
        key = path, state.st_ino, state.st_mtime_ns, state.st_size
        if key not in self._footers:
            self._footers[key] = read_columns(self.connection, path, str(path))
        return self._footers[key]

    def fetch(self, sql: str, about: Path) -> list[Any]:
        return self.run(sql, about).fetchall()

    def arrays(self, sql: str, about: Path) -> dict[str, Any]:
        return dict(self.run(sql, about).fetchnumpy())

    def holding(self, sql: str, about: Path) -> AbstractContextManager[str]:
        del about
        return nullcontext(f"({sql})")

    def run(self, sql: str, about: Path) -> duckdb.DuckDBPyConnection:
        """Run a statement; an InputError if the file cannot be read."""
        try:
            return self.connection.execute(sql)
        except duckdb.Error as error:
            raise unreadable(str(about), error) from error
