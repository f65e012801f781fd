"""Which of several looks at the same moment opens the issue and starts the retraining.

The claim is in the state before anything is done, and only one of two pushes moves the branch. A
look that was killed leaves its claim; the next one takes it over when the CI system says that the
run is over, or after an hour.
"""

import secrets
from dataclasses import dataclass, field
from datetime import timedelta

from cdml.ci.automation import AutomationHost
from cdml.errors import ServiceError
from cdml.monitoring.ports import MonitoringPorts
from cdml.monitoring.state import Claim, MonitorState, Reaction

LEFT_AFTER = timedelta(hours=1)
"""When a claim was left by a look that is dead. Clocks of machines may differ by most of it."""
_GOOD_FOR = 600.0
"""Seconds for which a look relies on its own claim."""


@dataclass(slots=True, kw_only=True)
class OwnClaim:
    """This look's claim, and what it has started: that is not done again if the state has moved."""

    ports: MonitoringPorts
    look: str = field(default_factory=lambda: secrets.token_hex(8))
    started: dict[str, Reaction] = field(default_factory=dict)
    _since: float | None = None

    def on(self, state: MonitorState) -> MonitorState:
        """The state with our claim, if something is to be created and no other look is at it."""
        if not self._creates(state) or (state.claim is not None and not self._may_take(state)):
            return state
        if state.claim is not None and state.claim.look == self.look:
            return state
        self._since = self.ports.clock.monotonic()
        claim = Claim(look=self.look, at=self.ports.clock.now(), run=self.ports.ci_run.url())
        return state.model_copy(update={"claim": claim})

    def holds(self, state: MonitorState) -> bool:
        """Whether this look may create what the state intends, now."""
        if state.claim is None or state.claim.look != self.look or self._since is None:
            return False
        return self.ports.clock.monotonic() - self._since < _GOOD_FOR

    def released(self, state: MonitorState) -> MonitorState:
        """The state without our claim."""
        if state.claim is None or state.claim.look != self.look:
            return state
        return state.model_copy(update={"claim": None})

    def _creates(self, state: MonitorState) -> bool:
        if not isinstance(self.ports.code_host, AutomationHost):
            return False
        if state.issue is not None and state.issue.url is None:
            return True
        reactions = (one for period in state.periods for one in period.reactions)
        return any((one.kind, one.state) == ("retrain", "intended") for one in reactions)

    def _may_take(self, state: MonitorState) -> bool:
        claim = state.claim
        if claim is None or claim.look == self.look:
            return True
        if self.ports.clock.now() - claim.at > LEFT_AFTER:
            return True
        try:
            return claim.run is not None and self.ports.ci_run.is_over(claim.run)
        except ServiceError:
            return False
