"""Rules as questions to a table, and the answers as checks.

A rule says which rows break it (or which columns must not repeat) and how many such rows are too
many. The questions of all rules are put together, then each rule is judged by its answer. Also
here: the context in which rules are made, and how they are named.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from dataclasses import field as field_
from datetime import datetime
from typing import Any

from cdml.common.verdict import Verdict
from cdml.data.contract import NONE, ContractBound, Quality, Relationship, Severity, age
from cdml.evidence.base import Scalar
from cdml.evidence.schema import Check, RowSample
from cdml.tables.query import Aggregate, Condition, Field, NotRun, Query

_LONG = 1000
"""Characters of a text in a check."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DataRule:
    """One rule, ready to be evaluated; without a condition it bounds the number of rows.

    Counted are the rows that are `breaking`, whose values are `repeated` or which do not occur in
    `reference`; or a figure is held against the bound: an aggregate of a column, its number of
    distinct values, or the answer of a query. `reveals` are the columns of which the figure may be
    a value; an `aggregate` that is a time in seconds is counted back from `until`. `what` is wrong
    with the rows, or what the figure is; `expected` says more than the bound.
    """

    name: str
    column: str | None = None
    severity: Severity = "error"
    breaking: Condition | None = None
    repeated: tuple[str, ...] = ()
    reference: Relationship | None = None
    aggregate: Aggregate | None = None
    distinct: str | None = None
    query: Query | None = None
    reveals: tuple[str, ...] = ()
    until: datetime | None = None
    bound: ContractBound = NONE
    warns: ContractBound | None = None
    subject: str
    expected: str = ""
    line: int | None = None

    @property
    def counts(self) -> bool:
        """Whether rows that break the rule are counted, rather than a figure reported."""
        return self.breaking is not None or bool(self.repeated) or self.reference is not None

    @property
    def expectation(self) -> str:
        """What is expected, in words."""
        text = self.expected or str(self.bound)
        return f"{text} (warns unless {self.warns})" if self.warns is not None else text

    def check(self, verdict: Verdict, observed: str, reason: str, **more: Any) -> Check:
        """What the rule says of the rows."""
        return make_check(
            name=self.name, column=self.column, verdict=verdict, severity=self.severity,
            expected=self.expectation, observed=observed, reason=reason, line=self.line, **more,
        )  # fmt: skip


RuleOrCheck = DataRule | Check
"""A rule to ask, or what is known without asking."""


def make_check(
    *, expected: str, observed: str, reason: str, beside: str = "", **more: Any
) -> Check:
    """A check of the data, its texts cut to what a report can hold."""
    texts = {"expected": expected, "observed": observed, "reason": reason, "beside": beside}
    cut = {k: text if len(text) <= _LONG else f"{text[: _LONG - 1]}…" for k, text in texts.items()}
    return Check(**cut, **more)


def judge_count(
    rule: DataRule,
    answer: int | NotRun,
    rows: int,
    examples: Sequence[tuple[int, Any]] = (),
) -> Check:
    """A count as a check; the row numbers and values of `examples` may be shown."""
    if isinstance(answer, NotRun):
        return not_executed(rule, answer.reason)
    figures = f"{answer:,} of {rows:,} {rule.subject} ({percentage(answer, rows)})"
    if not rule.counts:
        figures = f"there are {answer:,} {rule.subject}"
    shares = rule.bound.percent or (rule.warns is not None and rule.warns.percent)
    level, accepted = _level(rule, lambda bound: bound.accepts(answer, rows))
    return rule.check(
        level, f"{100 * answer / rows:.4g} %" if shares else str(answer), figures + accepted,
        failing_rows=answer if rule.counts else None,
        sample=tuple(RowSample(row=row, value=evidence_value(v)) for row, v in examples),
    )  # fmt: skip


def judge_figure(rule: DataRule, answer: float | NotRun, *, may_disclose: bool = True) -> Check:
    """A figure as a check."""
    if isinstance(answer, NotRun):
        return not_executed(rule, answer.reason)
    level, accepted = _level(rule, lambda bound: bound.holds(answer))
    figure = age(answer) if rule.bound.seconds else f"{answer:,.6g}"
    exact = figure if rule.bound.seconds else f"{answer:.12g}"
    words = "accepted" if level is Verdict.PASS else "not accepted"
    figure_text = figure if may_disclose else f"{words} (not shown)"
    return rule.check(
        level, exact if may_disclose else "not shown", f"{rule.subject} is {figure_text}{accepted}"
    )


def _level(rule: DataRule, accepts: Callable[[ContractBound], bool]) -> tuple[Verdict, str]:
    """What the rule says, and what it would have accepted, where that is not plain."""
    if not accepts(rule.bound):
        accepted = "" if rule.bound == NONE else f"; accepted: {rule.bound}"
        return verdict(rule.severity), accepted
    if rule.warns is not None and not accepts(rule.warns):
        level: Severity = "info" if rule.severity == "info" else "warning"
        return verdict(level), f"; accepted without a warning: {rule.warns}"
    return Verdict.PASS, ""


def not_executed(rule: DataRule, why: str) -> Check:
    """A rule of ours that could not be asked: never passed over, never passed."""
    level = Verdict.PASS if rule.severity == "info" else Verdict.INCONCLUSIVE
    return rule.check(level, "not executed", f"not executed: {why}")


def fact(
    name: str, column: str | None, *, fine: bool, expected: str, observed: str, reason: str,
    severity: Severity = "error",
) -> Check:  # fmt: skip
    """A check that needed no question."""
    level = Verdict.PASS if fine else verdict(severity)
    return make_check(
        name=name, column=column, verdict=level, severity=severity, expected=expected,
        observed=observed, reason=reason,
    )  # fmt: skip


def with_line(rule: RuleOrCheck, line: int) -> RuleOrCheck:
    """The same, with the line of the contract that requires it."""
    if isinstance(rule, Check):
        return rule.model_copy(update={"line": line})
    return replace(rule, line=line)


def count_check(
    name: str, column: str | None, count: int, rows: int, subject: str, verdict: Verdict, *,
    expected: str = "0", severity: Severity = "error", note: str = "",
) -> Check:  # fmt: skip
    """So many of all rows."""
    return make_check(
        name=name, column=column, verdict=verdict, severity=severity, expected=expected,
        observed=str(count), failing_rows=count,
        reason=f"{count:,} of {rows:,} {subject} ({percentage(count, rows)}){note}",
    )  # fmt: skip


def verdict(severity: Severity) -> Verdict:
    """What a broken rule of this severity says."""
    return {"error": Verdict.FAIL, "warning": Verdict.WARN, "info": Verdict.PASS}[severity]


def percentage(count: int, rows: int) -> str:
    """`2.45 %`; what is not nothing never reads 0 %, what is not all never 100 %."""
    percent = 100 * count / rows
    if 0 < percent < 0.01:  # noqa: PLR2004 - the last digit shown
        return "under 0.01 %"
    if 99.99 < percent < 100:  # noqa: PLR2004 - the last digit shown
        return "over 99.99 %"
    return f"{percent:.3g} %"


def evidence_value(value: object) -> Scalar:
    """A value as evidence can hold it; NaN and infinity as text, long text cut."""
    if isinstance(value, float) and not -1e308 <= value <= 1e308:  # noqa: PLR2004 - the largest float
        return str(value)
    if value is None or isinstance(value, bool | int | float):
        return value
    text = str(value)
    return text if len(text) <= 100 else f"{text[:99]}…"  # noqa: PLR2004 - enough to recognise it


NAMES = {
    "rowCount": "row_count",
    "nullValues": "null_values",
    "missingValues": "missing_values",
    "invalidValues": "invalid_values",
    "duplicateValues": "duplicate_values",
    "mean": "mean",
    "standardDeviation": "standard_deviation",
    "sum": "sum",
    "minimum": "column_minimum",
    "maximum": "column_maximum",
    "quantile": "quantile",
    "distinctCount": "distinct_count",
    "freshness": "freshness",
    "compare": "compare",
}
"""How we call what a quality rule checks."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleContext:
    """What rules need, in addition to the contract; `related` has the columns of other tables.

    `hold_foreign`: rules of other engines hold the verdict. `extra_columns`: what columns do that
    the contract does not know.
    """

    fields: Mapping[str, Field]
    now: datetime | None = None
    related: Mapping[str, Mapping[str, Field]] = field_(default_factory=dict)
    hold_foreign: bool = False
    extra_columns: Severity = "info"


def data_rule(quality: Quality, name: str, column: str | None, **more: Any) -> DataRule:
    """A rule with what its quality rule says of its name, levels and severity."""
    return DataRule(
        name=name, column=column, severity=quality.severity, bound=quality.bound or NONE,
        warns=quality.warns, **more,
    )  # fmt: skip
