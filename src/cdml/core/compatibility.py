"""Whether a model can be asked about these rows: its signature against their columns.

The rules are those that MLflow enforces when it predicts, after what the scoring process converts
because nothing is lost by it (whole numbers between the integer types and to floating point).
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from cdml.core.checks import Finding, Rule, fact
from cdml.core.contract import Severity
from cdml.core.expressions import Field, LogicalType, Missing
from cdml.core.known import Asked
from cdml.core.names import unknown
from cdml.core.quality import listed

COLUMNS = "model_columns"
TYPES = "model_types"

_FINE: Mapping[str, frozenset[LogicalType]] = {
    "boolean": frozenset({LogicalType.BOOLEAN}),
    "integer": frozenset({LogicalType.INTEGER, LogicalType.BOOLEAN}),
    "long": frozenset({LogicalType.INTEGER, LogicalType.BOOLEAN}),
    "float": frozenset({LogicalType.INTEGER, LogicalType.BOOLEAN}),
    "double": frozenset({LogicalType.NUMBER, LogicalType.INTEGER, LogicalType.BOOLEAN}),
    "string": frozenset({LogicalType.STRING}),
    "datetime": frozenset({LogicalType.TIMESTAMP, LogicalType.DATE}),
    "binary": frozenset({LogicalType.STRING, LogicalType.OTHER}),
    "array": frozenset({LogicalType.ARRAY}),
    "object": frozenset({LogicalType.OBJECT}),
    "map": frozenset({LogicalType.OBJECT}),
}
"""What each type of a signature takes; others are taken as they come, or not known here."""
_BY_VALUE: Mapping[str, frozenset[LogicalType]] = {
    "integer": frozenset({LogicalType.NUMBER}),
    "long": frozenset({LogicalType.NUMBER}),
    "float": frozenset({LogicalType.NUMBER}),
    "boolean": frozenset({LogicalType.INTEGER, LogicalType.NUMBER}),
    "datetime": frozenset({LogicalType.STRING}),
}
"""What is taken as long as every value can be converted without loss."""
_ONE_BY_ONE = frozenset({LogicalType.INTEGER, LogicalType.NUMBER, LogicalType.BOOLEAN})


@dataclass(frozen=True, slots=True, kw_only=True)
class Signature:
    """What a model asks for.

    Attributes:
        who: how the model is called in sentences, e.g. `the challenger`.
        types: MLflow's names of the input columns' types, by column; None where the model says
            nothing of named columns.
        required: those columns that must be there.
    """

    who: str
    types: Mapping[str, str] | None
    required: Sequence[str] = ()


def compatible(signature: Signature, fields: Mapping[str, Field]) -> Iterator[Asked]:
    """Everything that may keep a model from answering.

    Args:
        signature: what it asks for.
        fields: the data's columns by name.
    """
    who, types = signature.who, signature.types
    if types is None:
        yield listed(COLUMNS, None, f"not compared: {who} has no signature of named columns")
        return
    lost = [name for name in types if name not in fields]
    for name in lost:
        yield _lost(who, name, fields, required=name in signature.required)
    if not lost:
        yield fact(
            COLUMNS, None, fine=True, expected="present", observed="present",
            reason=f"all {len(types)} columns that {who} asks for are there",
        )  # fmt: skip
    judged = [
        asked
        for name, wanted in types.items()
        if name in fields
        for asked in _typed(who, wanted, fields[name])
    ]
    yield from judged
    if not judged:
        yield fact(
            TYPES, None, fine=True, expected="as in the signature", observed="as in the signature",
            reason=f"all columns have types that {who} takes",
        )  # fmt: skip


def refused(signature: Signature, why: str) -> Finding:
    """A value of a text file is not of the type that a model asks for.

    Args:
        signature: what it asks for.
        why: in a sentence that names the file, the line and the column.
    """
    return fact(
        TYPES, None, fine=False, expected="as in the signature", observed="another value",
        reason=f"{signature.who} cannot be asked: {why.rstrip('.')}",
    )  # fmt: skip


def _lost(who: str, name: str, fields: Mapping[str, Field], *, required: bool) -> Finding:
    if not required:
        return listed(COLUMNS, name, f"{who} can do without it, and it is not there")
    return fact(
        COLUMNS, name, fine=False, expected="present", observed="missing",
        reason=f"{who} asks for it, and the data does not have it; "
        f"{unknown('column', name, fields)}",
    )  # fmt: skip


def _typed(who: str, wanted: str, field: Field) -> Iterator[Asked]:
    known = _FINE.get(wanted)
    if known is None:
        return
    zoned = wanted == "datetime" and field.physical == "TIMESTAMP WITH TIME ZONE"
    single = wanted == "float" and field.physical == "FLOAT"
    fits = single or (field.type in known and not zoned)
    if not fits and field.type not in _BY_VALUE.get(wanted, ()):
        yield _told(who, wanted, field, f"which is no {wanted}", severity="error")
        return
    if not fits:
        only = "of which MLflow takes only values that lose nothing"
        yield _told(who, wanted, field, only, severity="warning")
    if not single and _refuses_missing(wanted, field):
        yield _complete(who, wanted, field)


def _told(who: str, wanted: str, field: Field, which: str, *, severity: Severity) -> Finding:
    return fact(
        TYPES, field.name, fine=False, severity=severity,
        expected=wanted, observed=field.physical,
        reason=f"the signature of {who} says {wanted}, the data holds {field.physical}, {which}",
    )  # fmt: skip


def _refuses_missing(wanted: str, field: Field) -> bool:
    """Whether a missing value changes the column's type into one that is refused.

    Without a value, whole numbers become floating point, and truth values become objects, which
    MLflow makes double of, and nothing else.
    """
    if not field.nullable or field.type not in _ONE_BY_ONE:
        return False
    if wanted == "boolean":
        return field.type is not LogicalType.BOOLEAN
    return wanted != "double"


def _complete(who: str, wanted: str, field: Field) -> Rule:
    return Rule(
        name=TYPES, column=field.name, breaking=Missing(field.name), expected=f"{wanted}, complete",
        what=f"values are missing, and {who} takes this column as {wanted}, which MLflow refuses"
        " to make of a column with missing values",
    )  # fmt: skip
