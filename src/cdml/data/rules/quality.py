"""The quality rules of a contract, as rules that a table can be asked about."""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import replace
from typing import Any

from cdml.data.contract import Quality, Severity
from cdml.data.odcs.custom_properties import ARGUMENTS
from cdml.data.rules.custom import custom_rule
from cdml.data.rules.rule import (
    NAMES,
    DataRule,
    RuleContext,
    RuleOrCheck,
    data_rule,
    fact,
    not_executed,
    with_line,
)
from cdml.evidence.schema import LISTED, Check
from cdml.tables.query import (
    EVERY_COLUMN,
    Condition,
    Either,
    Field,
    In,
    LogicalType,
    Matches,
    Missing,
    violates,
)
from cdml.tables.types import coerce


def quality_rules(
    quality: Quality, column: str | None, context: RuleContext
) -> Iterator[RuleOrCheck]:
    """What a quality rule requires; documentation and foreign engines' rules are listed."""
    for rule in _of_kind(quality, column, context):
        yield with_line(rule, quality.line)


def _of_kind(quality: Quality, column: str | None, context: RuleContext) -> Iterator[RuleOrCheck]:
    match quality.kind:
        case "library":
            yield from _library(quality, column, context.fields)
        case "cdml":
            if quality.metric in ARGUMENTS:
                yield from _library(quality, quality.column, context.fields)
            else:
                yield from custom_rule(quality, context)
        case "sql":
            subject = f"the result of {quality.name}"
            query = quality.query
            reveals = _revealed(query.reveals if query is not None else (), context.fields)
            yield data_rule(quality, "sql", column, query=query, subject=subject, reveals=reveals)
        case "text":
            yield unjudged_finding("text", column, f"documentation: {quality.name}")
        case _:
            yield _foreign(quality, column, context)


def _revealed(written: Collection[str], fields: Mapping[str, Field]) -> tuple[str, ...]:
    spoken = {name.casefold() for name in written}
    return tuple(name for name in fields if EVERY_COLUMN in written or name.casefold() in spoken)


def _foreign(quality: Quality, column: str | None, context: RuleContext) -> RuleOrCheck:
    why = f"{quality.name}: a rule of the engine {quality.engine or 'unnamed'}"
    if context.hold_foreign:
        rule = data_rule(quality, "foreign_rule", column, subject="", expected=quality.name)
        return not_executed(rule, f"{why}; data.foreign_rules is hold")
    return unjudged_finding("not_executed", column, why)


def _library(
    quality: Quality, column: str | None, fields: Mapping[str, Field]
) -> Iterator[RuleOrCheck]:
    metric = quality.metric or ""
    rule = data_rule(quality, NAMES[metric], column, subject="rows")
    if metric == "rowCount":
        yield rule
        return
    if metric == "duplicateValues":
        yield _duplicates(rule, quality.arguments, fields)
        return
    if column is None:
        yield not_executed(rule, f"{metric} needs a column: put the rule under one")
        return
    kind = fields[column].type if column in fields else LogicalType.OTHER
    breaking, subject = _breaking(metric, column, quality.arguments, kind)
    rule = replace(rule, breaking=breaking, subject=subject)
    yield rule if column in fields else not_executed(rule, f"the data has no column {column!r}")


def _duplicates(
    rule: DataRule, arguments: Mapping[str, Any], fields: Mapping[str, Field]
) -> RuleOrCheck:
    named = arguments.get("properties") or ([rule.column] if rule.column else [])
    columns = tuple(map(str, named))
    lost = [name for name in columns if name not in fields]
    if not columns or lost:
        return not_executed(
            rule,
            f"the data has no column {lost[0]!r}" if lost else "arguments.properties is missing",
        )
    subject = f"rows repeat the {', '.join(columns)} of an earlier row"
    return replace(rule, repeated=columns, subject=subject)


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
    allowed = (coerce(value, kind) for value in values)
    return In(column, tuple(value for value in allowed if value is not None))


def accepted_values(
    name: str, column: str, values: tuple[Any, ...], kind: LogicalType, severity: Severity = "error"
) -> DataRule:
    """Every value that is there must be one of these."""
    return DataRule(
        name=name, column=column, severity=severity,
        breaking=violates(column, _among(column, values, kind)),
        subject="values are not accepted",
        expected="one of " + ", ".join(map(str, values)),
    )  # fmt: skip


def unjudged_finding(name: str, column: str | None, text: str) -> Check:
    """What is reported, but decides nothing."""
    return fact(name, column, fine=True, severity="info", expected="", observed=LISTED, reason=text)
