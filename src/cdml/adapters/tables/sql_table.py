"""Tables asked by SQL, wherever they lie."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from cdml.adapters.tables.sql_engine import (
    EngineColumn,
    QueryRejected,
    SqlEngine,
    Translation,
    aggregate_sql,
    counts,
    engine_value,
    quote,
)
from cdml.errors import ConfigurationError, InputError
from cdml.evidence.schema import DataRef
from cdml.tables.declared_types import Types
from cdml.tables.query import (
    Aggregate,
    CellValue,
    Condition,
    Field,
    NotRun,
    Query,
    comparable,
    terms,
    total,
)
from cdml.tables.table import Conflicts, Overlap, Table

_SPREAD = 2_654_435_761  # Knuth's multiplicative hash: neighbouring rows fall far apart
_RANGE = 2**32
_AT_ONCE = 1000
"""Conditions or columns in one scan: engines plan a question of more in quadratic time."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class SqlTable:
    """Rows that an engine queries by SQL, which is DuckDB's whatever the engine."""

    ref: DataRef
    place: SqlEngine
    columns: Mapping[str, EngineColumn] = field(init=False)

    def __post_init__(self) -> None:
        by_name = {column.field.name: column for column in self.place.columns}
        object.__setattr__(self, "columns", by_name)

    @property
    def parquet(self) -> Path:
        return self.place.parquet()

    def read_as(self, declared: Types) -> "SqlTable":
        return SqlTable(ref=self.ref, place=self.place.read_as(declared))

    @property
    def fields(self) -> tuple[Field, ...]:
        return tuple(column.field for column in self.columns.values())

    def count(self, conditions: Sequence[Condition]) -> tuple[int | NotRun, ...]:
        return self.compute(conditions, ())[0]

    def compute(
        self, conditions: Sequence[Condition], aggregates: Sequence[Aggregate]
    ) -> tuple[tuple[int | NotRun, ...], tuple[float | NotRun, ...]]:
        """See the port; when the engine refuses the one scan, each part is queried separately."""
        terms_by_condition = {condition: terms(condition) for condition in conditions}
        distinct = tuple(
            dict.fromkeys(part for parts in terms_by_condition.values() for _, part in parts)
        )
        figures = tuple(dict.fromkeys(aggregates))
        if not distinct and not figures:
            return (), ()
        counted: dict[Condition, int | NotRun] = {}
        answers: dict[Aggregate, Any] = {}
        for at in range(0, max(1, len(distinct)), _AT_ONCE):
            part, also = distinct[at : at + _AT_ONCE], figures if at == 0 else ()
            part_answers = self._answers(part, also)
            counted |= zip(part, map(_row_count, part_answers), strict=False)
            answers |= zip(also, part_answers[len(part) :], strict=True)
        return (
            tuple(total(terms_by_condition[condition], counted) for condition in conditions),
            tuple(engine_value(one, answers[one]) for one in aggregates),
        )

    def _answers(
        self, conditions: Sequence[Condition], aggregates: Sequence[Aggregate]
    ) -> Sequence[Any]:
        try:
            answers: Sequence[Any] = self._scan(conditions, aggregates)
        except QueryRejected:
            self._read_all()
            answers = [
                *(self._alone((condition,), ()) for condition in conditions),
                *(self._alone((), (aggregate,)) for aggregate in aggregates),
            ]
        return answers

    def _scan(self, conditions: Sequence[Condition], aggregates: Sequence[Aggregate]) -> Any:
        translation = Translation(self.columns)
        expressions = [counts(translation, conditions)] if conditions else []
        expressions += [aggregate_sql(one, self.columns[one.column]) for one in aggregates]
        sql = f"SELECT {', '.join(expressions)} FROM {self.place.relation}"
        return self.place.fetch(sql, translation.parameters)[0]

    def _alone(self, conditions: Sequence[Condition], aggregates: Sequence[Aggregate]) -> Any:
        try:
            return self._scan(conditions, aggregates)[0]
        except QueryRejected as error:
            return NotRun(error.reason)

    def answer(self, queries: Sequence[Query]) -> tuple[float | NotRun, ...]:
        return self.place.answer(queries)

    def _read_all(self) -> None:
        """Tell data that cannot be read from a condition that cannot be asked."""
        names = (
            f"max(md5(CAST({quote(column.engine_name)} AS VARCHAR)))"
            for column in self.columns.values()
        )
        self._execute(f"SELECT {', '.join(names)} FROM {self.place.relation}")

    def repeated(self, columns: Sequence[str]) -> int:
        """See the port; groups rather than distinct counts, which need twice the memory."""
        if (
            len(columns) == 1
            and (count := self.place.repeated(self.columns[columns[0]])) is not None
        ):
            return count
        values = ", ".join(self.columns[name].exact for name in columns)
        sql = (
            "SELECT coalesce(sum(n - 1), 0)::BIGINT FROM"
            f" (SELECT count(*) AS n FROM {self.place.relation} WHERE {self.all_present(columns)}"
            f" GROUP BY {values} HAVING count(*) > 1) AS repeated"
        )
        repeated: int = self._execute(sql)[0][0]
        return repeated

    def frequencies(self, column: str, limit: int) -> tuple[tuple[CellValue, int], ...]:
        engine_column = self.columns[column]
        rows = self._execute(
            f"SELECT {engine_column.value} AS v, count(*) AS n FROM {self.place.relation}"
            f" WHERE NOT {engine_column.missing} GROUP BY 1 ORDER BY 2 DESC, 1 LIMIT {int(limit)}"
        )
        return tuple(
            (value, n) for raw, n in rows if (value := engine_column.python(raw)) is not None
        )

    def count_by(
        self, column: str, conditions: Sequence[Condition], limit: int
    ) -> Mapping[CellValue, tuple[int, ...]]:
        engine_column, translation = self.columns[column], Translation(self.columns)
        also = f", {counts(translation, conditions)}" if conditions else ""
        rows = self._execute(
            f"SELECT {engine_column.value} AS v, count(*) AS n{also}"
            f" FROM {self.place.relation} WHERE NOT {engine_column.missing}"
            f" GROUP BY 1 ORDER BY 2 DESC, 1 LIMIT {int(limit)}",
            translation.parameters,
        )
        by_value = ((engine_column.python(raw), counted) for raw, *counted in rows)
        return {value: tuple(map(int, many)) for value, many in by_value if value is not None}

    def examples(
        self, condition: Condition, column: str, limit: int
    ) -> tuple[tuple[int, CellValue | None], ...]:
        translation = Translation(self.columns)
        where = translation.condition(condition, exact=False)
        engine_column = self.columns[column]
        rows = self._execute(
            f"SELECT {self._row}, {engine_column.value} FROM {self._numbered}"
            f" WHERE {where} ORDER BY 1 LIMIT {int(limit)}",
            translation.parameters,
        )
        return tuple((row + 1, engine_column.python(value)) for row, value in rows)

    def sample(
        self, columns: Sequence[str], limit: int
    ) -> Mapping[str, Sequence[float | str | None]]:
        """See the port; rows are chosen by a hash of their number, for some columns at a time."""
        sample: dict[str, Sequence[float | str | None]] = {}
        for at in range(0, len(columns), _AT_ONCE):
            sample |= self._sampled(columns[at : at + _AT_ONCE], limit)
        return sample

    def _sampled(
        self, columns: Sequence[str], limit: int
    ) -> Mapping[str, Sequence[float | str | None]]:
        engine_columns = [self.columns[name] for name in columns]
        values = ", ".join(c.number if c.field.type.ordered else c.short for c in engine_columns)
        share = min(1.0, limit / self.ref.rows)
        rows = self._execute(
            f"SELECT {values} FROM {self._numbered}"
            f" WHERE ({self._row} * {_SPREAD}) % {_RANGE} < {int(share * _RANGE)}"
            f" ORDER BY {self._row} LIMIT {int(limit)}"
        )
        return dict(zip(columns, zip(*rows, strict=True), strict=True)) if rows else {}

    def shared(
        self, other: Table, columns: Sequence[str], their_columns: Sequence[str] | None = None
    ) -> int:
        other = self._reached(other)
        there = columns if their_columns is None else their_columns
        pairs = zip(columns, there, strict=True)
        equal = " AND ".join(
            f"ours.v{at} = theirs.v{at}"
            if comparable(self.columns[mine].field.type, other.columns[theirs].field.type)
            else f"CAST(ours.v{at} AS VARCHAR) = CAST(theirs.v{at} AS VARCHAR)"
            for at, (mine, theirs) in enumerate(pairs)
        )
        shared: int = self._execute(
            f"SELECT count(*) FROM {self.values(columns)} AS ours WHERE EXISTS"
            f" (SELECT 1 FROM {other.values(there)} AS theirs WHERE {equal})"
        )[0][0]
        return shared

    def _reached(self, other: Table) -> "SqlTable":
        """The other table, if one question can be asked of both."""
        if isinstance(other, SqlTable) and self.place.reaches(other.place):
            return other
        raise ConfigurationError(
            f"{self.ref.uri} and {other.ref.uri} are in different places, so their rows cannot"
            " be compared.",
            "Move the reference to where the data is, or use a profile of it.",
        )

    def overlap(self, other: Table, columns: Sequence[str]) -> Overlap:
        other = self._reached(other)
        mine, others = ([table.columns[name] for name in columns] for table in (self, other))
        [row] = self._execute(_overlap_sql(mine, self.place.relation, others, other.place.relation))
        shared, here, there = map(int, row)
        return Overlap(shared=shared, repeated_here=here, repeated_there=there)

    def conflicts(self, columns: Sequence[str], label: str) -> Conflicts:
        engine_columns = [self.columns[name] for name in columns]
        [row] = self._execute(
            _conflicts_sql(engine_columns, self.columns[label], self.place.relation)
        )
        equal, conflicting = map(int, row)
        return Conflicts(equal=equal, conflicting=conflicting)

    def extent(self, column: str) -> tuple[CellValue, CellValue] | None:
        engine_column = self.columns[column]
        [(low, high)] = self._execute(
            f"SELECT min({engine_column.value}), max({engine_column.value})"
            f" FROM {self.place.relation} WHERE NOT {engine_column.missing}"
        )
        least, most = engine_column.python(low), engine_column.python(high)
        return None if least is None or most is None else (least, most)

    def values(self, columns: Sequence[str]) -> str:
        """The rows of which none of these is missing, the columns named v0, v1, ..."""
        values = (f"{self.columns[name].exact} AS v{at}" for at, name in enumerate(columns))
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
        return self.place.numbered(self._row, tuple(self.columns.values()))

    def _execute(self, sql: str, parameters: Sequence[Any] = ()) -> list[Any]:
        try:
            return self.place.fetch(sql, parameters)
        except QueryRejected as error:
            raise InputError(
                f"{self.ref.uri} cannot be read: {error.reason.rstrip('.')}.", error.hint
            ) from error


def _row_count(count: Any) -> int | NotRun:
    """Engines count in different types."""
    return count if isinstance(count, NotRun) else int(count)


def _overlap_sql(
    mine: Sequence[EngineColumn], here: str, others: Sequence[EngineColumn], there: str
) -> str:  # fmt: skip
    """Rows here that have an equal there, and rows that have an equal on their own side."""
    return (
        "SELECT coalesce(sum(CASE WHEN others > 0 THEN mine ELSE 0 END), 0),"
        " coalesce(sum(CASE WHEN mine > 1 THEN mine ELSE 0 END), 0),"
        " coalesce(sum(CASE WHEN others > 1 THEN others ELSE 0 END), 0)"
        " FROM (SELECT sum(m) AS mine, sum(o) AS others FROM"
        f" (SELECT 1 AS m, 0 AS o, {_values(mine)} FROM {here}"
        f" UNION ALL SELECT 0 AS m, 1 AS o, {_values(others)} FROM {there}) AS sides"
        f" GROUP BY {_keys(mine)}) AS equals"
    )


def _conflicts_sql(columns: Sequence[EngineColumn], label: EngineColumn, relation: str) -> str:
    """Labelled rows that have an equal, and those of them among which labels differ."""
    values = label.number if label.field.type.ordered else label.value
    return (
        "SELECT coalesce(sum(CASE WHEN many > 1 THEN many ELSE 0 END), 0),"
        " coalesce(sum(CASE WHEN low < high THEN many ELSE 0 END), 0)"
        " FROM (SELECT count(*) AS many, min(said) AS low, max(said) AS high FROM"
        f" (SELECT {values} AS said, {_values(columns)} FROM {relation}"
        f" WHERE NOT {label.missing}) AS labelled GROUP BY {_keys(columns)}) AS equals"
    )


def _values(columns: Sequence[EngineColumn]) -> str:
    """The values named v0, v1, …; NaN is missing."""
    return ", ".join(
        f"CASE WHEN NOT {c.missing} THEN {c.exact} END AS v{at}" if c.has_nan
        else f"{c.exact} AS v{at}"
        for at, c in enumerate(columns)
    )  # fmt: skip


def _keys(columns: Sequence[EngineColumn]) -> str:
    return ", ".join(f"v{at}" for at in range(len(columns)))
