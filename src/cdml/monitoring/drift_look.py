"""What one look does about drift: read the version's profiles, count the windows that ended."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from cdml.common.verdict import Verdict
from cdml.config import LoadedConfig
from cdml.config.monitoring import MonitoredDriftSettings, MonitoringSettings
from cdml.config.schema import DriftSettings
from cdml.data.drift.checks import plan_drift
from cdml.data.drift.profile import ColumnProfile, Profile
from cdml.data.drift.profile_file import FILE, PREDICTIONS_FILE
from cdml.data.drift.reference import stored_profiles
from cdml.errors import CdmlError
from cdml.evaluation.prediction_store import Layout
from cdml.evidence.monitor import Alarm, MonitoredDrift, Role
from cdml.monitoring.columns import columns_of, prediction_columns
from cdml.monitoring.drift import (
    DriftColumns,
    advance_drift,
    counts_of_period,
    describe_drift,
    drift_alarms,
    drift_limits,
)
from cdml.monitoring.ports import MonitoringPorts
from cdml.monitoring.serving import ServingPeriod
from cdml.monitoring.state import DriftState, MonitorState
from cdml.monitoring.windows import Grid, WindowQuery
from cdml.statistics.metrics import Task
from cdml.tables.table import Table

_NAMED = 5
UNLABELLED = Layout(
    key=(), label=None, slices=(), task=Task.REGRESSION, positive=None, max_slices=0
)
"""Counting reads no labels, so that it does not depend on the task."""


@dataclass(frozen=True, kw_only=True)
class DriftLook:
    """Compares windows of the serving version as soon as they have ended."""

    loaded: LoadedConfig
    settings: MonitoringSettings
    ports: MonitoringPorts
    grid: Grid

    def compare(
        self, state: MonitorState, periods: Sequence[ServingPeriod], log: Table | None
    ) -> tuple[MonitorState, list[Alarm]]:
        """The state after the windows that ended since the last look, and the alarms.

        Without `log`, or if the registry cannot be read, the next look compares them.
        """
        if self.settings.drift is None:
            return state.model_copy(update={"drift": None}), []
        serving, drift = periods[-1], state.drift
        if drift is None or drift.operation != serving.operation:
            first = self.grid.number(serving.since)
            drift = DriftState(operation=serving.operation, next_window=first)
        alarms: list[Alarm] = []
        ended = self.grid.number(self.ports.clock.now())
        if log is not None and drift.next_window < ended:
            try:
                drift = self._advance(drift, periods, log, ended)
            except CdmlError as error:
                reason = f"Drift is not checked until the next look: {error.message}"
                alarms.append(Alarm(kind="drift", verdict=Verdict.WARN, reason=reason))
        state = state.model_copy(update={"drift": drift})
        return state, [*alarms, *drift_alarms(self.describe(state))]

    def describe(self, state: MonitorState) -> tuple[MonitoredDrift, ...]:
        """Every column that is compared, as the evidence has it."""
        settings, drift = self.settings.drift, state.drift
        if settings is None or drift is None:
            return ()
        limits = self._limits(settings)
        return tuple(describe_drift(one, limits, settings, self.grid) for one in drift.columns)

    def _limits(self, settings: MonitoredDriftSettings) -> DriftSettings:
        return drift_limits(self.loaded.config.data.drift, settings)

    def _advance(
        self, drift: DriftState, periods: Sequence[ServingPeriod], log: Table, ended: int
    ) -> DriftState:
        """The drift after all windows before `ended`. Raises as registry and log do."""
        settings = self.settings.drift or MonitoredDriftSettings()
        limits = self._limits(settings)
        columns = self._columns(periods[-1], log, limits)
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

    def _columns(self, serving: ServingPeriod, log: Table, limits: DriftSettings) -> DriftColumns:
        """What is compared. Raises as the registry does."""
        registry, config = self.ports.registry, self.loaded.config
        version = registry.version(config.model, serving.version)
        inputs, predictions = (
            None if one is None else one.profile
            for one in stored_profiles(version, registry, FILE, PREDICTIONS_FILE)
        )
        names = prediction_columns(config)
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
