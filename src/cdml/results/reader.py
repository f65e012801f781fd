"""Results of cases as other tools write them: their columns, and the port of their readers."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Protocol

from cdml.results.selection import Side


class Role(StrEnum):
    """What a column of results is for."""

    KEY = "key"
    """Identifies a case, in every file that holds it; never its position."""
    TRIAL = "trial"
    """Labels one of several tries of a case. Labels of two files are unrelated."""
    SELECT = "select"
    """Several systems in one file: provider, prompt, filter."""
    CATEGORY = "category"
    SCORE = "score"
    """A number or a truth value; missing where it was not measured."""
    LABEL = "label"
    PREDICTION = "prediction"
    ERROR = "error"
    """Why an instrument failed; missing where none did.

    Where it is present, missing scores failed to be measured. Elsewhere they do not apply.
    """
    LATENCY = "latency"
    COST = "cost"
    TOKENS = "tokens"
    TEXT = "text"
    LINK = "link"


@dataclass(frozen=True, slots=True)
class ResultColumn:
    """A column; without a role, its name and values have yet to tell."""

    name: str
    role: Role | None = None
    higher_is_better: bool | None = None


Value = bool | int | float | str | None
Record = Mapping[str, Value]
"""The values of one try of one case, by column."""


@dataclass(slots=True, kw_only=True)
class ResultFile:
    """A file that is being read.

    `columns` and `notes`, sentences for the user, are complete when `records` is exhausted. Columns
    that only records name have no role.
    """

    reader: str
    columns: dict[str, ResultColumn]
    records: Iterator[Record]
    notes: list[str] = field(default_factory=list)

    def declare(self, *columns: ResultColumn) -> None:
        """Say what these columns are for."""
        self.columns.update((column.name, column) for column in columns)


class ResultReader(Protocol):
    """Reads what one tool writes."""

    name: str
    """What `--reader` calls it."""

    def recognises(self, path: Path, head: bytes) -> bool:
        """Whether the tool wrote this; `head` is the file's beginning, empty for a folder."""
        ...

    def read(self, path: Path) -> ResultFile:
        """Read the cases, one after the other.

        Raises:
            InputError: now or while records are read: the file is broken, of another tool, of a
                run that failed, or lacks what identifies its cases.
        """
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class ResultTable:
    """Results as rows of a Parquet file, in columns that a record's names became.

    `digest` is that of the file, or the files, that the tool wrote.
    """

    path: Path
    reader: str
    columns: tuple[ResultColumn, ...]
    rows: int
    notes: tuple[str, ...]
    digest: str

    def named(self, role: Role) -> tuple[str, ...]:
        """The columns with a role."""
        return tuple(column.name for column in self.columns if column.role is role)


class ResultFiles(Protocol):
    """Opens the files of one run, in the format and with the selection that its user named."""

    def open(self, path: Path, side: Side) -> ResultTable | None:
        """What a tool wrote, or the selected rows of a table; None for a table as it is.

        Raises:
            InputError: the file cannot be used, or it holds several systems and none is selected.
            ConfigurationError: there is no such reader.
        """
        ...
