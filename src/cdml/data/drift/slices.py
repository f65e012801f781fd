"""Drift within slices: every column counted again for each value of a slice column."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace

from cdml.config.schema import DataSettings
from cdml.data.drift import bins as binning
from cdml.data.drift import judge
from cdml.data.drift.bins import Categories, Edges
from cdml.data.drift.checks import drift_limits, not_compared
from cdml.data.drift.profile import SLICES, ColumnProfile, Profile, SliceProfile
from cdml.data.rules.rule import Finding
from cdml.tables.table import Table

_COUNTS = 200_000
"""Counts of slices that one profile holds."""


def count_slices(
    table: Table,
    columns: Sequence[ColumnProfile],
    data: DataSettings,
    may_disclose: Callable[[str], bool],
) -> tuple[SliceProfile, ...]:
    """Every column's counts within the largest slices; one scan for each slice column.

    Columns whose values may not be told are neither counted nor make slices.
    """
    names = {field.name for field in table.fields}
    profiles: list[SliceProfile] = []
    for name in data.slices:
        if not may_disclose(name) or name not in names:
            continue
        questions = {
            column.name: column.bins
            for column in columns
            if isinstance(column.bins, Edges | Categories) and column.name != name
        }
        kinds = {column.name: column.type for column in columns}
        conditions = {one: binning.each(one, kinds[one], bins) for one, bins in questions.items()}
        flat = [condition for many in conditions.values() for condition in many]
        largest = min(data.max_slices, _room(len(flat), len(data.slices)))
        for value, (rows, *counts) in table.count_by(name, flat, largest).items():
            left = iter(counts)
            taken = {one: [next(left) for _ in many] for one, many in conditions.items()}
            profiles.append(
                SliceProfile(
                    column=name,
                    value=str(value)[: binning.LONGEST],
                    rows=rows,
                    counts={
                        one: binning.from_each(many, rows, questions[one])
                        for one, many in taken.items()
                    },
                )
            )
    return tuple(profiles)


def _room(counts: int, columns: int) -> int:
    """How many slices of one column fit into a profile."""
    return max(min(SLICES, _COUNTS // max(counts, 1)) // columns, 1)


def judge_slice_drift(
    table: Table,
    reference: Profile,
    columns: Sequence[ColumnProfile],
    data: DataSettings,
    may_disclose: Callable[[str], bool],
) -> Iterator[Finding]:
    """Hold each column against its thresholds within the slices that both sides have."""
    before = {(part.column, part.value): part for part in reference.slices}
    if not before:
        why = "the reference's profile has no slices: make it with drift.slices"
        yield not_compared("slice_drift", None, why, data.drift)
        return
    now = {
        (part.column, part.value): part for part in count_slices(table, columns, data, may_disclose)
    }
    both = [place for place in now if place in before]
    for column in columns:
        parts: Mapping[str, tuple[ColumnProfile, Sequence[int]]] = {
            f"{name}={value}": (
                replace(column, counts=counts),
                now[name, value].counts[column.name],
            )
            for name, value in both
            if (counts := before[name, value].counts.get(column.name)) is not None
            and column.name in now[name, value].counts
        }
        if parts:
            yield judge.judge_slices(column, parts, drift_limits(data.drift))
