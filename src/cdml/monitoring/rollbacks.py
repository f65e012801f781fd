"""Rolling back what has degraded: once, and only to a version that is proven better.

The state says what is intended, then which version is proven better and restored, then that it was.
The rollback has an id of the degradation's own, so a run that is killed in between is finished.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from cdml.config import LoadedConfig
from cdml.delivery.checks.canary import CanaryJudge
from cdml.delivery.notify import notify
from cdml.delivery.rollback import choose_release, rollback
from cdml.errors import CdmlError, InputError
from cdml.evidence.monitor import Monitoring
from cdml.monitoring.ports import MonitoringPorts
from cdml.monitoring.replay import Replay
from cdml.monitoring.state import MonitorState, PeriodState, Reaction

_LONGEST = 900
"""Characters of the reason that the journal is given."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rollbacks:
    """The rollbacks of one look; `serving` is the operation that deployed what serves."""

    loaded: LoadedConfig
    ports: MonitoringPorts
    environment: str
    serving: str
    output: Path

    def prove(self, state: MonitorState, replay: Replay | None) -> MonitorState:
        """The state with rollbacks begun whose version is proven better, and others declined.

        Without a replay the tables cannot be read, and nothing is compared.
        """
        return _each(state, "intended", lambda period, one: self._prove(period, one, replay))

    def carry_out(self, state: MonitorState, evidence: Monitoring) -> MonitorState:
        """The state after the rollbacks that have begun."""
        return _each(state, "begun", lambda period, one: self._roll_back(period, one, evidence))

    def _prove(self, period: PeriodState, reaction: Reaction, replay: Replay | None) -> Reaction:
        if period.operation != self.serving:
            return self._declined(period, reaction)
        if replay is None or reaction.compared_to == period.next_window:
            return reaction
        number = reaction.comparisons + 1
        try:
            release = choose_release(
                self.loaded,
                self.ports,
                output=self.output,
                environment=self.environment,
                only=period.operation,
            )
            result = replay.compare(period, release, number=number)
        except CdmlError as error:
            return reaction.model_copy(update={"detail": error.sentences})
        update = {
            "detail": result.reason,
            "comparisons": number,
            "compared_to": period.next_window,
        }
        if result.better:
            update |= {"state": "begun", "to": release.version}
        return reaction.model_copy(update=update)

    def _roll_back(self, period: PeriodState, reaction: Reaction, evidence: Monitoring) -> Reaction:
        degraded = next((one for one in period.rules if one.degraded and not one.part), None)
        why = f"{degraded.metric} has degraded. " if degraded else ""
        splits = self.ports.target.splits_traffic
        checks = CanaryJudge(loaded=self.loaded, ports=self.ports, served=True) if splits else None
        try:
            done = rollback(
                self.loaded,
                self.ports,
                output=self.output,
                to=reaction.to,
                environment=self.environment,
                reason=f"monitor: {why}{reaction.detail}"[:_LONGEST],
                request_id=f"monitor {period.operation}",
                checks=checks,
                only=period.operation,
            )
        except InputError as error:  # nothing was done, and it has to be proven anew
            if period.operation != self.serving:
                return self._declined(period, reaction)
            update = {"state": "intended", "to": None, "detail": error.sentences}
            return reaction.model_copy(update=update)
        except CdmlError as error:
            return reaction.model_copy(update={"detail": error.sentences})
        notify(self.loaded, self.ports, done)
        detail = f"v{done.to.version} serves {self.environment} again. {reaction.detail}"
        update = {"state": "done", "detail": detail, "url": evidence.produced.run}
        return reaction.model_copy(update=update)

    def _declined(self, period: PeriodState, reaction: Reaction) -> Reaction:
        detail = f"Nothing was rolled back: v{period.version} does not serve any more."
        return reaction.model_copy(update={"state": "declined", "detail": detail})


def has_rollbacks(state: MonitorState) -> bool:
    """Whether a rollback is to be proven or carried out."""
    reactions = (one for period in state.periods for one in period.reactions)
    return any(one.kind == "rollback" and one.state in {"intended", "begun"} for one in reactions)


def _each(
    state: MonitorState, stage: str, change: Callable[[PeriodState, Reaction], Reaction]
) -> MonitorState:
    """The state with every rollback at this stage changed."""
    periods = tuple(
        period.model_copy(
            update={
                "reactions": tuple(
                    change(period, one) if (one.kind, one.state) == ("rollback", stage) else one
                    for one in period.reactions
                )
            }
        )
        for period in state.periods
    )
    return state.model_copy(update={"periods": periods})
