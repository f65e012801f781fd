"""Rows of each group in the bins of profiles: one scan, and one for each column of categories."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from cdml.adapters.tables.sql_engine import EngineColumn, constant
from cdml.data.drift import bins as binning
from cdml.data.drift.bins import Buckets, Categories, Edges
from cdml.data.drift.profile import ColumnProfile
from cdml.tables.query import LogicalType

Group = tuple[int, int, str | None]
"""Window, serving period by time, and version by the log."""
Fetch = Callable[[str], Sequence[Sequence[Any]]]


def count_bins(
    fetch: Fetch,
    relation: str,
    group: str,
    columns: Sequence[tuple[ColumnProfile, EngineColumn]],
) -> Mapping[Group, Mapping[str, tuple[int, ...]]]:
    """The counts of each column by group; `group` names its columns in the relation."""
    cuts = [_cuts(profile, column) for profile, column in columns]
    sums = ["count(*)", *(f"count_if({test})" for tests in cuts for test in tests)]
    counted: dict[Group, dict[str, tuple[int, ...]]] = {}
    for window, at, version, rows, *counts in fetch(
        f"SELECT {group}, {', '.join(sums)} FROM {relation} GROUP BY ALL ORDER BY ALL"
    ):
        left = iter(counts)
        by_column = counted[window, at, version] = {}
        for (profile, _), tests in zip(columns, cuts, strict=True):
            below = [next(left) for _ in tests]
            by_column[profile.name] = binning.between(below, rows)
    for profile, column in columns:
        if isinstance(profile.bins, Categories | Buckets):
            _count_values(fetch, relation, group, profile, profile.bins, column, counted)
    return counted


def _cuts(profile: ColumnProfile, column: EngineColumn) -> tuple[str, ...]:
    """As `binning.cuts`: whether a value is missing, and whether it is below each edge."""
    missing = "true" if column.field.empty else column.missing
    bins = profile.bins
    if not isinstance(bins, Edges) or not bins.at:
        return (missing,)
    if column.field.empty:
        return (missing, *("false" for _ in range(bins.size - 2)))
    edges = [constant(float(edge)) for edge in bins.at]
    last = (f"{column.number} <= {edges[-1]}",) if bins.each else ()
    return missing, *(f"{column.number} < {edge}" for edge in edges), *last


def _count_values(
    fetch: Fetch,
    relation: str,
    group: str,
    profile: ColumnProfile,
    bins: Categories | Buckets,
    column: EngineColumn,
    counted: dict[Group, dict[str, tuple[int, ...]]],
) -> None:
    """Replace a column's counts, missing values and others, by those of each value."""
    value = column.value
    if isinstance(bins, Buckets):
        value = f"('0x' || substr(sha256({value}), 1, 16))::UBIGINT % {bins.many}"
    elif column.field.type is not LogicalType.BOOLEAN:
        names = ", ".join(map(constant, bins.names)) or "NULL"
        value = f"CASE WHEN {value} IN ({names}) THEN {value} END"
    if column.field.empty:
        value = "NULL"
    found: dict[Group, dict[Any, int]] = {}
    for window, at, version, one, rows in fetch(
        f"SELECT {group}, {value} AS cdml_value, count(*) FROM {relation} GROUP BY ALL"
    ):
        if one is not None:
            found.setdefault((window, at, version), {})[one] = rows
    for head, by_column in counted.items():
        missing, present = by_column[profile.name]
        values = found.get(head, {})
        if isinstance(bins, Buckets):
            counts = [values.get(number, 0) for number in range(bins.many)]
            by_column[profile.name] = (missing, *counts, present - sum(counts))
        else:
            by_column[profile.name] = binning.by_value(
                list(values.items()), missing, missing + present, bins
            )
