"""Profile data that is known to be good, and propose a contract for it."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import ceil, floor, inf, isfinite, log10, nextafter
from pathlib import PurePosixPath
from typing import Any

import yaml

from cdml.data.contract import looks_personal
from cdml.tables.query import Aggregate, Field, LogicalType, Missing, NotRun
from cdml.tables.table import Table
from cdml.tables.types import PHYSICAL_TYPES, binary, physical_type

MOST_VALUES = 20
"""A text column of more different values is no list of categories."""

_ROWS_PER_VALUE = 10
_LONGEST = 100
_SHARES = (1, 2, 5, 10, 20, 50)
_KEYS = re.compile(r"(^|[_\W])(id|key|uuid|guid)$|Id$|ID$", re.IGNORECASE)
_HEAD = """\
# A data contract, proposed by `cdml init --data` from {source} ({rows:,} rows).
# Review it: rules that hold for this sample may not hold for the next. Ranges are rounded
# outwards. Columns with personal-looking names are classified, and their values left out.
# Tag columns that are known only after the outcome: `tags: [known_after_outcome]`.
# docs/data.md lists all rules.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class ObservedColumn:
    """What a column looks like; `values` are its different ones, where they are few and repeat."""

    field: Field
    missing: int
    unique: bool = False
    range: tuple[float, float] | None = None
    values: tuple[str, ...] = ()


def may_be_key(column: Field) -> bool:
    """Whether a column is of a type that identifies rows."""
    return column.type in (LogicalType.INTEGER, LogicalType.STRING)


def named_like_key(name: str) -> bool:
    """Whether a column is called like something that identifies rows."""
    return _KEYS.search(name) is not None


def likely_key(columns: Sequence[ObservedColumn]) -> str | None:
    """The column that identifies a row most likely: one called so, or else the first."""
    candidates = [column.field.name for column in columns if column.unique]
    named = [name for name in candidates if named_like_key(name)]
    return next(iter((*named, *candidates)), None)


def frequent_values(counts: Sequence[tuple[Any, int]], rows: int) -> tuple[str, ...]:
    """The values of a text column, if they are few, short, and come back again and again."""
    values = [value for value, _ in counts]
    few = 0 < len(values) <= MOST_VALUES and len(values) * _ROWS_PER_VALUE <= rows
    plain = all(isinstance(v, str) and v.isprintable() and len(v) <= _LONGEST for v in values)
    return tuple(sorted(values)) if few and plain else ()


def propose_contract(name: str, source: str, rows: int, columns: Sequence[ObservedColumn]) -> str:
    """A contract of the Open Data Contract Standard v3.2, as YAML."""
    key = likely_key(columns)
    # The standard wants a name and a type, and has no words for some types.
    typed = (one for one in columns if one.field.type is not LogicalType.OTHER or binary(one.field))
    sayable = [one for one in typed if one.field.name]
    document = {
        "apiVersion": "v3.2.0",
        "kind": "DataContract",
        "id": name,
        "name": name,
        "version": "0.1.0",
        "status": "draft",
        "schema": [
            {
                "name": name,
                "logicalType": "object",
                "properties": [_property(one, rows, key) for one in sayable],
            }
        ],
    }
    head = _HEAD.format(source=" ".join(source.split()), rows=rows)
    body: str = yaml.safe_dump(document, sort_keys=False, allow_unicode=True, width=100)
    return head + body


def _property(column: ObservedColumn, rows: int, key: str | None) -> dict[str, Any]:
    name, kind = column.field.name, column.field.type
    personal = looks_personal(name)
    identifies = column.unique and (name == key or named_like_key(name))
    document: dict[str, Any] = {"name": name}
    document["logicalType"] = "string" if binary(column.field) else kind.value
    if binary(column.field):
        document["logicalTypeOptions"] = {"format": "binary"}
    if physical_type(column.field.physical) in PHYSICAL_TYPES:
        document["physicalType"] = column.field.physical
    if column.missing == 0:
        document["required"] = True
    if identifies:
        document["unique"] = True
    if name == key:
        document |= {"primaryKey": True, "primaryKeyPosition": 1}
    if personal:
        document["classification"] = "personal"
    elif not identifies:
        document |= _values(column)
    percent = 100 * column.missing / max(rows, 1)
    share = next((share for share in _SHARES if percent <= share), None)
    if 0 < column.missing < rows and share is not None:
        rule = {"metric": "nullValues", "unit": "percent", "mustBeLessOrEqualTo": share}
        document["quality"] = [rule]
    return document


def _values(column: ObservedColumn) -> Mapping[str, Any]:
    if column.values:
        return {"enum": [{"value": value} for value in column.values]}
    if column.range is None:
        return {}
    is_integer = column.field.type is LogicalType.INTEGER
    least, most = column.range
    if is_integer:
        # Beyond 2^53 the range may be the next number that a float can be.
        least, most = _beyond(least, -inf), _beyond(most, inf)
    low, high = widen_range(least, most)
    bounds = {"minimum": low, "maximum": high}
    if is_integer:
        bounds = {name: int(value) for name, value in bounds.items() if value is not None}
    options = {name: value for name, value in bounds.items() if value is not None}
    return {"logicalTypeOptions": options} if options else {}


def _beyond(end: float, towards: float) -> float:
    return nextafter(end, towards) if abs(end) >= 2**53 else end


def widen_range(low: float, high: float) -> tuple[float | None, float | None]:
    """A range around a range, at the second digit of its width, on the same side of zero."""
    ends = [end for end in (low, high) if isfinite(end)]
    is_range = high > low and isfinite(high - low)
    width = high - low if is_range else max(map(abs, ends), default=0)
    if width == 0:
        return None, None
    digits = int(is_range) - floor(log10(width))
    return (
        _rounded(low, digits, floor) if isfinite(low) else None,
        _rounded(high, digits, ceil) if isfinite(high) else None,
    )


def _rounded(value: float, digits: int, how: Any) -> float:
    """A value rounded to so many digits after the point; left alone where that cannot be said."""
    try:
        steps = how(value * 10.0**digits) if digits >= 0 else how(value / 10.0**-digits)
        rounded = float(f"{steps}e{-digits}")
    except OverflowError:
        return value
    fine = rounded <= value if how is floor else rounded >= value
    if not fine or not isfinite(rounded):
        return value
    return int(rounded) if rounded.is_integer() and abs(rounded) < 2**53 else rounded


SAMPLE = 10_000
_NUMBERS = (LogicalType.INTEGER, LogicalType.NUMBER)


def observe_columns(table: Table) -> tuple[ObservedColumn, ...]:
    """What every column looks like: one scan, and one look more at each text and likely key."""
    fields = table.fields
    numbers = [one for one in fields if one.type in _NUMBERS]
    ends = [
        Aggregate(function=function, column=one.name)
        for one in numbers
        for function in ("minimum", "maximum")
    ]
    missing, extremes = table.compute([Missing(one.name) for one in fields], ends)
    ranges = {
        one.name: (low, high)
        for one, low, high in zip(numbers, extremes[::2], extremes[1::2], strict=True)
        if not isinstance(low, NotRun) and not isinstance(high, NotRun)
    }
    lost = {one.name: n for one, n in zip(fields, missing, strict=True) if isinstance(n, int)}
    unique = _unique(table, [one for one in fields if lost.get(one.name) == 0])
    return tuple(
        ObservedColumn(
            field=one,
            missing=lost.get(one.name, table.ref.rows),
            unique=one.name in unique,
            range=ranges.get(one.name),
            values=_count_values(table, one) if one.name not in unique else (),
        )
        for one in fields
    )


def _unique(table: Table, complete: list[Field]) -> frozenset[str]:
    """Columns in which no value occurs twice; the sample spares most of them the second look."""
    names = [one.name for one in complete if may_be_key(one)]
    sample = table.sample(names, SAMPLE)
    likely = [name for name in names if len(set(sample[name])) == len(sample[name])]
    return frozenset(name for name in likely if table.repeated([name]) == 0)


def _count_values(table: Table, column: Field) -> tuple[str, ...]:
    if column.type is not LogicalType.STRING or looks_personal(column.name):
        return ()
    frequencies = table.frequencies(column.name, MOST_VALUES + 1)
    return frequent_values(frequencies, table.ref.rows)


def table_name(uri: str) -> str:
    """What to call the table that lies in a file, a folder or at an address."""
    path = PurePosixPath(uri.partition("?")[0].replace("\\", "/"))
    stems = (part.partition(".")[0] for part in reversed(path.parts))
    names = (re.sub(r"\W+", "_", stem).strip("_") for stem in stems)
    return next((name for name in names if name), "data")
