"""Gates as a forest plot: a row each, zero in one line, and better to the right.

Gates are of different units, so each has its own scale; what can be compared from row to row is
on which side of zero and of its margin an interval lies.
"""

import math
from dataclasses import dataclass

from cdml.evidence.schema import BoundGate, ComparisonGate
from cdml.gates.proof import greater_is_better
from cdml.report import figures
from cdml.statistics import metrics

WIDTH = 200
"""Of the picture; zero lies at its half."""
_ROOM = 0.94


@dataclass(frozen=True, slots=True, kw_only=True)
class Forest:
    """Where a difference lies, from 0 (worse) to `WIDTH` (better).

    `low` and `high` meet where there is no interval; see `figures.ends`.
    """

    low: float
    high: float
    estimate: float
    margin: float | None
    description: str


def comparison_forest(gate: ComparisonGate) -> Forest | None:
    """Challenger - champion next to the margin; None where there is no difference to draw."""
    difference = gate.difference
    better = greater_is_better(gate)
    if difference is None or better is None:
        return None
    text, interval = figures.difference(gate)
    margin = gate.bound.against if gate.bound else None
    description = f"difference {text}, interval {interval}"
    if margin is not None:
        description += f", margin {margin:+.3g}".replace("-", "−")
    return _placed(
        difference.estimate, *figures.ends(gate), margin, better=better, title=description
    )


def bound_forest(gate: BoundGate) -> Forest | None:
    """A value next to the bound it was held against, which is zero here."""
    bound = gate.limit
    metric = metrics.find_metric(gate.metric)
    if gate.value is None or metric is None or bound is None:
        return None
    low, high = (gate.interval.low, gate.interval.high) if gate.interval else (gate.value,) * 2
    ends = [None if end is None else end - bound for end in (low, high)]
    spread = figures.interval(gate.interval, like=(bound,))
    description = f"value {figures.value(gate.value, like=(bound,))}"
    title = f"{description}{f', interval {spread}' if spread else ''}, bound {bound:g}"
    return _placed(gate.value - bound, ends[0], ends[1], 0.0, better=gate.at_least, title=title)


def _placed(
    estimate: float,
    low: float | None,
    high: float | None,
    margin: float | None,
    *,
    better: bool,
    title: str,
) -> Forest | None:
    """On the axis; open ends reach its ends. None where figures are of no drawable size."""
    reach = max(abs(x) for x in (estimate, low, high, margin) if x is not None) / _ROOM
    if not 0 <= reach < math.inf:
        return None
    sign = 1 if better else -1

    def place(x: float) -> float:
        return round((1 + sign * x / reach) * WIDTH / 2, 1) if reach else WIDTH / 2

    worst, best = (0.0, float(WIDTH)) if better else (float(WIDTH), 0.0)
    ends = (worst if low is None else place(low), best if high is None else place(high))
    return Forest(
        low=min(ends),
        high=max(ends),
        estimate=place(estimate),
        margin=None if margin is None else place(margin),
        description=title,
    )
