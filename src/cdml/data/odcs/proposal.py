"""Look at data that is known to be good, and propose what it promises."""

import re
from pathlib import PurePosixPath

from cdml.data.contract import looks_personal
from cdml.data.odcs import propose
from cdml.data.odcs.propose import Seen
from cdml.tables.query import Aggregate, Field, LogicalType, Missing, NotRun
from cdml.tables.table import Table

SAMPLE = 10_000
_NUMBERS = (LogicalType.INTEGER, LogicalType.NUMBER)


def look(table: Table) -> tuple[Seen, ...]:
    """What every column looks like: one scan, and one look more at each text and likely key."""
    fields = table.fields
    numbers = [one for one in fields if one.type in _NUMBERS]
    ends = [
        Aggregate(function=function, column=one.name)
        for one in numbers
        for function in ("minimum", "maximum")
    ]
    missing, found = table.ask([Missing(one.name) for one in fields], ends)
    ranges = {
        one.name: (low, high)
        for one, low, high in zip(numbers, found[::2], found[1::2], strict=True)
        if not isinstance(low, NotRun) and not isinstance(high, NotRun)
    }
    lost = {one.name: n for one, n in zip(fields, missing, strict=True) if isinstance(n, int)}
    unique = _unique(table, [one for one in fields if lost.get(one.name) == 0])
    return tuple(
        Seen(
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
    names = [one.name for one in complete if propose.may_be_key(one)]
    sample = table.sample(names, SAMPLE)
    likely = [name for name in names if len(set(sample[name])) == len(sample[name])]
    return frozenset(name for name in likely if table.repeated([name]) == 0)


def _count_values(table: Table, column: Field) -> tuple[str, ...]:
    if column.type is not LogicalType.STRING or looks_personal(column.name):
        return ()
    found = table.frequencies(column.name, propose.MOST_VALUES + 1)
    return propose.categories(found, table.ref.rows)


def table_name(uri: str) -> str:
    """What to call the table that lies in a file, a folder or at an address."""
    path = PurePosixPath(uri.partition("?")[0].replace("\\", "/"))
    stems = (part.partition(".")[0] for part in reversed(path.parts))
    names = (re.sub(r"\W+", "_", stem).strip("_") for stem in stems)
    return next((name for name in names if name), "data")
