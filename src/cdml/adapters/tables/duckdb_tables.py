"""Files judged where they lie, by an embedded DuckDB."""

import hashlib
import json
import shutil
import tempfile
import weakref
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from tempfile import mkdtemp
from threading import Lock
from typing import Any

import duckdb

from cdml.adapters.tables.csv_files import read_csv
from cdml.adapters.tables.duckdb_engine import another_connection, connect
from cdml.adapters.tables.files import Files, find_files
from cdml.adapters.tables.json_files import read_json
from cdml.adapters.tables.limits import DownloadLimits
from cdml.adapters.tables.parquet import read_columns, unreadable
from cdml.adapters.tables.parquet_union import join_parquet, recent_files
from cdml.adapters.tables.queries import query_answers
from cdml.adapters.tables.sql_engine import (
    INTEGER_TYPES,
    EngineColumn,
    QueryRejected,
    SqlEngine,
    constant,
    parquet,
    quote,
)
from cdml.adapters.tables.sql_table import SqlTable
from cdml.adapters.tables.store_clients import SCHEMES
from cdml.adapters.tables.text_columns import Texts
from cdml.adapters.tables.text_types import Typed, write_typed
from cdml.common.addresses import mask, reveal
from cdml.common.scratch_folders import prefix as scratch_prefix
from cdml.errors import InputError
from cdml.evidence.schema import DataRef
from cdml.tables.declared_types import UNDECLARED, Types, is_text
from cdml.tables.query import NotRun, Query
from cdml.tables.table import Since

_BITS = 2**28
"""The most bits to tell repeated numbers by; each thread has as many."""
_SPARSE = 64
"""Bits for each row beyond which grouping takes less memory."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ParquetFile:
    """One Parquet file, asked by DuckDB."""

    path: Path
    uri: str
    columns: tuple[EngineColumn, ...]
    engine: duckdb.DuckDBPyConnection = field(repr=False)
    again: "Callable[[Types], ParquetFile]" = field(repr=False)

    @property
    def relation(self) -> str:
        return parquet(self.path)

    def numbered(self, row: str, columns: Sequence[EngineColumn]) -> str:
        taken = {column.engine_name.casefold() for column in columns}
        number = "row_number() OVER () - 1" if "file_row_number" in taken else "file_row_number"
        return f"(SELECT *, {number} AS {row} FROM {self.relation})"

    def fetch(self, sql: str, parameters: Sequence[Any] = ()) -> list[Any]:
        try:
            return self._answer(sql, parameters)
        except (duckdb.Error, OverflowError) as error:
            reason = str(error).splitlines()[0].partition("Error: ")[2] or str(error)
            raise QueryRejected(mask(reason, self.uri), unreadable(self.uri, error).hint) from error

    def repeated(self, column: EngineColumn) -> int | None:
        """See `SqlEngine`; one bit for each whole number between the least and the most."""
        if column.field.physical not in INTEGER_TYPES:
            return None
        name = quote(column.engine_name)
        extent = f"SELECT min({name}), max({name}), count({name}) FROM {self.relation}"
        [(least, most, many)] = self.fetch(extent)
        if not many:
            return 0
        if most - least > min(_BITS, _SPARSE * many):
            return None
        bits = f"bit_count(bitstring_agg({name}, {least}, {most}))"
        [(repeated,)] = self.fetch(f"SELECT count({name}) - {bits} FROM {self.relation}")
        return int(repeated)

    def answer(self, queries: Sequence[Query]) -> tuple[float | NotRun, ...]:
        """See `SqlEngine`; a separate engine runs them, which can open only this file."""
        return query_answers(queries, self.path, self.columns)

    def _answer(self, sql: str, parameters: Sequence[Any]) -> list[Any]:
        """Bound by the engine itself: its Python side would import pandas to look at a value."""
        if any(isinstance(value, str) and "\0" in value for value in parameters):
            return self.engine.execute(sql, list(parameters)).fetchall()
        if not parameters:
            return self.engine.execute(sql).fetchall()
        self.engine.execute(f"PREPARE asked AS {sql}")
        values = ", ".join(map(constant, parameters))
        return self.engine.execute(f"EXECUTE asked({values})").fetchall()

    def reaches(self, other: SqlEngine) -> bool:
        return isinstance(other, ParquetFile) and other.engine is self.engine

    def parquet(self) -> Path:
        return self.path

    def read_as(self, declared: Types) -> "ParquetFile":
        return self.again(declared)


class DuckTables:
    """Opens files, globs, folders and http(s) addresses."""

    def __init__(self, limits: DownloadLimits | None = None) -> None:
        self._limits = limits or DownloadLimits()
        self._folder = Path(tempfile.mkdtemp(prefix=scratch_prefix("cdml-data")))
        self._clean = weakref.finalize(self, shutil.rmtree, self._folder, ignore_errors=True)
        self._engine = connect(self._folder)
        self._conversion = Conversion(folder=self._folder)
        self._copied: dict[tuple[str, Any], Files] = {}

    def open(self, uri: str, declared: Types = UNDECLARED) -> SqlTable:
        return self._open(uri, declared, None)

    def open_since(self, uri: str, declared: Types, since: Since) -> SqlTable:
        """See the port: of Parquet files, those are left out whose footers say that they are old.

        Files of text are read whole, because their types are those of all their values.
        """
        return self._open(uri, declared, None if is_text(uri) else since)

    def _open(self, uri: str, declared: Types, since: Since | None) -> SqlTable:
        try:
            files = self._find(uri, since)
            parquet_since = since if files.format == "parquet" else None
            digest = files.digest() if parquet_since is None else files.state()
            typed = self._conversion.typed(self._engine, files, digest, declared, parquet_since)
            columns, rows = read_columns(self._engine, typed.path, files.uri)
        except (OSError, ValueError) as error:
            raise InputError(f"{uri!r} cannot be read: {error}.") from error
        place = self._place(files, digest, self._engine, typed, columns)
        return SqlTable(ref=DataRef(uri=files.uri, digest=digest, rows=rows), place=place)

    def _find(self, uri: str, since: Since | None) -> Files:
        """The files of an address; what lies in a store is copied once, for all who open it."""
        address = reveal(uri)
        opened = address, since and (since.column, since.moment)
        if opened in self._copied:
            return self._copied[opened]
        choose = None if since is None else partial(self._recent, since)
        files = find_files(uri, Path(tempfile.mkdtemp(dir=self._folder)), self._limits, choose)
        files.look_through(self._limits.unpacking)
        if address.partition("://")[0] in SCHEMES:
            self._copied[opened] = files
        return files

    def _recent(self, since: Since, paths: Sequence[Path]) -> Sequence[Path]:
        try:
            return recent_files(self._engine, paths, since)
        except duckdb.Error:
            return paths  # reading them says what is wrong

    def _place(
        self, files: Files, digest: str, engine: duckdb.DuckDBPyConnection, typed: Typed,
        columns: Sequence[EngineColumn],
    ) -> ParquetFile:  # fmt: skip
        misfits = {name: str(misfit) for name, misfit in typed.misfits.items()}
        fields = (replace(c.field, misfit=misfits.get(c.field.name, "")) for c in columns)
        described = (replace(c, field=f) for c, f in zip(columns, fields, strict=True))
        return ParquetFile(
            path=typed.path, uri=files.uri, columns=tuple(described), engine=engine,
            again=partial(self._again, files, digest),
        )  # fmt: skip

    def _again(self, files: Files, digest: str, declared: Types) -> ParquetFile:
        """The rows in other types; may be asked by another thread."""
        engine = another_connection(self._engine)
        typed = self._conversion.typed(engine, files, digest, declared)
        for misfit in typed.misfits.values():
            if misfit.declared.required:
                raise misfit.error()
        columns, _ = read_columns(engine, typed.path, files.uri)
        return self._place(files, digest, engine, typed, columns)


@dataclass(frozen=True, kw_only=True)
class Conversion:
    """Makes Parquet files, each once for the same bytes and the same declared types."""

    folder: Path
    _texts: dict[str, Texts] = field(default_factory=dict)
    _typed: dict[str, Typed] = field(default_factory=dict)
    _one: Lock = field(default_factory=Lock)

    def typed(
        self,
        engine: duckdb.DuckDBPyConnection,
        files: Files,
        digest: str,
        declared: Types,
        since: Since | None = None,
    ) -> Typed:
        """The rows in their declared types, or in those that every value allows.

        Of several Parquet files, only rows `since` then.

        Raises:
            InputError: the files cannot be read, or differ in their columns.
        """
        if files.format == "parquet" and len(files.paths) == 1 and not files.folder:
            return Typed(path=files.paths[0], misfits={})
        content = _key(files, digest)
        cache_key = f"{content} {sorted(declared.items(), key=lambda item: item[0])} {since}"
        with self._one:
            if cache_key not in self._typed:
                try:
                    self._typed[cache_key] = self._converted(
                        engine, files, content, declared, since
                    )
                except duckdb.Error as error:
                    raise unreadable(files.uri, error) from error
            return self._typed[cache_key]

    def _converted(
        self,
        engine: duckdb.DuckDBPyConnection,
        files: Files,
        content: str,
        declared: Types,
        since: Since | None,
    ) -> Typed:
        into = Path(mkdtemp(dir=self.folder))
        target = into / "table.parquet"
        if files.format == "parquet":
            join_parquet(
                engine, files.paths, target, folder=files.folder, declared=declared, since=since
            )
            return Typed(path=target, misfits={})
        if content not in self._texts:
            if files.format == "csv":
                self._texts[content] = read_csv(engine, files.paths, into)
            else:
                self._texts[content] = read_json(engine, files.paths, into)
        return write_typed(engine, self._texts[content], declared, target)


def _key(files: Files, digest: str) -> str:
    named = json.dumps([digest, *map(str, files.paths)])
    return hashlib.sha256(named.encode()).hexdigest()
