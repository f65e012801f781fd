"""The classes of a label, as text and as a profile."""

import re
from dataclasses import dataclass

from cdml.data.drift import bins as binning
from cdml.data.drift.bins import Buckets, Categories
from cdml.data.drift.profile import ColumnProfile
from cdml.tables.query import CellValue, Missing, NotRun
from cdml.tables.table import Table

_MOST = 10_000


def class_text(value: CellValue, *, binary: bool) -> str:
    """A class as text: 1.0 is 1, and in a binary task true is 1 and false is 0."""
    text = re.sub(r"\.0+$", "", str(value)) if isinstance(value, float) else str(value)
    if isinstance(value, bool) or (binary and text.lower() in {"true", "false"}):
        text = text.lower()
    return {"true": "1", "false": "0"}.get(text, text) if binary else text


@dataclass(frozen=True, slots=True, kw_only=True)
class Classes:
    """The label of a classification, and whether its values may be shown."""

    label: str
    binary: bool
    may_disclose: bool


def profile_classes(table: Table, classes: Classes) -> ColumnProfile:
    """The rows of each class; of their hashes where no class may be shown."""
    label = classes.label
    [field] = [one for one in table.fields if one.name == label]
    values = [
        (class_text(value, binary=classes.binary), rows)
        for value, rows in table.frequencies(label, _MOST)
    ]
    [missing] = table.count((Missing(label),))
    if isinstance(missing, NotRun):
        raise TypeError(missing.reason)
    bins: Categories | Buckets = (
        binning.count_categories(values) if classes.may_disclose else Buckets()
    )
    counts = binning.by_value(values, missing, table.ref.rows, bins)
    return ColumnProfile(name=label, type=field.type, bins=bins, counts=counts)
