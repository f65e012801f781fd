"""Drift within slices: every column counted again for each value of a slice column."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace

from cdml.config.schema import DataSettings
from cdml.data.drift import bins as binning
from cdml.data.drift import judge
from cdml.data.drift.bins import Categories, Edges
from cdml.data.drift.checks import not_compared
from cdml.data.drift.profile import SLICES, ColumnProfile, Profile, SliceProfile
from cdml.evidence.schema import Check
from cdml.tables.table import Table

_COUNTS = 200_000
"""Counts of slices that one profile holds."""


def count_slices(
    table: Table,
    columns: Sequence[ColumnProfile],
    data: DataSettings,
    may_disclose: Callable[[str], bool],
) -> tuple[SliceProfile, ...]:
    """Counts within the largest slices, one scan a slice column; only what may be shown."""
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
        room = max(min(SLICES, _COUNTS // max(len(flat), 1)) // len(data.slices), 1)
        largest = min(data.max_slices, room)
        for value, (rows, *counts) in table.count_by(name, flat, largest).items():
            left = iter(counts)
            taken = {one: [next(left) for _ in many] for one, many in conditions.items()}
            binned = {
                one: binning.from_each(many, rows, questions[one]) for one, many in taken.items()
            }
            text = str(value)[: binning.LONGEST]
            profiles.append(SliceProfile(column=name, value=text, rows=rows, counts=binned))
    return tuple(profiles)


def judge_slice_drift(
    table: Table,
    reference: Profile,
    columns: Sequence[ColumnProfile],
    data: DataSettings,
    may_disclose: Callable[[str], bool],
) -> Iterator[Check]:
    """Hold each column against its thresholds within the slices that both sides have."""
    before = {(part.column, part.value): part for part in reference.slices}
    if not before:
        why = "the reference's profile has no slices; create it with drift.slices"
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
            yield judge.judge_slices(column, parts, data.drift)
