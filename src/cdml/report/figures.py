"""Figures as text, and intervals as a line of characters."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

from cdml.evidence.base import Scalar
from cdml.evidence.interval import Difference, Interval
from cdml.evidence.schema import ComparisonGate
from cdml.gates import reasons
from cdml.gates.decide import TOLERANCE
from cdml.gates.proof import greater_is_better


def slice_name(part: Mapping[str, Scalar] | None) -> str:
    """`carrier = HA, origin = JFK`; empty for all rows."""
    return ", ".join(f"{column} = {_scalar(value)}" for column, value in (part or {}).items())


def _scalar(value: Scalar) -> str:
    return "(missing)" if value is None else str(value)


NONE = "–"
WIDTH = 17
"""Characters of an interval bar."""
_PAD = 0.07
"""Of the width, on each side: only an end that is open reaches the last character."""
_TINY, _HUGE = 1e-6, 1e12


@dataclass(frozen=True, slots=True, kw_only=True)
class Plot:
    """A difference on an axis from 0 (left) to 1 (right) that is wide enough for all of it.

    `low` and `high` are `ends`; `better`: whether better lies to the right, None if
    unknown.
    """

    low: float
    high: float
    estimate: float
    zero: float
    margin: float | None
    better: bool | None


def value(number: float | None, like: Sequence[float | None] = ()) -> str:
    """A figure, with as many digits as it and its neighbours need to be told apart."""
    if number is None:
        return NONE
    others = [other for other in like if other is not None]
    return _power(number) if _scientific((number, *others)) else reasons.figure(number, others)


def difference(gate: ComparisonGate) -> tuple[str, str]:
    """A difference and its interval as text; an open end is rendered as an infinity.

    None of them reads like the margin unless it is the margin.
    """
    difference = gate.difference
    if difference is None:
        return NONE, ""
    against = gate.bound.against if gate.bound else None
    return _difference(difference.estimate, difference.low, difference.high, against)


def spread(difference: Difference) -> str:
    """The interval of a difference as text."""
    return _difference(difference.estimate, difference.low, difference.high, None)[1]


@lru_cache(maxsize=8192)  # the table, the page's axis and the heat map show each of them
def _difference(
    estimate: float, low: float | None, high: float | None, against: float | None
) -> tuple[str, str]:
    ends = [end for end in (low, high) if end is not None]
    every = (estimate, *ends)
    distances = [] if against is None else [(x, against) for x in every if not _same(x, against)]
    digits = reasons.decimals((estimate,), distances, scale=ends)

    def rendered(number: float) -> str:
        return _power(number, "+") if _scientific(every) else reasons.signed(number, digits)

    first = "−∞" if low is None else rendered(low)
    last = "∞" if high is None else rendered(high)
    return rendered(estimate), f"{first} to {last}"


def interval(interval: Interval | None, like: Sequence[float] = ()) -> str:
    """The interval of a value as text; empty where there is none.

    Its ends do not read like the figures of `like`, such as a bound.
    """
    if interval is None or interval.low is None or interval.high is None:
        return ""
    low, high = interval.low, interval.high
    return f"{value(low, (*like, high))} to {value(high, (*like, low))}"


def _same(one: float, other: float) -> bool:
    """Whether two figures differ by float error only."""
    return math.isclose(one, other, rel_tol=TOLERANCE, abs_tol=0.0)


def _scientific(numbers: Sequence[float]) -> bool:
    """Whether figures are of a size that nobody counts digits of."""
    magnitudes = [abs(number) for number in numbers if number]
    return bool(magnitudes) and not _TINY <= max(magnitudes) < _HUGE


def _power(number: float, sign: str = "") -> str:
    return f"{number:{sign}.3g}".replace("-", "−")


def ends(gate: ComparisonGate) -> tuple[float | None, float | None]:
    """What is drawn next to the margin: the one-sided bounds, which decide.

    The two-sided interval is wider, and would cross a margin that the gate has kept. It is drawn
    only where there are no bounds.
    """
    bound, difference = gate.bound, gate.difference
    if bound and not (bound.lower is None and bound.upper is None):
        return bound.lower, bound.upper
    return (difference.low, difference.high) if difference else (None, None)


def plot(gate: ComparisonGate) -> Plot | None:
    """Where a difference, its bounds and its margin lie; None where there is no difference."""
    difference = gate.difference
    if difference is None:
        return None
    margin = gate.bound.against if gate.bound else None
    low, high = ends(gate)
    marks = [0.0, difference.estimate, *(x for x in (low, high, margin) if x is not None)]
    start, width = min(marks), max(marks) - min(marks)
    if not 0 < (1 + 2 * _PAD) * width < math.inf:  # figures may be of a size that no scale holds
        return None
    start, width = start - _PAD * width, (1 + 2 * _PAD) * width

    def place(x: float) -> float:
        return (x - start) / width

    return Plot(
        low=0.0 if low is None else place(low),
        high=1.0 if high is None else place(high),
        estimate=place(difference.estimate),
        zero=place(0.0),
        margin=None if margin is None else place(margin),
        better=greater_is_better(gate),
    )


@lru_cache(maxsize=8192)
def bar(drawn: Plot | None) -> str:
    """A plot in characters: `─` the interval, `●` the difference, `│` the margin, `┊` zero."""
    if drawn is None:
        return ""
    cells = ["·"] * WIDTH
    first, last = _cell(drawn.low, drawn.margin), _cell(drawn.high, drawn.margin)
    cells[first : last + 1] = "─" * (last + 1 - first)
    if drawn.margin is not None:
        cells[_cell(drawn.margin, None)] = "│"
    zero = _cell(drawn.zero, drawn.margin)
    if cells[zero] == "·" or cells[max(zero - 1, 0) : zero + 2].count("─") > 1:
        cells[zero] = "┊"  # except in place of the margin, or of all that is next to it
    cells[_cell(drawn.estimate, drawn.margin)] = "●"
    return "".join(cells)


def _cell(x: float, margin: float | None) -> int:
    """Which character; never across the margin, however close to it, for the side decides."""
    cell = min(int(x * WIDTH), WIDTH - 1)
    if margin is None or math.isclose(x, margin, rel_tol=0, abs_tol=1e-9):
        return cell
    line = _cell(margin, None)
    return min(cell, line - 1) if x < margin else max(cell, line + 1)
