"""Tables asked by SQL, wherever they lie."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from cdml.adapters.data.sql import Column, Translation, counts, quote
from cdml.core.expressions import Condition, Field, NotRun, Scalar
from cdml.errors import ConfigurationError, InputError
from cdml.evidence.models import DataRef
from cdml.ports import Table

_SPREAD = 2_654_435_761  # Knuth's multiplicative hash: neighbouring rows fall far apart
_RANGE = 2**32


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

    def reaches(self, other: "Place") -> bool:
        """Whether one question can be asked of both."""
        ...

    def parquet(self) -> Path:
        """The rows as one Parquet file."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class SqlTable:
    """Rows that an engine is asked about by SQL, which is DuckDB's whatever the engine.

    Attributes:
        ref: the port's.
        columns: by the name that the file or table gives them.
        place: where they lie.
    """

    ref: DataRef
    columns: Mapping[str, Column]
    place: Place

    @property
    def parquet(self) -> Path:
        """See the port."""
        return self.place.parquet()

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
        except Refused:
            self._read_all()
            found = {condition: self._count_alone(condition) for condition in distinct}
        return tuple(found[condition] for condition in conditions)

    def _count(self, conditions: Sequence[Condition]) -> tuple[int, ...]:
        translation = Translation(self.columns)
        sql = f"SELECT {counts(translation, conditions)} FROM {self.place.relation}"
        counted = self.place.ask(sql, translation.parameters)[0]
        return tuple(map(int, counted))

    def _count_alone(self, condition: Condition) -> int | NotRun:
        try:
            return self._count([condition])[0]
        except Refused as error:
            return NotRun(error.reason)

    def _read_all(self) -> None:
        """Tell data that cannot be read from a condition that cannot be asked."""
        names = ", ".join(
            f"max(md5(CAST({quote(c.engine_name)} AS VARCHAR)))" for c in self.columns.values()
        )
        self._ask(f"SELECT {names} FROM {self.place.relation}")

    def repeated(self, columns: Sequence[str]) -> int:
        """See the port; groups rather than distinct counts, which need twice the memory."""
        values = ", ".join(self.columns[name].value for name in columns)
        sql = (
            "SELECT coalesce(sum(n - 1), 0)::BIGINT FROM"
            f" (SELECT count(*) AS n FROM {self.place.relation} WHERE {self.all_present(columns)}"
            f" GROUP BY {values} HAVING count(*) > 1) AS repeated"
        )
        repeated: int = self._ask(sql)[0][0]
        return repeated

    def frequencies(self, column: str, limit: int) -> tuple[tuple[Scalar, int], ...]:
        """See the port."""
        asked = self.columns[column]
        found = self._ask(
            f"SELECT {asked.value} AS v, count(*) AS n FROM {self.place.relation}"
            f" WHERE NOT {asked.missing} GROUP BY 1 ORDER BY 2 DESC, 1 LIMIT {int(limit)}"
        )
        return tuple((value, n) for raw, n in found if (value := asked.python(raw)) is not None)

    def count_by(
        self, column: str, conditions: Sequence[Condition], limit: int
    ) -> Mapping[Scalar, tuple[int, ...]]:
        """See the port."""
        asked, translation = self.columns[column], Translation(self.columns)
        also = f", {counts(translation, conditions)}" if conditions else ""
        found = self._ask(
            f"SELECT {asked.value} AS v, count(*) AS n{also}"
            f" FROM {self.place.relation} WHERE NOT {asked.missing}"
            f" GROUP BY 1 ORDER BY 2 DESC, 1 LIMIT {int(limit)}",
            translation.parameters,
        )
        told = ((asked.python(raw), counted) for raw, *counted in found)
        return {value: tuple(map(int, many)) for value, many in told if value is not None}

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
        if not (isinstance(other, SqlTable) and self.place.reaches(other.place)):
            raise ConfigurationError(
                f"{self.ref.uri} and {other.ref.uri} lie in different places, so their rows cannot"
                " be compared.",
                "Keep the reference where the data is, or take a profile of it.",
            )
        equal = " AND ".join(f"ours.v{at} = theirs.v{at}" for at in range(len(columns)))
        shared: int = self._ask(
            f"SELECT count(*) FROM {self.values(columns)} AS ours WHERE EXISTS"
            f" (SELECT 1 FROM {other.values(columns)} AS theirs WHERE {equal})"
        )[0][0]
        return shared

    def values(self, columns: Sequence[str]) -> str:
        """The rows of which none of these is missing, the columns named v0, v1, ..."""
        values = (f"{self.columns[name].value} AS v{at}" for at, name in enumerate(columns))
        relation, present = self.place.relation, self.all_present(columns)
        return f"(SELECT {', '.join(values)} FROM {relation} WHERE {present})"

    def all_present(self, columns: Sequence[str]) -> str:
        """The condition that none of these columns is missing."""
        return " AND ".join(f"NOT {self.columns[name].missing}" for name in columns)

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
        return self.place.numbered(self._row, tuple(self.columns.values()))

    def _ask(self, sql: str, parameters: Sequence[Any] = ()) -> list[Any]:
        try:
            return self.place.ask(sql, parameters)
        except Refused as error:
            raise InputError(
                f"{self.ref.uri} cannot be read: {error.reason.rstrip('.')}.", error.hint
            ) from error
