"""What production is held against: the serving version's own value at the gate, or own rules."""

from collections.abc import Collection, Iterator
from dataclasses import dataclass, replace

from cdml.config import Config, GateSettings, Margin
from cdml.config.monitoring import MonitoringRule, MonitoringSettings
from cdml.evidence.criterion import Tier
from cdml.evidence.schema import Evaluation, MetricValue
from cdml.gates.rules import comparison_rules, metric_of_gate
from cdml.statistics.metrics import Metric, Range, Task, find_metric
from cdml.statistics.sequential.figures import Figure, Part, Unsupported, figure_of

MOST_RULES = 12
"""Promises that are watched, those of slices too: the state remembers a test for each."""
MOST_SLICES = 8
"""Slices that are watched, over all metrics, if there is room for them."""
_NAMED = 3

_BIASED = {
    "matthews_corrcoef": "its value in a window with few rows of a class is too far from that of"
    " many, so slices would raise false alarms"
}
"""Metrics that are watched on all rows only, and why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Promise:
    """A figure and the natural value that its mean must not be worse than, with its origin.

    `part` is the slice that it speaks of; None: all rows.
    """

    figure: Figure
    bound: float
    origin: str
    tier: Tier = "critical"
    part: Part | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class NoPromise:
    """A metric that production is not held against, and why."""

    metric: str
    reason: str


def find_promises(
    config: Config,
    settings: MonitoringSettings,
    task: Task,
    evaluation: Evaluation | None,
    logged: Collection[str] = (),
) -> tuple[tuple[Promise, ...], tuple[NoPromise, ...]]:
    """The promises of the gates or of own rules, and the metrics without one.

    `evaluation` is that of the serving version at its gate; None if it has none. `logged` are the
    columns of the predictions, in which slices can be found.
    """
    made = tuple(
        _of_gates(config, settings, task, evaluation)
        if settings.against == "gates"
        else (_of_rule(rule, settings, task) for rule in settings.against)
    )
    promises = [one for one in made if isinstance(one, Promise)]
    promises.sort(key=lambda one: one.tier != "critical")
    without = [one for one in made if isinstance(one, NoPromise)]
    if len(promises) > MOST_RULES:
        left = [one.figure.metric.name for one in promises[MOST_RULES:]]
        more = "" if len(left) <= _NAMED else f" and {len(left) - _NAMED:,} more"
        reason = f"at most {MOST_RULES} are watched; not {', '.join(left[:_NAMED])}{more}"
        without.append(NoPromise(metric="other metrics", reason=reason))
        del promises[MOST_RULES:]
    if settings.against == "gates" and evaluation is not None:
        room = min(MOST_SLICES, MOST_RULES - len(promises))
        sliced = tuple(_of_slices(config, settings, task, evaluation, logged, room))
        promises += [one for one in sliced if isinstance(one, Promise)]
        without += [one for one in sliced if isinstance(one, NoPromise)]
    return tuple(promises), tuple(without)


def _of_slices(
    config: Config,
    settings: MonitoringSettings,
    task: Task,
    evaluation: Evaluation,
    logged: Collection[str],
    room: int,
) -> Iterator[Promise | NoPromise]:
    """What the gates' rules for slices promise, of the largest slices by their rows at the gate."""
    fewest = config.policy.fewest(clustered=config.data.cluster is not None)
    found: list[tuple[int, Promise]] = []
    for spec in comparison_rules(config):
        rule, name = spec.slices, spec.metric.name
        figure = figure_of(spec.metric, task, settings.clip)
        if rule is None or isinstance(figure, Unsupported):
            continue
        if name in _BIASED:
            yield NoPromise(metric=f"{name} of slices", reason=_BIASED[name])
            continue
        margin = Margin(value=rule.margin, relative=rule.relative)
        for value in evaluation.metrics:
            part, worse = _part(value), _worse_end(value, margin, spec.metric)
            promised = value.metric == name and part is not None and worse is not None
            if promised and part and worse and part[0] in logged and value.rows >= fewest:
                promise = Promise(
                    figure=figure, bound=worse[0], origin=worse[1], tier=rule.tier, part=part
                )
                if figure.scale(promise.bound) > 0:
                    found.append((value.rows, promise))
    found.sort(key=lambda one: -one[0])
    yield from (promise for _, promise in found[:room])
    if len(found) > room:
        left = len(found) - room
        reason = f"only the {room} largest slices are watched; {left:,} are not"
        yield NoPromise(metric="slices", reason=reason)
    missing = [one for one in config.data.slices if one not in logged]
    if missing:
        reason = f"the log does not have {', '.join(missing)}"
        yield NoPromise(metric="slices of other columns", reason=reason)


def _part(value: MetricValue) -> Part | None:
    """A slice of one value, as the log's text would be."""
    pairs = list((value.slice or {}).items())
    if len(pairs) != 1 or pairs[0][1] is None:
        return None
    column, one = pairs[0]
    return column, str(one).lower() if isinstance(one, bool) else str(one)


def _of_rule(rule: MonitoringRule, settings: MonitoringSettings, task: Task) -> Promise | NoPromise:
    metric = _metric(rule)
    figure = figure_of(metric, task, settings.clip)
    if isinstance(figure, Unsupported):
        return NoPromise(metric=metric.name, reason=figure.reason)
    at_least = rule.at_least is not None
    bound = rule.at_least if rule.at_least is not None else rule.at_most
    word = "at_least" if at_least else "at_most"
    if bound is None or metric.greater_is_better is not at_least:
        return NoPromise(metric=metric.name, reason=f"{word} does not bound it from the worse side")
    return Promise(figure=figure, bound=bound, origin=f"{word} {bound:g}", tier=rule.tier)


def _metric(rule: MonitoringRule) -> Metric:
    metric = find_metric(rule.metric)
    if metric is None:
        raise ValueError(f"unknown metric {rule.metric!r}")
    if rule.range is not None:
        low, high = rule.range
        metric = replace(metric, range=Range(low=low, high=high))
    if not metric.described or metric.column is not None:
        metric = replace(metric, greater_is_better=rule.at_least is not None)
    return metric


def _of_gates(
    config: Config, settings: MonitoringSettings, task: Task, evaluation: Evaluation | None
) -> Iterator[Promise | NoPromise]:
    overall = (one for one in (evaluation.metrics if evaluation else ()) if one.slice is None)
    measured = {one.metric: one for one in overall}
    for gate in config.gates:
        metric = metric_of_gate(gate)
        figure = figure_of(metric, task, settings.clip)
        if isinstance(figure, Unsupported):
            yield NoPromise(metric=metric.name, reason=figure.reason)
            continue
        bounds = [
            bound
            for bound in (_limit(gate, metric), _own_value(gate, metric, measured))
            if bound is not None
        ]
        if not bounds:
            why = "its gate bounds nothing in production"
            if _margin(gate) is not None:
                why = "the serving version has no evaluation evidence with its value"
            yield NoPromise(metric=metric.name, reason=why)
            continue
        strictest = max if metric.greater_is_better else min
        bound, origin = strictest(bounds, key=lambda one: one[0])
        yield Promise(figure=figure, bound=bound, origin=origin, tier=gate.tier)


def _limit(gate: GateSettings, metric: Metric) -> tuple[float, str] | None:
    """The gate's bound from the worse side, in words too."""
    bound = gate.at_least if metric.greater_is_better else gate.at_most
    word = "at_least" if metric.greater_is_better else "at_most"
    return None if bound is None or gate.sanity else (bound, f"{word} {bound:g}")


def _margin(gate: GateSettings) -> Margin | None:
    if gate.max_regression is not None:
        return gate.max_regression
    return Margin(value=0.0) if gate.min_improvement is not None else None


def _own_value(
    gate: GateSettings, metric: Metric, measured: dict[str, MetricValue]
) -> tuple[float, str] | None:
    """The worse end of the version's own interval at its gate, less the margin."""
    margin, value = _margin(gate), measured.get(metric.name)
    return None if margin is None or value is None else _worse_end(value, margin, metric)


def _worse_end(value: MetricValue, margin: Margin, metric: Metric) -> tuple[float, str] | None:
    if value.value is None or value.interval is None:
        return None
    end = value.interval.low if metric.greater_is_better else value.interval.high
    if end is None:
        return None
    amount = margin.value * (abs(value.value) if margin.relative else 1.0)
    bound = end - amount if metric.greater_is_better else end + amount
    side = "lower" if metric.greater_is_better else "upper"
    return bound, f"{side} bound {end:.4g} at the gate, margin {margin}"
