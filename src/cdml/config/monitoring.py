"""The words of cdml.yaml below `monitoring`: what serves, watched by its predictions and labels."""

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from cdml.config.base import AddressText, Duration, SettingsModel
from cdml.config.values import BoundValue, ColumnName, ColumnNames, MetricName, Share

Reaction = Literal["issue", "retrain", "rollback"]
"""What a proven degradation brings about."""


class MonitoringRule(SettingsModel):
    """A promise for production that is not the gate's."""

    metric: MetricName
    """A metric by its name, or `mean(column)`."""
    at_least: BoundValue | None = None
    """The mean must not be lower."""
    at_most: BoundValue | None = None
    """The mean must not be higher."""
    range: tuple[float, float] | None = None
    """Lowest and highest possible value of `mean(column)`."""
    tier: Literal["critical", "advisory"] = "critical"
    """advisory: a proven degradation warns, and does not fail."""

    @model_validator(mode="after")
    def _one_side(self) -> Self:
        if (self.at_least is None) is (self.at_most is None):
            raise ValueError("a rule needs at_least or at_most, and not both")
        return self


class RetrainSettings(SettingsModel):
    """The workflow that trains a new model, or the event that starts it."""

    workflow: Annotated[str, Field(pattern=r"^[\w.-]+\.ya?ml$")] | None = None
    """File name of a workflow of this repository that has `on: workflow_dispatch` with the input
    `reason`. On GitLab, the value of `CDML_WORKFLOW` in a new pipeline."""
    ref: str | None = None
    """Branch whose workflow or pipeline is run; by default the repository's default branch."""
    event: Annotated[str, Field(pattern=r"^[\w.-]+$", max_length=100)] | None = None
    """On GitHub, type of a `repository_dispatch` that is sent instead; its `client_payload` has the
    `reason`."""

    @model_validator(mode="after")
    def _one_way(self) -> Self:
        if (self.workflow is None) is (self.event is None):
            raise ValueError("retrain needs workflow or event, and not both")
        if self.event is not None and self.ref is not None:
            raise ValueError("ref is the branch of a workflow; an event has none")
        return self


class MonitoredDriftSettings(SettingsModel):
    """When live inputs, predictions or labels have drifted; `data.drift` has the measure."""

    windows: int = Field(default=3, ge=2, le=1000)
    """Consecutive windows at or above the threshold before it is an alarm."""
    at_least: BoundValue | None = None
    """Value of `data.drift.measure` at which a window has drifted; by default `data.drift.warn`,
    or `data.drift.fail` if that is null."""
    ignore: ColumnNames = ()
    """Columns that are not compared, besides `data.drift.ignore`."""


class MonitoringSettings(SettingsModel):
    """How the model that serves is watched."""

    predictions: AddressText
    """Logged predictions: any table, such as a file, a glob, an object store, a database, or the
    traces of an MLflow experiment, `mlflow+https://…#experiment`. It has the key, the time,
    `prediction`, and `score` or `score_<class>` for metrics of probabilities."""
    labels: AddressText | None = None
    """Table of the labels that arrive later, with the key and `data.label`."""
    key: tuple[ColumnName, ...] = Field(min_length=1)
    """Columns that identify a request in both tables."""
    time: ColumnName
    """Column of the predictions with the time of the request."""
    version: ColumnName | None = None
    """Column with the version that made a prediction; by default `version`, if there is one, else
    the journal says which version served at that time."""
    label_time: ColumnName | None = None
    """Column of the labels with the time at which each was observed."""
    window: Duration = 86_400.0
    """Length of a window. Windows are what the test counts, so rows of one may be alike."""
    independent_rows: bool = False
    """Whether the rows of a window are independent of each other. If so, rows are what the test
    counts: it is much faster, and gives false alarms if they are not."""
    label_delay: Duration
    """Time after the end of a window at which its labels are complete and it is judged, once."""
    min_labelled: Share = 0.5
    """Share of a window's predictions that need a label; with fewer, the window is not judged."""
    against: Literal["gates"] | tuple[MonitoringRule, ...] = "gates"
    """gates: what the serving version reached at its gate, less the margin; or a list of rules."""
    clip: dict[MetricName, Annotated[float, Field(gt=0, allow_inf_nan=False)]] = Field(
        default_factory=dict
    )
    """Largest loss of a row that counts, by metric, such as `{mean_absolute_error: 60}`; larger
    ones count as this."""
    false_alarms: float = Field(default=0.01, gt=0, lt=0.5)
    """Chance of any false alarm between two deploys, over all rules and looks."""
    on_degradation: tuple[Reaction, ...] = ("issue",)
    """What a proven degradation does: keep one issue up to date, start the retraining workflow, or
    roll back to a version that is proven better on the same rows; the latter two once."""
    retrain: RetrainSettings | None = None
    drift: MonitoredDriftSettings | None = MonitoredDriftSettings()
    """How inputs, predictions and labels are compared with the version's stored profiles; null:
    not."""
    silence: Duration = 86_400.0
    """Time without predictions, or without labels that are due, after which monitoring alarms."""

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if "retrain" in self.on_degradation and self.retrain is None:
            raise ValueError("on_degradation has retrain, but retrain is missing")
        if "rollback" in self.on_degradation and self.labels is None:
            raise ValueError("on_degradation has rollback, which compares by labels; add labels")
        if self.label_time is not None and self.labels is None:
            raise ValueError("label_time is a column of labels, which is missing")
        if self.against == ():
            raise ValueError("against needs at least one rule")
        return self
