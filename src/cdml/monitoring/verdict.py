"""The evidence of a look, and the verdict that it adds up to."""

import math
from collections.abc import Sequence

from cdml.common.verdict import Verdict, worst
from cdml.evidence.monitor import (
    Alarm,
    MonitoredDrift,
    MonitoredRule,
    MonitoredVersion,
    MonitoredWindow,
    Monitoring,
    NotCompared,
    NotMonitored,
    PerformanceEstimate,
)
from cdml.evidence.schema import Producer
from cdml.gates.reasons import subject
from cdml.monitoring.feeds import Feeds
from cdml.monitoring.state import MonitorState, PeriodState, RuleState, list_points
from cdml.monitoring.windows import Grid
from cdml.statistics.metrics import Loss
from cdml.statistics.sequential.degradation import DegradationTest


def conclude(
    state: MonitorState,
    alarms: Sequence[Alarm],
    *,
    grid: Grid,
    feeds: Feeds | None,
    drift: Sequence[MonitoredDrift],
    estimate: PerformanceEstimate | str | None,
    produced: Producer,
) -> Monitoring:
    """The evidence; without `feeds` nothing has been deployed.

    Where nothing is estimated, `estimate` says why.
    """
    versions = tuple(
        _version(period, grid, serves=place == 0) for place, period in enumerate(state.periods)
    )
    verdict, reason = _verdict(versions, alarms, deployed=feeds is not None)
    opened = (feeds.predictions, feeds.labels) if feeds else (None, None)
    refs = [feed.table.ref if feed is not None and feed.table else None for feed in opened]
    return Monitoring(
        model=state.model,
        environment=state.environment,
        verdict=verdict,
        reason=reason,
        predictions=refs[0],
        labels=refs[1],
        newest_prediction=feeds.newest if feeds else None,
        closed_until=grid.start(state.periods[0].next_window) if state.periods else None,
        versions=versions,
        drift=tuple(drift),
        estimate=estimate if isinstance(estimate, PerformanceEstimate) else None,
        not_estimated=estimate if isinstance(estimate, str) else None,
        not_compared=tuple(
            NotCompared(column=name, reason=why)
            for one in (state.drift, state.label_drift)
            if one is not None
            for name, why in one.not_compared.items()
        ),
        alarms=tuple(alarms),
        produced=produced,
    )


def _verdict(
    versions: Sequence[MonitoredVersion], alarms: Sequence[Alarm], *, deployed: bool
) -> tuple[Verdict, str]:
    if not deployed:
        return Verdict.PASS, "Nothing has been deployed yet."
    rules = versions[0].rules if versions else ()
    parts = [(one.verdict, one.reason) for one in rules]
    parts += [(one.verdict, one.reason) for one in alarms]
    verdict = worst([Verdict.PASS, *(part for part, _ in parts)])
    if verdict is not Verdict.PASS:
        return verdict, next(reason for part, reason in parts if part is verdict)
    judged = versions[0].judged_windows if versions else 0
    if not judged:
        return verdict, "No window is closed yet."
    windows = "1 window" if judged == 1 else f"{judged:,} windows"
    return verdict, f"No degradation of v{versions[0].version} is proven in {windows}."


def _version(period: PeriodState, grid: Grid, *, serves: bool) -> MonitoredVersion:
    return MonitoredVersion(
        version=period.version,
        digest=period.digest,
        since=period.since,
        serves=serves,
        judged_windows=period.judged_windows,
        skipped_windows=period.skipped_windows,
        late=period.late,
        corrected=period.corrected,
        rules=tuple(_rule(rule, grid) for rule in period.rules),
        not_monitored=tuple(
            NotMonitored(metric=name, reason=why) for name, why in period.unjudged.items()
        ),
    )


def _rule(rule: RuleState, grid: Grid) -> MonitoredRule:
    test, figure = DegradationTest.from_json(dict(rule.test)), rule.figure
    ends = sorted((figure.natural(test.lower), figure.natural(test.upper)))
    points = [
        MonitoredWindow(start=grid.start(number), rows=rows, value=value, log_e_value=log_e)
        for number, rows, value, log_e in list_points(rule.points)
    ]
    judged = test.windows > 0
    verdict = Verdict.PASS
    if rule.degraded_in is not None:
        verdict = Verdict.WARN if rule.tier == "advisory" else Verdict.FAIL
    clipped = figure.metric.loss not in {None, Loss.COLUMN, Loss.BRIER}
    value = figure.natural(test.moments.mean) if judged else None
    return MonitoredRule(
        metric=rule.metric,
        slice=rule.slice,
        bound=rule.bound,
        origin=rule.origin,
        tier=rule.tier,
        clipped_at=rule.worst if clipped else None,
        value=value,
        low=ends[0] if judged else None,
        high=ends[1] if judged else None,
        alpha=test.alpha,
        log_e_value=test.log_e_value if math.isfinite(test.log_e_value) else 0.0,
        windows=test.windows,
        degraded_in=None if rule.degraded_in is None else grid.start(rule.degraded_in),
        verdict=verdict,
        reason=_reason(rule, value, ends, grid),
        points=tuple(points),
    )


def _reason(rule: RuleState, value: float | None, ends: Sequence[float], grid: Grid) -> str:
    name = subject(rule.metric, rule.slice)
    if value is None:
        return f"{name} has no judged window yet."
    figures = f"{value:.4g} [{ends[0]:.4g}, {ends[1]:.4g}]"
    against = f"the promised {rule.bound:.4g} ({rule.origin})"
    if rule.degraded_in is not None:
        since = f"{grid.start(rule.degraded_in):%Y-%m-%d}"
        return f"{name} has degraded: {figures} is worse than {against}, proven on {since}."
    return f"{name} is {figures}; it is not proven to be worse than {against}."
