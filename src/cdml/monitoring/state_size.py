"""Keeps the document of a state small: every look commits all of it again.

A year of daily looks has to stay below 1 MB. What the next look needs, the tests of the version
that serves, is never given up; points of plots and versions of before are, the oldest first.
"""

import json
import zlib
from collections.abc import Iterator
from typing import TypeVar

from cdml.monitoring.state import ColumnDrift, MonitorState, PeriodState, RuleState, dump_state

MOST_BYTES = 2_400
"""Bytes of a document as git stores it; 365 of them with their commits are 0.94 MB."""
MOST_ENDED = 20
"""Periods that are over and still listed."""
_ROUNDS = 24
_SETTLED = frozenset({"done", "declined"})


def stored_bytes(state: MonitorState) -> int:
    """What git stores of its document, about."""
    document = json.dumps(dump_state(state), indent=1, ensure_ascii=False)
    return len(zlib.compress(document.encode()))


def fit_state(state: MonitorState) -> MonitorState:
    """The state, with as many points and ended periods as there is room for."""
    smaller = state
    for smaller in _smaller(state):
        if stored_bytes(smaller) <= MOST_BYTES:
            break
    return smaller


def _smaller(state: MonitorState) -> Iterator[MonitorState]:
    ended = [one for one in state.periods if _forgettable(one)]
    state = _without(state, ended[MOST_ENDED:])
    yield state
    state = _with(state, [_reduced(one) if _forgettable(one) else one for one in state.periods])
    yield state
    state = _without_waiting(state)
    yield state
    for _ in range(_ROUNDS):
        state = _thinned(state)
        yield state
    for one in reversed(ended[:MOST_ENDED]):
        state = _without(state, [one])
        yield state


def _forgettable(period: PeriodState) -> bool:
    """It is over, and nothing that it brought about is still to be done."""
    return period.over and all(one.state in _SETTLED for one in period.reactions)


def _without_waiting(state: MonitorState) -> MonitorState:
    """Without periods that have ended and had no closed window yet: the journal has them, too.

    With months of label delay and a deploy a day, a hundred of them wait.
    """
    waiting = [one for one in state.periods[1:] if _waits(one)]
    since = [one.since for one in waiting]
    since += [state.waiting_since] if state.waiting_since is not None else []
    update = {"waiting_since": min(since, default=None)}
    return _without(state, waiting).model_copy(update=update)


def _waits(period: PeriodState) -> bool:
    seen = period.over or period.judged_windows or period.skipped_windows or period.recent
    return not seen and not period.reactions


def _reduced(period: PeriodState) -> PeriodState:
    """What history shows of a period that is over."""
    rules = tuple(
        one.model_copy(update={"points": ""}) for one in period.rules if one.degraded_in is not None
    )
    return period.model_copy(update={"rules": rules, "unjudged": {}, "recent": (), "classes": ()})


def _without(state: MonitorState, left: list[PeriodState]) -> MonitorState:
    operations = {one.operation for one in left}
    return _with(state, [one for one in state.periods if one.operation not in operations])


def _with(state: MonitorState, periods: list[PeriodState]) -> MonitorState:
    return state.model_copy(update={"periods": tuple(periods)})


def _thinned(state: MonitorState) -> MonitorState:
    """Fewer points, but the last of each: it says what is now."""
    periods = [
        one.model_copy(update={"rules": tuple(map(_thin_out, one.rules))}) for one in state.periods
    ]
    update = {
        name: drift.model_copy(update={"columns": tuple(map(_thin_out, drift.columns))})
        for name, drift in (("drift", state.drift), ("label_drift", state.label_drift))
        if drift is not None
    }
    return _with(state, periods).model_copy(update=update)


_Drawn = TypeVar("_Drawn", RuleState, ColumnDrift)


def _thin_out(one: _Drawn) -> _Drawn:
    return one.model_copy(update={"points": _fewer(one.points)})


def _fewer(points: str) -> str:
    listed = points.split()
    half = (len(listed) + 1) // 2
    return " ".join([*listed[:half][1::2], *listed[half:]] or listed[-1:])
