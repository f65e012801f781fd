"""Whether a model can be asked about these rows: its signature against their columns.

The rules are those that MLflow enforces when it predicts, after what the scoring process converts
because nothing is lost by it: whole numbers between the integer types and to floating point,
dates to timestamps or to text, categories to their values. Tensors of floating point are rounded
to their type, as MLflow does it where it is requested by name.
"""

from collections.abc import Callable, Container, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from cdml.common.suggest import describe_unknown
from cdml.config.input_columns import NO_PURPOSES, Purposes, Unnamed, input_columns
from cdml.data.contract import Severity
from cdml.data.rules.quality import unjudged_finding
from cdml.data.rules.rule import DataRule, RuleOrCheck, fact
from cdml.evidence.schema import Check
from cdml.tables.query import (
    All,
    Compare,
    Condition,
    Field,
    In,
    IsWholeNumber,
    LogicalType,
    Matches,
    Missing,
    violates,
)
from cdml.tables.types import binary

COLUMNS = "model_columns"
TYPES = "model_types"

INTEGER_RANGES: Mapping[str, tuple[int, int]] = {
    "integer": (-(2**31), 2**31 - 1),
    "long": (-(2**63), 2**63 - 1),
    **{f"int{bits}": (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1) for bits in (8, 16, 32, 64)},
    **{f"uint{bits}": (0, 2**bits - 1) for bits in (8, 16, 32, 64)},
}
"""Types of whole numbers, with the least and the largest: they know no missing value."""
FLOATING: Mapping[str, int] = {"float": 24, "double": 53, "float32": 24, "float64": 53}
"""Types of floating point, with the bits up to which they hold every whole number."""
ROUNDED = frozenset({"float32", "float64"})
"""Those of tensors: values are rounded to them."""
TRUTH = frozenset({"boolean", "bool"})
FIRST = datetime.fromisoformat("1677-09-21 00:12:44")
LAST = datetime.fromisoformat("2262-04-11 23:47:16")
"""What MLflow's `datetime` holds: nanoseconds in 64 bits."""
_MOMENT = r"^\d{4}-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])([ T]\d{2}:\d{2}(:\d{2}(\.\d{1,9})?)?)?$"

_PHYSICAL_INTEGERS: Mapping[str, tuple[int, int]] = {
    f"{sign}{name}": (0, 2**bits - 1) if sign else (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1)
    for sign in ("", "U")
    for name, bits in (
        ("TINYINT", 8), ("SMALLINT", 16), ("INTEGER", 32), ("BIGINT", 64), ("HUGEINT", 128),
    )
}  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Signature:
    """What a model requires; `who` is what sentences call it, e.g. `the challenger`.

    `types` are MLflow's names (of tensors numpy's) by column, None where the model says nothing of
    named columns; then it may ask for `unnamed` ones.
    """

    subject: str
    types: Mapping[str, str] | None
    required: Sequence[str] = ()
    unnamed: Unnamed | None = None

    def inputs(self, purposes: Purposes, fields: Mapping[str, Field]) -> tuple[str, ...] | None:
        """The columns that it uses; None if unknown."""
        if self.types is not None:
            return tuple(self.types)
        if self.unnamed is None and not purposes.features:
            return None
        return input_columns(None, purposes, fields)


def check_signature(
    signature: Signature, fields: Mapping[str, Field], purposes: Purposes = NO_PURPOSES
) -> Iterator[RuleOrCheck]:
    """Everything that may keep a model from answering."""
    subject, types = signature.subject, signature.types
    if types is not None:
        yield from _named(signature, types, fields)
    elif signature.unnamed is not None:
        given = input_columns(None, purposes, fields)
        columns = _by_place(signature.unnamed, given, fields)
        yield _counted(subject, signature.unnamed, given, fine=columns is not None)
        types = columns
    else:
        names = ", ".join(purposes.features)
        hint = f"; data.features names {names}" if names else ""
        yield unjudged_finding(COLUMNS, None, f"not compared: {subject} has no signature{hint}")
    if types is None:
        return
    judged = [
        rule
        for name, type_name in types.items()
        if name in fields
        for rule in _typed(signature, type_name, fields[name])
    ]
    yield from judged
    if all(isinstance(rule, Check) and rule.severity == "info" for rule in judged):
        yield fact(
            TYPES, None, fine=True, expected="as in the signature", observed="as in the signature",
            reason=f"{subject} accepts the types of all columns",
        )  # fmt: skip


def refused_value(signature: Signature, why: str) -> Check:
    """A value of a text file is not of the type that a model requires; `why` is a sentence."""
    return fact(
        TYPES, None, fine=False, expected="as in the signature", observed="another value",
        reason=f"{signature.subject} cannot be scored: {why.rstrip('.')}",
    )  # fmt: skip


def _named(
    signature: Signature, types: Mapping[str, str], fields: Mapping[str, Field]
) -> Iterator[Check]:
    subject = signature.subject
    lost = [name for name in types if name not in fields]
    for name in lost:
        yield _lost(subject, name, fields, required=name in signature.required)
    if not lost:
        yield fact(
            COLUMNS, None, fine=True, expected="present", observed="present",
            reason=f"all {len(types)} inputs of {subject} are there",
        )  # fmt: skip


def _by_place(
    unnamed: Unnamed, given: Sequence[str], fields: Mapping[str, Field]
) -> dict[str, str] | None:
    lists = bool(given) and fields[given[0]].type is LogicalType.ARRAY
    types = unnamed.types_of(len(given), lists=lists)
    return None if types is None else dict(zip(given, types, strict=True))


def _counted(subject: str, unnamed: Unnamed, given: Sequence[str], *, fine: bool) -> Check:
    names = ", ".join(given) or "none"
    reason = f"{subject} takes {unnamed} and gets {names}, in this order"
    return fact(
        COLUMNS, None, fine=fine, expected=str(unnamed), observed=names,
        reason=reason if fine else f"{reason}: list its inputs in data.features",
    )  # fmt: skip


def _lost(subject: str, name: str, fields: Mapping[str, Field], *, required: bool) -> Check:
    if not required:
        return unjudged_finding(COLUMNS, name, f"missing, but optional for {subject}")
    return fact(
        COLUMNS, name, fine=False, expected="present", observed="missing",
        reason=f"{subject} needs it, but the data does not have it; "
        f"{describe_unknown('column', name, fields)}",
    )  # fmt: skip


def _typed(signature: Signature, type_name: str, field: Field) -> Iterator[RuleOrCheck]:
    """What is to be said of one column: nothing where it is taken as it is."""
    subject, name = signature.subject, field.name
    if field.empty:
        needed = signature.types is None or name in signature.required
        if needed and (type_name in INTEGER_RANGES or type_name.startswith("array(")):
            yield _complete(subject, type_name, name)
        return
    if type_name.startswith("array("):
        yield from _lists(signature, type_name, field)
        return
    for types, of_type in _OF_TYPE:
        if type_name in types:
            yield from of_type(subject, type_name, field)


def _integer(subject: str, type_name: str, field: Field) -> Iterator[RuleOrCheck]:
    low, high = INTEGER_RANGES[type_name]
    fits = f"whole numbers from {low} to {high}"
    if field.type is LogicalType.INTEGER:
        least, most = _PHYSICAL_INTEGERS.get(field.physical, (low - 1, high + 1))
        if least < low or most > high:
            yield _breaking(
                subject, type_name, field, f"are no {fits}", _within(field.name, low, high)
            )
    elif field.type is LogicalType.NUMBER:
        # Beyond 2^53 floating point does not hold every whole number.
        ends = max(low, -(2**53)), min(high, 2**53)
        integers = All((IsWholeNumber(field.name), _within(field.name, *ends)))
        yield _breaking(subject, type_name, field, f"are no {fits}", integers)
    elif field.type is not LogicalType.BOOLEAN:
        yield _refused(subject, type_name, field)
        return
    if field.nullable:
        yield _complete(subject, type_name, field.name)


def _floating(subject: str, type_name: str, field: Field) -> Iterator[RuleOrCheck]:
    most = 2 ** FLOATING[type_name]
    if field.type is LogicalType.INTEGER:
        least, largest = _PHYSICAL_INTEGERS.get(field.physical, (-most - 1, most + 1))
        if (least < -most or largest > most) and type_name not in ROUNDED:
            problem = f"lie beyond {most}, where {type_name} loses digits"
            yield _breaking(subject, type_name, field, problem, _within(field.name, -most, most))
    elif field.type is LogicalType.NUMBER:
        if type_name == "float" and field.physical != "FLOAT":
            only = "MLflow accepts only values that lose no digits"
            yield _type_mismatch(subject, type_name, field, only, severity="warning")
    elif field.type is not LogicalType.BOOLEAN:
        yield _refused(subject, type_name, field)


def _truth(subject: str, type_name: str, field: Field) -> Iterator[RuleOrCheck]:
    if field.type in (LogicalType.INTEGER, LogicalType.NUMBER):
        yield _breaking(subject, type_name, field, "are neither 0 nor 1", In(field.name, (0, 1)))
    elif field.type is not LogicalType.BOOLEAN:
        yield _refused(subject, type_name, field)


def _moment(subject: str, type_name: str, field: Field) -> Iterator[RuleOrCheck]:
    name, zoned = field.name, field.physical == "TIMESTAMP WITH TIME ZONE"
    outside = f"lie outside its range of {FIRST.year} to {LAST.year}"
    if field.type is LogicalType.TIMESTAMP and not zoned:
        if field.physical != "TIMESTAMP_NS":
            yield _breaking(subject, type_name, field, outside, _within(name, FIRST, LAST))
    elif field.type is LogicalType.DATE:
        first, last = date(FIRST.year, 9, 22), LAST.date()
        yield _breaking(subject, type_name, field, outside, _within(name, first, last))
    elif field.type is LogicalType.STRING:
        yield _breaking(
            subject, type_name, field, "are not ISO dates or times", Matches(name, _MOMENT)
        )
    else:
        yield _refused(subject, type_name, field)


def _text(subject: str, type_name: str, field: Field) -> Iterator[RuleOrCheck]:
    if field.type is LogicalType.DATE:
        yield unjudged_finding(TYPES, field.name, f"it holds dates, which {subject} gets as text")
    elif field.type is not LogicalType.STRING or field.physical == "UUID":
        yield _refused(subject, type_name, field)


def _bytes(subject: str, type_name: str, field: Field) -> Iterator[RuleOrCheck]:
    if field.type is not LogicalType.STRING and not binary(field):
        yield _refused(subject, type_name, field)


def _lists(signature: Signature, type_name: str, field: Field) -> Iterator[RuleOrCheck]:
    """Lists by what is in them; a scan cannot check each of their values."""
    if field.type is not LogicalType.ARRAY:
        yield _refused(signature.subject, type_name, field)
        return
    inner = Field(
        name=field.name, type=_element(field.physical), physical=field.physical.removesuffix("[]"),
        nullable=False,
    )  # fmt: skip
    kind = type_name.removeprefix("array(")[:-1]
    rules = list(_typed(signature, kind, inner))
    if any(isinstance(rule, Check) and rule.severity == "error" for rule in rules):
        yield _refused(signature.subject, type_name, field)
    elif rules:
        only = "whether every value fits shows only when the model is scored"
        yield _type_mismatch(signature.subject, type_name, field, only, severity="warning")
    if field.nullable and field.name in signature.required:
        yield _complete(signature.subject, type_name, field.name)


def _element(physical: str) -> LogicalType:
    name = physical.removesuffix("[]")
    if name in _PHYSICAL_INTEGERS:
        return LogicalType.INTEGER
    if name.endswith("]"):
        return LogicalType.ARRAY
    return {
        "BOOLEAN": LogicalType.BOOLEAN, "FLOAT": LogicalType.NUMBER, "DOUBLE": LogicalType.NUMBER,
        "VARCHAR": LogicalType.STRING, "TIMESTAMP": LogicalType.TIMESTAMP,
    }.get(name, LogicalType.OTHER)  # fmt: skip


def _nested(subject: str, type_name: str, field: Field) -> Iterator[RuleOrCheck]:
    if field.type is not LogicalType.OBJECT:
        yield _refused(subject, type_name, field)
        return
    only = "whether its parts fit shows only when the model is scored"
    yield _type_mismatch(subject, type_name, field, only, severity="warning")


_OF_TYPE: Sequence[tuple[Container[str], Callable[[str, str, Field], Iterator[RuleOrCheck]]]] = (
    (INTEGER_RANGES, _integer),
    (FLOATING, _floating),
    (TRUTH, _truth),
    (("datetime",), _moment),
    (("string",), _text),
    (("binary",), _bytes),
    (("object", "map"), _nested),
)
"""Who judges a column by what the signature says of it; other types are taken as they come."""


def _within(column: str, least: int | date, most: int | date) -> Condition:
    return All((Compare(column, ">=", least), Compare(column, "<=", most)))


def _breaking(
    subject: str, type_name: str, field: Field, problem: str, allowed: Condition
) -> DataRule:
    return DataRule(
        name=TYPES, column=field.name, breaking=violates(field.name, allowed), expected=type_name,
        subject=f"values {problem}; the signature of {subject} says {type_name}",
    )  # fmt: skip


def _complete(subject: str, type_name: str, column: str) -> DataRule:
    return DataRule(
        name=TYPES, column=column, breaking=Missing(column), expected=f"{type_name}, complete",
        subject=f"values are missing, but {subject} needs {type_name}, and MLflow cannot convert"
        " missing values to it",
    )  # fmt: skip


def _refused(subject: str, type_name: str, field: Field) -> Check:
    return _type_mismatch(subject, type_name, field, "", severity="error")


def _type_mismatch(
    subject: str, type_name: str, field: Field, which: str, *, severity: Severity
) -> Check:
    return fact(
        TYPES, field.name, fine=False, severity=severity,
        expected=type_name, observed=field.words,
        reason=f"the signature of {subject} says {type_name}, but the column holds {field.words}"
        + (f"; {which}" if which else ""),
    )  # fmt: skip
