"""What is known of the columns of two files of results before one knows what they are for."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from cdml.results.reader import Role
from cdml.tables.query import LogicalType, comparable

FEW_VALUES = 50
"""Up to as many different values are listed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ColumnFacts:
    """A column of a file, and what its values have in common.

    `rows` are all rows of the file and `missing` those without a value, NaN among them. `distinct`
    is exact where it is no more than `FEW_VALUES`, and roughly right beyond. `values` are then all
    values as text, the most frequent first, and long ones shortened. Numbers have a `minimum` and a
    `maximum`; `whole` says that none has a fraction. Of texts, `numbers` counts those that write a
    number, `word` is one that does not, and `longest` counts the characters of the longest.
    """

    name: str
    type: LogicalType
    role: Role | None = None
    higher_is_better: bool | None = None
    rows: int
    missing: int = 0
    distinct: int
    values: tuple[str, ...] = ()
    minimum: float | None = None
    maximum: float | None = None
    whole: bool = False
    numbers: int = 0
    word: str | None = None
    longest: int = 0

    @property
    def present(self) -> int:
        """Rows that have a value."""
        return self.rows - self.missing


@dataclass(frozen=True, slots=True)
class Combinations:
    """How many different combinations of values some columns have, and how many both files have."""

    old: int
    new: int
    common: int


class ResultFacts(Protocol):
    """Two files of results, and what their columns have in common.

    Where a file lacks a column, the other columns are looked at there.
    """

    @property
    def old(self) -> Sequence[ColumnFacts]:
        """The columns of the old file."""
        ...

    @property
    def new(self) -> Sequence[ColumnFacts]:
        """The columns of the new file."""
        ...

    def combinations(self, columns: tuple[str, ...]) -> Combinations:
        """Count the combinations of values that these columns have."""
        ...

    def agreements(self, key: tuple[str, ...], columns: Sequence[str]) -> Mapping[str, float]:
        """The share of the common cases in which a column has one value in all rows of both files.

        A missing value is one as well. 1 where no case is common.
        """
        ...


@dataclass(frozen=True, slots=True)
class SharedColumn:
    """A column of one name in the old file, the new one, or both."""

    name: str
    old: ColumnFacts | None
    new: ColumnFacts | None

    @property
    def facts(self) -> tuple[ColumnFacts, ...]:
        """Of each file that has it."""
        return tuple(facts for facts in (self.old, self.new) if facts is not None)

    @property
    def in_both(self) -> bool:
        """Whether both files have it."""
        return self.old is not None and self.new is not None

    @property
    def role(self) -> Role | None:
        """What a reader says it is for."""
        return next((facts.role for facts in self.facts if facts.role is not None), None)

    @property
    def missing(self) -> bool:
        """Whether a row has no value."""
        return any(facts.missing for facts in self.facts)

    @property
    def present(self) -> int:
        """Rows of both files that have a value."""
        return sum(facts.present for facts in self.facts)

    @property
    def without_values(self) -> str:
        """Which of the files, old or new, has the column and no value in it; empty for neither."""
        sides = (("old", self.old), ("new", self.new))
        return next((which for which, facts in sides if facts and not facts.present), "")

    @property
    def numeric(self) -> bool:
        """Whether all values are numbers, or truth values."""
        return bool(self.present) and all(f.type.numeric for f in self.facts if f.present)

    @property
    def textual(self) -> bool:
        """Whether all values are texts."""
        texts = LogicalType.STRING
        return bool(self.present) and all(f.type is texts for f in self.facts if f.present)

    @property
    def partly_textual(self) -> bool:
        """Whether a file has texts."""
        return any(f.type is LogicalType.STRING for f in self.facts if f.present)

    @property
    def comparable(self) -> bool:
        """Whether values of one file can equal those of the other."""
        return not self.in_both or comparable(self.facts[0].type, self.facts[1].type)

    @property
    def values(self) -> tuple[str, ...] | None:
        """All values as text; None where they are many."""
        if any(facts.distinct > FEW_VALUES for facts in self.facts):
            return None
        return tuple(dict.fromkeys(value for facts in self.facts for value in facts.values))

    @property
    def minimum(self) -> float | None:
        """The least number."""
        return min((f.minimum for f in self.facts if f.minimum is not None), default=None)

    @property
    def maximum(self) -> float | None:
        """The greatest number."""
        return max((f.maximum for f in self.facts if f.maximum is not None), default=None)

    @property
    def whole(self) -> bool:
        """Whether no number has a fraction."""
        return all(facts.whole for facts in self.facts if facts.present)


def share_columns(facts: ResultFacts) -> dict[str, SharedColumn]:
    """The columns of both files by name, in an order that does not depend on the files'."""
    old = {column.name: column for column in facts.old}
    new = {column.name: column for column in facts.new}
    return {n: SharedColumn(n, old.get(n), new.get(n)) for n in sorted({*old, *new})}
