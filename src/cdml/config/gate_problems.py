"""Gates and thresholds that cannot judge, found in cdml.yaml as it is written.

They are looked for in the document and not in the validated model, so that they are reported
together with everything else that is wrong.
"""

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import Any

from cdml.common.rule_kinds import BoundEdge, RuleKind
from cdml.common.yaml_lines import KeyPath
from cdml.config.gate_limits import bound_problem, margin_problem
from cdml.config.schema import read_margin
from cdml.statistics import metrics
from cdml.statistics.metric_names import suggest_metric
from cdml.statistics.metrics import Loss, Metric, Range, Statistic, Summary, Task
from cdml.statistics.sequential.figures import Unsupported, figure_of

Complaint = tuple[KeyPath, str]

_NEEDS: Mapping[str, Callable[[Metric], bool]] = {
    "cost": lambda metric: metric.loss is Loss.COLUMN and metric.column is None,
    "sensitive": lambda metric: metric.family.reads is Statistic.GROUPS,
}
"""Keys of `data` that some metrics cannot do without."""
_DRIFT_UP_TO = {"psi": math.inf, "wasserstein": math.inf, "js": 1.0, "ks": 1.0, "cramers_v": 1.0}
"""The largest value of each measure of drift; the smallest is 0."""
_LEVELS = (("drift", "warn", "fail"), ("leakage", "warn", "fail"),
           ("leakage", "shared_warn", "shared_fail"))  # fmt: skip


def at(document: object, *place: int | str) -> object:
    """What stands at a place of the document, or None."""
    for key in place:
        document = document.get(key) if isinstance(document, dict) else None
    return document


def gate_complaints(document: Mapping[str, Any]) -> Iterator[Complaint]:
    """What is wrong with the gates: metrics of another task, and rules that cannot judge."""
    task = _task(document)
    yield from _about_task(document, task)
    yield from _about_label(document, task)
    gates = document.get("gates")
    yield from _about_shared_labels(gates)
    possible: frozenset[Task] = frozenset(Task)
    for number, gate in enumerate(gates if isinstance(gates, list) else ()):
        if not isinstance(gate, dict):
            continue
        place: KeyPath = ("gates", number)
        name = gate.get("metric")
        metric = metrics.find_metric(name) if isinstance(name, str) else None
        if metric is not None:
            shared = possible & metric.tasks if metric.tasks else possible
            yield from (
                ((*place, "metric"), problem)
                for problem in _of_metric(
                    metric,
                    document,
                    task,
                    clashes=not shared,
                    corrected=gate.get("corrected_by") is not None,
                )
            )
            possible = shared or possible
            complaints = [*_of_direction_and_range(metric, gate)]
            complaints += _of_labels(metric, gate)
            complaints += _rules(_declared(metric, gate), gate, task)
            yield from (((*place, *key), text) for key, text in complaints)
        yield from (((*place, *key), text) for key, text in _alone(gate))


def _task(document: Mapping[str, Any]) -> Task | None:
    """The task, if the configuration sets it; else the label decides, once it is read."""
    named = at(document, "data", "task")
    if named is None and at(document, "data", "positive") is not None:
        return Task.BINARY
    return Task(str(named)) if named in list(Task) else None


def _about_task(document: Mapping[str, Any], task: Task | None) -> Iterator[Complaint]:
    positive = at(document, "data", "positive")
    if task is Task.BINARY and positive is None:
        yield ("data", "task"), "a binary task needs data.positive, the positive class"
    if task not in (None, Task.BINARY) and positive is not None:
        yield (
            ("data", "positive"),
            f"only a binary task has a positive class, but data.task is {task}; leave one out",
        )


def _about_label(document: Mapping[str, Any], task: Task | None) -> Iterator[Complaint]:
    """Only columns of figures are measured without a label, and nothing by its own answers."""
    label = at(document, "data", "label")
    if label == "prediction":
        yield (
            ("data", "label"),
            (
                "the column of this name holds what the model says, so every answer would be right;"
                " name the column of what is true"
            ),
        )
    if not isinstance(at(document, "data"), dict) or label is not None:
        return
    gates = document.get("gates")
    names = [at(gate, "metric") for gate in gates] if isinstance(gates, list) else []
    metric_list = [metrics.find_metric(name) for name in names if isinstance(name, str)]
    if task not in (None, Task.GENERATION):
        yield ("data", "label"), f"is missing: a {task} task predicts it"
    elif not names:
        yield ("data", "label"), "is missing: name the column to predict"
    elif readers := [metric.name for metric in metric_list if metric and metric.of_outcomes]:
        yield ("data", "label"), f"is missing: {readers[0]} compares predictions with it"


def _of_metric(
    metric: Metric,
    document: Mapping[str, Any],
    task: Task | None,
    *,
    clashes: bool,
    corrected: bool,
) -> Iterator[str]:
    for key, needs in _NEEDS.items():
        if needs(metric) and at(document, "data", key) is None:
            yield f"{metric.name} needs data.{key}"
    if metric.of_outcomes and at(document, "data", "trial") is not None:
        yield (
            f"{metric.name} compares one prediction with a label, and a case with data.trial has"
            " several; say in a column whether each trial is right, and use rate(column)"
        )
    data = at(document, "data")
    by_case = metric.family.reads is Statistic.CASES or corrected
    if by_case and isinstance(data, dict):
        for key in ("weight", "cluster"):
            if data.get(key) is not None:
                use = "leave corrected_by out" if corrected else f"use mean({metric.column})"
                yield (
                    f"{metric.name} counts cases, and data.{key} says that rows do not count the"
                    f" same; {use}, or leave data.{key} out"
                )
    tasks = " and ".join(sorted(metric.tasks))
    if task is not None and metric.tasks and task not in metric.tasks:
        yield (
            f"{metric.name} is a metric of {tasks} models, but this is a {task} model;"
            f" use {suggest_metric(task, metric)}"
        )
    elif task is None and metric.tasks == {Task.BINARY}:
        yield (
            f"{metric.name} needs data.positive, the positive class; for several classes use"
            f" {suggest_metric(Task.MULTICLASS, metric)}"
        )
    elif task is None and clashes:
        yield f"{metric.name} is a metric of {tasks} models, unlike the gates above"


def _of_direction_and_range(metric: Metric, gate: Mapping[str, Any]) -> Iterator[Complaint]:
    """What a gate may declare of `mean(column)` and `module:function`, and of nothing else."""
    if gate.get("greater_is_better") is not None and metric.described:
        direction = "greater" if metric.greater_is_better else "smaller"
        problem = f"for {metric.name}, {direction} is always better; remove greater_is_better"
        yield ("greater_is_better",), problem
    if gate.get("range") is None:
        return
    if metric.described:
        yield ("range",), f"the range of {metric.name} is fixed ({metric.range}); remove range"
    elif (ends := _ends(gate["range"])) is not None and not ends[0] < ends[1]:
        yield ("range",), f"write [lowest, highest]: {ends[0]:g} is not below {ends[1]:g}"


def _of_labels(metric: Metric, gate: Mapping[str, Any]) -> Iterator[Complaint]:
    """Human labels correct the mean of a judge's scores, and nothing else."""
    labels = gate.get("corrected_by")
    if labels is None:
        if gate.get("judge") is not None:
            yield ("judge",), "needs corrected_by, the column of people's scores"
        return
    if metric.summary not in {Summary.MEAN, Summary.RATE} or metric.column is None:
        yield (
            ("corrected_by",),
            f"labels correct a judge's mean(<column>) or rate(<column>), not {metric.name}",
        )
    elif metric.column in (labels.values() if isinstance(labels, dict) else [labels]):
        yield ("corrected_by",), f"{metric.column} is the judge's own column; name people's scores"


def _about_shared_labels(gates: object) -> Iterator[Complaint]:
    """A metric has one value in the evidence, so all its gates correct it alike."""
    first: dict[str, tuple[object, object]] = {}
    for number, gate in enumerate(gates if isinstance(gates, list) else ()):
        name = at(gate, "metric")
        metric = metrics.find_metric(name) if isinstance(name, str) else None
        if metric is None:
            continue
        written = (at(gate, "corrected_by"), at(gate, "judge"))
        if first.setdefault(metric.name, written) != written:
            problem = f"all gates of {metric.name} need the same corrected_by and judge"
            yield ("gates", number), problem


def _declared(metric: Metric, gate: Mapping[str, Any]) -> Metric:
    """The metric in the direction and range that the gate gives it."""
    if metric.described:
        return metric
    if isinstance(greater := gate.get("greater_is_better"), bool):
        metric = replace(metric, greater_is_better=greater)
    ends = _ends(gate.get("range"))
    if ends is None or not ends[0] < ends[1]:
        return metric
    return replace(metric, range=Range(low=ends[0], high=ends[1]))


def _ends(written: object) -> tuple[float, float] | None:
    numbers = [_number(value) for value in written] if isinstance(written, list) else []
    match numbers:
        case [float(low), float(high)]:
            return low, high
        case _:
            return None


def _rules(
    metric: Metric, gate: Mapping[str, Any], task: Task | None
) -> Iterator[tuple[KeyPath, str]]:
    sanity = gate.get("sanity") is True
    for edge in BoundEdge:
        value = _number(gate.get(edge.value))
        if value is None or not math.isfinite(value):
            continue
        if problem := bound_problem(metric, edge, value, sanity=sanity):
            yield (edge.value,), problem
    margins: list[tuple[KeyPath, RuleKind]] = [((kind.value,), kind) for kind in RuleKind]
    margins.append((("slices", RuleKind.NON_INFERIORITY.value), RuleKind.NON_INFERIORITY))
    for place, kind in margins:
        margin = _margin(at(gate, *place))
        if margin is None:
            continue
        value, relative = margin
        if metric.family.reported:
            problem = (
                f"{metric.name} is a reported figure that grows by chance and cannot be compared:"
                " use at_most, or compare brier_score_loss or log_loss"
            )
        else:
            problem = margin_problem(metric, kind, value, relative=relative, task=task)
        if problem:
            yield place, problem


def _alone(gate: Mapping[str, Any]) -> Iterator[tuple[KeyPath, str]]:
    words = [*(edge.value for edge in BoundEdge), *(kind.value for kind in RuleKind)]
    if all(gate.get(word) is None for word in words):
        problem = "a gate needs at_least, at_most, max_regression or min_improvement;"
        yield (), f"{problem} without one it would never fail"
    low, high = (_number(gate.get(edge.value)) for edge in (BoundEdge.AT_LEAST, BoundEdge.AT_MOST))
    if low is not None and high is not None and low > high:
        yield (BoundEdge.AT_LEAST.value,), f"at_least {low:g} is above at_most {high:g}"


def rule_complaints(document: Mapping[str, Any]) -> Iterator[Complaint]:
    """Rules of `monitoring.against` that production could never be held against."""
    task, rules = _task(document), at(document, "monitoring", "against")
    clip = at(document, "monitoring", "clip")
    losses = clip if isinstance(clip, dict) else {}
    for number, rule in enumerate(rules if isinstance(rules, list) else ()):
        name = at(rule, "metric")
        metric = metrics.find_metric(name) if isinstance(name, str) else None
        if metric is None:
            continue
        place: KeyPath = ("monitoring", "against", number)
        for problem in _of_metric(metric, document, task, clashes=False, corrected=False):
            yield (*place, "metric"), problem
        if metric.of_outcomes and at(document, "monitoring", "labels") is None:
            yield (*place, "metric"), f"{metric.name} compares predictions with monitoring.labels"
        greater = at(rule, "at_least") is not None
        declared = _declared(metric, {**rule, "greater_is_better": greater})
        complaints = [*_of_direction_and_range(metric, rule), *_rules(declared, rule, task)]
        yield from (((*place, *key), text) for key, text in complaints)
        figures = [figure_of(declared, one, losses) for one in (task,) if one is not None]
        figures = figures or [figure_of(declared, one, losses) for one in metric.tasks or Task]
        unsupported = [one for one in figures if isinstance(one, Unsupported)]
        if len(unsupported) == len(figures):
            yield (*place, "metric"), f"{metric.name} is not judged: {unsupported[0].reason}"


def threshold_complaints(document: Mapping[str, Any]) -> Iterator[Complaint]:
    """Thresholds of drift and leakage that can never be reached, or that are always."""
    for section, warn, fail in _LEVELS:
        first, second = (_number(at(document, "data", section, key)) for key in (warn, fail))
        if first is not None and second is not None and first > second:
            problem = f"{warn} {first:g} is above {fail} {second:g}, so nothing can only warn"
            yield ("data", section, warn), problem
    measure = at(document, "data", "drift", "measure") or "psi"
    most = _DRIFT_UP_TO.get(str(measure), math.inf)
    places: list[KeyPath] = [("data", "drift", key) for key in ("warn", "fail")]
    for place in (*places, ("monitoring", "drift", "at_least")):
        limit = _number(at(document, *place))
        if limit is not None and not 0 < limit <= most:
            above = f"at most {most:g}" if math.isfinite(most) else "0 or more"
            never = "every column reaches it" if limit <= 0 else "no column can reach it"
            yield place, f"{never}: {measure} is {above}"


def _number(written: object) -> float | None:
    """A number as the configuration takes it, or None; its errors are reported elsewhere."""
    if isinstance(written, bool) or not isinstance(written, int | float | str):
        return None
    try:
        number = float(written)
    except (ValueError, OverflowError):
        return None
    return None if math.isnan(number) else number


def _margin(written: object) -> tuple[float, bool] | None:
    try:
        margin = read_margin(written)
    except ValueError:
        return None
    return margin.value, margin.relative
