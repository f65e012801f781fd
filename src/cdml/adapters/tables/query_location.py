"""Where a table's rows lie, as its questions are asked there."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol

from cdml.adapters.tables.sql_engine import Column
from cdml.tables.declared_types import Types
from cdml.tables.query import NotRun, Query


class Refused(Exception):
    """The engine does not answer a question, and why.

    Attributes:
        reason: in one line.
        hint: what may help.
    """

    def __init__(self, reason: str, hint: str = "") -> None:
        super().__init__(reason)
        self.reason = reason
        self.hint = hint


class Place(Protocol):
    """Where rows lie, and the engine that is there."""

    @property
    def relation(self) -> str:
        """The rows, as DuckDB's SQL names them in FROM."""
        ...

    def numbered(self, row: str, columns: Sequence[Column]) -> str:
        """The rows with their number from 0 in a further column of this name, for FROM."""
        ...

    def ask(self, sql: str, parameters: Sequence[Any] = ()) -> list[Any]:
        """All rows of an answer.

        Args:
            sql: in DuckDB's words.
            parameters: the values of its `?`.

        Raises:
            Refused: the engine cannot answer.
        """
        ...

    def repeated(self, column: Column) -> int | None:
        """Rows whose value an earlier row has too, where that is told without grouping.

        None where it is not.
        """
        ...

    def answer(self, queries: Sequence[Query]) -> tuple[float | NotRun, ...]:
        """The one number that each query of a contract gives."""
        ...

    @property
    def columns(self) -> tuple[Column, ...]:
        """What there is in a row."""
        ...

    def read_as(self, declared: Types) -> "Place":
        """The rows with columns in these types, where the place stores no types; else itself.

        Raises:
            InputError: a value is not of the type that it must have.
        """
        ...

    def reaches(self, other: "Place") -> bool:
        """Whether one question can be asked of both."""
        ...

    def parquet(self) -> Path:
        """The rows as one Parquet file."""
        ...
