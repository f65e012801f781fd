"""Tables in memory, asked by plain Python: also the oracle that the engines are held to."""

import hashlib
import re
import threading
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, time
from math import inf
from operator import eq, ge, gt, le, lt, ne
from pathlib import Path
from typing import Any

from cdml.errors import InputError
from cdml.evidence.schema import DataRef
from cdml.tables.declared_types import UNDECLARED, Types
from cdml.tables.query import (
    Aggregate,
    All,
    CellValue,
    Compare,
    CompareColumns,
    Condition,
    Either,
    Field,
    In,
    IsWholeNumber,
    Length,
    LogicalType,
    Matches,
    Missing,
    MultipleOf,
    Not,
    NotRun,
    Query,
)
from cdml.tables.table import Conflicts, Overlap, Since
from fakes.figures import answers, figure, missing, multiple, number

OPERATORS = {"<": lt, "<=": le, ">": gt, ">=": ge, "==": eq, "!=": ne}
TYPES = {
    bool: (LogicalType.BOOLEAN, "BOOLEAN"),
    int: (LogicalType.INTEGER, "BIGINT"),
    float: (LogicalType.NUMBER, "DOUBLE"),
    str: (LogicalType.STRING, "VARCHAR"),
    datetime: (LogicalType.TIMESTAMP, "TIMESTAMP"),
    date: (LogicalType.DATE, "DATE"),
    time: (LogicalType.TIME, "TIME"),
}


def _comparable(value: Any) -> Any:
    if isinstance(value, datetime) and value.tzinfo is not None:
        return value.astimezone(UTC).replace(tzinfo=None)
    return value


def holds(condition: Condition, row: Mapping[str, Any]) -> bool:  # noqa: C901, PLR0911 - one for each kind
    match condition:
        case Missing(column=name):
            return missing(row[name])
        case Not(condition=inner):
            return not holds(inner, row)
        case All(conditions=parts):
            return all(holds(part, row) for part in parts)
        case Either(conditions=parts):
            return any(holds(part, row) for part in parts)
        case CompareColumns(left=left, operator=operator, right=right):
            sides = _comparable(row[left]), _comparable(row[right])
            return not any(map(missing, sides)) and OPERATORS[operator](*sides)
    value = _comparable(row[condition.column])
    if missing(value):
        return False
    match condition:
        case Compare(operator=operator, value=bound):
            return OPERATORS[operator](value, _comparable(bound))
        case IsWholeNumber():
            return value in (inf, -inf) or int(value) == value
        case MultipleOf(divisor=of):
            return multiple(value, of)
        case Length(operator=operator, value=bound):
            return OPERATORS[operator](len(value), bound)
        case Matches(pattern=pattern):
            return re.search(pattern, value) is not None
        case In(values=values):
            return value in [_comparable(v) for v in values]


WRITING = threading.Lock()


@dataclass
class FakeTable:
    ref: DataRef
    data: dict[str, list[Any]]
    fields: tuple[Field, ...]
    folder: Path | None = None
    scans: int = field(default=0)

    @property
    def rows(self) -> list[dict[str, Any]]:
        names = list(self.data)
        return [dict(zip(names, row, strict=True)) for row in zip(*self.data.values(), strict=True)]

    @property
    def parquet(self) -> Path:
        assert self.folder is not None, "FakeTables(folder) writes Parquet files"
        import pyarrow as pa
        from pyarrow import parquet

        path = self.folder / f"{self.ref.digest[-12:]}.parquet"
        with WRITING:  # two models may be scored at once
            if not path.exists():
                parquet.write_table(pa.table(self.data), path)
        return path

    def read_as(self, declared: Types) -> "FakeTable":
        del declared
        return self

    def count(self, conditions: Sequence[Condition]) -> tuple[int | NotRun, ...]:
        return self.compute(conditions, ())[0]

    def compute(
        self, conditions: Sequence[Condition], aggregates: Sequence[Aggregate]
    ) -> tuple[tuple[int | NotRun, ...], tuple[float | NotRun, ...]]:
        self.scans += bool(conditions or aggregates)
        rows = self.rows
        return (
            tuple(self._count(condition, rows) for condition in conditions),
            tuple(figure(asked, self.data[asked.column]) for asked in aggregates),
        )

    def answer(self, queries: Sequence[Query]) -> tuple[float | NotRun, ...]:
        return answers(queries, self.data)

    def _count(self, condition: Condition, rows: list[dict[str, Any]]) -> int | NotRun:
        try:
            return sum(holds(condition, row) for row in rows)
        except (re.error, TypeError) as error:
            return NotRun(str(error))

    def repeated(self, columns: Sequence[str]) -> int:
        groups = Counter(self._keys(columns))
        return sum(n - 1 for n in groups.values())

    def _keys(self, columns: Sequence[str]) -> list[tuple[Any, ...]]:
        keys = zip(*(self.data[name] for name in columns), strict=True)
        return [key for key in keys if not any(map(missing, key))]

    def frequencies(self, column: str, limit: int) -> tuple[tuple[CellValue, int], ...]:
        counts = Counter(value for value in self.data[column] if not missing(value))
        return tuple(sorted(counts.items(), key=lambda item: (-item[1], item[0]))[:limit])

    def count_by(
        self, column: str, conditions: Sequence[Condition], limit: int
    ) -> Mapping[CellValue, tuple[int, ...]]:
        self.scans += 1
        rows = self.rows
        found = {}
        for value, many in self.frequencies(column, limit):
            part = [row for row in rows if row[column] == value]
            counts = [sum(holds(condition, row) for row in part) for condition in conditions]
            found[value] = (many, *counts)
        return found

    def examples(
        self, condition: Condition, column: str, limit: int
    ) -> tuple[tuple[int, CellValue | None], ...]:
        found = [
            (number, None if missing(row[column]) else row[column])
            for number, row in enumerate(self.rows, start=1)
            if holds(condition, row)
        ]
        return tuple(found[:limit])

    def sample(
        self, columns: Sequence[str], limit: int
    ) -> Mapping[str, Sequence[float | str | None]]:
        step = -(-self.ref.rows // limit)
        return {name: [number(value) for value in self.data[name][::step]] for name in columns}

    def shared(
        self,
        other: "FakeTable",
        columns: Sequence[str],
        their_columns: Sequence[str] | None = None,
    ) -> int:
        theirs = set(other._keys(columns if their_columns is None else their_columns))
        return sum(key in theirs for key in self._keys(columns))

    def overlap(self, other: "FakeTable", columns: Sequence[str]) -> Overlap:
        mine, others = Counter(self._values(columns)), Counter(other._values(columns))
        return Overlap(
            shared=sum(n for values, n in mine.items() if values in others),
            repeated_here=sum(n for n in mine.values() if n > 1),
            repeated_there=sum(n for n in others.values() if n > 1),
        )

    def _values(self, columns: Sequence[str]) -> list[tuple[Any, ...]]:
        values = zip(*(self.data[name] for name in columns), strict=True)
        return [tuple(None if missing(one) else one for one in row) for row in values]

    def conflicts(self, columns: Sequence[str], label: str) -> Conflicts:
        groups: dict[tuple[Any, ...], list[Any]] = {}
        for values, said in zip(self._values(columns), self.data[label], strict=True):
            if not missing(said):
                groups.setdefault(values, []).append(said)
        return Conflicts(
            equal=sum(len(g) for g in groups.values() if len(g) > 1),
            conflicting=sum(len(g) for g in groups.values() if len(set(g)) > 1),
        )

    def extent(self, column: str) -> tuple[CellValue, CellValue] | None:
        there = [value for value in self.data[column] if not missing(value)]
        return (min(there), max(there)) if there else None


def table(uri: str, data: dict[str, list[Any]], folder: Path | None = None) -> FakeTable:
    fields = []
    for name, values in data.items():
        kind = next((type(value) for value in values if value is not None), str)
        logical, physical = TYPES[kind]
        empty = all(map(missing, values))
        fields.append(Field(name=name, type=logical, physical=physical, empty=empty))
    digest = hashlib.sha256(repr(data).encode()).hexdigest()
    rows = len(next(iter(data.values()), []))
    ref = DataRef(uri=uri, digest=f"sha256:{digest}", rows=rows)
    return FakeTable(ref=ref, data=data, fields=tuple(fields), folder=folder)


def _from_file(uri: str) -> FakeTable | None:
    """A file that something under test has written."""
    if not Path(uri).is_file():
        return None
    from pyarrow import parquet

    return table(uri, parquet.read_table(uri).to_pydict(), Path(uri).parent)


class FakeTables:
    """Tables by URI; `add` puts one in. Only with a folder can they become Parquet files."""

    def __init__(self, folder: Path | None = None) -> None:
        self.folder = folder
        self.tables: dict[str, FakeTable] = {}

    def add(self, uri: str, data: dict[str, list[Any]]) -> FakeTable:
        self.tables[uri] = table(uri, data, self.folder)
        return self.tables[uri]

    def open(self, uri: str, declared: Types = UNDECLARED) -> FakeTable:
        del declared
        found = self.tables.get(uri) or _from_file(uri)
        if found is None:
            raise InputError(f"{uri} does not exist.")
        if found.ref.rows == 0 or not found.fields:
            raise InputError(f"{uri} has no rows.")
        return found

    def open_since(self, uri: str, declared: Types, since: Since) -> FakeTable:
        found = self.open(uri, declared)
        times = [_comparable(at) for at in found.data.get(since.column, [None])]
        if not all(isinstance(at, datetime) for at in times):
            return found
        moment = min(_comparable(since.moment), max(times))
        kept = [place for place, at in enumerate(times) if at >= moment]
        data = {name: [values[place] for place in kept] for name, values in found.data.items()}
        recent = table(uri, data, found.folder)
        return replace(recent, fields=found.fields)
