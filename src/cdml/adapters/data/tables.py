"""Files judged where they lie, by an embedded DuckDB."""

import shutil
import tempfile
import weakref
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import duckdb

from cdml.adapters.data.engine import connect
from cdml.adapters.data.files import Limits, find
from cdml.adapters.data.parquet import as_one_file, read_columns, unreadable
from cdml.adapters.data.sql import Column, Translation, counts, parquet, quote
from cdml.core.expressions import Condition, Field, NotRun, Scalar
from cdml.errors import InputError
from cdml.evidence.models import DataRef
from cdml.ports import Table

_SPREAD = 2_654_435_761  # Knuth's multiplicative hash: neighbouring rows fall far apart
_RANGE = 2**32


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class DuckTable:
    """One Parquet file, asked by SQL. The attributes are the port's."""

    ref: DataRef
    parquet: Path
    columns: Mapping[str, Column]
    engine: duckdb.DuckDBPyConnection = field(repr=False)

    @property
    def fields(self) -> tuple[Field, ...]:
        """The columns, in the file's order."""
        return tuple(column.field for column in self.columns.values())

    def count(self, conditions: Sequence[Condition]) -> tuple[int | NotRun, ...]:
        """See the port; when the engine refuses the one scan, each condition is asked apart."""
        distinct = tuple(dict.fromkeys(conditions))
        if not distinct:
            return ()
        try:
            found: dict[Condition, int | NotRun] = dict(
                zip(distinct, self._count(distinct), strict=True)
            )
        except (duckdb.Error, OverflowError):
            self._read_all()
            found = {condition: self._count_alone(condition) for condition in distinct}
        return tuple(found[condition] for condition in conditions)

    def _count(self, conditions: Sequence[Condition]) -> tuple[int, ...]:
        translation = Translation(self.columns)
        sql = f"SELECT {counts(translation, conditions)} FROM {self.relation}"
        counted: tuple[int, ...] = self.engine.execute(sql, translation.parameters).fetchall()[0]
        return counted

    def _count_alone(self, condition: Condition) -> int | NotRun:
        try:
            return self._count([condition])[0]
        except (duckdb.Error, OverflowError) as error:
            return NotRun(str(error).splitlines()[0].partition("Error: ")[2] or str(error))

    def _read_all(self) -> None:
        """Tell data that cannot be read from a condition that cannot be asked."""
        names = ", ".join(f"max(hash({quote(c.engine_name)}))" for c in self.columns.values())
        self._ask(f"SELECT {names} FROM {self.relation}")

    def repeated(self, columns: Sequence[str]) -> int:
        """See the port; groups rather than distinct counts, which need twice the memory."""
        values = ", ".join(self.columns[name].value for name in columns)
        sql = (
            "SELECT coalesce(sum(n - 1), 0)::BIGINT FROM"
            f" (SELECT count(*) AS n FROM {self.relation} WHERE {self.all_present(columns)}"
            f" GROUP BY {values} HAVING count(*) > 1)"
        )
        repeated: int = self._ask(sql)[0][0]
        return repeated

    def frequencies(self, column: str, limit: int) -> tuple[tuple[Scalar, int], ...]:
        """See the port."""
        asked = self.columns[column]
        found = self._ask(
            f"SELECT {asked.value} AS v, count(*) AS n FROM {self.relation}"
            f" WHERE NOT {asked.missing} GROUP BY v ORDER BY n DESC, v LIMIT {int(limit)}"
        )
        return tuple((value, n) for raw, n in found if (value := asked.python(raw)) is not None)

    def examples(
        self, condition: Condition, column: str, limit: int
    ) -> tuple[tuple[int, Scalar | None], ...]:
        """See the port."""
        translation = Translation(self.columns)
        where = translation.condition(condition, exact=False)
        asked = self.columns[column]
        found = self._ask(
            f"SELECT {self._row}, {asked.value} FROM {self._numbered}"
            f" WHERE {where} ORDER BY 1 LIMIT {int(limit)}",
            translation.parameters,
        )
        return tuple((row + 1, asked.python(value)) for row, value in found)

    def sample(
        self, columns: Sequence[str], limit: int
    ) -> Mapping[str, Sequence[float | str | None]]:
        """See the port; rows are chosen by a hash of their number."""
        if not columns:
            return {}
        asked = [self.columns[name] for name in columns]
        values = ", ".join(c.number if c.field.type.ordered else c.value for c in asked)
        share = min(1.0, limit / self.ref.rows)
        found = self._ask(
            f"SELECT {values} FROM {self._numbered}"
            f" WHERE ({self._row} * {_SPREAD}) % {_RANGE} < {int(share * _RANGE)}"
            f" ORDER BY {self._row} LIMIT {int(limit)}"
        )
        return dict(zip(columns, zip(*found, strict=True), strict=True)) if found else {}

    def shared(self, other: Table, columns: Sequence[str]) -> int:
        """See the port."""
        if not isinstance(other, DuckTable):
            raise TypeError(f"rows of {type(other).__name__} are not this engine's")
        theirs = ", ".join(other.columns[name].value for name in columns)
        ours = ", ".join(self.columns[name].value for name in columns)
        shared: int = self._ask(
            f"SELECT count(*) FROM {self.relation} WHERE {self.all_present(columns)}"
            f" AND ({ours}) IN (SELECT ({theirs}) FROM {other.relation}"
            f" WHERE {other.all_present(columns)})"
        )[0][0]
        return shared

    def all_present(self, columns: Sequence[str]) -> str:
        """The condition that none of these columns is missing."""
        return " AND ".join(f"NOT {self.columns[name].missing}" for name in columns)

    @property
    def relation(self) -> str:
        """The rows, as SQL names them."""
        return parquet(self.parquet)

    @property
    def _row(self) -> str:
        """Name of the row number in `_numbered`, which no column has."""
        taken = {column.engine_name.casefold() for column in self.columns.values()}
        name = "row"
        while name in taken:
            name += "_"
        return quote(name)

    @property
    def _numbered(self) -> str:
        """The rows with their number from 0."""
        taken = {column.engine_name.casefold() for column in self.columns.values()}
        number = "row_number() OVER () - 1" if "file_row_number" in taken else "file_row_number"
        return f"(SELECT *, {number} AS {self._row} FROM {self.relation})"

    def _ask(self, sql: str, parameters: Sequence[Any] = ()) -> list[Any]:
        try:
            return self.engine.execute(sql, list(parameters)).fetchall()
        except duckdb.Error as error:
            raise unreadable(self.ref.uri, error) from error


class DuckTables:
    """Opens files, globs, folders and http(s) addresses.

    Args:
        limits: of downloads.
    """

    def __init__(self, limits: Limits | None = None) -> None:
        self._limits = limits or Limits()
        self._folder = Path(tempfile.mkdtemp(prefix="cdml-data-"))
        self._clean = weakref.finalize(self, shutil.rmtree, self._folder, ignore_errors=True)
        self._engine = connect(self._folder)

    def open(self, uri: str) -> DuckTable:
        """See the port."""
        into = Path(tempfile.mkdtemp(dir=self._folder))
        try:
            files = find(uri, into, self._limits)
            digest = files.digest()
            parquet = as_one_file(self._engine, files, into)
            columns, rows = read_columns(self._engine, parquet, files.uri)
        except (OSError, ValueError) as error:
            raise InputError(f"{uri!r} cannot be read: {error}.") from error
        return DuckTable(
            ref=DataRef(uri=files.uri, digest=digest, rows=rows),
            parquet=parquet,
            columns={column.field.name: column for column in columns},
            engine=self._engine,
        )
