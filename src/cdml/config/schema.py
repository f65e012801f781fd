"""The words of cdml.yaml and what each may hold."""

import math
from collections.abc import Mapping
from typing import Annotated, Any, Literal, Self

from pydantic import BeforeValidator, Field, model_validator
from pydantic.functional_validators import AfterValidator

from cdml.config.base import AddressText, Duration, SettingsModel
from cdml.config.class_labels import find_class, yaml_scalar
from cdml.config.delivery import DeploySettings
from cdml.config.features import FeaturesSettings
from cdml.config.input_columns import Purposes
from cdml.config.monitoring import MonitoringSettings
from cdml.config.output_columns import AnswerColumns
from cdml.config.registries import DEFAULT_REGISTRY
from cdml.config.training import TrainingSettings
from cdml.config.values import PERCENT, BoundValue, ColumnName, ColumnNames, MetricName, Share
from cdml.errors import ConfigurationError
from cdml.statistics import metrics
from cdml.statistics.metrics import FEWEST_CASES, FEWEST_CLUSTERS, FEWEST_ROWS


class Margin(SettingsModel):
    """How much is too much: an absolute amount, or a share of the champion's value."""

    value: float
    """The amount (0.005), or the share (0.01 for `1%`)."""
    relative: bool = False
    """Whether `value` is a share of |champion|."""

    def __str__(self) -> str:
        """As it is written in cdml.yaml."""
        return f"{self.value * 100:g}%" if self.relative else f"{self.value:g}"


def read_margin(written: object) -> Margin:
    """Read `0.005` and `1%`, or raise a ValueError."""
    if isinstance(written, str) and (match := PERCENT.fullmatch(written.strip())):
        return Margin(value=float(match["number"]) / 100, relative=True)
    if isinstance(written, bool) or not isinstance(written, int | float):
        if isinstance(written, Margin):
            return written
        raise ValueError(f"write a number (0.005) or a percentage (1%), not {written!r}")
    if not 0 <= written < math.inf:
        raise ValueError(f"a margin is a finite number of at least 0, not {written!r}")
    try:
        return Margin(value=float(written))
    except OverflowError:
        raise ValueError("write a smaller number") from None


def _distinct_classes(
    classes: tuple[bool | int | float | str, ...],
) -> tuple[bool | int | float | str, ...]:
    for at, one in enumerate(classes):
        if find_class(one, classes[:at]) is not None:
            raise ValueError(f"must list each class once; {yaml_scalar(one)} appears twice")
    if len(classes) == 1:
        raise ValueError("must list all classes of the model, at least two")
    return classes


MarginField = Annotated[
    Margin,
    BeforeValidator(read_margin, json_schema_input_type=float | str),
]


class RegistrySettings(SettingsModel):
    """Where models are registered, and which alias names the champion."""

    uri: AddressText = DEFAULT_REGISTRY
    """Address of the registry; its scheme says which kind it is."""
    champion: str = "champion"
    """Alias of the version that serves."""


class DriftSettings(SettingsModel):
    """When a column differs too much from the reference."""

    measure: Literal["psi", "js", "ks", "wasserstein", "cramers_v"] = "psi"
    """The measure that the thresholds apply to; docs/data.md explains each."""
    warn: BoundValue | None = 0.2
    """Value of the measure at which a column warns; null: never."""
    fail: BoundValue | None = None
    """Value of the measure at which a column fails; null: never."""
    min_rows: int = Field(default=100, ge=1)
    """Drift is not judged if either side has fewer rows."""
    slices: bool = False
    """Also judge drift within each slice of data.slices."""
    ignore: tuple[ColumnName, ...] = ()
    """Columns that are expected to change, such as dates."""


class LeakageSettings(SettingsModel):
    """When a column, or the difference of two, gives the label away.

    Strength is the area under the ROC curve of the column alone (for a number to predict, the
    share of pairs of rows that it puts in the right order).
    """

    warn: float | None = Field(default=0.98, gt=0.5, le=1)
    """Strength at which a column warns; null: never."""
    fail: float | None = Field(default=0.995, gt=0.5, le=1)
    """Strength at which a column fails if the model uses it; null: never."""
    shared_warn: float | None = Field(default=0.01, gt=0, le=1)
    """Share of rows equal to a reference row, beyond chance, at which the check warns; null:
    never."""
    shared_fail: float | None = Field(default=0.1, gt=0, le=1)
    """The same share at which the check fails; null: never."""
    ignore: tuple[ColumnName, ...] = ()
    """Columns that may give away the label, or whose groups may be on both sides."""


class AnswerSettings(SettingsModel):
    """Which columns of a model's answer to use; columns without names are numbered from 0."""

    prediction: str | int | None = None
    """Column of the predicted class or number, of a file of predictions as well; by default the
    likeliest class, or `prediction`."""
    score: str | int | Mapping[str, str | int] | None = None
    """Column of the probability of the positive class, or a column for each class."""

    @model_validator(mode="after")
    def _says_something(self) -> Self:
        if (self.prediction is None and self.score is None) or self.score == {}:
            raise ValueError("answer needs prediction, score or both")
        return self

    @property
    def columns(self) -> AnswerColumns:
        """The same, with one column and several apart."""
        several = self.score if isinstance(self.score, Mapping) else None
        one = None if isinstance(self.score, Mapping) else self.score
        return AnswerColumns(prediction=self.prediction, score=one, scores=several)


class DataSettings(SettingsModel):
    """The rows both models are judged on."""

    evaluation: AddressText
    """File, glob or URL of the evaluation rows."""
    reference: AddressText | None = None
    """The training rows, a profile of them (`….profile.json`), or `champion`: the profile stored
    with the champion, which is the default."""
    contract: str | None = None
    """An Open Data Contract Standard v3 file."""
    key: tuple[ColumnName, ...] = Field(min_length=1)
    """Columns that identify a row; they pair the rows of the two models."""
    label: ColumnName | None = None
    """The column to predict. Gates of `mean(column)` and of the model's process need none."""
    trial: ColumnName | None = None
    """Column that numbers the tries of one case, where `key` identifies cases: figures are
    averaged by case, so that cases are what is counted."""
    error: ColumnNames = ()
    """Column, or columns, that hold anything where a result could not be measured, such as the
    judge's error message. Those results are counted separately, not as wrong answers."""
    unmatched: Share = 0.0
    """Share of the cases that may be in only one of two files of results, such as `1%`."""
    positive: bool | int | str | None = None
    """The positive class; set it for binary classification."""
    classes: Annotated[tuple[bool | int | float | str, ...], AfterValidator(_distinct_classes)] = ()
    """All classes in the order of the model's probabilities; only needed if the model does not
    state them itself."""
    answer: AnswerSettings | None = None
    """Which columns of the model's answer to use, if their names do not make it clear."""
    task: metrics.Task | None = None
    """binary, multiclass or regression; by default derived from `positive` and the gates."""
    time: ColumnName | None = None
    """Column with the time of a row; the rows must be later than the reference."""
    group: ColumnName | None = None
    """Column of groups, such as users, that must not be in both the evaluation and the reference;
    by default `cluster`."""
    features: tuple[ColumnName, ...] | None = Field(default=None, min_length=1)
    """The model's inputs in order, if its signature does not name them; by default all columns
    without another role."""
    slices: tuple[ColumnName, ...] = ()
    """Columns whose values are each judged as a slice."""
    max_slices: int = Field(default=100, ge=1, le=10_000)
    """How many values of a slice column are judged one by one, most frequent first; the rest is
    `other`."""
    weight: ColumnName | None = None
    """Column with the weight of each row; at least 0."""
    cluster: ColumnName | None = None
    """Column with what a row belongs to (a user, a conversation), if the rows of one are not
    independent."""
    sensitive: ColumnName | None = None
    """Column of the groups that fairness metrics compare."""
    cost: ColumnName | None = None
    """Column of the predictions with the cost of a row, for `cost_per_1000_rows`."""
    related: Mapping[str, AddressText] = Field(default_factory=dict)
    """Files of the tables that the contract's relationships refer to, by table."""
    foreign_rules: Literal["list", "hold"] = "list"
    """What rules of other engines in the contract do. list: they are listed; hold: the check is
    inconclusive."""
    extra_columns: Literal["tell", "warn", "fail"] = "tell"
    """What columns that are not in the contract do."""
    checks: Mapping[str, Mapping[str, Any]] = Field(default_factory=dict)
    """Checks from installed packages, by name, each with its settings."""
    drift: DriftSettings = DriftSettings()
    leakage: LeakageSettings = LeakageSettings()

    @model_validator(mode="after")
    def _named_once(self) -> Self:
        for names in (self.row_key, self.slices, self.features or ()):
            twice = next((name for name in names if names.count(name) > 1), None)
            if twice is not None:
                raise ValueError(
                    "key, trial, slices and features must name each column once;"
                    f" {twice!r} appears twice"
                )
        return self

    @model_validator(mode="after")
    def _classes_fit(self) -> Self:
        if self.classes and self.task is metrics.Task.REGRESSION:
            raise ValueError("classes are only for classification, but the task is regression")
        if (
            self.classes
            and self.positive is not None
            and find_class(self.positive, self.classes) is None
        ):
            raise ValueError(f"positive ({yaml_scalar(self.positive)}) is not one of the classes")
        return self

    @property
    def purposes(self) -> Purposes:
        """What the columns are named for, as far as it decides what a model is given."""
        others = (
            *self.slices, self.weight, self.cluster, self.time, self.group, self.sensitive,
            self.cost,
        )  # fmt: skip
        return Purposes(
            identity=frozenset({*self.row_key, *([self.label] if self.label else [])}),
            features=self.features or (),
            others=frozenset(name for name in others if name is not None),
        )

    @property
    def by_case(self) -> bool:
        """Whether rows are tries of cases, or may have failed to be measured."""
        return self.trial is not None or bool(self.error)

    @property
    def row_key(self) -> tuple[str, ...]:
        """The columns that tell rows apart: the key, and the trial where cases have several."""
        return (*self.key, *([self.trial] if self.trial else []))

    @property
    def required_label(self) -> str:
        """The label, where there is no going on without one.

        Raises:
            ConfigurationError: there is none.
        """
        if self.label is None:
            raise ConfigurationError(
                "data.label is missing: a model is scored against the column it predicts.",
                "Name the column, or give the predictions themselves: --predictions.",
            )
        return self.label

    @property
    def weighted(self) -> bool:
        """Whether rows carry weights or belong to clusters."""
        return self.weight is not None or self.cluster is not None

    @property
    def carried(self) -> tuple[str, ...]:
        """Columns that the judging reads in addition to key, label and predictions."""
        extra = (*self.slices, self.weight, self.cluster, self.sensitive)
        rows = (*self.row_key, self.label)
        return tuple(dict.fromkeys(name for name in extra if name and name not in rows))

    @property
    def checked(self) -> bool:
        """Whether there is something to hold the rows against; `data.json` is then expected."""
        return bool(self.contract or self.reference)


class SliceRule(SettingsModel):
    """The rule of a gate for every slice; missing keys are taken from the gate."""

    max_regression: MarginField | None = None
    """Like that of the gate, for each slice; by default the gate's."""
    mode: Literal["detect", "require"] = "detect"
    """detect: fail if a regression beyond the margin is proven; require: hold until
    non-inferiority is proven in every slice."""


class LabelColumns(SettingsModel):
    """Columns of human labels that may stand in any file of results or in the evaluation rows."""

    challenger: ColumnName
    """Column of the labels of the challenger's answers."""
    champion: ColumnName | None = None
    """Column of the labels of the champion's answers; comparisons need it."""

    def __str__(self) -> str:
        return ", ".join(filter(None, (self.challenger, self.champion)))

    @model_validator(mode="after")
    def _two_columns(self) -> Self:
        if self.challenger == self.champion:
            raise ValueError("labels of both models cannot be in one column; name two")
        return self


class AnchorSettings(SettingsModel):
    """Fixed answers that the judge scored again."""

    before: str
    """Results file of the anchors as the judge scored them for the champion."""
    now: str
    """Results file of the same anchors, scored by the judge as it is now."""
    tolerance: float = Field(gt=0, allow_inf_nan=False)
    """How much the mean score of the anchors may have moved."""


class JudgeSettings(SettingsModel):
    """What a judge that labels correct has to fulfil, besides."""

    min_kappa: float | None = Field(default=None, gt=0, lt=1)
    """Agreement with people that must be proven (one-sided) for each model's answers."""
    agreement: Literal["kappa", "quadratic", "alpha"] | None = None
    """Cohen's kappa, quadratic kappa for grades, or Krippendorff's alpha; by default kappa for two
    values, quadratic for whole grades, else alpha."""
    length: ColumnName | None = None
    """Column of an answer's length, or of its text; by default `output`, `answer`, `response` or
    `completion`."""
    position: ColumnName | None = None
    """Column of the position in which the judge saw an answer, such as true for first."""
    anchors: AnchorSettings | None = None
    """Fixed answers by which a change of the judge itself shows."""


class GateSettings(SettingsModel):
    """One metric and its limits."""

    metric: MetricName
    """A metric by its name, `mean(column)`, or `module:function` for your own function."""
    at_least: BoundValue | None = None
    """The value must not be lower."""
    at_most: BoundValue | None = None
    """The value must not be higher."""
    max_regression: MarginField | None = None
    """No worse than the champion by more than this (non-inferiority)."""
    min_improvement: MarginField | None = None
    """Better than the champion by more than this (superiority)."""
    slices: SliceRule | Literal[False] | None = None
    """The rule for slices; by default that of the gate; false: slices are not judged."""
    tier: Literal["critical", "advisory"] = "critical"
    """advisory: warn instead of failing or holding."""
    greater_is_better: bool | None = None
    """Direction of `mean(column)` and `module:function`; by default true."""
    range: tuple[float, float] | None = None
    """Lowest and highest possible value of `mean(column)` or `module:function`; by default
    unlimited."""
    corrected_by: ColumnName | LabelColumns | None = None
    """Column of each results file with people's scores of some of its answers, which correct the
    judge's `mean(column)` or `rate(column)`; or a column for each model."""
    judge: JudgeSettings | None = None
    """What the judge has to fulfil, besides a random sample of labels."""
    sanity: bool = False
    """The bound catches values that are too good to be true, such as `roc_auc at_most 0.99`."""

    @property
    def labels(self) -> tuple[str, str | None] | None:
        """The columns of the labels of the challenger's and of the champion's answers."""
        if isinstance(self.corrected_by, LabelColumns):
            return self.corrected_by.challenger, self.corrected_by.champion
        return None if self.corrected_by is None else (self.corrected_by, self.corrected_by)


class ScoringSettings(SettingsModel):
    """How the model is run."""

    engine: Literal["local", "spark"] = "local"
    """local: on the runner, isolated where it allows that; spark: in Spark, where the evaluation
    rows are, without isolation."""
    output: str | None = Field(default=None, pattern=r"^([a-z][a-z0-9]*:/)?/[^#?]+$")
    """Folder for the predictions that Spark writes, such as `s3a://bucket/predictions`; all
    executors must be able to write there."""
    environment: str = "model"
    """model: built from the model's own requirements; current; or an interpreter's path."""
    timeout: Duration = 600.0
    """Seconds after which scoring is aborted; also `10m` or `1h`."""

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if self.engine == "local":
            if self.output is not None:
                raise ValueError("output is the folder of engine: spark, and the engine is local")
            return self
        if self.output is None:
            raise ValueError("engine: spark needs output, a folder for the predictions")
        if self.environment != "current":
            raise ValueError(
                "engine: spark needs environment: current, for the model runs with the packages of"
                " Spark's executors"
            )
        return self


class PolicySettings(SettingsModel):
    """How the decision is taken."""

    confidence: float = Field(default=0.95, gt=0.5, le=0.999_999)
    """Confidence of every interval and bound."""
    on_inconclusive: Literal["hold", "warn"] = "hold"
    """hold: exit with 3; warn: pass with a warning."""
    first_model: Literal["bounds", "hold"] = "bounds"
    """Without a champion: bounds: the bounds decide (no bound holds); hold: always hold."""
    bounds: Literal["point", "interval"] = "point"
    """Whether at_least and at_most apply to the value or to its interval."""
    max_errors: Share = 0.02
    """Share of the results that may have failed to be measured (`data.error`), such as `2%`. With
    more, or with significantly more than the champion, the comparison is inconclusive."""
    min_rows: int | None = Field(default=None, ge=1)
    """Slices with fewer rows are reported, not judged; 100 by default. It counts cases where
    metrics are measured case by case, 20 by default, and clusters with `data.cluster`, 10 by
    default."""

    def fewest(self, *, clustered: bool, by_case: bool = False) -> int:
        """Rows, cases or clusters that a slice needs to be judged."""
        of_rows = FEWEST_CASES if by_case else FEWEST_ROWS
        default = FEWEST_CLUSTERS if clustered else of_rows
        return default if self.min_rows is None else self.min_rows


class Config(SettingsModel):
    """cdml.yaml."""

    version: Literal[1]
    """Of the format of this file."""
    model: str = Field(min_length=1, max_length=200)
    """The model's name in the registry."""
    registry: RegistrySettings = RegistrySettings()
    data: DataSettings
    features: FeaturesSettings | None = None
    """The feature store that the model reads; null: none."""
    gates: tuple[GateSettings, ...] = ()
    scoring: ScoringSettings = ScoringSettings()
    policy: PolicySettings = PolicySettings()
    training: TrainingSettings | None = None
    deploy: DeploySettings = DeploySettings()
    monitoring: MonitoringSettings | None = None
    """How the version that serves is watched; `cdml monitor` needs it."""

    @property
    def reads_label(self) -> bool:
        """Whether predictions are compared with the label, and not just columns of figures."""
        used = [metrics.find_metric(gate.metric) for gate in self.gates]
        return not used or any(metric is None or metric.of_outcomes for metric in used)
