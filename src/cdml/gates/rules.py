"""What the configuration requires of a model, gate by gate."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from cdml.common.rule_kinds import BoundEdge, RuleKind
from cdml.config import Config, GateSettings, Margin, SliceRule
from cdml.config.schema import JudgeSettings
from cdml.evidence.criterion import Criterion, Tier
from cdml.evidence.schema import ComparisonGate, PolicyRef
from cdml.evidence.store import text_digest
from cdml.statistics import metrics
from cdml.statistics.metrics import Metric, Range, Statistic


@dataclass(frozen=True, slots=True, kw_only=True)
class GateSpec:
    """One comparison of one gate.

    `slices` is None if slices have no gate.
    """

    metric: Metric
    overall: Criterion
    slices: Criterion | None
    judge: JudgeSettings | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Limit:
    """One bound of one gate."""

    metric: Metric
    edge: BoundEdge
    value: float
    tier: Tier
    judge: JudgeSettings | None = None

    @property
    def text(self) -> str:
        """As it is written in cdml.yaml."""
        return f"{self.edge.value} {self.value:g}"


def metric_of_gate(gate: GateSettings) -> Metric:
    """The metric of a gate, in the direction and the range that the gate gives it.

    Raises:
        ValueError: no metric has this name; the configuration lets none in.
    """
    metric = metrics.find_metric(gate.metric)
    if metric is None:
        raise ValueError(f"unknown metric {gate.metric!r}")
    if gate.greater_is_better is not None:
        metric = replace(metric, greater_is_better=gate.greater_is_better)
    if gate.range is not None:
        low, high = gate.range
        metric = replace(metric, range=Range(low=low, high=high))
    if gate.labels is not None:
        metric = replace(metric, labels=gate.labels)
    return metric


def bound_rules(config: Config) -> tuple[Limit, ...]:
    """All bounds, in the order of the gates."""
    return tuple(
        Limit(metric=metric_of_gate(gate), edge=edge, value=value, tier=gate.tier, judge=gate.judge)
        for gate in config.gates
        for edge, value in ((BoundEdge.AT_LEAST, gate.at_least), (BoundEdge.AT_MOST, gate.at_most))
        if value is not None
    )


def comparison_rules(config: Config) -> tuple[GateSpec, ...]:
    """All comparisons, in the order of the gates."""
    return tuple(spec for gate in config.gates for spec in _comparisons(gate, config))


def _comparisons(gate: GateSettings, config: Config) -> Iterator[GateSpec]:
    metric = metric_of_gate(gate)
    for kind, margin in (
        (RuleKind.NON_INFERIORITY, gate.max_regression),
        (RuleKind.SUPERIORITY, gate.min_improvement),
    ):
        if margin is not None:
            overall = _rule(metric, kind, margin, gate)
            slices = _of_slices(gate, overall) if config.data.slices else None
            yield GateSpec(metric=metric, overall=overall, slices=slices, judge=gate.judge)


def _rule(metric: Metric, kind: RuleKind, margin: Margin, gate: GateSettings) -> Criterion:
    return Criterion(
        metric=metric.name,
        greater_is_better=metric.greater_is_better,
        kind=kind,
        margin=margin.value,
        relative=margin.relative,
        tier=gate.tier,
        corrected_by=metric.corrected_by,
    )


def _of_slices(gate: GateSettings, overall: Criterion) -> Criterion | None:
    """The rule of slices.

    Where only an improvement is required of all rows, no slice may get worse; where both are,
    the allowed regression already speaks for the slices.
    """
    if gate.slices is False or not metric_of_gate(gate).of_rows:
        return None
    settings = gate.slices or SliceRule()
    if overall.kind is RuleKind.SUPERIORITY and gate.max_regression is not None:
        return None
    margin = settings.max_regression or gate.max_regression or Margin(value=0.0)
    return overall.model_copy(
        update={
            "kind": RuleKind.NON_INFERIORITY,
            "margin": margin.value,
            "relative": margin.relative,
            "detect": settings.mode == "detect",
        }
    )


_QUESTION = {"key", "label", "positive", "task", "weight", "cluster", "sensitive", "cost"}


def fewest_to_judge(gate: ComparisonGate, config: Config) -> int:
    """Rows, cases or clusters that a slice of a compared gate needs to be judged.

    Whether its metric counts cases follows from the configuration, too: evidence that denies it
    would leave out slices of fewer rows.
    """
    metric, data = metrics.find_metric(gate.metric), config.data
    plain = data.weight is None and data.cluster is None
    of_column = metric is not None and metric.column is not None
    reads_cases = metric is not None and metric.family.reads is Statistic.CASES
    corrected = gate.criterion.corrected_by is not None
    by_case = gate.by_case or reads_cases or corrected or (data.by_case and plain and of_column)
    return config.policy.fewest(clustered=gate.clusters is not None, by_case=by_case)


def policy_ref(config: Config) -> PolicyRef:
    """The part of the configuration that decides, by digest and in words."""
    question = config.data.model_dump(mode="json", include=_QUESTION)
    # Digests of earlier versions stay: what is not set does not count, and one column is a text.
    of_cases: dict[str, object] = {"trial": config.data.trial, "error": list(config.data.error)}
    if len(config.data.error) == 1:
        of_cases["error"] = config.data.error[0]
    question |= {key: name for key, name in of_cases.items() if name}
    deciding = {
        "model": config.model,
        "data": question | config.data.model_dump(mode="json", include={"slices", "max_slices"}),
        "gates": [_document(gate) for gate in config.gates],
        "policy": config.policy.model_dump(mode="json"),
    }
    return PolicyRef(
        digest=_digest(deciding),
        question=_digest(question),
        confidence=config.policy.confidence,
        on_inconclusive=config.policy.on_inconclusive,
        first_model=config.policy.first_model,
        gates=tuple(_words(gate) for gate in config.gates),
    )


def _digest(document: Mapping[str, object]) -> str:
    return text_digest(json.dumps(document, sort_keys=True, ensure_ascii=False))


def _document(gate: GateSettings) -> dict[str, object]:
    """A gate as its digest has it; keys of later versions count only where they are set."""
    later = {"corrected_by", "judge"}
    unset = {key for key in later if getattr(gate, key) is None}
    return gate.model_dump(mode="json", exclude=unset)


def _words(gate: GateSettings) -> str:
    bounds = [(edge.value, getattr(gate, edge.value)) for edge in BoundEdge]
    margins = [(kind.value, getattr(gate, kind.value)) for kind in RuleKind]
    parts = [f"{word} {value:g}" for word, value in bounds if value is not None]
    parts += [f"{word} {margin}" for word, margin in margins if margin is not None]
    if gate.slices is False:
        parts.append("slices not judged")
    elif gate.slices is not None:
        margin = gate.slices.max_regression
        parts.append(f"slices {gate.slices.mode}" + (f" max_regression {margin}" if margin else ""))
    if gate.range is not None:
        parts.append(f"range {gate.range[0]:g} to {gate.range[1]:g}")
    if gate.corrected_by is not None:
        parts.append(f"corrected_by {gate.corrected_by}")
    if gate.judge is not None:
        settings = gate.judge.model_dump(mode="json", exclude_none=True)
        anchors = settings.pop("anchors", {})
        words = [f"{key} {value}" for key, value in {**settings, **anchors}.items()]
        parts.append(f"judge {' '.join(words)}")
    if gate.sanity:
        parts.append("sanity")
    if gate.tier == "advisory":
        parts.append("advisory")
    return f"{gate.metric}: {', '.join(parts)}"
