"""What the stages hand on: validated by whoever reads it, never trusted."""

from collections.abc import Iterable
from typing import Annotated, Any, Literal, Self

from pydantic import Field, model_validator

from cdml.common.rule_kinds import BoundEdge
from cdml.common.verdict import Verdict
from cdml.evidence.base import (
    Count,
    Digest,
    EvidenceModel,
    Milliseconds,
    Moment,
    Number,
    Scalar,
    SliceValues,
    Text,
)
from cdml.evidence.charts import ConfusionCounts, Curves, Histogram, PastVersion, Picture
from cdml.evidence.criterion import Criterion, Tier
from cdml.statistics.interval import ConfidenceInterval, finite


class Producer(EvidenceModel):
    """Who wrote a piece of evidence, and when; `run` is the address of the CI run."""

    tool: Text
    """cdml's version."""
    commit: Text | None
    """Commit of the user's repository, where there is one."""
    time: Moment
    run: Text | None = None


class DataRef(EvidenceModel):
    """A data set by its digest."""

    uri: Text
    digest: Digest
    rows: Count


class ModelRef(EvidenceModel):
    """A model by its digest; `version` where the registry knows it."""

    uri: Text
    version: Text | None = None
    digest: Digest | None = None
    """None only for predictions scored elsewhere and given without a model."""


class FileRef(EvidenceModel):
    """A file beside the evidence, by its digest."""

    path: Text
    digest: Digest


LISTED = "listed"
"""What is observed of a check that decides nothing."""


class RowSample(EvidenceModel):
    """One row that failed a check."""

    row: Count
    value: Scalar


class Check(EvidenceModel):
    """One check of the data."""

    name: Text
    column: Text | None = None
    verdict: Verdict
    severity: Literal["error", "warning", "info"]
    expected: Text
    observed: Text
    failing_rows: Count | None = None
    sample: tuple[RowSample, ...] = ()
    reason: Text
    beside: Text = ""
    """What else was measured and does not decide, such as other measures of drift."""
    line: Annotated[int, Field(ge=1)] | None = None
    """Of the contract, where the check is one of its promises."""
    histogram: Histogram | None = None
    """Of a column that is compared with the reference, where its values may be told."""

    @property
    def judged(self) -> bool:
        """False where it is listed and decides nothing."""
        return self.observed != LISTED


class Interval(EvidenceModel):
    """A two-sided confidence interval; an open end is null."""

    low: Number | None
    high: Number | None
    confidence: Number
    method: Text

    @classmethod
    def from_interval(cls, interval: ConfidenceInterval, **more: float) -> Self:
        """A computed interval, and what else is written of it."""
        low, high = finite(interval.low), finite(interval.high)
        ends = {"low": low, "high": high, "confidence": interval.confidence}
        return cls(**ends, method=interval.method, **more)


class Difference(Interval):
    """challenger - champion in the metric's natural sign."""

    estimate: Number


class DecidingBound(EvidenceModel):
    """The one-sided bound that decided, and the margin it was held against."""

    value: Number | None
    against: Number
    confidence: Number
    p_value: Number | None = None
    lower: Number | None = None
    """The one-sided bound from below, whichever decided; null where there is none."""
    upper: Number | None = None
    """The one-sided bound from above, likewise."""
    p_regression: Number | None = None
    """One-sided p of the claim that the margin is broken."""


class MetricValue(EvidenceModel):
    """A metric of one model on all rows or one slice; `value` null where it has none."""

    metric: Text
    slice: SliceValues = None
    rows: Count
    value: Number | None
    interval: Interval | None = None
    reason: Text | None = None
    """Why there is no value or no interval."""


class BoundGate(EvidenceModel):
    """`at_least` or `at_most`, judged."""

    metric: Text
    slice: SliceValues = None
    rows: Count
    value: Number | None
    interval: Interval | None = None
    rule: Text
    tier: Tier = "critical"
    verdict: Verdict
    reason: Text

    @property
    def at_least(self) -> bool:
        """Whether the rule bounds the value from below; else it does from above."""
        return self.rule.startswith(BoundEdge.AT_LEAST.value)

    @property
    def limit(self) -> float | None:
        """The figure of the rule; None where it is no number."""
        try:
            return float(self.rule.partition(" ")[2])
        except ValueError:
            return None


class ComparisonGate(EvidenceModel):
    """`max_regression` or `min_improvement`, judged on one slice or on all rows."""

    metric: Text
    slice: SliceValues = None
    rows: Count
    counted: Count | None = None
    """Rows (or clusters) that inform the metric, e.g. positives for recall."""
    clusters: Count | None = None
    """Clusters that the rows are of, which are then what is counted; None: there are none."""
    challenger: Number | None
    champion: Number | None
    difference: Difference | None
    p_value: Number | None
    """Two-sided, for no difference."""
    rule: Text
    """The criterion in words."""
    criterion: Criterion
    bound: DecidingBound | None
    tier: Tier = "critical"
    judged: bool = True
    """False: too few rows, or nothing to compare; reported only."""
    verdict: Verdict
    reason: Text
    rows_needed: Count | None = None
    """Rows (or clusters) in all that would tell."""

    @property
    def informative(self) -> int:
        """Rows, or clusters, that inform the metric."""
        return self.rows if self.counted is None else self.counted

    @classmethod
    def from_criterion(cls, criterion: Criterion, **figures: Any) -> Self:
        """The gate of a criterion, with what was measured for it; no figure is none measured."""
        unmeasured = dict.fromkeys(("challenger", "champion", "difference", "p_value", "bound"))
        return cls(
            metric=criterion.metric,
            slice=criterion.slice,
            rule=criterion.text,
            criterion=criterion,
            tier=criterion.tier,
            **{**unmeasured, **figures},
        )

    @model_validator(mode="after")
    def _of_one_rule(self) -> Self:
        """Neither of two rules that contradict is believed."""
        rule = self.criterion
        same = (self.rule, self.metric, self.tier) == (rule.text, rule.metric, rule.tier)
        if not same or repr(self.slice) != repr(rule.slice):  # 1 is not True, NaN is itself
            raise ValueError("a gate and its criterion contradict")
        return self


class PolicyRef(EvidenceModel):
    """The part of the configuration that decided."""

    digest: Digest
    question: Digest
    """Of what the figures are about: key, label, positive class and task, whatever the gates."""
    confidence: Number
    on_inconclusive: Literal["hold", "warn"]
    first_model: Literal["bounds", "hold"]
    gates: tuple[Text, ...]
    """The rules in words."""


class _Stage(EvidenceModel):
    verdict: Verdict
    reason: Text = ""
    produced: Producer


def _no_better(verdict: Verdict, parts: Iterable[Verdict]) -> None:
    """A verdict that its parts do not bear out was not formed by cdml."""
    if verdict.severity < max((part.severity for part in parts), default=0):
        raise ValueError("the verdict is better than that of its parts")


class DataEvidence(_Stage):
    """data.json: is this data what the contract promises."""

    schema_: Literal["cdml.data/1"] = Field("cdml.data/1", alias="schema")
    data: DataRef
    reference: DataRef | None = None
    profile: Text | None = None
    """Whose profile stood for the reference; null where its rows were read."""
    checks: tuple[Check, ...]

    @model_validator(mode="after")
    def _sound(self) -> Self:
        _no_better(self.verdict, (check.verdict for check in self.checks))
        return self


NO_WALLS = ("none", "environment")
"""What evidence says of a model that ran without walls; older evidence by the second word."""


class Evaluation(_Stage):
    """evaluation.json: one model on the evaluation rows."""

    schema_: Literal["cdml.evaluation/1"] = Field("cdml.evaluation/1", alias="schema")
    model: ModelRef
    data: DataRef
    predictions: FileRef
    metrics: tuple[MetricValue, ...]
    gates: tuple[BoundGate, ...]
    curves: Curves = Field(default_factory=dict)
    confusion: ConfusionCounts | None = None
    isolation: Text = "elsewhere"
    """The model's walls: `namespaces`, `sudo`, `none`; `elsewhere` where predictions were given."""
    latency_ms: tuple[Milliseconds, ...] = Field((), max_length=1000)
    """What single requests took, in the order of the rows they asked for."""
    policy: PolicyRef

    @model_validator(mode="after")
    def _sound(self) -> Self:
        _no_better(self.verdict, (gate.verdict for gate in self.gates))
        return self

    @property
    def overall(self) -> dict[str, float]:
        """The values on all rows, by metric."""
        overall = (one for one in self.metrics if one.slice is None)
        return {one.metric: one.value for one in overall if one.value is not None}


class Change(EvidenceModel):
    """What differs between the two models besides their figures; null where one lacks it."""

    what: Text
    champion: Text | None
    challenger: Text | None


class Comparison(_Stage):
    """comparison.json: challenger against champion on the same rows."""

    schema_: Literal["cdml.comparison/2"] = Field("cdml.comparison/2", alias="schema")
    challenger: ModelRef
    champion: ModelRef | None
    data: DataRef
    gates: tuple[ComparisonGate, ...]
    notes: tuple[Text, ...] = ()
    """What a reader must know of how the rows were divided."""
    changes: tuple[Change, ...] = Field((), max_length=1000)
    champion_picture: Picture | None = None
    """The champion on these rows, as evaluation.json draws the challenger."""
    history: Annotated[tuple[PastVersion, ...], Field(max_length=50)] = ()
    """Earlier versions that the registry keeps evidence of, oldest first."""
    policy: PolicyRef
    registered: ModelRef | None = None
    """The version that the gate made of a challenger that passed."""

    @model_validator(mode="after")
    def _sound(self) -> Self:
        _no_better(self.verdict, (gate.verdict for gate in self.gates))
        return self


class Served(EvidenceModel):
    """A version of the model, by number and digest."""

    version: Text
    digest: Digest


class DeploymentStep(EvidenceModel):
    """One step of an operation."""

    name: Text
    state: Literal["done", "failed", "skipped", "planned"]
    at: Moment | None = None
    detail: Text = ""


class Times(EvidenceModel):
    """When a rollback was asked for, seen to have all traffic, and found in order; or null."""

    requested: Moment
    restored: Moment | None
    verified: Moment | None


class Deployment(_Stage):
    """deployment.json: what a deploy or a rollback did."""

    schema_: Literal["cdml.deployment/1"] = Field("cdml.deployment/1", alias="schema")
    operation: Literal["deploy", "rollback"]
    model: Text
    environment: Text
    target: Text
    from_: Served | None = Field(alias="from")
    to: Served
    steps: tuple[DeploymentStep, ...]
    journal: Text | None
    """The journal's commit after the operation."""
    changed: bool = True
    overrides: tuple[Text, ...] = ()
    parked_until: Moment | None = None
    """Until when a canary waits for `deploy --resume`; null where the operation is over."""
    times: Times | None = None
    deployment_id: Text | None = None
    """The code host's own deployment, where it keeps one."""
