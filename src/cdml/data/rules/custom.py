"""Rules of our own in a contract, as rules that a table can be asked about."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

from cdml.common.suggest import describe_unknown
from cdml.data.contract import Quality, Relationship
from cdml.data.rules.rule import (
    NAMES,
    DataRule,
    RuleContext,
    RuleOrCheck,
    data_rule,
    fact,
    not_executed,
)
from cdml.evidence.schema import LISTED
from cdml.tables.query import Aggregate, All, CompareColumns, Field, LogicalType, Not, present


def custom_rule(quality: Quality, context: RuleContext) -> Iterator[RuleOrCheck]:
    """What cdml's custom rule requires, other than the standard's metrics."""
    column = quality.column
    check = quality.metric or ""
    if quality.comparison is not None:
        yield _comparison(quality, quality.comparison, context.fields)
        return
    name = NAMES[check]
    rule = data_rule(quality, name, column, subject=f"the {name.replace('_', ' ')} of {column}")
    field = context.fields.get(column or "")
    if field is None:
        yield not_executed(rule, f"the data has no column {column!r}")
    elif check == "distinctCount":
        yield replace(rule, distinct=column, subject=f"the number of different values of {column}")
    elif check == "freshness":
        yield _freshness(rule, field, context.now)
    elif not field.type.numeric:
        yield not_executed(rule, f"the column holds {field.words}, not numbers")
    else:
        function: Any = check
        q = quality.arguments.get("q")
        subject = f"the {q:g} quantile of {column}" if q is not None else rule.subject
        yield replace(
            rule, aggregate=Aggregate(function=function, column=field.name, q=q), subject=subject,
            reveals=(field.name,),  # of one row, or of equal ones, a mean is a value too
        )  # fmt: skip


def _freshness(rule: DataRule, field: Field, now: datetime | None) -> RuleOrCheck:
    if field.type not in (LogicalType.DATE, LogicalType.TIMESTAMP):
        return not_executed(rule, f"the column holds {field.words}, not times")
    if now is None:
        return not_executed(rule, "the current time is not available")
    newest = Aggregate(function="maximum", column=field.name)
    subject = f"the age of the newest {field.name}"
    return replace(rule, aggregate=newest, until=now, subject=subject, reveals=(field.name,))


def _comparison(
    quality: Quality, comparison: CompareColumns, fields: Mapping[str, Field]
) -> RuleOrCheck:
    expected = f"{comparison.left} {comparison.operator} {comparison.right}"
    if quality.bound is not None:
        expected += f"; broken by {quality.bound}"
    rule = data_rule(quality, "compare", comparison.left, expected=expected,
                 subject=f"rows do not have {comparison.left} {comparison.operator}"
                 f" {comparison.right}")  # fmt: skip
    sides = [fields.get(name) for name in (comparison.left, comparison.right)]
    lost = [name for name in (comparison.left, comparison.right) if name not in fields]
    if lost:
        return not_executed(rule, f"the data has no column {lost[0]!r}")
    left, right = (side.type for side in sides if side is not None)
    if not comparable(left, right):
        return not_executed(rule, f"{left.words} cannot be compared with {right.words}")
    complete = (present(comparison.left), present(comparison.right))
    return replace(rule, breaking=All((*complete, Not(comparison))))


def comparable(left: LogicalType, right: LogicalType) -> bool:
    """Whether values of two types have an order, or are equal or not."""
    numbers = (LogicalType.INTEGER, LogicalType.NUMBER)
    if left in numbers or right in numbers:
        return left in numbers and right in numbers
    return left is right and left.plain


def reference_rule(reference: Relationship, context: RuleContext) -> RuleOrCheck:
    """Whether values occur in another table; only reported, where its place is not configured."""
    column = reference.columns[0] if len(reference.columns) == 1 else None
    if reference.table not in context.related:
        return fact(
            "foreign_key", column, fine=True, severity="info", expected="", observed=LISTED,
            reason=f"{reference} is listed: data.related does not name {reference.table}",
        )  # fmt: skip
    theirs = context.related[reference.table]
    rule = DataRule(
        name="foreign_key", column=column, reference=reference, expected=str(reference),
        subject=f"rows have no match: {reference}",
    )  # fmt: skip
    for name, their_name in zip(reference.columns, reference.their_columns, strict=True):
        if name not in context.fields:
            return not_executed(rule, f"the data has no column {name!r}")
        if their_name not in theirs:
            return not_executed(
                rule, f"{reference.table}: {describe_unknown('column', their_name, theirs)}"
            )
        ours, other = context.fields[name].type, theirs[their_name].type
        if not comparable(ours, other):
            return not_executed(rule, f"{name} holds {ours}, and {their_name} {other}")
    return rule
