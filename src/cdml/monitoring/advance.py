"""How closed windows move the tests on. Nothing here reads a clock or a table."""

import json
import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from pydantic import JsonValue

from cdml.config.monitoring import MonitoringSettings
from cdml.monitoring.promises import NoPromise, Promise
from cdml.monitoring.serving import ServingPeriod, period_of
from cdml.monitoring.state import (
    MOST_POINTS,
    ClosedWindow,
    MonitorState,
    PeriodState,
    Point,
    RuleState,
    add_point,
)
from cdml.monitoring.windows import Grid, WindowRows
from cdml.statistics.sequential.degradation import DegradationTest, WindowSums
from cdml.statistics.sequential.figures import Form

_DIGITS, _DIGITS_OF_ROWS = 8, 12
"""Significant digits of a test over windows, and of one over rows, whose sums are much larger.

A year of rounding changes an e-value by less than one part in a hundred thousand.
"""
_SAME = 1e-9
LOOK_BACK = 2
"""Closed windows that are read again, to count what arrived late or was corrected."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PeriodRows:
    """The rows of one period in one window."""

    window: int
    predictions: int
    labelled: int
    unusable: int
    unknown: int = 0
    figures: dict[str, WindowSums]
    classes: Mapping[str, int] = field(default_factory=dict)

    def enough(self, min_labelled: float | None) -> bool:
        """Whether it is judged: it has this share of labels, and one at least; None: needs none."""
        return has_enough(self.labelled, self.predictions, min_labelled)


def has_enough(labelled: int, predictions: int, min_labelled: float | None) -> bool:
    """Whether a window with so many predictions has labels enough; None: it needs none."""
    if min_labelled is None or not predictions:
        return True
    return labelled > 0 and labelled >= min_labelled * predictions


def start_period(
    period: ServingPeriod,
    first: int,
    promises: Sequence[Promise],
    without: Sequence[NoPromise],
    settings: MonitoringSettings,
    classes: tuple[str, ...] = (),
) -> PeriodState:
    """A period before its first window; the chance of a false alarm is shared by its rules.

    All rows get one half of it and slices the other, so that slices cost all rows little.
    """
    sliced = sum(one.part is not None for one in promises)
    overall = len(promises) - sliced
    chance = settings.false_alarms / (2 if sliced and overall else 1)
    rules = tuple(
        RuleState(
            metric=one.figure.metric.name,
            part=one.part,
            worst=one.figure.worst,
            best=one.figure.best,
            bound=one.bound,
            origin=one.origin,
            tier=one.tier,
            test=_as_state(
                DegradationTest.start(
                    bound=one.figure.scale(one.bound),
                    alpha=chance / (overall if one.part is None else sliced),
                    independent_rows=settings.independent_rows and one.figure.form is Form.MEAN,
                )
            ),
        )
        for one in promises
    )
    return PeriodState(
        operation=period.operation,
        version=period.version,
        digest=period.digest,
        since=period.since,
        next_window=first,
        rules=rules,
        unjudged={one.metric: one.reason for one in without},
        classes=classes,
    )


def assign(
    rows: Sequence[WindowRows], periods: Sequence[ServingPeriod]
) -> tuple[dict[int, list[PeriodRows]], dict[str, int]]:
    """The rows of each period, by its index, and the predictions of unknown versions."""
    merged: dict[tuple[int, int], PeriodRows] = {}
    unknown: dict[str, int] = {}
    for one in rows:
        place = period_of(one.version, one.at, periods)
        if place is None:
            name = one.version if one.version is not None else "before the first deploy"
            unknown[name] = unknown.get(name, 0) + one.predictions
            continue
        key = (place, one.window)
        merged[key] = _merge(merged.get(key), one)
    by_period: dict[int, list[PeriodRows]] = {}
    for (place, _), found in sorted(merged.items()):
        by_period.setdefault(place, []).append(found)
    return by_period, unknown


def _merge(before: PeriodRows | None, rows: WindowRows) -> PeriodRows:
    figures = dict(before.figures) if before else {}
    for name, sums in rows.figures.items():
        old = figures.get(name)
        figures[name] = (
            sums
            if old is None
            else WindowSums(
                count=old.count + sums.count,
                sum=old.sum + sums.sum,
                sum_of_squares=old.sum_of_squares + sums.sum_of_squares,
            )
        )
    return PeriodRows(
        window=rows.window,
        predictions=(before.predictions if before else 0) + rows.predictions,
        labelled=(before.labelled if before else 0) + rows.labelled,
        unusable=(before.unusable if before else 0) + rows.unusable,
        unknown=(before.unknown if before else 0) + rows.unknown,
        figures=figures,
        classes=Counter(before.classes if before else {}) + Counter(rows.classes),
    )


def advance(
    period: PeriodState, rows: Sequence[PeriodRows], *, closed: int, min_labelled: float | None
) -> PeriodState:
    """The period after all its windows before `closed`; those that were closed stay as judged.

    Without labels, `min_labelled` is None.
    """
    recent = {one.window: one for one in period.recent}
    vanished = period.vanished + _count_vanished(period, rows)
    corrected = period.corrected + sum(
        one.window < period.next_window and _is_corrected(recent.get(one.window), one, period)
        for one in rows
    )
    late, judged, skipped = period.late, period.judged_windows, period.skipped_windows
    rules = list(period.rules)
    most = MOST_POINTS // max(len(rules), 1)
    for one in rows:
        if one.window >= closed:
            continue
        before = recent.get(one.window)
        if one.window < period.next_window:
            known = (before.predictions, before.labelled) if before else (0, 0)
            if before is not None:
                late += max(0, one.labelled - known[1])
                late += max(0, one.predictions - known[0])
        else:
            enough = one.enough(min_labelled)
            rules = [_observe(rule, one, most, labelled=enough) for rule in rules]
            judged, skipped = (judged + 1, skipped) if enough else (judged, skipped + 1)
        recent[one.window] = ClosedWindow(
            window=one.window,
            predictions=one.predictions,
            labelled=one.labelled,
            sums=_sums(one, period),
        )
    return period.model_copy(
        update={
            "next_window": max(period.next_window, closed),
            "rules": tuple(rules),
            "recent": tuple(recent[number] for number in sorted(recent)[-LOOK_BACK:]),
            "late": late,
            "vanished": vanished,
            "corrected": corrected,
            "judged_windows": judged,
            "skipped_windows": skipped,
        }
    )


def _count_vanished(period: PeriodState, rows: Sequence[PeriodRows]) -> int:
    """Predictions and labels that closed windows had at the last look, and have no more."""
    now = {one.window: one for one in rows}
    lost = 0
    for before in period.recent:
        if before.window < period.next_window - LOOK_BACK:
            continue  # it is not read again
        here = now.get(before.window)
        predictions, labelled = (here.predictions, here.labelled) if here else (0, 0)
        lost += max(0, before.predictions - predictions) + max(0, before.labelled - labelled)
    return lost


def _is_corrected(before: ClosedWindow | None, rows: PeriodRows, period: PeriodState) -> bool:
    """Whether a closed window has as many rows and labels as before, and other figures."""
    if before is None or before.sums is None:
        return False
    if (before.predictions, before.labelled) != (rows.predictions, rows.labelled):
        return False  # late or vanished rows change the figures too
    (count, sum_), (count_now, sum_now) = before.sums, _sums(rows, period)
    # Sums of floats depend on their order a little.
    same = math.isclose(sum_, sum_now, rel_tol=_SAME, abs_tol=_SAME)
    return not (count == count_now and same)


def _sums(rows: PeriodRows, period: PeriodState) -> tuple[int, float]:
    """Rows and sums of all figures in two numbers; roots weigh them, so that changes add up."""
    found = [rows.figures.get(rule.key) for rule in period.rules]
    weighed = [(one, (place + 1) ** 0.5) for place, one in enumerate(found) if one is not None]
    count = sum(one.count for one, _ in weighed)
    return count, float(f"{sum(weight * one.sum for one, weight in weighed):.12g}")


def _observe(rule: RuleState, rows: PeriodRows, most: int, *, labelled: bool) -> RuleState:
    sums = rows.figures.get(rule.key)
    needs_label = rule.figure.metric.of_outcomes
    if sums is None or not sums.count or (needs_label and not labelled):
        return rule
    test = DegradationTest.from_json(dict(rule.test)).observe(sums)
    value = rule.figure.natural(sums.sum / sums.count)
    point: Point = (rows.window, sums.count, value, test.log_e_value)
    degraded_in = rule.degraded_in
    if degraded_in is None and test.degraded:
        degraded_in = rows.window
    return rule.model_copy(
        update={
            "test": _as_state(test),
            "degraded_in": degraded_in,
            "points": add_point(rule.points, point, most),
        }
    )


def _as_state(test: DegradationTest) -> Mapping[str, JsonValue]:
    """As it is read back: lists in place of tuples, and no more digits than are stored."""
    digits = _DIGITS_OF_ROWS if test.independent_rows else _DIGITS
    state: dict[str, JsonValue] = json.loads(
        json.dumps(test.to_json()), parse_float=lambda text: float(f"{float(text):.{digits}g}")
    )
    return state | {"bound": test.bound, "alpha": test.alpha}


def first_window(
    before: MonitorState,
    periods: Sequence[ServingPeriod],
    settings: MonitoringSettings,
    grid: Grid,
    now: datetime,
) -> int:
    """The first window that a look reads: of those still to judge, and `LOOK_BACK` before."""
    serving = periods[-1].operation
    known = {one.operation: one for one in before.periods}
    nexts = [grid.number(now) - 1, grid.closed(now)]
    for period in periods:
        state = known.get(period.operation)
        if state is None:
            nexts.append(grid.number(period.since))
        elif not state.over:
            nexts.append(state.next_window)
    drifts = [one for one in (before.drift, before.label_drift) if one and one.operation == serving]
    nexts += [one.next_window for one in drifts]
    if settings.drift is not None and before.drift not in drifts:
        nexts.append(grid.number(periods[-1].since))
    return min(nexts) - LOOK_BACK
