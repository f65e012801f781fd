"""What is odd about the model's inputs themselves, whatever they say about the label."""

from collections.abc import Iterator, Mapping, Sequence

from cdml.data.leakage import inputs
from cdml.data.leakage.separation_checks import MOST
from cdml.data.rules.quality import listed
from cdml.data.rules.rule import Finding
from cdml.tables.table import Table


def odd_inputs(
    table: Table, sample: Mapping[str, inputs.Values], used: Sequence[str]
) -> Iterator[Finding]:
    """Constant and identifier-like columns among the inputs.

    What a sample suggests is asked of all rows before it is said.

    Args:
        table: all rows.
        sample: of every input.
        used: the model's inputs.
    """
    rows = table.ref.rows
    fields = {field.name: field for field in table.fields}
    for column in used:
        values = sample[column]
        if inputs.maybe_constant(values):
            if _is_constant(table, column, whole=len(values) == rows):
                yield inputs.constant(column, empty=fields[column].empty)
        elif inputs.maybe_identifier(fields[column], values, rows) and (
            len(values) == rows or table.repeated([column]) == 0
        ):
            yield inputs.identifier(column, rows)


def _is_constant(table: Table, column: str, *, whole: bool) -> bool:
    """Whether all rows hold one value, or all hold none."""
    if whole:
        return True
    found = table.frequencies(column, 2)
    return sum(many for _, many in found) in (0, table.ref.rows) and len(found) <= 1


def contradictions(table: Table, used: Sequence[str], label: str) -> Iterator[Finding]:
    """Rows of equal inputs and different labels; one input alone repeats by its nature.

    Of classes only: numbers always differ.
    """
    fields = {field.name: field for field in table.fields}
    columns = [name for name in used if fields[name].type.plain]
    if len(columns) > MOST:
        text = f"not compared: rows of {len(columns)} inputs are hardly ever equal"
        yield listed("conflicting_labels", None, text)
    elif len(columns) > 1 and fields[label].type.plain:
        yield inputs.conflicting_labels(table.conflicts(columns, label), table.ref.rows)
