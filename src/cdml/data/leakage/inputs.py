"""Model inputs that teach nothing or the wrong thing: constants, identifiers, contradictions.

The questions to the table, and the checks that judge the answers.
"""

import math
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from cdml.data.leakage.separation import MOST
from cdml.data.rules.quality import unjudged_finding
from cdml.data.rules.rule import fact, percentage
from cdml.evidence.schema import Check
from cdml.tables.query import Field, LogicalType
from cdml.tables.table import Conflicts, Table

InputValues = Sequence[float | str | None]

_MIN_ROWS = 100
_MIN_MISSING = 20
_SAME_ROWS = 0.9  # correlation of two columns' missing values from which they are the same
_ALL = 0.99  # share of a class that is as good as all
_SURE = 14.0  # natural logarithm of a million: how unlikely the same would be by chance
_DENSE = 10  # numbers per row in the range of a counter
_LONGEST = 64
_COARSE = 0.2  # share of equal rows from which columns do not tell rows apart
_MANY = 0.05  # share of rows whose labels contradict each other
_NAMED = re.compile(r"(?i:^|[_\W])(?i:id|ids|uuid|guid|key|rowid|index)$|[a-z]Id$")


def maybe_constant(values: InputValues) -> bool:
    """Whether a sample shows one value only, or none."""
    return len(set(values)) == 1


def maybe_identifier(field: Field, values: InputValues, rows: int) -> bool:
    """Whether a sample looks like one of a column that numbers or names the table's rows."""
    if len(values) < _MIN_ROWS or None in values or len(set(values)) < len(values):
        return False
    if field.type is LogicalType.INTEGER:
        numbers = [float(value) for value in values if value is not None]
        counter = max(numbers) - min(numbers) < _DENSE * rows
        return counter or _NAMED.search(field.name) is not None
    if field.type is LogicalType.STRING:
        return all(len(text := str(v)) <= _LONGEST and not re.search(r"\s", text) for v in values)
    return False


def _warning(name: str, column: str, expected: str, observed: str, reason: str) -> Check:
    return fact(
        name, column, fine=False, severity="warning", expected=expected, observed=observed,
        reason=reason,
    )  # fmt: skip


def constant(column: str, *, empty: bool = False) -> Check:
    """A column of one value, or of none."""
    same = "no row has a value" if empty else "every row has the same value"
    return _warning(
        "constant_input", column, "more than one value", "0" if empty else "1",
        f"{same}, so a model learns nothing from it, and its effect is untested if it changes",
    )  # fmt: skip


def identifier(column: str, rows: int) -> Check:
    """A column of as many values as rows."""
    return _warning(
        "identifier_input", column, "no identifier", f"{rows} values",
        f"all {rows:,} rows have different values: it looks like an identifier, which a model"
        " can only memorise",
    )  # fmt: skip


def missing_with_label(
    sample: Mapping[str, InputValues], label: str, *, classes: bool
) -> Iterator[Check]:
    """Columns whose missing values coincide with the label's, or tell the label."""
    labels = sample[label]
    unlabelled = np.array([value is None for value in labels])
    for column, values in sample.items():
        missing = np.array([value is None for value in values])
        many = int(missing.sum())
        if column == label or not _MIN_MISSING <= many < len(missing):
            continue
        if _MIN_MISSING <= int(unlabelled.sum()) < len(missing):
            alike = float(np.corrcoef(missing, unlabelled)[0, 1])
            if not alike < _SAME_ROWS:
                yield _warning(
                    "missing_with_label", column, f"a correlation below {_SAME_ROWS:g}",
                    f"{alike:.4f}",
                    f"values are missing in the same rows as {label} (correlation {alike:.3g}), so"
                    " it is probably known only after the outcome",
                )  # fmt: skip
                continue
        if classes and (one := _one_class(labels, missing.tolist())):
            yield _warning(
                "missing_tells_label", column, "classes as elsewhere", "one class",
                f"rows without a value ({one[0]:,} in the sample) are nearly all of one class of"
                f" {label}, which has {100 * one[1]:.3g} % of the other rows, so a missing value"
                " probably gives the outcome away",
            )  # fmt: skip


def _one_class(labels: InputValues, missing: Sequence[bool]) -> tuple[int, float] | None:
    """How many labelled rows miss the value, and the share elsewhere of the class of nearly all.

    None where they are of several classes, or where the same might well come by chance.
    """
    labelled = [
        (value, lost) for value, lost in zip(labels, missing, strict=True) if value is not None
    ]
    there = [value for value, lost in labelled if lost]
    rest = [value for value, lost in labelled if not lost]
    if len(there) < _MIN_MISSING or not rest:
        return None
    most, many = Counter(there).most_common(1)[0]
    usual = (rest.count(most) + 1) / (len(rest) + 2)
    sure = not -math.log(usual) * len(there) < _SURE
    return (len(there), usual) if sure and not many < _ALL * len(there) else None


def conflicting_labels(conflicts: Conflicts, rows: int) -> Check:
    """Whether equal inputs have labels that contradict each other.

    Where a fifth of all rows have an equal, the inputs are coarse, and different labels are what
    the model cannot know rather than mistakes: that is reported, and decides nothing.
    """
    figures = (
        f"{conflicts.conflicting:,} of {rows:,} rows have the same inputs as a row with another"
        f" label ({percentage(conflicts.conflicting, rows)}); {conflicts.equal:,} equal another row"
        " at all"
    )
    if conflicts.equal > _COARSE * rows:
        return unjudged_finding("conflicting_labels", None, figures)
    return fact(
        "conflicting_labels", None, fine=conflicts.conflicting < _MANY * rows, severity="warning",
        expected=f"less than {100 * _MANY:g} %",
        observed=f"{100 * conflicts.conflicting / rows:.4g} %", reason=figures,
    )  # fmt: skip


def odd_inputs(
    table: Table, sample: Mapping[str, InputValues], used: Sequence[str]
) -> Iterator[Check]:
    """Constant and identifier-like inputs: what a sample suggests is checked on all rows."""
    rows = table.ref.rows
    fields = {field.name: field for field in table.fields}
    for column in used:
        values = sample[column]
        if maybe_constant(values):
            two = [] if len(values) == rows else table.frequencies(column, 2)
            # All rows hold one value, or all hold none.
            if len(two) <= 1 and sum(many for _, many in two) in (0, rows):
                yield constant(column, empty=fields[column].empty)
        elif maybe_identifier(fields[column], values, rows) and (
            len(values) == rows or table.repeated([column]) == 0
        ):
            yield identifier(column, rows)


def contradictions(table: Table, used: Sequence[str], label: str) -> Iterator[Check]:
    """Rows of equal inputs and different labels; of classes only, and of several inputs."""
    fields = {field.name: field for field in table.fields}
    columns = [name for name in used if fields[name].type.plain]
    if len(columns) > MOST:
        text = f"not compared: with {len(columns)} inputs, rows are hardly ever equal"
        yield unjudged_finding("conflicting_labels", None, text)
    elif len(columns) > 1 and fields[label].type.plain:
        yield conflicting_labels(table.conflicts(columns, label), table.ref.rows)
