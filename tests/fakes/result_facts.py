"""Facts of results that lie in memory as rows."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from math import isfinite, isnan
from typing import Any

from cdml.results.facts import FEW_VALUES, ColumnFacts, Combinations
from cdml.results.reader import Role
from cdml.tables.query import LogicalType

Row = Mapping[str, Any]
_TYPES = {
    bool: LogicalType.BOOLEAN,
    int: LogicalType.INTEGER,
    float: LogicalType.NUMBER,
    str: LogicalType.STRING,
    list: LogicalType.ARRAY,
}


@dataclass
class MemoryFacts:
    """`roles` are those that readers give."""

    old_rows: Sequence[Row]
    new_rows: Sequence[Row]
    roles: Mapping[str, Role] = field(default_factory=dict)

    @property
    def old(self) -> Sequence[ColumnFacts]:
        return self._describe(self.old_rows)

    @property
    def new(self) -> Sequence[ColumnFacts]:
        return self._describe(self.new_rows)

    def combinations(self, columns: tuple[str, ...]) -> Combinations:
        common = [n for n in columns if n in self.old_rows[0] and n in self.new_rows[0]]
        both = _combined(self.old_rows, common) & _combined(self.new_rows, common)
        return Combinations(
            len(_combined(self.old_rows, columns)),
            len(_combined(self.new_rows, columns)),
            len(both) if common else 0,
        )

    def agreements(self, key: tuple[str, ...], columns: Sequence[str]) -> Mapping[str, float]:
        common = _combined(self.old_rows, key) & _combined(self.new_rows, key)
        shares = {}
        for name in columns:
            values: dict[tuple[Any, ...], set[Any]] = {case: set() for case in common}
            for row in (*self.old_rows, *self.new_rows):
                case = tuple(row[column] for column in key)
                if case in common and name in row:
                    values[case].add(None if _missing(row[name]) else row[name])
            same = sum(len(its) == 1 for its in values.values())
            shares[name] = same / len(common) if common else 1.0
        return shares

    def _describe(self, rows: Sequence[Row]) -> list[ColumnFacts]:
        return [
            _column(name, [row[name] for row in rows], self.roles.get(name)) for name in rows[0]
        ]


def _column(name: str, cells: Sequence[Any], role: Role | None) -> ColumnFacts:
    values = [value for value in cells if not _missing(value)]
    kinds = {type(value) for value in values} or {int}
    kind = _TYPES[kinds.pop() if len(kinds) == 1 else float]
    texts = values if kind is LogicalType.STRING else []
    words = [text for text in texts if not _is_number(text)]
    numbers = [float(value) for value in values] if kind.numeric else []
    if kind is LogicalType.BOOLEAN:
        values = [str(value).lower() for value in values]
    elif kind is LogicalType.NUMBER:
        values = numbers
    counted = sorted(Counter(map(str, values)).items(), key=lambda item: (-item[1], item[0]))
    few = len(counted) <= FEW_VALUES
    return ColumnFacts(
        name=name,
        type=kind,
        role=role,
        rows=len(cells),
        missing=len(cells) - len(values),
        distinct=len(counted) if kind.plain else len(values),
        values=tuple(value for value, _ in counted) if few and kind.plain else (),
        minimum=min(numbers, default=None),
        maximum=max(numbers, default=None),
        whole=bool(numbers) and all(number % 1 == 0 for number in numbers),
        numbers=len(texts) - len(words),
        word=min(words, default=None),
        longest=max(map(len, texts), default=0),
    )


def _combined(rows: Sequence[Row], columns: Sequence[str]) -> set[tuple[Any, ...]]:
    there = [name for name in columns if name in rows[0]]
    return {tuple(row[name] for name in there) for row in rows}


def _missing(value: Any) -> bool:
    return value is None or (isinstance(value, float) and isnan(value))


def _is_number(text: str) -> bool:
    try:
        return isfinite(float(text))
    except ValueError:
        return False
