"""The quality rules of a contract, as rules that a table can be asked about."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from cdml.core.checks import NONE, Bound, Finding, Rule, fact, not_executed
from cdml.core.contract import Quality, Severity
from cdml.core.expressions import (
    Condition,
    Either,
    Field,
    In,
    LogicalType,
    Matches,
    Missing,
    violates,
)
from cdml.core.types import coerce

Asked = Rule | Finding
"""A rule to ask, or what is known without asking."""

_NAMES = {
    "rowCount": "row_count",
    "nullValues": "null_values",
    "missingValues": "missing_values",
    "invalidValues": "invalid_values",
    "duplicateValues": "duplicate_values",
}


def of_quality(
    quality: Quality, column: str | None, fields: Mapping[str, Field]
) -> Iterator[Asked]:
    """What a quality rule asks; documentation and foreign engines' rules are listed.

    Args:
        quality: the rule.
        column: the column it stands at; None for rules about the table.
        fields: the table's columns by name.
    """
    for asked in _of_kind(quality, column, fields):
        yield replace(asked, line=quality.line)


def _of_kind(quality: Quality, column: str | None, fields: Mapping[str, Field]) -> Iterator[Asked]:
    match quality.kind:
        case "library":
            yield from _library(quality, column, fields)
        case "text":
            yield listed("text", column, f"documentation: {quality.name}")
        case "custom" if quality.engine != "cdml":
            engine = quality.engine or "unnamed"
            yield listed("not_executed", column, f"{quality.name}: a rule of the engine {engine}")
        case kind:
            rule = Rule(
                name=kind, column=column, severity=quality.severity, what="",
                expected=quality.name,
            )  # fmt: skip
            yield not_executed(rule, f"rules of type {kind} cannot be run yet")


def _library(quality: Quality, column: str | None, fields: Mapping[str, Field]) -> Iterator[Asked]:
    metric = quality.metric or ""
    if quality.operator is None:
        bound = NONE
    else:
        bound = Bound(operator=quality.operator, value=quality.value, percent=quality.percent)
    rule = Rule(
        name=_NAMES[metric], column=column, severity=quality.severity, bound=bound,
        what="rows", expected=str(bound),
    )  # fmt: skip
    if metric == "rowCount":
        yield rule
        return
    if metric == "duplicateValues":
        yield _duplicates(rule, quality.arguments, fields)
        return
    if column is None:
        yield not_executed(rule, f"{metric} needs a column: write the rule at one")
        return
    kind = fields[column].type if column in fields else LogicalType.OTHER
    breaking, what = _breaking(metric, column, quality.arguments, kind)
    yield replace(rule, breaking=breaking, what=what)


def _duplicates(rule: Rule, arguments: Mapping[str, Any], fields: Mapping[str, Field]) -> Asked:
    named = arguments.get("properties") or ([rule.column] if rule.column else [])
    columns = tuple(map(str, named))
    lost = [name for name in columns if name not in fields]
    if not columns or lost:
        return not_executed(
            rule, f"the data has no column {lost[0]!r}" if lost else "it names no properties"
        )
    what = f"rows repeat the {', '.join(columns)} of a row before"
    return replace(rule, repeated=columns, what=what)


def _breaking(
    metric: str, column: str, arguments: Mapping[str, Any], kind: LogicalType
) -> tuple[Condition, str]:
    match metric:
        case "nullValues":
            return Missing(column), "values are missing"
        case "missingValues":
            written = arguments.get("missingValues", ())
            return Either((Missing(column), _among(column, written, kind))), "values are missing"
        case _:
            allowed: list[Condition] = []
            if "validValues" in arguments:
                allowed.append(_among(column, arguments["validValues"], kind))
            if "pattern" in arguments:
                allowed.append(Matches(column, str(arguments["pattern"])))
            return violates(column, *allowed), "values are not valid"


def _among(column: str, values: Any, kind: LogicalType) -> In:
    """One of these; what no row of the column's type can equal is left out."""
    found = (coerce(value, kind) for value in values)
    return In(column, tuple(value for value in found if value is not None))


def accepted(
    name: str, column: str, values: tuple[Any, ...], kind: LogicalType, severity: Severity = "error"
) -> Rule:
    """Every value that is there must be one of these."""
    return Rule(
        name=name, column=column, severity=severity,
        breaking=violates(column, _among(column, values, kind)),
        what="values are not among the accepted ones",
        expected="one of " + ", ".join(map(str, values)),
    )  # fmt: skip


def listed(name: str, column: str | None, text: str) -> Finding:
    """What is told, but decides nothing."""
    return fact(
        name, column, fine=True, severity="info", expected="", observed="listed", reason=text
    )
