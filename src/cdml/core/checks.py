"""Rules as questions to a table, and the answers as findings.

A rule says which rows break it (or which columns must not repeat) and how many such rows are
too many. The questions of all rules are asked together, then each rule is judged on its answer.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from cdml.core.contract import Severity
from cdml.core.expressions import Condition, NotRun
from cdml.core.verdict import Verdict

Shown = bool | int | float | str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One check of the data; the attributes are those of the evidence's `Check`.

    `sample` holds row numbers, from 1, and values; `line` is of the contract that asks for it.
    """

    name: str
    column: str | None = None
    verdict: Verdict
    severity: Severity
    expected: str
    observed: str
    failing_rows: int | None = None
    sample: tuple[tuple[int, Shown], ...] = ()
    reason: str
    line: int | None = None


_ACCEPTS: Mapping[str, Callable[[float, Any], bool]] = {
    "mustBe": lambda x, value: x == value,
    "mustNotBe": lambda x, value: x < value or x > value,
    "mustBeGreaterThan": lambda x, value: x > value,
    "mustBeGreaterOrEqualTo": lambda x, value: x >= value,
    "mustBeLessThan": lambda x, value: x < value,
    "mustBeLessOrEqualTo": lambda x, value: x <= value,
    "mustBeBetween": lambda x, ends: ends[0] <= x <= ends[1],
    "mustNotBeBetween": lambda x, ends: x < ends[0] or x > ends[1],
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Bound:
    """How much is accepted, in the words of the Open Data Contract Standard.

    Attributes:
        operator: `mustBe`, `mustBeLessThan`, …
        value: a number, or two for the between operators (both ends belong to it).
        percent: whether `value` is a share of all rows, 0 to 100.
    """

    operator: str
    value: Any
    percent: bool = False

    def accepts(self, count: int, rows: int) -> bool:
        """Whether so many of these rows are accepted; said so that NaN is not."""
        x = 100 * count / rows if self.percent else count
        return bool(_ACCEPTS[self.operator](x, self.value))

    def __str__(self) -> str:
        """`at most 5 %`."""
        words = {
            "mustBe": "{}",
            "mustNotBe": "not {}",
            "mustBeGreaterThan": "more than {}",
            "mustBeGreaterOrEqualTo": "at least {}",
            "mustBeLessThan": "less than {}",
            "mustBeLessOrEqualTo": "at most {}",
            "mustBeBetween": "{} to {}",
            "mustNotBeBetween": "outside {} to {}",
        }
        values = self.value if isinstance(self.value, list | tuple) else (self.value,)
        told = words[self.operator].format(*(f"{value:,}" for value in values))
        return f"{told} %" if self.percent else told


NONE = Bound(operator="mustBe", value=0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """One rule, ready to be asked.

    Attributes:
        name: what is checked, e.g. `not_null`.
        column: the column it is about; None for the table.
        severity: what it does to the verdict.
        breaking: the rows that break it; None where rows are counted otherwise.
        repeated: columns whose repeated values break it.
        bound: how many such rows are accepted.
        what: what is wrong with such rows, e.g. `values are missing`.
        expected: what the rule asks for, where it is more than the bound.
        line: in the contract, where it comes from one.
    """

    name: str
    column: str | None = None
    severity: Severity = "error"
    breaking: Condition | None = None
    repeated: tuple[str, ...] = ()
    bound: Bound = NONE
    what: str
    expected: str = ""
    line: int | None = None


def judge(
    rule: Rule,
    answer: int | NotRun,
    rows: int,
    examples: Sequence[tuple[int, Any]] = (),
) -> Finding:
    """A rule's answer as a finding.

    Args:
        rule: what was asked.
        answer: how many rows break the rule, or why nobody knows.
        rows: all rows.
        examples: row numbers and values that may be shown.
    """
    if isinstance(answer, NotRun):
        return not_executed(rule, answer.reason)
    fine = rule.bound.accepts(answer, rows)
    figures = f"{answer:,} of {rows:,} {rule.what} ({share(answer, rows)})"
    if rule.breaking is None and not rule.repeated:
        figures = f"there are {answer:,} {rule.what}"
    accepted = "" if fine or rule.bound == NONE else f"; accepted: {rule.bound}"
    return Finding(
        name=rule.name,
        column=rule.column,
        verdict=Verdict.PASS if fine else verdict(rule.severity),
        severity=rule.severity,
        expected=rule.expected or str(rule.bound),
        observed=f"{100 * answer / rows:.4g} %" if rule.bound.percent else str(answer),
        failing_rows=answer if rule.breaking is not None or rule.repeated else None,
        sample=tuple((row, told(value)) for row, value in examples),
        reason=figures + accepted,
        line=rule.line,
    )


def not_executed(rule: Rule, why: str) -> Finding:
    """A rule of ours that could not be asked: never passed over, never passed."""
    return Finding(
        name=rule.name,
        column=rule.column,
        verdict=Verdict.PASS if rule.severity == "info" else Verdict.INCONCLUSIVE,
        severity=rule.severity,
        expected=rule.expected or str(rule.bound),
        observed="not executed",
        reason=f"not executed: {why}",
        line=rule.line,
    )


def fact(
    name: str, column: str | None, *, fine: bool, expected: str, observed: str, reason: str,
    severity: Severity = "error",
) -> Finding:  # fmt: skip
    """A finding that needed no question."""
    return Finding(
        name=name,
        column=column,
        verdict=Verdict.PASS if fine else verdict(severity),
        severity=severity,
        expected=expected,
        observed=observed,
        reason=reason,
    )


def verdict(severity: Severity) -> Verdict:
    """What a broken rule of this severity says."""
    return {"error": Verdict.FAIL, "warning": Verdict.WARN, "info": Verdict.PASS}[severity]


def share(count: int, rows: int) -> str:
    """`2.45 %`; what is not nothing never reads 0 %, what is not all never 100 %."""
    percent = 100 * count / rows
    if 0 < percent < 0.01:  # noqa: PLR2004 - the last digit shown
        return "under 0.01 %"
    if 99.99 < percent < 100:  # noqa: PLR2004 - the last digit shown
        return "over 99.99 %"
    return f"{percent:.3g} %"


def told(value: object) -> Shown:
    """A value as evidence can hold it; NaN and infinity as text, long text cut."""
    if isinstance(value, float) and not -1e308 <= value <= 1e308:  # noqa: PLR2004 - the largest float
        return str(value)
    if value is None or isinstance(value, bool | int | float):
        return value
    text = str(value)
    return text if len(text) <= 100 else f"{text[:99]}…"  # noqa: PLR2004 - enough to recognise it
