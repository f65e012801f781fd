"""Values held against at_least and at_most."""

import math
from collections.abc import Iterable

from cdml.common.verdict import Verdict
from cdml.config import Config
from cdml.config.gate_limits import out_of_range
from cdml.evidence.schema import BoundGate, MetricValue
from cdml.gates import reasons
from cdml.gates.decide import soften, within
from cdml.gates.judges import unfit_judge
from cdml.gates.rules import Limit, bound_rules
from cdml.statistics.metrics import Statistic

BoundResult = tuple[Verdict, str]


def judge_bounds(config: Config, values: Iterable[MetricValue]) -> tuple[BoundGate, ...]:
    """Every bound's verdict on the values of all rows; what is not among them is inconclusive."""
    measured = {value.metric: value for value in values if value.slice is None}
    return tuple(
        _gate(limit, measured.get(limit.metric.name), config) for limit in bound_rules(config)
    )


def _gate(limit: Limit, value: MetricValue | None, config: Config) -> BoundGate:
    outside = _unusable(limit, value) if value else ""
    if value is None or value.value is None or outside:
        why = outside or (value.reason if value else None) or "it was not measured"
        name = reasons.title(limit.metric.name)
        problem = "cannot be judged" if outside else "has no value"
        verdict, reason = Verdict.INCONCLUSIVE, f"{name} {problem}: {why.rstrip('.')}."
    else:
        verdict, reason = _judge(limit, value, value.value, config)
    return BoundGate(
        metric=limit.metric.name,
        rows=value.rows if value else 0,
        value=value.value if value else None,
        interval=value.interval if value else None,
        rule=limit.text,
        tier=limit.tier,
        verdict=soften(
            verdict,
            limit.tier,
            config.policy,
            measured=value is not None and value.value is not None and not outside,
        ),
        reason=reason,
    )


def _unusable(limit: Limit, value: MetricValue) -> str:
    """Why a value cannot be held against the limit; empty where it can or is missing."""
    if value.value is None:
        return ""
    used, required = value.judge.corrected_by if value.judge else None, limit.metric.corrected_by
    if used != required:
        by = f"corrected by {used}" if used else "not corrected by labels"
        return f"it is {by}, and the gate needs {required or 'no labels'}"
    if value.judge is not None and (unfit := unfit_judge(value.judge, limit.judge)):
        return unfit
    return out_of_range(limit.metric, value.value)


def _judge(limit: Limit, measured: MetricValue, value: float, config: Config) -> BoundResult:
    """By the point, or by the two-sided interval where the policy says so and there is one."""
    ends = None
    if config.policy.bounds == "interval" and limit.metric.family.reads is not Statistic.FIGURE:
        if measured.interval is None or measured.interval.confidence != config.policy.confidence:
            held = f"at {reasons.percent(config.policy.confidence)} confidence"
            name = reasons.title(limit.metric.name)
            return Verdict.INCONCLUSIVE, f"{name} has no interval {held}."
        low, high = measured.interval.low, measured.interval.high
        ends = (-math.inf if low is None else low, math.inf if high is None else high)
    low_end, high_end = ends or (value, value)
    verdict = within(limit.edge, limit.value, value, low=low_end, high=high_end)
    return verdict, reasons.bound(
        limit.metric.name, limit.edge, limit.value, value, ends=ends, verdict=verdict
    )
