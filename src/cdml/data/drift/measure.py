"""A table's profile, and a table's counts in the bins of another's."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from math import fsum

from cdml.data.drift import bins as binning
from cdml.data.drift.bins import Bins, Buckets, Categories, Uncounted
from cdml.data.drift.judge import CurrentColumn, observe_column
from cdml.data.drift.profile import ColumnProfile, Profile
from cdml.tables.query import CellValue, Condition, Field, LogicalType, NotRun
from cdml.tables.table import Table

SAMPLE = 20_000
_CELLS = 10_000_000  # values that are held at once: of very many columns fewer rows are drawn
"""Rows of the reference on which edges are found."""
_MOST_CATEGORIES = 10_000
OWN_VALUES = "nearly every row has a different value"


@dataclass(frozen=True, slots=True, kw_only=True)
class Counting:
    """What is counted of a table: conditions for the one scan, then values of a few columns."""

    columns: tuple[ColumnProfile, ...] = ()

    @property
    def conditions(self) -> tuple[Condition, ...]:
        """For the one scan, in the order in which `observe_column` takes their counts."""
        return tuple(
            condition
            for column in self.columns
            for condition in binning.cuts(column.name, column.type, column.bins)
        )

    def observe(
        self, table: Table, counts: Sequence[int | NotRun]
    ) -> Iterator[tuple[ColumnProfile, CurrentColumn]]:
        """Every column with its rows in the table; columns without an order are read by value."""
        left = iter(counts)
        for column in self.columns:
            many = len(binning.cuts(column.name, column.type, column.bins))
            numbers = [_number(next(left)) for _ in range(many)]
            if isinstance(column.bins, Categories | Buckets):
                values = table.frequencies(column.name, _MOST_CATEGORIES)
                counted = binning.by_value(values, numbers[0], table.ref.rows, column.bins)
                yield column, observe_column(column, values, counted)
            else:
                yield column, CurrentColumn(counts=binning.between(numbers, table.ref.rows))


def build_profile(
    table: Table, leave_out: frozenset[str], may_disclose: Callable[[str], bool]
) -> Profile:
    """Find bins on a sample and count all rows in them; no value that may not be shown is kept."""
    fields = [one for one in table.fields if one.name not in leave_out]
    ordered = [one.name for one in fields if is_ordered(one.type)]
    sample = table.sample(ordered, min(SAMPLE, max(1, _CELLS // max(1, len(ordered)))))
    values: dict[str, Sequence[tuple[CellValue, int]]] = {}
    columns = []
    for one in fields:
        if is_ordered(one.type):
            columns.append(
                _ordered(one, sample.get(one.name, ()), may_disclose=may_disclose(one.name))
            )
            continue
        if one.type.plain:
            values[one.name] = table.frequencies(one.name, _MOST_CATEGORIES)
        # Of a flag its two values are known, whoever may see them.
        disclosed = may_disclose(one.name) or one.type is LogicalType.BOOLEAN
        bins: Bins = Uncounted(reason=f"it holds {one.words}")
        if one.name in values:
            bins = binning.count_categories(values[one.name]) if disclosed else Buckets()
        columns.append(_empty(one, bins))
    conditions = Counting(columns=tuple(columns)).conditions
    left = iter(table.count(conditions))
    return Profile(
        rows=table.ref.rows,
        columns=tuple(
            _counted(column, left, table.ref.rows, values.get(column.name, ()))
            for column in columns
        ),
    )


def is_ordered(kind: LogicalType) -> bool:
    """Whether a column of this type is cut at edges; the two values of a flag have no edges."""
    return kind.ordered and kind is not LogicalType.BOOLEAN


def _ordered(
    column: Field, sample: Sequence[float | str | None], *, may_disclose: bool
) -> ColumnProfile:
    values = binning.finite(sample)
    if not may_disclose:
        return _empty(column, binning.grid(values))
    profile = _empty(column, binning.edges(values))
    if not values:
        return profile
    mean = fsum(value / len(values) for value in values)
    return replace(profile, low=values[0], high=values[-1], mean=mean)


def _empty(column: Field, bins: Bins) -> ColumnProfile:
    return ColumnProfile(name=column.name, type=column.type, bins=bins, counts=(0,) * bins.size)


def _counted(
    column: ColumnProfile,
    counts: Iterator[int | NotRun],
    rows: int,
    values: Sequence[tuple[CellValue, int]],
) -> ColumnProfile:
    many = len(binning.cuts(column.name, column.type, column.bins))
    counted = [_number(next(counts)) for _ in range(many)]
    bins = column.bins
    if not isinstance(bins, Categories | Buckets):
        return replace(column, counts=binning.between(counted, rows))
    width = len(bins.names) if isinstance(bins, Categories) else bins.many
    if 2 * len(values) > rows - counted[0] > width:
        alone = Uncounted(reason=OWN_VALUES)
        return replace(column, bins=alone, counts=(counted[0], rows - counted[0]))
    return replace(column, counts=binning.by_value(values, counted[0], rows, bins))


def _number(count: int | NotRun) -> int:
    """Comparisons of a column with its own kind of value are always run."""
    if isinstance(count, NotRun):
        raise TypeError(count.reason)
    return count
