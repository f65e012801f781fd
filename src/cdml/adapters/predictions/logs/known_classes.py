"""Whether a value of a binary task is one of its two classes: anything else is in no figure."""

from collections.abc import Collection

from cdml.adapters.predictions.logs.window_sums import class_of_label
from cdml.adapters.tables.sql_engine import literal
from cdml.statistics.metrics import Task
from cdml.tables.query import Field, LogicalType


def known_class(column: str, field: Field, positive: str, negatives: Collection[str] | None) -> str:
    """SQL of whether a value is there and of a class of the task.

    Args:
        column: the column, quoted.
        field: what it contains.
        positive: SQL of whether the value is the positive class.
        negatives: the other class as text, in all its spellings; None if it is unknown, so that
            every value is of a class.
    """
    there = f"{column} IS NOT NULL"
    if field.physical in {"FLOAT", "DOUBLE"}:
        there += f" AND NOT isnan({column})"
    if negatives is None or field.type is LogicalType.BOOLEAN:
        return f"({there})"
    others = [f"{class_of_label(column, field, Task.BINARY)} = {literal(n)}" for n in negatives]
    return f"({there} AND coalesce({' OR '.join((positive, *others))}, false))"
