"""What monitoring found of each version, for `cdml history`."""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

from cdml.common.markdown import terminal
from cdml.config import LoadedConfig
from cdml.journal.port import Journal
from cdml.monitoring.state import PeriodState, parse_state
from cdml.monitoring.windows import Grid


def monitored_periods(
    loaded: LoadedConfig, *, state: Journal, environment: str | None = None
) -> list[Mapping[str, Any]]:
    """Each version that was watched, newest first, as plain JSON values.

    Raises:
        InputError: the state is not one of this model.
        ServiceError: it cannot be read.
    """
    settings = loaded.config.monitoring
    if settings is None:
        return []
    remembered = parse_state(
        state.read(),
        model=loaded.config.model,
        environment=environment or loaded.config.deploy.environment,
    )
    grid = Grid(
        length=timedelta(seconds=settings.window), delay=timedelta(seconds=settings.label_delay)
    )
    return [_period(one, grid) for one in remembered.periods]


def _period(period: PeriodState, grid: Grid) -> Mapping[str, Any]:
    degraded = {
        rule.name: grid.start(rule.degraded_in).isoformat()
        for rule in period.rules
        if rule.degraded_in is not None
    }
    return {
        "version": period.version,
        "since": period.since.isoformat(),
        "judged_windows": period.judged_windows,
        "skipped_windows": period.skipped_windows,
        "degraded": degraded,
    }


def monitored_lines(periods: Sequence[Mapping[str, Any]]) -> str:
    """The same for people, one line for each version."""
    return "\n".join(map(_line, periods))


def _line(period: Mapping[str, Any]) -> str:
    degraded = [f"{terminal(name)} since {at[:10]}" for name, at in period["degraded"].items()]
    found = f"degraded: {', '.join(degraded)}" if degraded else "no degradation proven"
    return (
        f"  v{period['version']} since {period['since'][:16].replace('T', ' ')}:"
        f" {period['judged_windows']:,} windows judged, {found}"
    )
