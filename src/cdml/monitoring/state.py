"""What a look remembers for the next one: sufficient statistics, and no rows."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import fields
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, JsonValue, PlainSerializer, ValidationError

from cdml.common.validation import first_problem
from cdml.errors import InputError
from cdml.evidence.base import Count, Digest, EvidenceModel, Moment, Number, Text
from cdml.evidence.monitor import Role
from cdml.journal.port import Snapshot
from cdml.statistics.sequential.degradation import Moments
from cdml.statistics.sequential.figures import Figure, Part, restored_figure

SCHEMA: Literal["cdml.monitor-state/1"] = "cdml.monitor-state/1"
MOST_POINTS = 90
"""Points for the plots that all rules of a period keep together; older ones are thinned out."""
MOST_DRIFT_POINTS = 60
"""Likewise of all columns' drift."""
MOST_DRIFTING = 12
"""Columns whose drift is remembered: those that have drifted first, then by their distance."""
MOST_LABEL_POINTS = 12
"""Points of the label's drift."""
MOST_CLASSES = 5
"""Classes whose shares are remembered: those that changed most."""

_PARTS = ("shares", "counts", "moments")
_MOMENTS = tuple(one.name for one in fields(Moments))
_FIRST = ("bound", "alpha", "ceiling", "independent_rows", "windows", "log_e_value", "degraded")
_FLAGS = frozenset({"independent_rows", "degraded"})


def _pack_test(test: Mapping[str, Any]) -> str:
    """A test as one line of numbers: names would be stored again for each rule and look."""
    parts = (
        [int(test[name]) if name in _FLAGS else test[name] for name in _FIRST],
        test["shares"],
        test["counts"],
        [test["moments"][name] for name in _MOMENTS],
    )
    return " / ".join(" ".join(map(repr, part)) for part in parts)


def _unpack_test(test: object) -> object:
    if not isinstance(test, str):
        return test
    first, *parts = ([json.loads(one) for one in part.split()] for part in test.split("/"))
    read = dict(zip(_FIRST, first, strict=True)) | dict(zip(_PARTS, parts, strict=True))
    read |= {name: bool(read[name]) for name in _FLAGS}
    return read | {"moments": dict(zip(_MOMENTS, read["moments"], strict=True))}


TestState = Annotated[
    Mapping[str, JsonValue],
    BeforeValidator(_unpack_test),
    PlainSerializer(_pack_test, return_type=str, when_used="json"),
]
"""A `DegradationTest` as JSON values; in the document it is one line of text."""

Point = tuple[int, int, float, float]
"""A window's number, its rows, its value and the logarithm of the e-value after it."""


class RuleState(EvidenceModel):
    """One promise of a period, with its test so far. It is fixed when the period begins.

    `part` is the slice that it speaks of; None: all rows.
    """

    metric: Text
    part: Part | None = None
    worst: Number
    best: Number
    bound: Number
    origin: Text
    tier: Literal["critical", "advisory"]
    test: TestState
    degraded_in: int | None = None
    points: Text = ""

    @property
    def figure(self) -> Figure:
        """The metric on the scale on which it is judged."""
        return restored_figure(self.metric, self.worst, self.best)

    @property
    def key(self) -> str:
        """Its figure's among those of a window."""
        return self.figure.key_of(self.part)

    @property
    def name(self) -> str:
        """The metric, with its slice."""
        return self.metric if self.part is None else f"{self.metric} of {' '.join(self.part)}"

    @property
    def slice(self) -> dict[str, str] | None:
        """As evidence has it."""
        return dict([self.part]) if self.part is not None else None

    @property
    def degraded(self) -> bool:
        """Whether a critical promise is proven to be broken."""
        return self.degraded_in is not None and self.tier == "critical"


class ClosedWindow(EvidenceModel):
    """What a window held when it was closed, so that later arrivals and corrections are counted.

    `sums` has the rows and the weighed sum of all rules' figures: a year of looks repeats it.
    """

    window: int
    predictions: Count
    labelled: Count
    sums: tuple[Count, Number] | None = None


class Reaction(EvidenceModel):
    """Something that a degradation brings about; `intended` is written before it is done.

    `reason` is what the workflow is given, and what its run is recognised by.
    A rollback is `begun` once version `to` is proven better, and `declined` where another version
    serves by now. `comparisons` counts the looks that compared, and `compared_to` is the first
    window that the last one did not see.
    """

    kind: Literal["retrain", "rollback"]
    state: Literal["intended", "begun", "done", "declined"]
    at: Moment
    reason: Text = ""
    detail: Text = ""
    url: Text | None = None
    to: Text | None = None
    comparisons: Count = 0
    compared_to: int | None = None


class PeriodState(EvidenceModel):
    """A version that serves or served, and how its windows were judged.

    All windows before `next_window` are closed for good. `late` counts labels and predictions that
    arrived after that, and `vanished` those that were there then and are no more. `corrected`
    counts windows whose rows are as many as then, and come to other figures. `classes` are those of
    a binary label at the gate, as far as they are known.
    """

    operation: Text
    version: Text
    digest: Digest
    since: Moment
    next_window: int
    over: bool = False
    rules: tuple[RuleState, ...] = ()
    unjudged: Mapping[str, Text] = Field(default_factory=dict)
    classes: tuple[str, ...] = ()
    recent: tuple[ClosedWindow, ...] = ()
    judged_windows: Count = 0
    skipped_windows: Count = 0
    late: Count = 0
    vanished: Count = 0
    corrected: Count = 0
    reactions: tuple[Reaction, ...] = ()


class ColumnDrift(EvidenceModel):
    """How a column's windows differ from the version's profile.

    The last `streak` of its judged windows, from `since` on, had drifted. Each of the `points` is a
    window and the measure in it.
    """

    name: Text
    role: Role = "input"
    windows: Count = 0
    streak: Count = 0
    since: int | None = None
    points: Text = ""


class DriftState(EvidenceModel):
    """The columns of the version that serves; all windows before `next_window` are compared."""

    operation: Text
    next_window: int
    columns: tuple[ColumnDrift, ...] = ()
    not_compared: Mapping[str, Text] = Field(default_factory=dict)


class LabelDriftState(DriftState):
    """The label of the version that serves; all windows before `next_window` are compared.

    `classes` has the shares of classes at the gate and in the last judged window: of those that
    changed most. `unknown` counts the labels of all windows whose class no evaluation row had;
    `values` names some, with counts.
    """

    classes: Mapping[str, tuple[Number, Number]] = Field(default_factory=dict)
    unknown: Count = 0
    values: Mapping[str, Count] = Field(default_factory=dict)


class IssueState(EvidenceModel):
    """The issue that was opened, so that it is closed when a new version is deployed."""

    url: Text | None
    operation: Text


class Claim(EvidenceModel):
    """The look that is opening the issue or starting a retraining, while it does so.

    `look` is different for each look; `run` is the address of its CI run, if it has one.
    """

    look: Text
    at: Moment
    run: Text | None = None


class MonitorState(EvidenceModel):
    """The document of one environment and model; periods begin with the newest.

    Periods since `waiting_since` that are not listed wait for their first closed window.
    """

    schema_: Literal["cdml.monitor-state/1"] = Field(SCHEMA, alias="schema")
    model: Text
    environment: Text
    periods: Annotated[tuple[PeriodState, ...], Field(max_length=1000)] = ()
    columns: Mapping[str, Mapping[str, Text]] = Field(default_factory=dict)
    drift: DriftState | None = None
    label_drift: LabelDriftState | None = None
    issue: IssueState | None = None
    claim: Claim | None = None
    waiting_since: Moment | None = None


def parse_state(snapshot: Snapshot, *, model: str, environment: str) -> MonitorState:
    """The state on the branch; an empty one where nothing was written yet.

    Raises:
        InputError: the branch holds something else, or another model's or environment's state.
    """
    if snapshot.document is None:
        return MonitorState(model=model, environment=environment)
    where = f"The monitoring state of {model} in {environment}, at {snapshot.commit},"
    try:
        state = MonitorState.model_validate(snapshot.document)
    except ValidationError as error:
        raise InputError(
            f"{where} is not in a format that this cdml reads: {first_problem(error)}.",
            "Update cdml. If someone else pushed to the branch, rename it; the next run starts a"
            " new state.",
        ) from error
    if (state.model, state.environment) != (model, environment):
        raise InputError(
            f"{where} belongs to {state.model} in {state.environment}.",
            "Rename the branch. The next run starts a new state.",
        )
    return state


def dump_state(state: MonitorState) -> Mapping[str, object]:
    """The document as plain JSON values, without what is empty."""
    return state.model_dump(mode="json", by_alias=True, exclude_defaults=True) | {"schema": SCHEMA}


def add_point(points: str, point: Sequence[float], most: int) -> str:
    """One more point; of more than `most`, every other one of the older half goes.

    Points are a text of a few bytes each, because every look stores all of them again.
    """
    figures = (f"{one}" if isinstance(one, int) else f"{one:.4g}" for one in point)
    listed = [*points.split(), ":".join(figures)]
    if len(listed) > most:
        half = len(listed) // 2
        listed = [*listed[:half:2], *listed[half:]]
    return " ".join(listed)


def list_points(points: str) -> list[Point]:
    """The points of a rule, oldest first."""
    parts = (point.split(":") for point in points.split())
    return [(int(n), int(rows), float(value), float(log)) for n, rows, value, log in parts]


def list_drift(points: str) -> list[tuple[int, float]]:
    """The points of a column's drift, oldest first."""
    parts = (point.split(":") for point in points.split())
    return [(int(window), float(value)) for window, value in parts]
