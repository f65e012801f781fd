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
from cdml.evidence.cases import CaseResults
from cdml.evidence.charts import ConfusionCounts, Curves, Histogram, PastVersion, Picture
from cdml.evidence.criterion import Criterion, Tier
from cdml.evidence.features import FeatureServiceRecord
from cdml.evidence.interval import Difference, Interval
from cdml.evidence.judges import JudgeRecord


class Producer(EvidenceModel):
    """Who wrote a piece of evidence, and when; `run` is the address of the CI run."""

    tool: Text
    """cdml's version."""
    commit: Text | None
    """Commit of the user's repository, where there is one."""
    time: Moment
    """When the evidence was written, in UTC."""
    run: Text | None = None
    """Address of the CI run; null outside of CI."""


class DataRef(EvidenceModel):
    """A data set by its digest."""

    uri: Text
    """Path or address, without credentials."""
    digest: Digest
    """SHA-256 over the content."""
    rows: Count
    """How many rows were read."""


class ModelRef(EvidenceModel):
    """A model by its digest; `version` where the registry knows it."""

    uri: Text
    """Address or folder, as it was given."""
    version: Text | None = None
    """Number in the registry; null where the model is not registered."""
    digest: Digest | None = None
    """SHA-256 over the model's files; null for predictions that came without a model."""


class FileRef(EvidenceModel):
    """A file next to the evidence, by its digest."""

    path: Text
    """Name of the file, in the folder of the evidence; or address of a table, where the rows
    stayed there."""
    digest: Digest
    """SHA-256 over its bytes, or the table's digest as `DataRef` has it."""


LISTED = "listed"
"""What is observed of a check that decides nothing."""


class RowSample(EvidenceModel):
    """One row that failed a check."""

    row: Count
    """Number of the row, from 0."""
    value: Scalar
    """What the checked column holds in it."""


class Check(EvidenceModel):
    """One check of the data."""

    name: Text
    """Which check: `not_null`, `psi`, `label_leak`, …"""
    column: Text | None = None
    """The column that was checked; null for the table as a whole."""
    verdict: Verdict
    """What the check found."""
    severity: Literal["error", "warning", "info"]
    """How much a failure counts: only an `error` fails the data."""
    expected: Text
    """What the rule requires, in words."""
    observed: Text
    """What the rows hold, in words; `listed` where the check decides nothing."""
    failing_rows: Count | None = None
    """Rows that break the rule; null where it is not about rows."""
    sample: tuple[RowSample, ...] = ()
    """A few of these rows; empty where the column's values may not be shown."""
    reason: Text
    """The sentence that the report shows."""
    beside: Text = ""
    """Other measurements that decide nothing, such as further measures of drift."""
    line: Annotated[int, Field(ge=1)] | None = None
    """Line of the contract, where the check comes from one."""
    histogram: Histogram | None = None
    """Shares by bin of a column that is compared with the reference; null where values may not
    be shown."""

    @property
    def judged(self) -> bool:
        """False where it is listed and decides nothing."""
        return self.observed != LISTED


class DecidingBound(EvidenceModel):
    """The one-sided bound that decided, and the margin it was held against."""

    value: Number | None
    """The bound; null where it is infinite."""
    against: Number
    """The margin, as a difference in the metric's natural sign."""
    confidence: Number
    """One-sided confidence of the bound."""
    p_value: Number | None = None
    """One-sided p of the claim that decided; at most 1 - confidence exactly if it is proven."""
    lower: Number | None = None
    """One-sided bound from below, whichever decided; null where there is none."""
    upper: Number | None = None
    """One-sided bound from above, likewise."""
    p_regression: Number | None = None
    """One-sided p of the claim that the margin is broken."""


class MetricValue(EvidenceModel):
    """A metric of one model on all rows or one slice; `value` null where it has none."""

    metric: Text
    """Name of the metric."""
    slice: SliceValues = None
    rows: Count
    """Rows of the slice."""
    value: Number | None
    """The model's value; null where it could not be measured."""
    interval: Interval | None = None
    """How sure the value is; null where there is no interval."""
    reason: Text | None = None
    """Why there is no value or no interval."""
    judge: JudgeRecord | None = None
    """How human labels corrected a judge's scores; null where none did."""


class BoundGate(EvidenceModel):
    """`at_least` or `at_most`, judged."""

    metric: Text
    """Name of the metric."""
    slice: SliceValues = None
    rows: Count
    """Rows of the slice."""
    value: Number | None
    """The model's value; null where it could not be measured."""
    interval: Interval | None = None
    """How sure the value is; null where there is no interval."""
    rule: Text
    """The gate as cdml.yaml has it: `at_least 0.85`."""
    tier: Tier = "critical"
    verdict: Verdict
    """The verdict on this rule."""
    reason: Text
    """The sentence that the report shows."""

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
    """Name of the metric."""
    slice: SliceValues = None
    rows: Count
    """Rows of the slice."""
    counted: Count | None = None
    """Rows (or clusters, or labelled cases) that inform the metric, e.g. positives for recall."""
    clusters: Count | None = None
    """How many clusters the rows belong to, where clusters are what counts; else null."""
    by_case: bool = False
    """Whether the rows are cases, their trials averaged."""
    challenger: Number | None
    """The challenger's value; null where it could not be measured."""
    champion: Number | None
    """The champion's value, likewise."""
    difference: Difference | None
    """The difference with its two-sided interval; null where a value is missing."""
    p_value: Number | None
    """Two-sided p of no difference at all."""
    rule: Text
    """The gate as cdml.yaml has it: `max_regression 0.01`."""
    criterion: Criterion
    """The same rule in parts, for programs."""
    bound: DecidingBound | None
    """What decided; null where nothing could be compared."""
    tier: Tier = "critical"
    judged: bool = True
    """False where the rule is reported only: too few rows, or nothing to compare."""
    verdict: Verdict
    """The verdict on this rule."""
    reason: Text
    """The sentence that the report shows."""
    rows_needed: Count | None = None
    """How many rows (or clusters, or labelled cases) in all would settle it."""
    judge: JudgeRecord | None = None
    """How human labels corrected a judge's scores; null where none did."""

    @property
    def unit(self) -> str:
        """What `size` counts."""
        if self.judge is not None:
            return "labelled cases"
        if self.clusters is not None:
            return "clusters"
        return "cases" if self.by_case else "rows"

    @property
    def size(self) -> int:
        """How many there are of what more would settle an open question."""
        if self.judge is not None:
            return self.judge.labelled
        return self.rows if self.clusters is None else self.clusters

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
        """Neither of two rules that contradict is trusted."""
        rule = self.criterion
        same = (self.rule, self.metric, self.tier) == (rule.text, rule.metric, rule.tier)
        if not same or repr(self.slice) != repr(rule.slice):  # 1 is not True, NaN is itself
            raise ValueError("a gate and its criterion contradict")
        return self


class PolicyRef(EvidenceModel):
    """The part of the configuration that decided."""

    digest: Digest
    """SHA-256 over model name, question, slices, gates and policy."""
    question: Digest
    """SHA-256 over key, label, positive class and task: what the figures are about, whatever
    the gates."""
    confidence: Number
    """`policy.confidence`."""
    on_inconclusive: Literal["hold", "warn"]
    """`policy.on_inconclusive`: what an inconclusive rule means."""
    first_model: Literal["bounds", "hold"]
    """`policy.first_model`: whether bounds alone can pass a model without a champion."""
    gates: tuple[Text, ...]
    """The rules in words."""


class _Stage(EvidenceModel):
    verdict: Verdict
    """The verdict; never better than that of a part."""
    reason: Text = ""
    """Why, in a sentence."""
    produced: Producer
    """Who wrote this, and when."""


def _no_better(verdict: Verdict, parts: Iterable[Verdict]) -> None:
    """A verdict that its parts do not support was not formed by cdml."""
    if verdict.severity < max((part.severity for part in parts), default=0):
        raise ValueError("the verdict is better than that of its parts")


class DataEvidence(_Stage):
    """data.json: is this data what the contract promises."""

    schema_: Literal["cdml.data/1"] = Field("cdml.data/1", alias="schema")
    """Name and version of this format."""
    data: DataRef
    """The evaluation rows."""
    reference: DataRef | None = None
    """The rows that they were compared with; null where there were none, or only a profile."""
    profile: Text | None = None
    """The version whose profile was the reference; null where the reference's rows were read."""
    features: FeatureServiceRecord | None = None
    """What the model reads from a feature store; null where none is configured."""
    checks: tuple[Check, ...]
    """Every check of contract, drift, leakage and features."""

    @model_validator(mode="after")
    def _sound(self) -> Self:
        _no_better(self.verdict, (check.verdict for check in self.checks))
        return self


NO_WALLS = ("none", "environment", "spark")
"""What evidence says of a model that ran without a sandbox; older evidence by the second word."""


class Evaluation(_Stage):
    """evaluation.json: one model on the evaluation rows."""

    schema_: Literal["cdml.evaluation/1"] = Field("cdml.evaluation/1", alias="schema")
    """Name and version of this format."""
    model: ModelRef
    """The model that was measured."""
    data: DataRef
    """The evaluation rows."""
    predictions: FileRef
    """The file of the model's predictions."""
    metrics: tuple[MetricValue, ...]
    """Every metric, on all rows and on each slice."""
    gates: tuple[BoundGate, ...]
    """The rules `at_least` and `at_most`, judged."""
    curves: Curves = Field(default_factory=dict)
    """Points for the charts, by name: `roc`, `precision_recall`, `calibration`; decides nothing."""
    confusion: ConfusionCounts | None = None
    """Rows by label and prediction, for the charts."""
    isolation: Text = "elsewhere"
    """How the model was isolated: `namespaces`, `sudo` or `none`; `spark` if it ran in Spark,
    without isolation; `elsewhere` if cdml did not run it."""
    latency_ms: tuple[Milliseconds, ...] = Field((), max_length=1000)
    """Milliseconds of single requests, in the order they were sent."""
    notes: tuple[Text, ...] = ()
    """Remarks: what the database of the predictions has proven."""
    policy: PolicyRef
    """What of the configuration decided."""

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
    """What differs, such as `parameter C`."""
    champion: Text | None
    """Its value in the champion."""
    challenger: Text | None
    """Its value in the challenger."""


class Comparison(_Stage):
    """comparison.json: challenger against champion on the same rows."""

    schema_: Literal["cdml.comparison/2"] = Field("cdml.comparison/2", alias="schema")
    """Name and version of this format."""
    challenger: ModelRef
    """The proposed model."""
    champion: ModelRef | None
    """The model it was compared with; null for a first model."""
    data: DataRef
    """The evaluation rows."""
    gates: tuple[ComparisonGate, ...]
    """The rules `max_regression` and `min_improvement`, judged on all rows and on each slice."""
    notes: tuple[Text, ...] = ()
    """Remarks: how the rows were divided into slices, and what a database has proven."""
    cases: CaseResults | None = None
    """What the results say case by case; null where a model was scored by cdml."""
    changes: tuple[Change, ...] = Field((), max_length=1000)
    """What differs between the two models besides their figures."""
    champion_picture: Picture | None = None
    """The champion's charts on these rows; the challenger's are in evaluation.json."""
    history: Annotated[tuple[PastVersion, ...], Field(max_length=50)] = ()
    """Earlier versions whose evidence the registry still has, oldest first."""
    policy: PolicyRef
    """What of the configuration decided."""
    registered: ModelRef | None = None
    """The version that the gate registered after it passed; else null."""

    @model_validator(mode="after")
    def _sound(self) -> Self:
        _no_better(self.verdict, (gate.verdict for gate in self.gates))
        return self


class Served(EvidenceModel):
    """A version of the model, by number and digest."""

    version: Text
    """Number in the registry."""
    digest: Digest
    """SHA-256 over the model's files."""


class DeploymentStep(EvidenceModel):
    """One step of an operation."""

    name: Text
    """Which step: `smoke`, `traffic`, `alias`, …"""
    state: Literal["done", "failed", "skipped", "planned"]
    """Whether it was done."""
    at: Moment | None = None
    """When it ended, in UTC; null where it did not run."""
    detail: Text = ""
    """What happened, in words."""


class Times(EvidenceModel):
    """When a rollback was requested, had all traffic, and passed its check; or null."""

    requested: Moment
    """When the rollback was requested."""
    restored: Moment | None
    """When the earlier version had all traffic; null if never."""
    verified: Moment | None
    """When its check passed; null if never."""


class Deployment(_Stage):
    """deployment.json: what a deploy or a rollback did."""

    schema_: Literal["cdml.deployment/1"] = Field("cdml.deployment/1", alias="schema")
    """Name and version of this format."""
    operation: Literal["deploy", "rollback"]
    """Which command it was."""
    model: Text
    """The model's name in the registry."""
    environment: Text
    """The environment, such as `production`."""
    target: Text
    """The target, as `deploy.target` describes it."""
    from_: Served | None = Field(alias="from")
    """The version that served before; null for the first."""
    to: Served
    """The version that was to serve."""
    steps: tuple[DeploymentStep, ...]
    """Every step, in order."""
    journal: Text | None
    """The journal's commit after the operation."""
    changed: bool = True
    """False where there was nothing to do."""
    overrides: tuple[Text, ...] = ()
    """The objections that `--override` set aside."""
    parked_until: Moment | None = None
    """How long a paused canary waits for `deploy --resume`; null where the operation is over."""
    times: Times | None = None
    """The times of a rollback; null for a deploy."""
    deployment_id: Text | None = None
    """Number of the code host's own deployment, where it has one."""
