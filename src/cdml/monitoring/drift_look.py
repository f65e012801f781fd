"""What one look does about drift: read the version's profiles, compare the windows that ended."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache

from cdml.common.verdict import Verdict
from cdml.config import LoadedConfig
from cdml.config.monitoring import MonitoredDriftSettings, MonitoringSettings
from cdml.config.schema import DriftSettings
from cdml.data.drift.bins import Buckets, Categories
from cdml.data.drift.checks import plan_drift
from cdml.data.drift.classes import class_text
from cdml.data.drift.profile import ColumnProfile, Profile
from cdml.data.drift.profile_file import FILE, PREDICTIONS_FILE
from cdml.data.drift.reference import stored_profiles
from cdml.errors import CdmlError
from cdml.evaluation.prediction_store import Layout
from cdml.evidence.monitor import Alarm, MonitoredDrift, Role
from cdml.monitoring.advance import PeriodRows
from cdml.monitoring.columns import columns_of, prediction_columns
from cdml.monitoring.drift import (
    DriftColumns,
    advance_drift,
    counts_of_period,
    describe_drift,
    drift_alarms,
    drift_limits,
)
from cdml.monitoring.label_drift import advance_labels, describe_labels, unknown_class_alarms
from cdml.monitoring.ports import MonitoringPorts
from cdml.monitoring.serving import ServingPeriod
from cdml.monitoring.state import DriftState, LabelDriftState, MonitorState
from cdml.monitoring.windows import Grid, WindowQuery
from cdml.statistics.metrics import Task
from cdml.tables.table import Table

_NAMED = 5
UNLABELLED = Layout(
    key=(), label=None, slices=(), task=Task.REGRESSION, positive=None, max_slices=0
)
"""Counting reads no labels, so that it does not depend on the task."""


_CLASSIFICATION = frozenset({Task.BINARY, Task.MULTICLASS})
"""Tasks whose labels are classes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class JudgedRows:
    """The rows of the version that serves, in the windows before `closed`.

    `labels` is what earlier looks remember of the label; None if it is not compared.
    """

    rows: Sequence[PeriodRows]
    closed: int
    task: Task
    labels: LabelDriftState | None


@dataclass(frozen=True, kw_only=True)
class DriftLook:
    """Compares windows of the serving version as soon as they have ended."""

    loaded: LoadedConfig
    settings: MonitoringSettings
    ports: MonitoringPorts
    grid: Grid

    def compare(
        self,
        state: MonitorState,
        periods: Sequence[ServingPeriod],
        log: Table | None,
        judged: JudgedRows | None,
    ) -> tuple[MonitorState, list[Alarm]]:
        """The state after the windows that ended or closed since the last look, and the alarms.

        Without `log`, without `judged` rows, or if the registry cannot be read, the next look
        compares them.
        """
        if self.settings.drift is None:
            return state.model_copy(update={"drift": None, "label_drift": None}), []
        serving, drift = periods[-1], state.drift
        if drift is None or drift.operation != serving.operation:
            first = self.grid.number(serving.since)
            drift = DriftState(operation=serving.operation, next_window=first)
        labels = judged.labels if judged else state.label_drift
        alarms: list[Alarm] = []
        ended = self.grid.number(self.ports.clock.now())
        profiles = cache(lambda: self._profiles(serving))
        try:
            if log is not None and drift.next_window < ended:
                drift = self._advance(drift, periods, log, ended, profiles())
            if labels is not None and judged is not None and labels.next_window < judged.closed:
                labels = self._advance_labels(labels, judged, profiles()[1], serving.version)
        except CdmlError as error:
            reason = f"Drift is not checked until the next look: {error.message}"
            alarms.append(Alarm(kind="drift", verdict=Verdict.WARN, reason=reason))
        state = state.model_copy(update={"drift": drift, "label_drift": labels})
        alarms += drift_alarms(self.describe(state))
        left_out = judged is None or judged.task is Task.BINARY
        return state, [*alarms, *unknown_class_alarms(labels, serving.version, left_out=left_out)]

    def remembered_labels(
        self, state: MonitorState, serving: ServingPeriod, task: Task
    ) -> LabelDriftState | None:
        """What earlier looks remember of the label; None if it is not compared."""
        label, settings = self.loaded.config.data.label, self.settings
        if settings.drift is None or settings.labels is None or label is None:
            return None
        if task not in _CLASSIFICATION:
            return None
        if label in {*self.loaded.config.data.drift.ignore, *settings.drift.ignore}:
            return None
        labels = state.label_drift
        if labels is None or labels.operation != serving.operation:
            same = (one for one in state.periods if one.operation == serving.operation)
            first = next((one.next_window for one in same), self.grid.number(serving.since))
            labels = LabelDriftState(operation=serving.operation, next_window=first)
        return labels

    def describe(self, state: MonitorState) -> tuple[MonitoredDrift, ...]:
        """Every column that is compared, as the evidence has it."""
        settings, drift = self.settings.drift, state.drift
        if settings is None or drift is None:
            return ()
        limits, labels = self._limits(settings), state.label_drift
        described = [describe_drift(one, limits, settings, self.grid) for one in drift.columns]
        if labels is not None:
            described += describe_labels(labels, limits, settings, self.grid)
        return tuple(described)

    def _limits(self, settings: MonitoredDriftSettings) -> DriftSettings:
        return drift_limits(self.loaded.config.data.drift, settings)

    def _advance(
        self,
        drift: DriftState,
        periods: Sequence[ServingPeriod],
        log: Table,
        ended: int,
        stored: Sequence[Profile | None],
    ) -> DriftState:
        """The drift after all windows before `ended`. Raises as the log does."""
        settings = self.settings.drift or MonitoredDriftSettings()
        limits = self._limits(settings)
        columns = self._columns(periods[-1], log, limits, stored)
        query = WindowQuery(
            columns=columns_of(self.loaded.config, self.settings, log, UNLABELLED, ()),
            grid=self.grid,
            first=drift.next_window,
            last=ended - 1,
            starts=tuple(one.since for one in periods),
            figures=(),
        )
        rows = self.ports.prediction_log.count(log, query, columns.all) if columns.all else ()
        windows = counts_of_period(rows, periods, len(periods) - 1)
        return advance_drift(drift, columns, windows, limits, ended=ended)

    def _advance_labels(
        self, labels: LabelDriftState, judged: JudgedRows, predictions: Profile | None, version: str
    ) -> LabelDriftState:
        """The label's drift after all windows before `judged.closed`."""
        data, settings = self.loaded.config.data, self.settings.drift or MonitoredDriftSettings()
        profile = predictions.by_name.get(str(data.label)) if predictions else None
        if profile is None or not isinstance(profile.bins, Categories | Buckets):
            why = f"no shares of classes are stored with v{version}"
            return labels.model_copy(
                update={"next_window": judged.closed, "not_compared": {"labels": why}}
            )
        return advance_labels(
            labels,
            profile,
            judged.rows,
            self._limits(settings),
            closed=judged.closed,
            min_labelled=self.settings.min_labelled,
            classes=[class_text(one, binary=judged.task is Task.BINARY) for one in data.classes],
        )

    def _profiles(self, serving: ServingPeriod) -> tuple[Profile | None, Profile | None]:
        """Of the inputs and of the predictions. Raises as the registry does."""
        registry = self.ports.registry
        version = registry.version(self.loaded.config.model, serving.version)
        inputs, predictions = (
            None if one is None else one.profile
            for one in stored_profiles(version, registry, FILE, PREDICTIONS_FILE)
        )
        return inputs, predictions

    def _columns(
        self,
        serving: ServingPeriod,
        log: Table,
        limits: DriftSettings,
        stored: Sequence[Profile | None],
    ) -> DriftColumns:
        """What is compared of the log."""
        inputs, predictions = stored
        names = prediction_columns(self.loaded.config)
        if predictions is not None:
            renamed = [
                replace(one, name=names[one.name])
                for one in predictions.columns
                if one.name in names
            ]
            predictions = Profile(rows=predictions.rows, columns=tuple(renamed))
        profiles: dict[Role, Sequence[ColumnProfile]] = {}
        why: dict[str, str] = {}
        roles: Mapping[Role, Profile | None] = {"prediction": predictions, "input": inputs}
        for role, profile in roles.items():
            if profile is None:
                why[f"{role}s"] = f"no profile is stored with v{serving.version}"
                continue
            left_out = self._left_out | (set(names.values()) if role == "input" else set())
            found, reasons = _plan(profile, log, frozenset(left_out), limits, f"{role}s")
            profiles[role] = found
            why |= reasons
        return DriftColumns(profiles=profiles, not_compared=why)

    @property
    def _left_out(self) -> frozenset[str]:
        """Columns that identify rows, say when they were made, or may change."""
        data, settings = self.loaded.config.data, self.settings
        ignored = settings.drift.ignore if settings.drift else ()
        named = (data.label, data.time, settings.time, settings.version)
        names = (*data.key, *settings.key, *data.drift.ignore, *ignored, *named)
        return frozenset(name for name in names if name is not None)


def _plan(
    profile: Profile, log: Table, left_out: frozenset[str], limits: DriftSettings, subject: str
) -> tuple[tuple[ColumnProfile, ...], Mapping[str, str]]:
    """The columns that both have, and why others are not compared."""
    logged = {one.name for one in log.fields}
    profiled = set(profile.by_name)
    plan = plan_drift(log, profile, left_out | (logged - profiled), limits)
    why = {str(one.column): one.reason for one in plan.skipped}
    missing = sorted(profiled - logged - left_out)
    if missing:
        more = f" and {len(missing) - _NAMED:,} more" if len(missing) > _NAMED else ""
        why[subject] = f"the log does not have {', '.join(missing[:_NAMED])}{more}"
    return plan.columns, why
