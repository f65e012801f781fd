"""What the columns of two files of results have in common, by DuckDB."""

import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from cdml.adapters.tables.duckdb_engine import Engine, connect
from cdml.adapters.tables.parquet import read_columns
from cdml.adapters.tables.sql_engine import EngineColumn, parquet
from cdml.common.scratch_folders import prefix as scratch_prefix
from cdml.results.facts import FEW_VALUES, ColumnFacts, Combinations
from cdml.results.reader import ResultColumn, ResultTable
from cdml.tables.query import LogicalType

_LONGEST_NUMBER = 40
_LONGEST_WORD = 60
_AFTER_NINE = 58
"""A number begins with a sign before this one."""


@contextmanager
def open_facts(old: ResultTable, new: ResultTable) -> Iterator["DuckResultFacts"]:
    """Look at the columns of two files; further questions can be put until the context ends."""
    with tempfile.TemporaryDirectory(prefix=scratch_prefix("cdml-facts")) as folder:
        engine = Engine(connect(Path(folder)))
        try:
            yield DuckResultFacts(engine, _Side.open(engine, old), _Side.open(engine, new))
        finally:
            engine.connection.close()


@dataclass(frozen=True, slots=True)
class _Side:
    """One of the two files."""

    path: Path
    columns: Mapping[str, EngineColumn]
    facts: tuple[ColumnFacts, ...]

    @staticmethod
    def open(engine: Engine, table: ResultTable) -> "_Side":
        columns, rows = read_columns(engine.connection, table.path, str(table.path))
        facts = _describe(engine, table.path, columns, rows)
        declared = {column.name: column for column in table.columns}
        described = (
            replace(f, role=column.role, higher_is_better=column.higher_is_better)
            for f in facts
            for column in [declared.get(f.name, ResultColumn(f.name))]
        )
        return _Side(
            table.path, {column.field.name: column for column in columns}, tuple(described)
        )

    @property
    def relation(self) -> str:
        return parquet(self.path)


@dataclass(frozen=True, slots=True)
class DuckResultFacts:
    """See the port."""

    _engine: Engine
    _old: _Side
    _new: _Side

    @property
    def old(self) -> Sequence[ColumnFacts]:
        """See the port."""
        return self._old.facts

    @property
    def new(self) -> Sequence[ColumnFacts]:
        """See the port."""
        return self._new.facts

    def combinations(self, columns: tuple[str, ...]) -> Combinations:
        """See the port."""
        common = [n for n in columns if n in self._old.columns and n in self._new.columns]
        [[old]] = self._fetch(f"SELECT count(*) FROM ({_distinct(self._old, columns)})")
        [[new]] = self._fetch(f"SELECT count(*) FROM ({_distinct(self._new, columns)})")
        both = 0
        if common:
            [[both]] = self._fetch(
                f"SELECT count(*) FROM ({_distinct(self._old, common)}) o"
                f" JOIN ({_distinct(self._new, common)}) n ON {_same(len(common))}"
            )
        return Combinations(int(old), int(new), int(both))

    def agreements(self, key: tuple[str, ...], columns: Sequence[str]) -> Mapping[str, float]:
        """See the port."""
        if not columns:
            return {}
        old, new = (
            f"SELECT {_keys(side, key)}, {_extremes(side, columns)} FROM {side.relation}"
            f" GROUP BY {', '.join(str(i + 1) for i in range(len(key)))}"
            for side in (self._old, self._new)
        )
        agree = ", ".join(f"count_if({self._agree(i, n)})" for i, n in enumerate(columns))
        [[cases, *same]] = self._fetch(
            f"SELECT count(*), {agree} FROM ({old}) o JOIN ({new}) n ON {_same(len(key))}"
        )
        return {n: s / cases if cases else 1.0 for n, s in zip(columns, same, strict=True)}

    def _agree(self, number: int, column: str) -> str:
        sides = [s for s, side in (("o", self._old), ("n", self._new)) if column in side.columns]
        within = [f"{side}.l{number} = {side}.h{number}" for side in sides]
        between = [f"o.l{number} = n.l{number}"] if len(sides) > 1 else []
        return " AND ".join((*within, *between))

    def _fetch(self, sql: str) -> list[Any]:
        return self._engine.fetch(sql, self._new.path)


def _describe(
    engine: Engine, path: Path, columns: Sequence[EngineColumn], rows: int
) -> Iterator[ColumnFacts]:
    selected = ", ".join(part for column in columns for part in _aggregates(column))
    [answers] = engine.fetch(f"SELECT {selected} FROM {parquet(path)}", path)
    each = iter(answers)
    for column in columns:
        missing, distinct, numbers, low, high, whole, word, longest = (next(each) for _ in range(8))
        facts = ColumnFacts(
            name=column.field.name, type=column.field.type, rows=rows, missing=int(missing),
            distinct=int(distinct), numbers=int(numbers or 0), minimum=low, maximum=high,
            whole=bool(whole), word=word, longest=int(longest or 0),
        )  # fmt: skip
        yield _with_values(engine, path, column, facts)


def _aggregates(column: EngineColumn) -> tuple[str, ...]:
    """Eight figures of a column, in one order for all types."""
    missing = f"count_if({column.missing})"
    if not column.field.type.plain:
        return missing, f"count(*) - {missing}", *["NULL"] * 6
    distinct = f"approx_count_distinct({column.value}) FILTER (NOT {column.missing})"
    if column.field.type.numeric:
        number = column.number
        whole = f"bool_and({number} = trunc({number}))"
        return missing, distinct, "NULL", f"min({number})", f"max({number})", whole, "NULL", "NULL"
    if column.field.type is not LogicalType.STRING:
        return missing, distinct, *["NULL"] * 6
    text = column.value
    number = (  # the cast of a word is slow
        f"coalesce(CASE WHEN ascii({text}) < {_AFTER_NINE} AND strlen({text}) <= {_LONGEST_NUMBER}"
        f" THEN isfinite(TRY_CAST({text} AS DOUBLE)) END, false)"
    )
    word = f"min(CASE WHEN NOT {number} THEN left({text}, {_LONGEST_WORD}) END)"
    return (
        missing, distinct, f"count_if({number})", "NULL", "NULL", "NULL", word,
        f"max(length({text}))",
    )  # fmt: skip


def _with_values(
    engine: Engine, path: Path, column: EngineColumn, facts: ColumnFacts
) -> ColumnFacts:
    """The facts with all values, and their exact number, where they are few."""
    if not column.field.type.plain or facts.distinct > 2 * FEW_VALUES:
        return facts
    values = engine.fetch(
        f"SELECT CAST({column.short} AS VARCHAR) FROM {parquet(path)} WHERE NOT {column.missing}"
        f" GROUP BY 1 ORDER BY count(*) DESC, 1 LIMIT {FEW_VALUES + 1}",
        path,
    )
    if len(values) > FEW_VALUES:
        return replace(facts, distinct=max(facts.distinct, FEW_VALUES + 1))
    return replace(facts, distinct=len(values), values=tuple(value for (value,) in values))


def _keys(side: _Side, columns: Sequence[str]) -> str:
    there = (side.columns[name] for name in columns if name in side.columns)
    return ", ".join(f"{column.exact} AS k{i}" for i, column in enumerate(there))


def _distinct(side: _Side, columns: Sequence[str]) -> str:
    return f"SELECT DISTINCT {_keys(side, columns)} FROM {side.relation}"


def _same(columns: int) -> str:
    return " AND ".join(f"o.k{i} = n.k{i}" for i in range(columns))


def _extremes(side: _Side, columns: Sequence[str]) -> str:
    """The least and the greatest digest of a column's values: they are equal for one value."""
    parts = []
    for i, name in enumerate(columns):
        column = side.columns.get(name)
        if column is None:
            parts.append(f"NULL AS l{i}, NULL AS h{i}")
        else:
            value = column.number if column.field.type.numeric else column.value
            parts.append(f"min(hash({value})) AS l{i}, max(hash({value})) AS h{i}")
    return ", ".join(parts)
