"""What a contract promises, as rules that a table can be asked about."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from datetime import date, time
from math import inf
from typing import Any

from cdml.common.suggest import describe_unknown
from cdml.common.verdict import Verdict
from cdml.data.contract import Contract, ContractBound, Property
from cdml.data.rules.custom import reference_rule
from cdml.data.rules.quality import accepted_values, quality_rules, unjudged_finding
from cdml.data.rules.rule import (
    DataRule,
    RuleContext,
    RuleOrCheck,
    fact,
    make_check,
    not_executed,
    with_line,
)
from cdml.evidence.schema import Check
from cdml.tables.date_formats import read_format
from cdml.tables.declared_types import DATES
from cdml.tables.query import (
    CellValue,
    Compare,
    Condition,
    Field,
    Length,
    LogicalType,
    Matches,
    Missing,
    MultipleOf,
    Operator,
    violates,
)
from cdml.tables.types import PHYSICAL_TYPES, binary, coerce, describe_physical, physical_type

FORMATS: Mapping[str, str] = {
    "email": r"^[^@\s]+@[^@\s.]+(\.[^@\s.]+)+$",
    "uuid": r"^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$",
    "uri": r"^[A-Za-z][A-Za-z0-9+.\-]*:\S+$",
    "hostname": r"^[A-Za-z0-9]([A-Za-z0-9\-]*[A-Za-z0-9])?"
    r"(\.[A-Za-z0-9]([A-Za-z0-9\-]*[A-Za-z0-9])?)*$",
    "ipv4": r"^((25[0-5]|2[0-4][0-9]|1?[0-9]?[0-9])(\.|$)){4}$",
    "ipv6": r"^[0-9a-fA-F:]*:[0-9a-fA-F:.]*$",
}
_UNCHECKED_FORMATS = frozenset({"password", "byte", "binary", "f32", "f64"})
_RANGES: Mapping[str, tuple[Operator, str]] = {
    "minimum": (">=", "at least"),
    "maximum": ("<=", "at most"),
    "exclusiveMinimum": (">", "above"),
    "exclusiveMaximum": ("<", "below"),
}
_NESTED = ("properties", "items", "map")
_WRITTEN = {
    "logical_type": "logicalType",
    "physical_type": "physicalType",
    "not_null": "required",
    "primary_key": "primaryKey",
    "accepted_values": "enum",
}
"""How the contract spells what a check is called."""


def from_contract(contract: Contract, context: RuleContext) -> Iterator[RuleOrCheck]:
    """Every rule of a contract for a table with these columns; none is left out."""
    fields = context.fields
    yield from _own_table(contract, fields)
    for prop in contract.properties:
        for rule in _of_property(prop, context):
            yield _placed(rule, prop)
    if contract.primary_key:
        described = {prop.name: prop for prop in contract.properties}
        first = described[contract.primary_key[0]]
        for rule in _primary_key(contract.primary_key, fields):
            yield _placed(rule, described.get(rule.column or "", first))
    for quality in contract.quality:
        yield from quality_rules(quality, None, context)
    for reference in contract.references:
        yield with_line(reference_rule(reference, context), reference.line)
    for line, text in contract.listed:
        yield with_line(
            unjudged_finding("not_executed", None, f"{text} is listed, not executed"), line
        )
    yield from _extra_columns(contract, context)


def _own_table(contract: Contract, fields: Mapping[str, Field]) -> Iterator[Check]:
    many = len(contract.properties)
    if many > 1 and not any(prop.name in fields for prop in contract.properties):
        yield fact(
            "contract_table", None, fine=False, expected=f"the table {contract.table}",
            observed="none of its columns",
            reason=f"the data has none of the {many} columns of {contract.table}; is this the"
            " contract of another table?",
        )  # fmt: skip


def _extra_columns(contract: Contract, context: RuleContext) -> Iterator[Check]:
    promised = {prop.name for prop in contract.properties}
    extra = [name for name in context.fields if name not in promised]
    if promised and extra:
        yield fact(
            "extra_columns", None, fine=False, severity=context.extra_columns, expected="none",
            observed=str(len(extra)),
            reason=f"not in the contract: {', '.join(extra)}",
        )  # fmt: skip


def _of_property(prop: Property, context: RuleContext) -> Iterator[RuleOrCheck]:
    fields = context.fields
    field = fields.get(prop.name)
    if field is None:
        reason = (
            f"the data has no column of this name; {describe_unknown('column', prop.name, fields)}"
        )
        yield fact(
            "column_present", prop.name, fine=False,
            expected="present", observed="missing", reason=reason,
        )  # fmt: skip
    else:
        yield from _types(prop, field)
    for rule in (*_simple(prop), *_bounds(prop, field)):
        yield rule if field is not None else _without_column(rule)
    for quality in prop.quality:
        for item in quality_rules(quality, prop.name, context):
            yield item if field is not None else _without_column(item)
    if prop.nested:
        line = next((prop.lines[key] for key in _NESTED if key in prop.lines), prop.line)
        parts = DataRule(
            name="nested", column=prop.name, subject="", expected="as the contract says", line=line
        )
        yield not_executed(parts, "the contract's rules for parts of a value are not checked")


def _placed(rule: RuleOrCheck, prop: Property) -> RuleOrCheck:
    """With the line of its key, unless it knows a nearer one."""
    if rule.line is not None:
        return rule
    return with_line(rule, prop.line_of(_WRITTEN.get(rule.name, rule.name)))


def _without_column(rule: RuleOrCheck) -> Check:
    if isinstance(rule, DataRule):
        return not_executed(rule, "the column is missing")
    return rule


def _types(prop: Property, field: Field) -> Iterator[Check]:
    if field.empty:
        yield from _types_of_nothing(prop)
        return
    if prop.logical is not None:
        yield _logical_type(prop, prop.logical, field)
    if prop.physical is not None:
        expected, actual = physical_type(prop.physical), physical_type(field.physical)
        words = describe_physical(field.physical)
        if expected not in PHYSICAL_TYPES:
            text = f"physicalType {prop.physical} is unknown here; the column is of type {words}"
            yield unjudged_finding("physical_type", prop.name, text)
        else:
            yield fact(
                "physical_type", prop.name, fine=expected == actual,
                expected=prop.physical, observed=words,
                reason=f"the column is of type {words}",
            )  # fmt: skip


def _logical_type(prop: Property, expected: LogicalType, field: Field) -> Check:
    integers = field.type is LogicalType.INTEGER and expected is LogicalType.NUMBER
    held = prop.options.get("format") in ("binary", "byte") and binary(field)
    fine = field.type is expected or integers or held
    trouble = _not_applied(expected, str(prop.options.get("format", "")))
    if field.type is LogicalType.STRING and not fine and trouble:
        rule = DataRule(name="logical_type", column=prop.name, subject="", expected=expected)
        return not_executed(rule, trouble)
    holds = f"the column holds {field.words}"
    holds += ", as in the contract" if fine else f", not {expected.words}"
    return fact(
        "logical_type", prop.name, fine=fine, expected=expected, observed=field.type,
        reason=f"{holds}: {field.misfit}" if field.misfit and not fine else holds,
    )  # fmt: skip


def _not_applied(kind: LogicalType, written: str) -> str:
    """Why a format of dates cannot be applied; "" where it can, or there is none."""
    if kind not in DATES or not written:
        return ""
    applied = read_format(written)
    if applied is None:
        return (
            f"the format {written!r} cannot be applied: write it in the letters of the JDK's"
            " DateTimeFormatter, such as yyyy-MM-dd (there, YYYY is the week-based year and DD the"
            " day of the year)"
        )
    return "" if applied.gives(kind) else f"the format {written!r} does not give a {kind}"


def _types_of_nothing(prop: Property) -> Iterator[Check]:
    for name, expected in (("logical_type", prop.logical), ("physical_type", prop.physical)):
        if expected is not None:
            yield fact(
                name, prop.name, fine=True, expected=expected, observed="no value",
                reason="the column has no values",
            )  # fmt: skip


def _simple(prop: Property) -> Iterator[DataRule]:
    if prop.required:
        yield not_null(prop.name)
    if prop.unique:
        yield unique("unique", (prop.name,), prop.name)


def not_null(column: str, name: str = "not_null") -> DataRule:
    """No value may be missing."""
    return DataRule(
        name=name, column=column, breaking=Missing(column), subject="values are missing"
    )


def unique(name: str, columns: tuple[str, ...], column: str | None = None) -> DataRule:
    """No combination of values may occur twice."""
    return DataRule(
        name=name, column=column, repeated=columns,
        subject=f"rows repeat the {', '.join(columns)} of an earlier row",
    )  # fmt: skip


def _primary_key(key: tuple[str, ...], fields: Mapping[str, Field]) -> Iterator[RuleOrCheck]:
    rules = [*(not_null(name, "primary_key") for name in key), unique("primary_key", key)]
    lost = any(name not in fields for name in key)
    yield from (_without_column(rule) if lost else rule for rule in rules)


def _bounds(prop: Property, field: Field | None) -> Iterator[RuleOrCheck]:
    kind = field.type if field is not None else prop.logical or LogicalType.OTHER
    if field is not None and field.empty:
        kind = prop.logical or kind
    for name, option in prop.options.items():
        if name == "format":
            dates = prop.logical if prop.logical in DATES else None
            rule = _format(prop.name, str(option), kind, dates)
        else:
            rule = _option(prop.name, name, option, kind)
        yield rule if field is None or not field.empty else _of_nothing(rule)
    if prop.accepted is not None:
        yield accepted_values("accepted_values", prop.name, prop.accepted, kind)


def _of_nothing(rule: RuleOrCheck) -> RuleOrCheck:
    """Without values none can break what an option requires; listed rules stay listed."""
    if rule.severity == "info":
        return rule
    expected = rule.expectation if isinstance(rule, DataRule) else rule.expected
    return make_check(
        name=rule.name, column=rule.column, verdict=Verdict.PASS, severity="error",
        expected=expected, observed="0", failing_rows=0,
        reason="the column has no values",
    )  # fmt: skip


def _option(column: str, name: str, option: Any, kind: LogicalType) -> RuleOrCheck:
    if name in _RANGES:
        operator, words = _RANGES[name]
        return _typed(column, name, option, kind, f"{words} {option}",
                      lambda value: Compare(column, operator, value))  # fmt: skip
    if name in ("minLength", "maxLength"):
        sign: Operator = ">=" if name == "minLength" else "<="
        expected = f"{'at least' if name == 'minLength' else 'at most'} {option} characters"
        return _on_text(column, name, expected, kind, Length(column, sign, option))
    if name == "pattern":
        return _on_text(column, name, str(option), kind, Matches(column, str(option)))
    if name == "multipleOf":
        return _multiple(column, option, kind)
    return unjudged_finding(name, column, f"{name} {option} is listed, not executed")


def _multiple(column: str, option: Any, kind: LogicalType) -> RuleOrCheck:
    expected = f"a multiple of {option}"
    rule = DataRule(
        name="multipleOf", column=column, subject=f"values are not {expected}", expected=expected
    )
    if kind not in (LogicalType.INTEGER, LogicalType.NUMBER):
        return not_executed(rule, f"the column holds {kind.words}, not numbers")
    if isinstance(option, bool) or not isinstance(option, int | float) or not 0 < option < inf:
        return not_executed(rule, f"{option!r} is not a positive number")
    return replace(rule, breaking=violates(column, MultipleOf(column, option)))


def _format(column: str, written: str, kind: LogicalType, dates: LogicalType | None) -> RuleOrCheck:
    """Texts have the format; stored dates have none, and those that were read by it fit."""
    if kind in DATES if dates else kind is not LogicalType.STRING or written in _UNCHECKED_FORMATS:
        return unjudged_finding(
            "format", column, f"format {written} is listed; the column holds {kind.words}"
        )
    applied = read_format(written) if dates else None
    pattern = f"^(?:{applied.regex})$" if applied else FORMATS.get(written)
    trouble = _not_applied(dates, written) if dates else f"unknown format {written!r}"
    if pattern is None or (dates and (applied is None or trouble)):
        rule = DataRule(
            name="format", column=column, subject="values have another format", expected=written
        )
        return not_executed(rule, trouble)
    return _on_text(column, "format", written, kind, Matches(column, pattern))


def _on_text(
    column: str, name: str, expected: str, kind: LogicalType, allowed: Condition
) -> RuleOrCheck:
    rule = DataRule(
        name=name, column=column, breaking=violates(column, allowed),
        subject=f"values break {name} ({expected})", expected=expected,
    )  # fmt: skip
    if kind is not LogicalType.STRING:
        return not_executed(rule, f"the column holds {kind.words}, not text")
    return rule


def _typed(
    column: str, name: str, bound: Any, kind: LogicalType, expected: str,
    allowed: Callable[[CellValue], Condition],
) -> RuleOrCheck:  # fmt: skip
    value = coerce(bound, kind)
    rule = DataRule(
        name=name, column=column, subject=f"values are not {expected}", expected=expected
    )
    if value is None or not kind.ordered:
        text = str(bound) if isinstance(bound, date | time) else repr(bound)
        return not_executed(
            rule, f"the column holds {kind.words}, which cannot be compared with {text}"
        )
    return replace(rule, breaking=violates(column, allowed(value)))


def missing_columns(named: Mapping[str, Iterable[str]], fields: Iterable[str]) -> list[str]:
    """A sentence for each column that a key of cdml.yaml names and the data does not have."""
    columns = list(fields)
    return [
        f"data.{place}: {describe_unknown('column', name, columns)}"
        for place, names in named.items()
        for name in names
        if name not in columns
    ]


def identity_rules(
    key: tuple[str, ...], label: Field | None, positive: CellValue | None
) -> Iterator[RuleOrCheck]:
    """The rules that hold with and without a contract."""
    for name in key:
        yield not_null(name, "key_not_null")
    yield unique("key_unique", key)
    if label is None:
        return
    yield not_null(label.name, "label_not_null")
    if positive is not None:
        yield DataRule(
            name="positive_occurs", column=label.name,
            subject=f"rows are of the class {positive!r}",
            breaking=Compare(label.name, "==", positive),
            bound=ContractBound(operator="mustBeGreaterThan", value=0),
        )  # fmt: skip


def positive_class(written: bool | int | str | None, label: Field | None) -> CellValue | None:
    """The positive class in the label's type (true may be 1); None where no row can have it."""
    if label is None:
        return None
    if isinstance(written, bool) and label.type.numeric:
        return written if label.type == "boolean" else int(written)
    return coerce(written, label.type)
