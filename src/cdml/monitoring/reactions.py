"""What a look brings about: the issue, and retraining or a rollback once for each degradation.

What is intended is in the state before it is done, so that a run that is killed in between leaves
nothing that the next one does not know of.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from cdml.ci.automation import AutomationHost, EventHost
from cdml.common.verdict import Verdict
from cdml.config.monitoring import MonitoringSettings
from cdml.errors import ConfigurationError, ServiceError
from cdml.evidence.monitor import Monitoring, ReactionTaken
from cdml.journal.branches import branch_part
from cdml.monitoring.claim import OwnClaim
from cdml.monitoring.ports import MonitoringPorts
from cdml.monitoring.state import IssueState, MonitorState, PeriodState, Reaction
from cdml.report.formats.monitoring_issue import issue_body, issue_title

_ONCE: tuple[Literal["rollback", "retrain"], ...] = ("rollback", "retrain")
"""What is done once for each degradation."""
_TROUBLED = frozenset({Verdict.FAIL, Verdict.INCONCLUSIVE})
_LONGEST = 900
"""Characters of the reason that a workflow is given."""


def refuse_reactions(settings: MonitoringSettings, ports: MonitoringPorts) -> None:
    """Refuse at the first look what the code host could not do at the first degradation.

    Raises:
        ConfigurationError: retraining is started by an event, and the host has none.
    """
    if settings.retrain is None or settings.retrain.event is None:
        return
    host = ports.code_host
    if isinstance(host, AutomationHost) and not isinstance(host, EventHost):
        raise ConfigurationError(
            "monitoring.retrain.event needs GitHub: this code host has no repository_dispatch.",
            "Set monitoring.retrain.workflow instead. On GitLab it starts a pipeline"
            " (docs/gitlab.md).",
        )


def intend(
    state: MonitorState,
    evidence: Monitoring,
    settings: MonitoringSettings,
    now: datetime,
    *,
    serving: str,
) -> MonitorState:
    """The state with what this look is going to do; `serving` deployed what serves.

    An alarm of the first look, such as that there are no labels yet, comes before any period.
    """
    troubled = evidence.verdict in _TROUBLED
    if troubled and "issue" in settings.on_degradation and state.issue is None:
        state = state.model_copy(update={"issue": IssueState(url=None, operation=serving)})
    if not state.periods or not any(rule.degraded for rule in state.periods[0].rules):
        return state
    period = state.periods[0]
    there = {one.kind for one in period.reactions}
    where = f"{evidence.model} v{period.version} in {evidence.environment}"
    reason = f"{where}: {evidence.reason}"[:_LONGEST].strip()
    # Versions are compared on all rows, so a slice alone does not roll back.
    overall = any(rule.degraded and rule.part is None for rule in period.rules)
    begun = tuple(
        Reaction(kind=kind, state="intended", at=now, reason=reason)
        for kind in _ONCE
        if kind in settings.on_degradation and kind not in there
        if overall or kind != "rollback"
    )
    period = period.model_copy(update={"reactions": (*period.reactions, *begun)})
    return state.model_copy(update={"periods": (period, *state.periods[1:])})


@dataclass(frozen=True, kw_only=True)
class Reactions:
    """Carries out what is intended; a host that refuses is reported, and tried at the next look."""

    ports: MonitoringPorts
    settings: MonitoringSettings
    claim: OwnClaim

    def carry_out(
        self, state: MonitorState, evidence: Monitoring
    ) -> tuple[MonitorState, Monitoring]:
        """The state after it was done, and the evidence with what was done."""
        state, evidence = self._retrain(state, evidence)
        state, evidence = self._report(state, evidence)
        return self.claim.released(state), evidence

    def _retrain(
        self, state: MonitorState, evidence: Monitoring
    ) -> tuple[MonitorState, Monitoring]:
        """Retrain for what serves, and for what monitoring rolled back before it was killed."""
        claimed = self.claim.holds(state)
        periods = tuple(
            period.model_copy(
                update={
                    "reactions": tuple(
                        self._start(one, period, serves=place == 0, claimed=claimed)
                        if (one.kind, one.state) == ("retrain", "intended")
                        else one
                        for one in period.reactions
                    )
                }
            )
            for place, period in enumerate(state.periods)
        )
        for one in periods[0].reactions if periods else ():
            waits = not claimed and (one.kind, one.state) == ("retrain", "intended") and state.claim
            detail = {"detail": _ELSEWHERE} if waits else {}
            evidence = _with(evidence, _taken(one).model_copy(update=detail))
        after = state.model_copy(update={"periods": periods})
        return after, with_earlier(evidence, state, after)

    def _start(
        self, reaction: Reaction, period: PeriodState, *, serves: bool, claimed: bool
    ) -> Reaction:
        if period.operation in self.claim.started:
            return self.claim.started[period.operation]
        if not serves and _done_rollback(period) is None:
            detail = f"Nothing was started: v{period.version} does not serve any more."
            return reaction.model_copy(update={"state": "declined", "detail": detail})
        host = self.ports.code_host
        if not isinstance(host, AutomationHost):
            return reaction.model_copy(update={"detail": _NO_HOST})
        if not claimed:
            return reaction
        try:
            detail, url = self._dispatch(host, reaction)
        except ServiceError as error:
            return reaction.model_copy(update={"detail": error.sentences})
        done = reaction.model_copy(update={"state": "done", "detail": detail, "url": url})
        self.claim.started[period.operation] = done
        return done

    def _dispatch(self, host: AutomationHost, reaction: Reaction) -> tuple[str, str]:
        """What was started, in words, and the address of its run."""
        settings, given = self.settings.retrain, {"reason": reaction.reason}
        if settings is not None and settings.workflow is not None:
            url = host.start_workflow(settings.workflow, settings.ref, given, since=reaction.at)
            return f"{settings.workflow} was started.", url
        if settings is not None and settings.event is not None and isinstance(host, EventHost):
            url = host.send_event(settings.event, given, since=reaction.at)
            return f"The event {settings.event} was sent.", url
        raise ServiceError(_NO_HOST if settings else "monitoring.retrain is not set any more.")

    def _report(self, state: MonitorState, evidence: Monitoring) -> tuple[MonitorState, Monitoring]:
        if state.issue is None:
            return state, evidence
        host = self.ports.code_host
        if not isinstance(host, AutomationHost):
            return state, _with(evidence, _issue("refused", _NO_HOST))
        unreported = _unreported(state, state.issue)
        if unreported is not None and _taken(unreported) not in evidence.reactions:
            evidence = _with(evidence, _taken(unreported))
        if state.issue.url is None and not self.claim.holds(state):
            return state, _with(evidence, _issue("refused", _ELSEWHERE))
        id_ = f"{branch_part(evidence.environment)}/{branch_part(evidence.model)}"
        try:
            if unreported is not None or evidence.verdict in _TROUBLED:
                url = host.report_issue(id_, issue_title(evidence), issue_body(evidence))
                state = state.model_copy(
                    update={"issue": state.issue.model_copy(update={"url": url})}
                )
                return state, _with(evidence, _issue("done", "The issue is up to date.", url))
            closed = host.close_issue(id_, issue_body(evidence))
        except ServiceError as error:
            return state, _with(evidence, _issue("refused", error.sentences))
        state = state.model_copy(update={"issue": None})
        return state, _with(evidence, _issue("done", "The issue is closed.", closed))


_STATES: Mapping[str, Literal["done", "declined"]] = {"done": "done", "declined": "declined"}
_ELSEWHERE = "Another run of cdml monitor is at it. What it leaves is done at a later look."
_NO_HOST = "There is no code host here that has issues and workflows."


def with_earlier(evidence: Monitoring, before: MonitorState, after: MonitorState) -> Monitoring:
    """The evidence with what became of reactions to versions that serve no more."""
    for old, new in zip(before.periods[1:], after.periods[1:], strict=True):
        for then, now in zip(old.reactions, new.reactions, strict=True):
            evidence = evidence if then == now else _with(evidence, _taken(now))
    return evidence


def _done_rollback(period: PeriodState) -> Reaction | None:
    done = (one for one in period.reactions if (one.kind, one.state) == ("rollback", "done"))
    return next(done, None)


def _unreported(state: MonitorState, issue: IssueState) -> Reaction | None:
    """A rollback of what the issue is about, if the run was killed before it opened the issue."""
    if issue.url is not None:
        return None
    about = (one for one in state.periods if one.operation == issue.operation)
    return next(filter(None, map(_done_rollback, about)), None)


def _with(evidence: Monitoring, reaction: ReactionTaken) -> Monitoring:
    return evidence.model_copy(update={"reactions": (*evidence.reactions, reaction)})


def _issue(state: str, detail: str, url: str | None = None) -> ReactionTaken:
    return ReactionTaken.model_validate(
        {"kind": "issue", "state": state, "detail": detail, "url": url}
    )


def _taken(reaction: Reaction) -> ReactionTaken:
    return ReactionTaken(
        kind=reaction.kind,
        state=_STATES.get(reaction.state, "refused"),
        detail=reaction.detail or "It is tried at the next look.",
        url=reaction.url,
    )
