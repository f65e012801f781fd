"""Figures that no measurement gives: evidence that holds some was not written by cdml as it is.

A recomputed verdict trusts the figures it is computed from. So these have to be possible,
agree with one another, and be there for every slice that was measured.
"""

from collections.abc import Iterable, Iterator

from cdml.common.verdict import Verdict
from cdml.config import Config
from cdml.evidence.base import SliceValues
from cdml.evidence.interval import Interval
from cdml.evidence.schema import (
    Comparison,
    ComparisonGate,
    DataEvidence,
    DecidingBound,
    Evaluation,
    MetricValue,
)
from cdml.gates import reasons
from cdml.gates.rules import fewest_to_judge, metric_of_gate, policy_ref
from cdml.statistics import metrics
from cdml.statistics.metrics import Metric

SLACK = 1e-9
"""What sums of floating-point numbers may differ by, relative to the larger of 1 and the figure."""


def contradictions(
    data: DataEvidence | None, evaluation: Evaluation, comparison: Comparison, config: Config
) -> Iterator[str]:
    """What cannot be in the evidence of one gate, a sentence each; the most telling first.

    The gates of `config`, which is deployed, name the ranges of own metrics.
    """
    stages = {"data": data, "evaluation": evaluation, "comparison": comparison}
    for name, stage in stages.items():
        if stage is not None and stage.verdict not in (Verdict.PASS, Verdict.WARN):
            yield f"the verdict of its {name} is {stage.verdict}."
        if stage is not None and not stage.data.rows:
            yield f"its {name} has no rows."
    if len({stage.data.rows for stage in stages.values() if stage is not None}) > 1:
        yield "its stages have different numbers of rows."
    levels = (evaluation.policy.confidence, comparison.policy.confidence)
    yield from (f"its confidence is {one:g}." for one in levels if not 0 < one < 1)
    ranges = {gate.metric: metric_of_gate(gate) for gate in config.gates}
    rows = evaluation.data.rows
    for value in evaluation.metrics:
        yield from _value(value, ranges, rows)
    yield from _repeated((value.metric, _place(value.slice)) for value in evaluation.metrics)
    for gate in comparison.gates:
        yield from _compared(gate, ranges, rows)
    if comparison.policy.digest == policy_ref(config).digest:
        yield from _too_few(comparison, config)
    yield from _repeated((gate.metric, gate.rule, _place(gate.slice)) for gate in comparison.gates)
    if data is not None and config.data.checked and not data.checks:
        yield "its data was not checked."
    yield from _agreement(evaluation, comparison)
    yield from _missing_slices(evaluation, comparison, config)


def _too_few(comparison: Comparison, config: Config) -> Iterator[str]:
    """A slice of too few rows is not judged, and one of enough is."""
    for gate in comparison.gates:
        enough = gate.informative >= fewest_to_judge(gate, config)
        if gate.slice is not None and gate.judged and not enough:
            subject = reasons.subject(gate.metric, gate.slice)
            yield f"{subject} was judged on {gate.informative:,} rows, which are too few."


def _value(value: MetricValue, ranges: dict[str, Metric], rows: int) -> Iterator[str]:
    subject = reasons.subject(value.metric, value.slice)
    metric = ranges.get(value.metric) or metrics.find_metric(value.metric)
    if metric is None or metric.of_rows:
        yield from _rows(subject, value.rows, rows)
    if value.value is None:
        return
    if not value.rows:
        yield f"{subject} is {value.value:g} but has no rows."
    if metric is not None and metric.range is not None and value.value not in metric.range:
        yield f"{subject} is {value.value:g} but can only be {metric.range}."
    if value.interval is not None:
        yield from _interval(subject, value.interval)
        # A figure of calibration is biased, and its interval is corrected for that.
        if metric is not None and metric.of_rows and not metric.family.reported:
            yield from _within(subject, value.value, value.interval.low, value.interval.high)


def _compared(gate: ComparisonGate, ranges: dict[str, Metric], rows: int) -> Iterator[str]:
    subject = reasons.subject(gate.metric, gate.slice)
    metric = ranges.get(gate.metric) or metrics.find_metric(gate.metric)
    if metric is None or metric.of_rows:
        yield from _rows(subject, gate.rows, rows)
        if gate.counted is not None:
            yield from _rows(subject, gate.counted, gate.rows)
        if gate.clusters is not None:
            yield from _rows(subject, gate.clusters, gate.rows)
    possible = metric.range if metric is not None else None
    for figure in (gate.challenger, gate.champion):
        if figure is not None and possible is not None and figure not in possible:
            yield f"{subject} is {figure:g} but can only be {possible}."
    yield from _difference(subject, gate)
    if gate.bound is not None:
        yield from _bound(subject, gate, gate.bound, metric)
    if gate.p_value is not None and not 0 <= gate.p_value <= 1:
        yield f"{subject} has a p-value of {gate.p_value:g}."


def _difference(subject: str, gate: ComparisonGate) -> Iterator[str]:
    """It is that of the two figures, and lies between the bounds that decided."""
    difference = gate.difference
    if difference is None:
        return
    if not gate.rows:
        yield f"{subject} has a difference but no rows."
    yield from _interval(subject, difference)
    if gate.challenger is None or gate.champion is None:
        yield f"{subject} has a difference but only one value."
    elif not _same(
        gate.challenger - gate.champion, difference.estimate, gate.challenger, gate.champion
    ):
        yield (
            f"{subject}: {gate.challenger:g} minus {gate.champion:g} is not"
            f" {difference.estimate:g}."
        )


def _rows(subject: str, some: int, every: int) -> Iterator[str]:
    if some > every:
        yield f"{subject} has {some:,} of {every:,} rows."


def _interval(subject: str, interval: Interval) -> Iterator[str]:
    if not 0 < interval.confidence < 1:
        yield f"{subject} has an interval with a confidence of {interval.confidence:g}."
    if interval.low is not None and interval.high is not None and interval.low > interval.high:
        yield f"{subject} has a reversed interval: {interval.low:g} to {interval.high:g}."


def _bound(
    subject: str, gate: ComparisonGate, bound: DecidingBound, metric: Metric | None
) -> Iterator[str]:
    if not 0 < bound.confidence < 1:
        yield f"{subject} has a bound with a confidence of {bound.confidence:g}."
    if bound.lower is not None and bound.upper is not None and bound.lower > bound.upper:
        yield f"{subject} has reversed bounds: {bound.lower:g} to {bound.upper:g}."
    # That of a latency is of resampled medians, which need not hold the difference itself.
    if gate.difference is not None and (metric is None or metric.of_rows):
        yield from _within(subject, gate.difference.estimate, bound.lower, bound.upper)
    for p_value in (bound.p_value, bound.p_regression):
        if p_value is not None and not 0 <= p_value <= 1:
            yield f"{subject} has a p-value of {p_value:g}."
    if metric is not None and bound.p_regression is not None:
        end = bound.upper if metric.greater_is_better else bound.lower
        sign = 1 if metric.greater_is_better else -1
        broken = end is not None and sign * end < sign * bound.against
        if broken and bound.p_regression > 1 - bound.confidence + SLACK:
            yield (
                f"{subject} breaks its margin by its bound ({end:g}) but not by its p-value"
                f" ({bound.p_regression:g})."
            )


def _within(subject: str, figure: float, low: float | None, high: float | None) -> Iterator[str]:
    """A figure lies within what it is bound by."""
    slack = SLACK * max(1.0, abs(figure))
    if (low is not None and low > figure + slack) or (high is not None and high < figure - slack):
        yield f"{subject} is {figure:g}, outside its bounds {low} and {high}."


def _agreement(evaluation: Evaluation, comparison: Comparison) -> Iterator[str]:
    """The challenger's figures are the same wherever they stand."""
    measured = {(one.metric, _place(one.slice)): one for one in evaluation.metrics}
    judged = [(one.metric, one.slice, one.rows, one.value) for one in evaluation.gates]
    # Labels of both models weigh a judge otherwise than labels of one.
    judged += [
        (one.metric, one.slice, one.rows, None if one.judge else one.challenger)
        for one in comparison.gates
    ]
    for name, where, rows, figure in judged:
        metric = metrics.find_metric(name)
        value = measured.get((name, _place(where)))
        if value is None or (metric is not None and not metric.of_rows):
            continue
        subject = reasons.subject(name, where)
        if value.value is not None and figure is not None and not _same(value.value, figure):
            yield f"{subject} has two values: {value.value:g} and {figure:g}."
        if value.rows != rows:
            yield f"{subject} has two numbers of rows: {value.rows:,} and {rows:,}."


def _missing_slices(
    evaluation: Evaluation, comparison: Comparison, config: Config
) -> Iterator[str]:
    """Every row is of one slice of each column, and every rule judges each slice.

    A slice that was taken away leaves rows without one, or is missing from one list only.
    """
    for column in config.data.slices:
        by_metric: dict[str, dict[str, int]] = {}
        for value in evaluation.metrics:
            if value.slice is not None and set(value.slice) == {column}:
                by_metric.setdefault(value.metric, {})[_place(value.slice)] = value.rows
        every = {place for places in by_metric.values() for place in places}
        for name, places in by_metric.items():
            if len(places) < len(every) or sum(places.values()) != evaluation.data.rows:
                yield f"{name} is missing for slices of {column}."
        by_rule: dict[tuple[str, str], set[str]] = {}
        for gate in comparison.gates:
            if gate.slice is not None and set(gate.slice) == {column}:
                by_rule.setdefault((gate.metric, gate.rule), set()).add(_place(gate.slice))
        every |= {place for places in by_rule.values() for place in places}
        for (name, rule), present in by_rule.items():
            if present < every:
                yield f"{name} ({rule}) was not compared on every slice of {column}."


def _repeated(named: Iterable[tuple[str, ...]]) -> Iterator[str]:
    seen = set()
    for one in named:
        if one in seen:
            yield f"{one[0]} appears twice for the same rows."
        seen.add(one)


def _place(where: SliceValues) -> str:
    """A slice as a value that can be looked up; the types of values count, too."""
    return repr(sorted(where.items())) if where is not None else ""


def _same(one: float | None, other: float | None, *sizes: float) -> bool:
    if one is None or other is None:
        return one is other
    scale = max(1.0, *(abs(size) for size in (one, other, *sizes)))
    return abs(one - other) <= SLACK * scale
