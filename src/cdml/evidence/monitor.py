"""monitor.json: whether what serves still keeps what it promised."""

from typing import Annotated, Literal

from pydantic import Field

from cdml.common.verdict import Verdict
from cdml.evidence.base import Count, Digest, EvidenceModel, Moment, Number, SliceValues, Text
from cdml.evidence.charts import Fraction
from cdml.evidence.criterion import Tier
from cdml.evidence.schema import DataRef, Producer

Role = Literal["input", "prediction", "label"]
"""What a column is to the model."""


class MonitoredWindow(EvidenceModel):
    """One judged window of a rule."""

    start: Moment
    """When the window begins, in UTC."""
    rows: Count
    """Rows that inform the metric; of F1 and the like their weights, of other metrics of the whole
    window 1."""
    value: Number
    """The metric in this window."""
    log_e_value: Number
    """Natural logarithm of the e-value after this window."""


class MonitoredRule(EvidenceModel):
    """One promise, held against all windows since the version was deployed."""

    metric: Text
    """Name of the metric."""
    slice: SliceValues = None
    bound: Number
    """What the mean over windows must not be worse than."""
    origin: Text
    """Where the bound comes from, in words."""
    tier: Tier = "critical"
    clipped_at: Number | None = None
    """Largest loss of a row that counts; null where every loss counts as it is."""
    value: Number | None
    """Mean of the windows' values; null before the first."""
    low: Number | None
    """Lower end of the confidence sequence of the mean, valid at every look."""
    high: Number | None
    """Upper end."""
    alpha: Number
    """This rule's share of the chance of a false alarm."""
    log_e_value: Number
    """Natural logarithm of the e-value; the degradation is proven at -ln(alpha)."""
    windows: Count
    """How many windows were judged."""
    degraded_in: Moment | None = None
    """Start of the window that proved the degradation; null where none did."""
    verdict: Verdict
    """fail: a degradation is proven; warn: so it is, and the rule is advisory."""
    reason: Text
    """The sentence that the report shows."""
    points: tuple[MonitoredWindow, ...] = ()
    """The windows for the plot; older ones are thinned out."""


class NotMonitored(EvidenceModel):
    """A metric that is not judged in production."""

    metric: Text
    """Name of the metric."""
    reason: Text
    """Why it is not judged."""


class Alarm(EvidenceModel):
    """Something about the feeds that keeps monitoring from its work, or may."""

    kind: Literal[
        "predictions", "labels", "column", "schema", "version", "unusable", "clock", "late",
        "rules", "features", "drift",
    ]  # fmt: skip
    """What it is about."""
    verdict: Verdict
    """inconclusive: what serves is not watched; warn: it is, with this restriction."""
    reason: Text
    """The sentence that the report shows."""


class DriftWindow(EvidenceModel):
    """One window of a column."""

    start: Moment
    """When the window begins, in UTC."""
    value: Number
    """How far its rows are from the profile."""


class ClassShare(EvidenceModel):
    """How often a label has a class."""

    name: Text
    """The class, as text; `(other)` for all that are not listed."""
    at_gate: Fraction
    """Share of the evaluation rows at the version's gate."""
    now: Fraction
    """Share of the labels in the last judged window."""


class MonitoredDrift(EvidenceModel):
    """How a column's windows differ from the profile stored with the version that serves."""

    column: Text
    """Its name in the log."""
    role: Role
    """What it is to the model."""
    measure: Literal["psi", "js", "ks", "wasserstein", "cramers_v"]
    """How the distance is measured."""
    threshold: Number | None
    """Value at which a window has drifted; null: only reported."""
    value: Number
    """The measure in the last judged window."""
    windows: Count
    """Windows with enough rows to be judged."""
    consecutive: Count
    """How many of the last ones, in a row, had drifted."""
    since: Moment | None = None
    """Start of the first of these."""
    verdict: Verdict
    """warn: it has drifted in as many windows in a row as `monitoring.drift.windows`."""
    reason: Text
    """The sentence that the report shows."""
    points: tuple[DriftWindow, ...] = ()
    """The windows for the plot; older ones are thinned out."""
    classes: tuple[ClassShare, ...] = ()
    """Of the label: the classes whose share changed most, at most 5. Empty where the contract
    classifies the label."""


class NotCompared(EvidenceModel):
    """Columns that are not compared with a profile."""

    column: Text
    """A column of the log, or `inputs`, `predictions` or `labels`."""
    reason: Text
    """Why not."""


class EstimatedMetric(EvidenceModel):
    """A metric that nobody has measured yet."""

    metric: Text
    """Name of the metric."""
    value: Number
    """What it would be."""


class PerformanceEstimate(EvidenceModel):
    """What metrics would be in the last window that has ended; information, never a verdict."""

    start: Moment
    """When the window begins, in UTC."""
    rows: Count
    """Predictions with a usable score."""
    assumption: Text
    """What has to be true for it."""
    metrics: tuple[EstimatedMetric, ...]
    """Those that the scores define."""


class MonitoredVersion(EvidenceModel):
    """A version that serves or served, and how it kept its promises."""

    version: Text
    """Number in the registry."""
    digest: Digest
    """SHA-256 over the model's files."""
    since: Moment
    """When it began to serve."""
    serves: bool
    """Whether it serves now."""
    judged_windows: Count
    """Closed windows that had enough labels."""
    skipped_windows: Count
    """Closed windows that had too few."""
    late: Count
    """Predictions and labels that arrived after their window was closed; they change no verdict."""
    corrected: Count = 0
    """Windows with other labels or predictions than when they were judged; no verdict changes."""
    rules: tuple[MonitoredRule, ...]
    """Every promise, judged."""
    not_monitored: tuple[NotMonitored, ...] = ()
    """Metrics without a promise."""


class ReactionTaken(EvidenceModel):
    """What the degradation brought about."""

    kind: Literal["issue", "retrain", "rollback"]
    """Which reaction."""
    state: Literal["done", "refused", "declined"]
    """Whether it was done. What was refused is tried again at the next look; a rollback or
    retraining is declined for good where another version serves by now."""
    detail: Text
    """What happened, in words."""
    url: Text | None = None
    """Address of the issue or of the run."""


class Monitoring(EvidenceModel):
    """monitor.json: what serves, watched by its predictions and the labels that arrive later."""

    schema_: Literal["cdml.monitor/1"] = Field("cdml.monitor/1", alias="schema")
    """Name and version of this format."""
    model: Text
    """The model's name in the registry."""
    environment: Text
    """The environment, such as `production`."""
    verdict: Verdict
    """fail: a degradation is proven; inconclusive: what serves cannot be watched."""
    reason: Text
    """Why, in a sentence."""
    predictions: DataRef | None = None
    """The logged predictions that were read; null where they could not be. Of Parquet files and
    traces, the digest identifies the files by name, size and time of change."""
    labels: DataRef | None = None
    """The labels; null where there are none yet."""
    newest_prediction: Moment | None = None
    """Time of the newest prediction."""
    closed_until: Moment | None = None
    """All windows before this time are closed."""
    versions: Annotated[tuple[MonitoredVersion, ...], Field(max_length=1000)] = ()
    """Versions by the journal, the newest first."""
    drift: Annotated[tuple[MonitoredDrift, ...], Field(max_length=1000)] = ()
    """Inputs and predictions of the version that serves, and the classes of the labels."""
    not_compared: tuple[NotCompared, ...] = ()
    """Columns whose drift is not judged."""
    estimate: PerformanceEstimate | None = None
    """Of a classifier whose probabilities are logged; null where there is none."""
    not_estimated: Text | None = None
    """Why nothing is estimated; null where something is."""
    alarms: tuple[Alarm, ...] = ()
    """Silent feeds, missing columns and the like."""
    reactions: tuple[ReactionTaken, ...] = ()
    """What a degradation brought about."""
    state: Text | None = None
    """Commit of the state after this look; null where none was written."""
    produced: Producer
    """Who wrote this, and when."""
