"""Figures as text, and intervals as a line of characters."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from cdml.core import metrics, reasons
from cdml.core.decide import Kind
from cdml.evidence.models import ComparisonGate, Interval

NONE = "–"
WIDTH = 17
"""Characters of an interval bar."""
_PAD = 0.07
"""Of the width, on each side: only an end that is open reaches the last character."""
_TINY, _HUGE = 1e-6, 1e12
_USUAL = ((10, 4), (1000, 2), (math.inf, 0))


@dataclass(frozen=True, slots=True, kw_only=True)
class Plot:
    """A difference on an axis from 0 (left) to 1 (right) that is wide enough for all of it.

    Attributes:
        low, high: what decides, see `ends`.
        estimate: the difference.
        zero: no difference.
        margin: what it was held against; None where there is none.
        better: whether better lies to the right; None where nobody knows.
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
    if _scientific((number, *like)):
        return _power(number)
    apart = [(number, other) for other in like if other is not None and other != number]
    digits = _digits((number, *like))
    if any(reasons.number(a, digits) == reasons.number(b, digits) for a, b in apart):
        digits = max(digits, reasons.decimals((), apart))
    return reasons.number(number, digits)


def difference(gate: ComparisonGate) -> tuple[str, str]:
    """A difference and its interval as text; an open end is shown as an infinity."""
    found = gate.difference
    if found is None:
        return NONE, ""
    all_of_it = (found.estimate, found.low, found.high)
    digits = _digits(all_of_it)

    def shown(number: float) -> str:
        return _power(number, "+") if _scientific(all_of_it) else reasons.signed(number, digits)

    low = "−∞" if found.low is None else shown(found.low)
    high = "∞" if found.high is None else shown(found.high)
    return shown(found.estimate), f"{low} to {high}"


def interval(found: Interval | None) -> str:
    """The interval of a value as text; empty where there is none."""
    if found is None or found.low is None or found.high is None:
        return ""
    if _scientific((found.low, found.high)):
        return f"{_power(found.low)} to {_power(found.high)}"
    digits = _digits((found.low, found.high))
    return f"{reasons.number(found.low, digits)} to {reasons.number(found.high, digits)}"


def _scientific(numbers: Sequence[float | None]) -> bool:
    """Whether figures are of a size that nobody counts digits of."""
    known = [abs(number) for number in numbers if number]
    return bool(known) and not _TINY <= max(known) < _HUGE


def _power(number: float, sign: str = "") -> str:
    return f"{number:{sign}.4g}".replace("-", "−")


def _digits(numbers: Sequence[float | None]) -> int:
    """Digits after the point: four for rates, fewer for large figures, more for tiny ones."""
    known = [abs(number) for number in numbers if number]
    if not known:
        return 2
    usual = next(digits for below, digits in _USUAL if max(known) < below)
    if known[0] * 10**usual >= 1:
        return usual
    return max(usual, reasons.decimals(known[:1], ()))


def ends(gate: ComparisonGate) -> tuple[float | None, float | None]:
    """What is drawn beside the margin: the one-sided bounds, which decide.

    The two-sided interval is wider, and would cross a margin that the gate has kept. It is drawn
    only where there are no bounds.
    """
    bound, found = gate.bound, gate.difference
    if bound and not (bound.lower is None and bound.upper is None):
        return bound.lower, bound.upper
    return (found.low, found.high) if found else (None, None)


def plot(gate: ComparisonGate) -> Plot | None:
    """Where a difference, its bounds and its margin lie; None where there is no difference."""
    found = gate.difference
    if found is None:
        return None
    margin = gate.bound.against if gate.bound else None
    low, high = ends(gate)
    marks = [0.0, found.estimate, *(x for x in (low, high, margin) if x is not None)]
    start, width = min(marks), max(marks) - min(marks)
    if not 0 < (1 + 2 * _PAD) * width < math.inf:  # figures may be of a size that no scale holds
        return None
    start, width = start - _PAD * width, (1 + 2 * _PAD) * width

    def place(x: float) -> float:
        return (x - start) / width

    return Plot(
        low=0.0 if low is None else place(low),
        high=1.0 if high is None else place(high),
        estimate=place(found.estimate),
        zero=place(0.0),
        margin=None if margin is None else place(margin),
        better=better(gate),
    )


def better(gate: ComparisonGate) -> bool | None:
    """Whether greater is better: known of our metrics, else told by the side of the margin."""
    if gate.metric in metrics.METRICS:
        return metrics.METRICS[gate.metric].greater_is_better
    against = gate.bound.against if gate.bound else 0.0
    if against == 0 or metrics.find(gate.metric) is None:
        return None
    return (against < 0) is gate.rule.startswith(Kind.NON_INFERIORITY.value)


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
        cells[zero] = "┊"  # except in place of the margin, or of all that lies beside it
    cells[_cell(drawn.estimate, drawn.margin)] = "●"
    return "".join(cells)


def _cell(x: float, margin: float | None) -> int:
    """Which character; never across the margin, however close to it, for the side decides."""
    cell = min(int(x * WIDTH), WIDTH - 1)
    if margin is None or math.isclose(x, margin, rel_tol=0, abs_tol=1e-9):
        return cell
    line = _cell(margin, None)
    return min(cell, line - 1) if x < margin else max(cell, line + 1)
