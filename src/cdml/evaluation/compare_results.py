"""compare: two files of results, case by case, without a configuration."""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol

from cdml.common.rule_kinds import RuleKind
from cdml.common.verdict import Verdict, worst
from cdml.config import Margin
from cdml.config.schema import PolicySettings
from cdml.errors import InputError
from cdml.evaluation.cases import CasePlan, Cases, ChangeQuery, describe_unmatched
from cdml.evaluation.measurement_errors import describe_errors, judge_errors
from cdml.evaluation.prediction_store import Layout, PredictionSlice, Samples
from cdml.evidence.cases import ChangedCases
from cdml.evidence.criterion import Criterion
from cdml.evidence.schema import ComparisonGate
from cdml.gates.comparisons import MeasuredRule, judge_comparisons
from cdml.results.case_metrics import MetricKind
from cdml.results.comparison import MetricComparison, ResultComparison
from cdml.results.reader import ResultTable
from cdml.results.roles import Roles
from cdml.statistics import engine, sample_size
from cdml.statistics.cases.case_scores import split_scores
from cdml.statistics.difference import Paired
from cdml.statistics.interval import Unmeasured
from cdml.statistics.metrics import METRICS, Metric, Range, Task, find_metric
from cdml.tables.query import Field

_MOST_CATEGORIES = 100
ANY_SHARE = 1 - 1e-9
"""Without a margin any share of the cases may be unmatched: it is only reported."""
_TARGETS = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5)


class ResultPorts(Protocol):
    """What comparing files of results may touch."""

    @property
    def samples(self) -> Samples:
        """Reduces results to sufficient statistics."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class ComparedFiles:
    """Two files of results, and what their columns are for."""

    old: ResultTable
    new: ResultTable
    names: tuple[str, str]
    roles: Roles


def compare_results(
    files: ComparedFiles,
    samples: Samples,
    *,
    into: Path,
    policy: PolicySettings,
    margin: Margin | None = None,
    judged: Sequence[str] = (),
) -> ResultComparison:
    """Compare case by case, and judge the columns `judged` (or the first) if there is a margin.

    Raises:
        InputError: the files hold nothing that can be compared, or not the same cases.
    """
    try:
        return _compare(files, samples, into, policy, margin, judged)
    except InputError as error:
        message = error.message
        for table, name in zip((files.old, files.new), files.names, strict=True):
            message = message.replace(str(table.path), name)
        raise InputError(message, error.hint, at=error.at) from error


def _compare(
    files: ComparedFiles,
    samples: Samples,
    into: Path,
    policy: PolicySettings,
    margin: Margin | None,
    judged: Sequence[str],
) -> ResultComparison:
    measured = measure_results(files, samples, into, unmatched=ANY_SHARE if margin is None else 0.0)
    plan, cases, metrics = measured.plan, measured.cases, measured.metrics
    operations, parts, roles = measured.operations, measured.parts, files.roles
    overall = [_compared(metric, parts[0], policy) for metric in metrics]
    if margin is None and overall[0].interval is None:
        raise InputError(
            f"{overall[0].metric} cannot be compared: {overall[0].reason}.",
            "Name another column (--metric), or say in an error column what could not be measured.",
        )
    comparison = ResultComparison(
        old=files.names[0],
        new=files.names[1],
        cases=parts[0].rows,
        confidence=policy.confidence,
        metrics=tuple(overall),
        operations=tuple(_compared(metric, parts[0], policy) for metric in operations),
        categories=tuple(_compared(metrics[0], part, policy) for part in parts[1:]),
        changed=_changed(files, metrics[0], samples, plan, cases),
        notes=tuple(
            dict.fromkeys(
                (
                    *roles.notes,
                    *_copies(overall, roles),
                    *_same(files, overall),
                    *_notes(cases, overall, parts[0].rows, roles.errors),
                    *files.old.notes,
                    *files.new.notes,
                )
            )
        ),
        smallest=None,
        target=None,
        needed=None,
        more_trials=None,
    )
    comparison = _with_power(comparison, metrics[0], parts[0], policy, margin)
    if margin is None:
        return comparison
    chosen = [one for one in metrics if one.column in judged] or metrics[:1]
    scales = {
        m.name: roles.scales[m.column] for m in chosen if m.column and m.column in roles.scales
    }
    gates = [_on_two_scales(one, scales) for one in _gates(chosen, parts, cases, margin, policy)]
    return _judged(comparison, gates, margin)


@dataclass(frozen=True, slots=True, kw_only=True)
class MeasuredResults:
    """Two files case by case: their metrics, the first of which answers, and the parts of them."""

    plan: CasePlan
    cases: Cases
    metrics: tuple[Metric, ...]
    operations: tuple[Metric, ...]
    parts: tuple[PredictionSlice, ...]


def measure_results(
    files: ComparedFiles,
    samples: Samples,
    into: Path,
    *,
    unmatched: float,
    labels: tuple[str, ...] = (),
) -> MeasuredResults:
    """Match the cases of both files. `labels` is a column in which people scored some answers.

    Raises:
        InputError: the files hold nothing that can be compared, or not the same cases.
    """
    roles = files.roles
    plan = CasePlan(
        key=roles.key,
        trial=roles.trial,
        errors=roles.errors,
        coded={metric.column: metric.values for metric in roles.metrics if metric.values},
        joined=(*roles.by, *([roles.label] if roles.label else [])),
        label=roles.label,
        answer=roles.prediction if roles.prediction != "prediction" else None,
        unmatched=unmatched,
        labels=labels,
        show_keys=True,
    )
    cases = samples.arrange(files.new.path, files.old.path, plan, into)
    fields = samples.columns(cases.challenger)
    metrics = tuple(_metrics(roles, fields, labels))
    if not metrics:
        raise InputError(
            "the two files share no figure that could be compared: " + " ".join(roles.notes),
            "Name a column of numbers or truth values that both have: --metric.",
        )
    operations = tuple(_mean(name, better=False) for name in _operations(roles))
    parts = samples.reduce(
        cases.challenger, cases.champion, _layout(roles, fields), (*metrics, *operations)
    )
    return MeasuredResults(
        plan=plan, cases=cases, metrics=metrics, operations=operations, parts=parts
    )


def _changed(
    files: ComparedFiles, metric: Metric, samples: Samples, plan: CasePlan, cases: Cases
) -> ChangedCases | None:
    if metric.column is None or cases.champion is None:
        return None
    query = ChangeQuery(
        plan=plan,
        metric=metric.name,
        column=metric.column,
        greater_is_better=metric.greater_is_better,
        results=(files.new.path, files.old.path),
        link=files.roles.link,
    )
    return samples.list_changes(cases.challenger, cases.champion, query)


def _metrics(roles: Roles, fields: Sequence[Field], labels: tuple[str, ...]) -> Iterator[Metric]:
    for number, one in enumerate(metric for metric in roles.metrics if metric.column not in labels):
        metric = _mean(one.column, better=one.greater_is_better, within=one.range)
        if labels and number == 0:
            metric = replace(metric, labels=(labels[0], labels[0]))
        yield replace(metric, name=f"rate({one.column})") if one.kind is MetricKind.RATE else metric
    if roles.label and roles.prediction:
        label = next(field for field in fields if field.name == roles.label)
        yield METRICS["mean_absolute_error" if _is_number(label) else "accuracy"]


def _mean(column: str, *, better: bool, within: Range | None = None) -> Metric:
    metric = find_metric(f"mean({column})")
    if metric is None:
        raise InputError(
            f"the column {column!r} cannot be a metric: its name has brackets.", "Rename it."
        )
    return replace(metric, greater_is_better=better, range=within)


def _operations(roles: Roles) -> tuple[str, ...]:
    return tuple(group[0] for group in (roles.cost, roles.latency, roles.tokens) if group)


def _is_number(label: Field) -> bool:
    return label.type.value == "number"


def _layout(roles: Roles, fields: Sequence[Field]) -> Layout:
    label = next((field for field in fields if field.name == roles.label), None)
    task = Task.GENERATION
    if label is not None and roles.prediction:
        task = Task.REGRESSION if _is_number(label) else Task.MULTICLASS
    return Layout(
        key=roles.key,
        label=roles.label,
        slices=roles.by,
        task=task,
        positive=None,
        max_slices=_MOST_CATEGORIES,
        by_case=True,
        partial=True,
    )


def _compared(metric: Metric, part: PredictionSlice, policy: PolicySettings) -> MetricComparison:
    sample = part.sample(metric)
    measured = engine.compare(metric, sample)
    paired = None if isinstance(measured, Unmeasured) else measured
    interval = paired.difference.interval(policy.confidence) if paired else None
    moved = interval is not None and (interval.low > 0 or interval.high < 0)
    return MetricComparison(
        metric=metric.name,
        column=metric.column or metric.name,
        category=part.slice,
        cases=sample.rows,
        old=paired.champion if paired else None,
        new=paired.challenger if paired else None,
        interval=interval,
        greater_is_better=metric.greater_is_better,
        is_share=metric.name.startswith(("rate(", "accuracy")),
        reason=measured.reason if isinstance(measured, Unmeasured) else "",
        moved=moved,
    )


def _copies(overall: Sequence[MetricComparison], roles: Roles) -> Iterator[str]:
    """Predictions that are never wrong: somebody may have copied the label."""
    perfect = {"accuracy": 1.0, "mean_absolute_error": 0.0}
    for one in overall:
        for which, value in (("old", one.old), ("new", one.new)):
            if one.metric in perfect and value == perfect[one.metric]:
                yield (
                    f"{roles.prediction} equals {roles.label} in every case of the {which} file:"
                    " make sure that it is not a copy."
                )


def _same(files: ComparedFiles, overall: Sequence[MetricComparison]) -> Iterator[str]:
    """One file under two names: somebody may have copied the old results."""
    if files.old.digest == files.new.digest and all(one.old == one.new for one in overall):
        yield (
            "Both files have the same content: make sure that the new one has the results of the"
            " new version."
        )


def _notes(
    cases: Cases, metrics: Sequence[MetricComparison], common: int, errors: Sequence[str]
) -> Iterator[str]:
    if any(arm.errors for arm in cases.arms):
        yield (
            f"{describe_errors(cases.arms)} could not be measured ({', '.join(errors)}): they"
            " count as no answer."
        )
    for one in metrics:
        if one.cases < common:
            yield (
                f"{one.metric} is compared on {one.cases:,} of {common:,} cases: the others have no"
                " score."
            )
    yield from describe_unmatched(cases)


def _with_power(
    comparison: ResultComparison,
    metric: Metric,
    part: PredictionSlice,
    policy: PolicySettings,
    margin: Margin | None,
) -> ResultComparison:
    """What these cases can detect, and how many would detect a smaller change."""
    sample = part.sample(metric)
    measured = engine.compare(metric, sample)
    if not isinstance(measured, Paired):
        return comparison
    error = measured.difference.standard_error
    bounds = measured.difference.interval(2 * policy.confidence - 1)
    error = max(error, sample_size.error_from_reach(measured.difference.estimate - bounds.low,
                                                    policy.confidence))  # fmt: skip
    smallest = sample_size.smallest_detectable(error, policy.confidence)
    if margin is not None:
        target = margin.value * (abs(measured.champion) if margin.relative else 1.0)
    else:
        target = max((t for t in _TARGETS if t <= smallest / 1.5), default=0.0)
    needed = sample_size.rows_needed(part.rows, error, target, policy.confidence)
    trials = None
    split = split_scores(metric, sample)
    if split is not None and target > 0:
        trials = split.needed(target, policy.confidence, error).trials
    return replace(
        comparison,
        smallest=smallest if math.isfinite(smallest) else None,
        target=target or None,
        needed=needed,
        more_trials=trials,
    )


def _gates(
    metrics: Sequence[Metric],
    parts: Sequence[PredictionSlice],
    cases: Cases,
    margin: Margin,
    policy: PolicySettings,
) -> tuple[ComparisonGate, ...]:
    rules = []
    for metric in metrics:
        for part in parts:
            sample = part.sample(metric)
            rules.append(
                MeasuredRule(
                    metric=metric,
                    rule=Criterion(
                        metric=metric.name,
                        slice=None if part.slice is None else dict(part.slice),
                        kind=RuleKind.NON_INFERIORITY,
                        margin=margin.value,
                        relative=margin.relative,
                        detect=part.slice is not None,
                        greater_is_better=metric.greater_is_better,
                    ),
                    rows=sample.rows,
                    counted=sample_size.counted(metric, sample),
                    measured=engine.compare(metric, sample),
                    by_case=True,
                    split=split_scores(metric, sample),
                )
            )
    errors = judge_errors(cases, policy)
    gates = judge_comparisons(rules, policy)
    unscored = [_unscored(gate, parts[0].rows, policy) for gate in gates]
    return (*unscored, *([errors] if errors else []))


def _unscored(gate: ComparisonGate, cases: int, policy: PolicySettings) -> ComparisonGate:
    """The gate, held where neither file has a score for too many of the cases."""
    left_out = cases - gate.rows
    if gate.slice is not None or gate.verdict is not Verdict.PASS:
        return gate
    if left_out <= policy.max_errors * cases:
        return gate
    reason = f"{left_out:,} of {cases:,} cases have no {gate.metric} in either file. {gate.reason}"
    return gate.model_copy(update={"verdict": Verdict.INCONCLUSIVE, "reason": reason})


def _on_two_scales(gate: ComparisonGate, scales: Mapping[str, str]) -> ComparisonGate:
    """The gate, held where its figures may have risen because another scale counts them."""
    if gate.verdict is not Verdict.PASS or gate.metric not in scales:
        return gate
    reason = f"{scales[gate.metric]}. Write both on one scale, then compare again."
    return gate.model_copy(update={"verdict": Verdict.INCONCLUSIVE, "reason": reason})


def _judged(
    comparison: ResultComparison, gates: Sequence[ComparisonGate], margin: Margin
) -> ResultComparison:
    verdict = worst(gate.verdict for gate in gates if gate.judged)
    deciding = [gate for gate in gates if gate.judged and gate.verdict is verdict]
    verdicts = {(gate.metric, str(gate.slice)): gate.verdict for gate in gates if gate.judged}

    def named(one: MetricComparison) -> MetricComparison:
        category = None if one.category is None else dict(one.category)
        return replace(one, verdict=verdicts.get((one.metric, str(category))))

    return replace(
        comparison,
        metrics=tuple(map(named, comparison.metrics)),
        categories=tuple(map(named, comparison.categories)),
        rule=f"max_regression {margin}",
        verdict=verdict,
        reason=" ".join(gate.reason for gate in deciding)
        if verdict is not Verdict.PASS
        else deciding[0].reason,
    )
