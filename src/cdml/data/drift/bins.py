"""Bins that a column's rows are counted in: found once, on the reference, and kept with it.

Counts are a tuple: missing values first, then the bins in their order. Ordered columns are cut at
edges; others are counted by category, or, where no value may be shown, by a hash that many values
share.
"""

import hashlib
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise
from typing import ClassVar, Literal

import numpy as np

from cdml.tables.query import CellValue, Compare, Condition, In, LogicalType, Missing

BINS = 10
CATEGORIES = 50
BUCKETS = 32
LONGEST = 100
"""Characters of a category that gets its own bin."""
MISSING = "missing"
OTHER = "(other)"
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_LAST_OF_DAY = 86_399.999_999
_FINEST, _COARSEST = 1e-290, 1e300
_STEPS = (1.0, 2.0, 5.0, 10.0)


class ProfileModel:
    """How a profile's parts stand in JSON: no other keys, no text for a number."""

    __slots__ = ()
    __pydantic_config__: ClassVar[Mapping[str, str | bool]] = {"extra": "forbid", "strict": True}


@dataclass(frozen=True, slots=True, kw_only=True)
class Edges(ProfileModel):
    """Bins of an ordered column: one below the first edge, one from the last upwards.

    With `each`, the edges are all values that the reference has: then the last bin is that value
    alone, and what lies above it has its own bin.
    """

    kind: Literal["edges"] = "edges"
    at: tuple[float, ...] = ()
    each: bool = False

    def __post_init__(self) -> None:
        if not all(math.isfinite(one) for one in self.at):
            raise ValueError("an edge is not finite")
        if not all(low < high for low, high in pairwise(self.at)):
            raise ValueError("the edges do not increase")

    @property
    def size(self) -> int:
        """How many counts there are."""
        return len(self.at) + 2 + (self.each and bool(self.at))


@dataclass(frozen=True, slots=True, kw_only=True)
class Categories(ProfileModel):
    """A bin for each of these values, and one for the rest."""

    kind: Literal["categories"] = "categories"
    names: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if len(set(self.names)) < len(self.names):
            raise ValueError("a category appears twice")
        if any(len(name) > LONGEST for name in self.names):
            raise ValueError(f"a category has more than {LONGEST} characters")

    @property
    def size(self) -> int:
        """How many counts there are."""
        return len(self.names) + 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Buckets(ProfileModel):
    """Values spread over bins by their hash: no bin reveals its values; one for the rest."""

    kind: Literal["buckets"] = "buckets"
    many: int = BUCKETS

    @property
    def size(self) -> int:
        """How many counts there are."""
        return self.many + 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Uncounted(ProfileModel):
    """A column that is not compared, and why; only missing values are counted."""

    kind: Literal["uncounted"] = "uncounted"
    reason: str

    @property
    def size(self) -> int:
        """How many counts there are."""
        return 2


Bins = Edges | Categories | Buckets | Uncounted


def finite(values: Sequence[float | str | None]) -> list[float]:
    """The numbers of an ordered column that are there and finite, in ascending order."""
    array = np.array(values, dtype=float)
    return list(map(float, np.sort(array[np.isfinite(array)])))


def edges(values: Sequence[float | str | None], bins: int = BINS) -> Edges:
    """Quantiles of a sample as edges; a value that fills several bins gets a separate one."""
    values_sorted = finite(values)
    distinct = list(dict.fromkeys(values_sorted))
    if len(distinct) <= 2 * bins:
        return Edges(at=tuple(distinct), each=True)
    at = [values_sorted[len(values_sorted) * i // bins] for i in range(1, bins)]
    after = {
        distinct[distinct.index(value) + 1]
        for value, following in pairwise(at)
        if value == following and value < distinct[-1]
    }
    return Edges(at=tuple(sorted({*at, *after})))


def grid(values: Sequence[float | str | None], bins: int = BINS) -> Edges:
    """Round edges at equal distances, for columns whose own values may not be shown."""
    points = finite(values)
    if not points:
        return Edges()
    low, high = points[len(points) // 20], points[-1 - len(points) // 20]
    width = min(max((high - low) / bins or abs(high) / bins or 1.0, _FINEST), _COARSEST)
    size = 10.0 ** math.floor(math.log10(width))
    step = next(size * many for many in _STEPS if size * many >= width or many == _STEPS[-1])
    first, last = math.floor(low / step), math.ceil(high / step)
    many = min(last - first, 2 * bins)
    at = {(first + number) * step for number in range(many + 1)}
    return Edges(at=tuple(sorted(filter(math.isfinite, at))))


def count_categories(frequencies: Sequence[tuple[CellValue, int]]) -> Categories:
    """The most frequent values, each with a bin; values of great length have none."""
    names = dict.fromkeys(str(value) for value, _ in frequencies)
    return Categories(names=tuple(name for name in names if len(name) <= LONGEST)[:CATEGORIES])


def cuts(column: str, kind: LogicalType, bins: Bins) -> tuple[Condition, ...]:
    """What is counted of a column in the one scan: missing values, and values below each edge."""
    if not isinstance(bins, Edges) or not bins.at:
        return (Missing(column),)
    below = [Compare(column, "<", on_line(edge, kind)) for edge in bins.at]
    if bins.each:
        below.append(Compare(column, "<=", on_line(bins.at[-1], kind)))
    return Missing(column), *below


def between(counts: Sequence[int], rows: int) -> tuple[int, ...]:
    """Counts per bin, from those of `cuts`."""
    missing, *below = counts
    ends = [0, *below, rows - missing]
    return missing, *(more - fewer for fewer, more in pairwise(ends))


def each(column: str, kind: LogicalType, bins: Edges | Categories) -> tuple[Condition, ...]:
    """What is counted where a column's values cannot be listed: `cuts`, or every category."""
    if isinstance(bins, Edges):
        return cuts(column, kind, bins)
    flags = kind is LogicalType.BOOLEAN
    values = [name == str(True) if flags else name for name in bins.names]
    return Missing(column), *(In(column, (value,)) for value in values)


def from_each(counts: Sequence[int], rows: int, bins: Edges | Categories) -> tuple[int, ...]:
    """Counts per bin, from those of `each`."""
    return between(counts, rows) if isinstance(bins, Edges) else (*counts, rows - sum(counts))


def by_value(
    frequencies: Sequence[tuple[CellValue, int]],
    missing: int,
    rows: int,
    bins: Categories | Buckets,
) -> tuple[int, ...]:
    """Counts per bin, from those of a column's most frequent values."""
    counts = [0] * (bins.size - 2)
    places = {name: at for at, name in enumerate(getattr(bins, "names", ()))}
    for value, many in frequencies:
        at = bucket(value, bins.many) if isinstance(bins, Buckets) else places.get(str(value))
        if at is not None:
            counts[at] += many
    return missing, *counts, rows - missing - sum(counts)


def bucket(value: CellValue, many: int) -> int:
    """The bin of a value that may not be shown."""
    digest = hashlib.sha256(str(value).encode(errors="surrogatepass")).digest()
    return int.from_bytes(digest[:8], "big") % many


def labels(kind: LogicalType, bins: Bins) -> tuple[str, ...]:
    """What the bins are called, in the order of the counts."""
    match bins:
        case Categories(names=names):
            return "(missing)", *names, OTHER
        case Buckets(many=many):
            return "(missing)", *(f"bucket {number}" for number in range(many)), OTHER
        case Edges(at=at, each=each) if at:
            texts = _format_edges([on_line(edge, kind) for edge in at])
            single = [each and kind is LogicalType.INTEGER and b - a == 1 for a, b in pairwise(at)]
            inner = [
                low if alone else f"{low} to {high}"
                for (low, high), alone in zip(pairwise(texts), single, strict=True)
            ]
            last = (texts[-1], f"above {texts[-1]}") if each else (f"{texts[-1]} and above",)
            return MISSING, f"below {texts[0]}", *inner, *last
        case _:
            return MISSING, "present"


_EXACT = 17
"""Digits that tell any two doubles apart."""


def on_line(value: float, kind: LogicalType) -> CellValue:
    """A place on the number line as a value of the column's type; times are in seconds."""
    if kind is LogicalType.TIMESTAMP:
        return (_EPOCH + timedelta(seconds=value)).replace(tzinfo=None)
    if kind is LogicalType.DATE:
        return (_EPOCH + timedelta(seconds=value)).date()
    if kind is LogicalType.TIME:
        within = min(max(value, 0.0), _LAST_OF_DAY)
        return (_EPOCH + timedelta(seconds=within)).time()
    return value


def _format_edges(values: Sequence[CellValue]) -> list[str]:
    """With six digits, or as many as it takes to tell them apart."""
    for digits in range(6, _EXACT):
        texts = [_format_edge(value, digits) for value in values]
        if len(set(texts)) == len(texts):
            return texts
    return [_format_edge(value, _EXACT) for value in values]


def _format_edge(value: CellValue, digits: int) -> str:
    if isinstance(value, float):
        whole = value.is_integer() and abs(value) < 10**digits
        return f"{value:.0f}" if whole else f"{value:.{digits}g}"
    if isinstance(value, date | time):
        return value.isoformat()
    return str(value)
