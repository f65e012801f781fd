"""Columns of results as metrics of cases: how their values count, and which direction is better."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from cdml.errors import InputError
from cdml.results.column_names import greater_is_better, has_no_largest_value
from cdml.results.facts import ColumnFacts, SharedColumn
from cdml.statistics.metrics import Range
from cdml.tables.query import LogicalType

_UNIT = Range(low=0.0, high=1.0)
_LIKERT = Range(low=1.0, high=5.0)
_PAIRS = (
    ("true", "false"), ("t", "f"), ("yes", "no"), ("y", "n"), ("pass", "fail"),
    ("passed", "failed"), ("correct", "incorrect"), ("correct", "wrong"), ("right", "wrong"),
    ("success", "failure"), ("succeeded", "failed"), ("success", "fail"), ("ok", "fail"),
    ("ok", "failed"), ("good", "bad"), ("c", "i"), ("1", "0"),
)  # fmt: skip
_LETTERS = {"c": 1.0, "p": 0.5, "i": 0.0, "n": 0.0}
"""Inspect AI's: correct, partially correct, incorrect, no answer."""


class MetricKind(StrEnum):
    """How a metric's values are spread."""

    RATE = "rate"
    """True or false: its mean is a share of the cases."""
    SCORE = "score"
    ORDINAL = "ordinal"
    """A few grades as whole numbers, such as 1 to 5."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseMetric:
    """A column whose values are compared case by case.

    `range` is None where the values do not show it. `values` are the numbers that texts stand for,
    by the text in lower case; empty where the column holds numbers or truth values.
    """

    column: str
    kind: MetricKind
    range: Range | None
    greater_is_better: bool
    values: Mapping[str, float] = field(default_factory=dict)

    def __str__(self) -> str:
        details = {
            MetricKind.RATE: "true or false",
            MetricKind.SCORE: "any number",
            MetricKind.ORDINAL: "grades",
        }[self.kind]
        if self.range is not None and self.kind is not MetricKind.RATE:
            details = f"{self.range.low:g} to {self.range.high:g}"
        worst = "" if self.greater_is_better else ", smaller is better"
        return f"{self.column} ({details}{worst})"


def text_values(column: SharedColumn) -> Mapping[str, float]:
    """What texts such as pass and fail, or C and I, are worth; empty for all other texts."""
    return code_texts(column.values) if column.textual and column.values is not None else {}


def code_texts(values: Iterable[str]) -> Mapping[str, float]:
    """The same of all values of a column."""
    texts = {value.strip().casefold() for value in values}
    for good, bad in _PAIRS:
        if texts <= {good, bad}:
            return {good: 1.0, bad: 0.0}
    return _LETTERS if texts & {"c", "i"} and texts <= _LETTERS.keys() else {}


def is_truth_value(column: SharedColumn) -> bool:
    """Whether the column holds true and false in some way, 0 and 1 among them."""
    if column.numeric:
        return column.whole and column.minimum in (0, 1) and column.maximum in (0, 1)
    return set(text_values(column).values()) == {0.0, 1.0}


def describe_scales(column: SharedColumn) -> str:
    """That the files seem to have the column on two scales; empty where nothing says so.

    They do where one file has truth values or shares and the other does not, or where whole grades
    are up to 5 in one file alone.
    """
    sides = [(f.minimum, f.maximum) for f in column.facts if f.present]
    bounds = [(low, high) for low, high in sides if low is not None and high is not None]
    if len(bounds) < 2:  # noqa: PLR2004 - both files
        return ""
    lows, tops = zip(*bounds, strict=True)
    if any(f.type is LogicalType.BOOLEAN for f in column.facts if f.present):
        if min(lows) < _UNIT.low or max(tops) > _UNIT.high:
            low, high = min(lows), max(tops)
            return (
                f"{column.name} is true or false in one file and {low:g} to {high:g} in the other"
            )
        return ""
    shares = min(tops) <= _UNIT.high and max(tops) > 2 * _UNIT.high
    grades = column.whole and min(lows) >= _LIKERT.low and min(tops) <= _LIKERT.high < max(tops)
    if min(lows) < 0 or not (shares or grades):
        return ""
    return f"{column.name} is at most {tops[0]:g} in the old file and {tops[1]:g} in the new"


def make_metric(column: SharedColumn) -> CaseMetric:
    """A metric of a column with values.

    Raises:
        InputError: it holds texts that are worth no number, or is infinite.
    """
    if lacking := column.without_values:
        raise InputError(f"{column.name} has no value in the {lacking} file.")
    values = text_values(column)
    if not values:
        for which, facts in (("old", column.old), ("new", column.new)):
            _refuse_texts(which, facts)
    given = next((f.higher_is_better for f in column.facts if f.higher_is_better is not None), None)
    kind, within = _kind_and_range(column, values)
    return CaseMetric(
        column=column.name,
        kind=kind,
        range=within,
        greater_is_better=greater_is_better(column.name) if given is None else given,
        values=values,
    )


def _kind_and_range(
    column: SharedColumn, values: Mapping[str, float]
) -> tuple[MetricKind, Range | None]:
    if is_truth_value(column):
        return MetricKind.RATE, _UNIT
    if values:
        return MetricKind.SCORE, _UNIT
    low, high = column.minimum, column.maximum
    if low is None or high is None:
        return MetricKind.SCORE, None
    if column.whole and low >= _LIKERT.low and high <= _LIKERT.high:
        return MetricKind.ORDINAL, _LIKERT
    bounded = low >= 0 and high <= 1 and not has_no_largest_value(column.name)
    return MetricKind.SCORE, _UNIT if bounded else None


def _refuse_texts(which: str, facts: ColumnFacts | None) -> None:
    if facts is None or not facts.present or facts.type.numeric:
        return
    where = f"{facts.name} of the {which} file"
    if facts.type.plain and facts.word is None and facts.numbers:
        example = facts.values[0] if facts.values else "1"
        raise InputError(
            f"{where} holds numbers written as text ({example!r}).",
            "Write them without quotes.",
        )
    if facts.numbers:
        raise InputError(
            f"{where} mixes numbers with text: {facts.word!r}.",
            "Leave values that were not measured empty, or write null.",
        )
    example = f" ({facts.word!r})" if facts.word is not None else ""
    raise InputError(
        f"{where} has no numbers: its type is {facts.type}{example}.",
        "cdml cannot compare words or letters. Record a number instead.",
    )
