"""A profile of rows: each column's bins and counts, small enough to be kept with a model."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from cdml.data.drift.bins import Bins, Categories, Edges, ProfileModel, on_line
from cdml.tables.query import LogicalType

COLUMNS = 10_000
"""Columns that a profile can hold."""
SLICES = 1_000
"""Values of slice columns that a profile can hold."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ColumnProfile(ProfileModel):
    """One column; `counts` has the rows per bin, missing values first.

    `low`, `high` and `mean` (times in seconds) are of a sample's values; None where there are none,
    or none may be shown.
    """

    name: str
    type: LogicalType
    bins: Bins
    counts: tuple[int, ...]
    low: float | None = None
    high: float | None = None
    mean: float | None = None

    def __post_init__(self) -> None:
        if len(self.counts) != self.bins.size:
            raise ValueError(f"there are {len(self.counts)} counts for {self.bins.size} bins")
        if min(self.counts) < 0:
            raise ValueError("a count is negative")
        if isinstance(self.bins, Edges):
            try:
                for edge in self.bins.at:
                    on_line(edge, self.type)
            except (OverflowError, ValueError) as error:
                raise ValueError(f"an edge is no {self.type}") from error

    @property
    def rows(self) -> int:
        """All rows."""
        return sum(self.counts)

    @property
    def missing(self) -> int:
        """Rows without a value."""
        return self.counts[0]


@dataclass(frozen=True, slots=True, kw_only=True)
class SliceProfile(ProfileModel):
    """The rows that have one value in a slice column, and their counts in other columns' bins."""

    column: str
    value: str
    rows: int
    counts: Mapping[str, tuple[int, ...]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile(ProfileModel):
    """All columns of a table, and its slices where they were requested."""

    rows: int
    columns: tuple[ColumnProfile, ...]
    slices: tuple[SliceProfile, ...] = field(default=())

    def __post_init__(self) -> None:
        by_name = self.by_name
        if len(by_name) < len(self.columns):
            raise ValueError("a column appears twice")
        for column in self.columns:
            if column.rows != self.rows:
                raise ValueError(f"{column.name!r} counts {column.rows} of {self.rows} rows")
        for part in self.slices:
            for name, counts in part.counts.items():
                if name not in by_name:
                    raise ValueError(f"a slice counts an unknown column {name!r}")
                if len(counts) != by_name[name].bins.size or sum(counts) != part.rows:
                    raise ValueError(f"a slice's counts of {name!r} do not fit its bins and rows")

    @property
    def by_name(self) -> dict[str, ColumnProfile]:
        """The columns by name."""
        return {column.name: column for column in self.columns}


def complete(bins: Bins, counts: Sequence[int]) -> bool:
    """Whether every value that was counted has its own bin."""
    return isinstance(bins, Categories) and counts[-1] == 0
