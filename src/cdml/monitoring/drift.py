"""How far inputs, predictions and labels are from the version's profile, window by window.

One window that differs is a bad day: only consecutive ones are an alarm.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

from cdml.common.verdict import Verdict
from cdml.config.monitoring import MonitoredDriftSettings
from cdml.config.schema import DriftSettings
from cdml.data.drift.judge import MEASURES, measure_drift
from cdml.data.drift.profile import ColumnProfile
from cdml.evidence.monitor import Alarm, DriftWindow, MonitoredDrift, Role
from cdml.gates.reasons import figure
from cdml.monitoring.serving import ServingPeriod, period_of
from cdml.monitoring.state import (
    MOST_DRIFT_POINTS,
    MOST_DRIFTING,
    ColumnDrift,
    DriftState,
    add_point,
    list_drift,
)
from cdml.monitoring.windows import Grid, WindowCounts

_NAMED = 3
_State = TypeVar("_State", bound=DriftState)
_SUBJECTS: Mapping[Role, str] = {
    "prediction": "The predictions differ from those at the gate",
    "input": "The inputs differ from the reference data",
    "label": "The shares of the label's classes differ from those at the gate",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class DriftColumns:
    """The profiles that columns of the log are compared with, and why others are not."""

    profiles: Mapping[Role, Sequence[ColumnProfile]]
    not_compared: Mapping[str, str] = field(default_factory=dict)

    @property
    def all(self) -> tuple[ColumnProfile, ...]:
        """Every profile once."""
        return tuple(profile for many in self.profiles.values() for profile in many)


def drift_limits(gate: DriftSettings, settings: MonitoredDriftSettings) -> DriftSettings:
    """The gate's measure with monitoring's threshold, which only warns."""
    levels = (settings.at_least, gate.warn, gate.fail)
    level = next((one for one in levels if one is not None), None)
    return gate.model_copy(update={"warn": level, "fail": None})


def counts_of_period(
    rows: Sequence[WindowCounts], periods: Sequence[ServingPeriod], place: int
) -> dict[int, dict[str, tuple[int, ...]]]:
    """The counts of one period's predictions, by window and column."""
    merged: dict[int, dict[str, tuple[int, ...]]] = {}
    for one in rows:
        if period_of(one.version, one.at, periods) != place:
            continue
        window = merged.setdefault(one.window, {})
        for name, counts in one.counts.items():
            before = window.get(name, (0,) * len(counts))
            window[name] = tuple(a + b for a, b in zip(before, counts, strict=True))
    return merged


def advance_drift(
    state: _State,
    columns: DriftColumns,
    windows: Mapping[int, Mapping[str, Sequence[int]]],
    limits: DriftSettings,
    *,
    ended: int,
    most_points: int = MOST_DRIFT_POINTS,
) -> _State:
    """The state after all windows before `ended`; a window with too few rows changes nothing.

    Its columns have at most `most_points` together.
    """
    by_name = {one.name: one for one in state.columns}
    for window in sorted(number for number in windows if state.next_window <= number < ended):
        for role, profiles in columns.profiles.items():
            for profile in profiles:
                value = measure_drift(profile, windows[window][profile.name], limits)
                if value is not None:
                    before = by_name.get(profile.name, ColumnDrift(name=profile.name, role=role))
                    by_name[profile.name] = _observe(before, window, value, limits)
        largest = sorted(by_name.values(), key=_rank)[:MOST_DRIFTING]
        most = max(most_points // max(len(largest), 1), 2)
        by_name = {one.name: _thin_out(one, most) for one in largest}
    not_compared = dict(list(columns.not_compared.items())[:MOST_DRIFTING])
    if (more := len(columns.not_compared) - MOST_DRIFTING) > 0:
        not_compared["more columns"] = f"{more:,} more are not compared, for such reasons"
    if (left := len(columns.all) - MOST_DRIFTING) > 0:
        reason = f"only the {MOST_DRIFTING} columns that differ most are listed; {left:,} are not"
        not_compared["others"] = reason
    return state.model_copy(
        update={
            "next_window": max(state.next_window, ended),
            "columns": tuple(by_name.values()),
            "not_compared": not_compared,
        }
    )


def _observe(column: ColumnDrift, window: int, value: float, limits: DriftSettings) -> ColumnDrift:
    drifted = limits.warn is not None and not value < limits.warn
    streak = column.streak + 1 if drifted else 0
    since = column.since if column.streak else window
    return column.model_copy(
        update={
            "windows": column.windows + 1,
            "streak": streak,
            "since": since if drifted else None,
            "points": add_point(column.points, (window, value), MOST_DRIFT_POINTS),
        }
    )


def _thin_out(column: ColumnDrift, most: int) -> ColumnDrift:
    *before, last = list_drift(column.points)
    points = " ".join(f"{window}:{value:.4g}" for window, value in before)
    return column.model_copy(update={"points": add_point(points, last, most)})


def _rank(column: ColumnDrift) -> tuple[bool, bool, float]:
    """Predictions first, then what has drifted, then what differs most."""
    _, value = list_drift(column.points)[-1]
    return column.role != "prediction", not column.streak, -value


def describe_drift(
    column: ColumnDrift, limits: DriftSettings, settings: MonitoredDriftSettings, grid: Grid
) -> MonitoredDrift:
    """A column as the evidence has it."""
    points = list_drift(column.points)
    value = points[-1][1]
    since = None if column.since is None else grid.start(column.since)
    near = () if limits.warn is None else (limits.warn,)
    reason = f"{MEASURES[limits.measure]} {figure(value, near)} in the last window"
    if since is not None:
        many = "1 window" if column.streak == 1 else f"{column.streak:,} windows in a row"
        reason += f"; at least {limits.warn:g} in {many}, since {since:%Y-%m-%d}"
    persistent = column.streak >= settings.windows
    return MonitoredDrift(
        column=column.name,
        role=column.role,
        measure=limits.measure,
        threshold=limits.warn,
        value=value,
        windows=column.windows,
        consecutive=column.streak,
        since=since,
        verdict=Verdict.WARN if persistent else Verdict.PASS,
        reason=f"{reason}.",
        points=tuple(DriftWindow(start=grid.start(at), value=one) for at, one in points),
    )


def drift_alarms(drift: Sequence[MonitoredDrift]) -> Iterator[Alarm]:
    """One alarm each for predictions, inputs and labels, where drift persists."""
    for role, subject in _SUBJECTS.items():
        lasting = [one for one in drift if one.role == role and one.verdict is Verdict.WARN]
        if not lasting:
            continue
        named = ", ".join(
            f"{one.column} ({MEASURES[one.measure]} {figure(one.value)}, for"
            f" {one.consecutive:,} windows)"
            for one in lasting[:_NAMED]
        )
        more = f" and {len(lasting) - _NAMED:,} more" if len(lasting) > _NAMED else ""
        yield Alarm(
            kind="drift",
            verdict=Verdict.WARN,
            reason=f"{subject}: {named}{more}. Drift alone does not prove a degradation.",
        )
