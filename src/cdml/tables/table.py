from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Protocol, runtime_checkable

from cdml.evidence.schema import DataRef
from cdml.tables.declared_types import UNDECLARED, Types
from cdml.tables.query import Aggregate, CellValue, Condition, Field, NotRun, Query


@dataclass(frozen=True, slots=True, kw_only=True)
class Overlap:
    """Rows that equal others in some columns; missing values equal one another.

    `shared` equal a row there; the others repeat a row of the same side.
    """

    shared: int
    repeated_here: int
    repeated_there: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Conflicts:
    """Rows that equal another in the inputs, and those whose equal has another label."""

    equal: int
    conflicting: int


class Table(Protocol):
    """Rows in one place, queried in aggregates: no call returns more than was requested.

    Every name must be one of `fields`. Values come as plain Python: bool, int, float, str, date,
    time, datetime (UTC where the column has a zone), None for missing.
    """

    @property
    def ref(self) -> DataRef:
        """Where the rows come from, their digest and number."""
        ...

    @property
    def fields(self) -> tuple[Field, ...]:
        """The columns, in the file's order."""
        ...

    @property
    def parquet(self) -> Path:
        """The rows as one Parquet file, for the scoring process."""
        ...

    def read_as(self, declared: Types) -> "Table":
        """The same rows in the same order, with columns in these types where none are stored.

        Raises:
            InputError: a value is not of the type that it must have.
        """
        ...

    def count(self, conditions: Sequence[Condition]) -> tuple[int | NotRun, ...]:
        """How many rows fulfil each condition; one scan for all of them."""
        ...

    def compute(
        self, conditions: Sequence[Condition], aggregates: Sequence[Aggregate]
    ) -> tuple[tuple[int | NotRun, ...], tuple[float | NotRun, ...]]:
        """The result of `count`, and a figure for each aggregate; one scan for all of it.

        A figure is there only where values are, and never NaN; means, sums and deviations are
        finite. They are the same on every engine to 1e-9 of their size.
        """
        ...

    def answer(self, queries: Sequence[Query]) -> tuple[float | NotRun, ...]:
        """The one number that each query gives (true is 1); kept from all but these rows."""
        ...

    def repeated(self, columns: Sequence[str]) -> int:
        """Rows whose values in these columns, none missing, occurred in a row before."""
        ...

    def frequencies(self, column: str, limit: int) -> tuple[tuple[CellValue, int], ...]:
        """The most frequent values with their counts, missing left out; ties by value."""
        ...

    def count_by(
        self, column: str, conditions: Sequence[Condition], limit: int
    ) -> Mapping[CellValue, tuple[int, ...]]:
        """Rows of each of the most frequent values, and how many of them fulfil each condition.

        Ties by value; missing values left out; one scan. Every condition must be one that can be
        asked.
        """
        ...

    def examples(
        self, condition: Condition, column: str, limit: int
    ) -> tuple[tuple[int, CellValue | None], ...]:
        """The first rows (counted from 1) that fulfil a condition, with a column's value."""
        ...

    def sample(
        self, columns: Sequence[str], limit: int
    ) -> Mapping[str, Sequence[float | str | None]]:
        """At most `limit` rows, drawn the same way at every call; all rows where they are fewer.

        Numbers, booleans and times come as floats (0 and 1; seconds), all else as text, of which
        long ones are cut, but so that what differs still does.
        """
        ...

    def shared(
        self, other: "Table", columns: Sequence[str], their_columns: Sequence[str] | None = None
    ) -> int:
        """Rows whose values, none missing, occur in the other's columns of these or other names."""
        ...

    def overlap(self, other: "Table", columns: Sequence[str]) -> Overlap:
        """Rows that equal one of the other table, or of this one, in these columns."""
        ...

    def conflicts(self, columns: Sequence[str], label: str) -> Conflicts:
        """Rows that equal another in these columns, and those among which labels differ."""
        ...

    def extent(self, column: str) -> tuple[CellValue, CellValue] | None:
        """The least and the greatest value of an ordered column; None where there are none."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Since:
    """Rows that are before `moment` by the time in `column` need not be read.

    The newest row of all is always read, and so are rows without a time. `known` are columns that
    an earlier reading had, by what they hold in words: where rows have different columns, they are
    there although no row that is read has them.
    """

    column: str
    moment: datetime
    known: Mapping[str, str] = field(default_factory=dict)


class Tables(Protocol):
    """Opens data where it lies."""

    def open(self, uri: str, declared: Types = UNDECLARED) -> Table:
        """A file (Parquet, CSV, JSON lines; gzip), a glob, a folder of Parquet, an http(s) URL.

        A value that is not of its declared type leaves a text file's column as its values are,
        which `Field.misfit` reports.

        Raises:
            InputError: it does not exist, cannot be read, has no rows or no columns, or names
                a column twice.
        """
        ...


@runtime_checkable
class RecentTables(Tables, Protocol):
    """Can leave out rows that are too old to matter, where that saves reading them."""

    def open_since(self, uri: str, declared: Types, since: Since) -> Table:
        """As `open`, without what need not be read; the columns and their types are the same.

        The digest identifies the files by name, size and time of change: they are not all read.
        """
        ...


def open_since(tables: Tables, uri: str, declared: Types, since: Since | None) -> Table:
    """As `RecentTables` does, or the whole table; raises as `Tables.open`."""
    if since is not None and isinstance(tables, RecentTables):
        return tables.open_since(uri, declared, since)
    return tables.open(uri, declared)
