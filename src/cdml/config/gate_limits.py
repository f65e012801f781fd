"""Rules of a gate that cannot judge: they would let every model pass, or none.

What a metric's values can be, and which way it improves, decides; both stand in
`statistics.metrics`.
"""

import math

from cdml.common.rule_kinds import BoundEdge, RuleKind
from cdml.statistics.metrics import Metric, Range, Task

_ALL = 1.0
_PERCENT = 100.0
_BETTER = {True: "higher", False: "lower"}


def bound_problem(metric: Metric, edge: BoundEdge, value: float, *, sanity: bool) -> str:
    """Why a bound cannot judge, and what was meant; with `sanity` it bounds the better side."""
    possible = metric.range
    if possible is None:
        return ""
    if value not in possible:
        return f"{metric.name} is {possible}{_meant(possible, edge, value)}"
    keeps = BoundEdge.AT_LEAST if metric.greater_is_better else BoundEdge.AT_MOST
    if metric.fraction and edge is keeps and value >= _ALL:
        return (
            f"{metric.name} is a fraction, and a model that always answers 0 gets at most 1;"
            f" did you mean {edge.value}: {value / _PERCENT:g}?"
        )
    if value == (possible.low if edge is BoundEdge.AT_LEAST else possible.high):
        return f"every model passes: {metric.name} is {possible}"
    if edge is not keeps and not sanity:
        return (
            f"only bad models pass, because a {_BETTER[metric.greater_is_better]} {metric.name} is"
            f" better; did you mean {keeps.value}? To catch values that are too good to be true,"
            " add `sanity: true` to the gate"
        )
    return ""


def _meant(possible: Range, edge: BoundEdge, value: float) -> str:
    """What a value outside the range was probably meant to be."""
    opposite = BoundEdge.AT_MOST if edge is BoundEdge.AT_LEAST else BoundEdge.AT_LEAST
    if value < 0 and -value in possible:
        equivalent = f"{opposite.value}: {-value:g}"
        return f", in its natural sign; did you mean {equivalent}?"
    if value <= _PERCENT and value / _PERCENT in possible:
        return f"; did you mean {value / _PERCENT:g}?"
    return ""


def margin_problem(
    metric: Metric, kind: RuleKind, margin: float, *, relative: bool, task: Task | None
) -> str:
    """Why a margin (perhaps a share of the champion's value) cannot judge, and what was meant."""
    if metric.range is None:
        return ""
    if relative:
        return _share_problem(metric, kind, margin)
    guess = f"; did you mean {margin:g}%?" if _ALL <= margin < _PERCENT else ""
    if margin >= metric.range.width:
        passes = "every" if kind is RuleKind.NON_INFERIORITY else "no"
        return f"{passes} model passes: {metric.name} is {metric.range}{guess}"
    uninformed = _uninformed(metric, task)
    distance = abs(metric.best - uninformed)
    if kind is RuleKind.NON_INFERIORITY and margin >= distance:
        return (
            f"a model that knows nothing passes: its {metric.name} is {uninformed:.3g}, which is"
            f" {distance:.3g} away from the best{guess}"
        )
    return ""


def _share_problem(metric: Metric, kind: RuleKind, share: float) -> str:
    """A share of the champion's value: all of a score, or all of a loss that is to be won."""
    if share < _ALL:
        return ""
    percentage = f"{share * _PERCENT:g}%"
    if kind is RuleKind.NON_INFERIORITY and metric.greater_is_better:
        return f"every model passes: {percentage} allows {metric.name} to fall to 0"
    if kind is RuleKind.SUPERIORITY and not metric.greater_is_better and metric.best >= 0:
        return f"no model passes: {metric.name} cannot fall by {percentage}"
    if kind is RuleKind.SUPERIORITY and metric.greater_is_better and math.isfinite(metric.best):
        most = metric.best / (1 + share)
        return (
            f"no model passes if the champion's {metric.name} is above {most:.3g}: {percentage}"
            f" more exceeds {metric.best:g}"
        )
    return ""


def _uninformed(metric: Metric, task: Task | None) -> float:
    """The value of a model that knows nothing; NaN where it depends on the rows or the task."""
    uninformed = metric.uninformed
    if task is None and set(uninformed) == metric.tasks:
        return next(iter(uninformed.values()), math.nan)
    return uninformed.get(task, math.nan) if task is not None else math.nan


def out_of_range(metric: Metric, *values: float | None) -> str:
    """What is wrong with a measured value outside the range that the gate declares; or empty."""
    if metric.range is None:
        return ""
    for value in values:
        if value is not None and value not in metric.range:
            return (
                f"it is {value:g}, but the gate's range is {metric.range}; correct the range or the"
                " values"
            )
    return ""
