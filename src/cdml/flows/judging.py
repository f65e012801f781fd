"""The questions to a release on a target that splits traffic: known answers, then its traffic."""

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError

from cdml.config import Loaded
from cdml.core.canary import Canary, Outcome, Rules, Window, expectation, judge, observe
from cdml.core.journal import Operation, Release, Serving
from cdml.core.ramp import ALL, Ramp
from cdml.core.rollout import Judged, serves
from cdml.core.smoke import Case, case_of_rows, passed
from cdml.errors import CdmlError, ConfigurationError, InputError, ServiceError
from cdml.evidence import known
from cdml.flows.checks import Look
from cdml.flows.smoke import limits_of, smoke
from cdml.ports import Ports, Slots, SplittingTarget

LATELY = timedelta(minutes=2)
"""How far back the traffic is looked at before a canary begins."""
LISTEN = 10.0
"""Seconds it is listened to where nothing was kept of it."""

_CANARY = TypeAdapter(Canary)
_JUDGED = {
    Outcome.PROMOTE: Judged.PROMOTE,
    Outcome.HOLD: Judged.HOLD,
    Outcome.ROLLBACK: Judged.ROLLBACK,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Judging:
    """See `Checks`.

    Attributes:
        loaded: the configuration.
        ports: the world.
        served: whether the release served before: it may go back without known answers.
    """

    loaded: Loaded
    ports: Ports
    served: bool = False

    def smoke(self, target: SplittingTarget, release: Release) -> str:
        """See `Checks`."""
        cases = self._cases(release)
        if not cases and self.served:
            self.ports.progress.note(f"Nothing is known to ask v{release.version}: it is ready.")
            return f"v{release.version} is ready; nothing is known to ask it"
        checks = smoke(target, release, cases, limits_of(self.loaded.config))
        if not passed(checks):
            failed = " ".join(check.sentence for check in checks if not check.passed)
            hint = "" if cases else "Judge it again: `cdml gate` keeps rows to ask a server."
            raise InputError(f"the server of v{release.version} failed its check: {failed}", hint)
        return " ".join(check.sentence for check in checks)

    def look(self, operation: Operation, serving: Serving, now: datetime) -> Look:
        """See `Checks`."""
        ramp = operation.ramp or Ramp()
        seen, last = self._remembered(ramp)
        slots = _slots(operation, serving)
        since = seen.until or ramp.since or now
        window = self.ports.traffic.window(since, now, slots)
        weight, settled = ramp.percent / ALL, last == ramp.percent
        seen = observe(seen, window, weight=weight, settled=settled)
        # How long it may take is decided by the ramp, whose time-out is no evidence of harm.
        judgement = judge(seen, elapsed_seconds=0.0)
        state = {"percent": ramp.percent, "canary": _CANARY.dump_python(seen, mode="json")}
        return Look(judged=_JUDGED[judgement.outcome], why=judgement.reason, state=state)

    def forecast(self, ramp: Ramp) -> str:
        """See `Checks`; at the traffic of the last minutes, where that is known."""
        share = ramp.steps[-2] if len(ramp.steps) > 1 else ALL
        try:
            serving = self.ports.target.observe()
            seen = self._lately(Slots(champion=serving.server or "-", challenger="<none>"))
        except ConfigurationError:
            raise  # what can never be read must be known before anything is touched
        except CdmlError as error:
            return f"when a decision is to be expected is not known: {error.message}"
        answers, minutes = seen.champion, (seen.until - seen.since).total_seconds() / 60
        if answers.requests == 0:
            return "when a decision is to be expected is not known: no traffic was seen"
        found = expectation(
            self._rules(ramp),
            weight=share / ALL,
            requests_per_minute=answers.requests / minutes,
            error_rate=answers.errors / answers.requests,
            minutes_between_looks=ramp.every / 60,
        )
        good, bad = _minutes(found.promote), _minutes(found.rollback)
        return (
            f"at {answers.requests / minutes:,.0f} requests a minute and {share} % of them, a"
            f" version as good as the champion is promoted {good}, and one with {found.times:g}"
            f" times the errors taken back {bad}; the time-out is {ramp.timeout / 60:,.0f} min"
        )

    def _lately(self, slots: Slots) -> Window:
        """The traffic of the last minutes; where nobody kept it, of the next seconds."""
        clock = self.ports.clock
        now = clock.now()
        seen = self.ports.traffic.window(now - LATELY, now, slots)
        if seen.champion.requests:
            return seen
        clock.sleep(LISTEN)
        return self.ports.traffic.window(now, clock.now(), slots)

    def _cases(self, release: Release) -> Sequence[Case]:
        try:
            return self._known(release)
        except ServiceError as error:
            if not self.served:
                raise
            self.ports.progress.note(error.message)
            return ()

    def _known(self, release: Release) -> Sequence[Case]:
        registry = self.ports.registry
        version = registry.version(self.loaded.config.model, release.version)
        with tempfile.TemporaryDirectory(prefix="cdml-known-") as scratch:
            folder = registry.evidence(version, Path(scratch) / "evidence")
            found = known.read(folder) if folder else None
        if found is None or not found.rows:
            return ()
        name = f"{len(found.rows)} rows of the evaluation data"
        answers: Sequence[Sequence[Any]] = found.answers
        return (case_of_rows(found.by_column, answers, name=name),)

    def _rules(self, ramp: Ramp) -> Rules:
        canary = self.loaded.config.deploy.canary
        rules = Rules(timeout_seconds=ramp.timeout)
        if canary is None:
            return rules
        return replace(
            rules,
            tolerated_ratio=canary.tolerated_ratio,
            tolerated_error_rate=canary.tolerated_error_rate,
            latency_limit_ms=canary.latency_limit_ms,
        )

    def _remembered(self, ramp: Ramp) -> tuple[Canary, int | None]:
        """What the judge knows, and the share of its last window.

        Raises:
            InputError: the journal holds what no judge of this version wrote.
        """
        if ramp.state is None:
            return Canary(rules=self._rules(ramp)), None
        try:
            return _CANARY.validate_python(ramp.state["canary"]), int(ramp.state["percent"])
        except (ValidationError, KeyError, TypeError, ValueError) as error:
            raise InputError(
                "The journal holds a judge's state that this cdml does not read.",
                "Resume the canary with the version that began it, or roll it back.",
            ) from error


def _slots(operation: Operation, serving: Serving) -> Slots:
    """How the records name the two servers; the challenger may have most of the traffic."""
    beside = serving.beside.server if serving.beside else None
    mine, other = beside, serving.server
    if serves(serving, operation.to):
        mine, other = other, mine
    if not mine or not other:
        raise InputError("the target does not tell how records of requests name its servers.")
    return Slots(champion=other, challenger=mine)


def _minutes(found: float | None) -> str:
    if found is None:
        return "not within a month"
    return "within a minute" if found < 1 else f"in about {found:,.0f} min"
