"""The checks of a release on a target that splits traffic: smoke cases, then its traffic."""

import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError

from cdml.common.scratch_folders import prefix as scratch_prefix
from cdml.config import LoadedConfig
from cdml.config.delivery import CanarySettings as Settings
from cdml.config.traffic_steps import ALL, Ramp
from cdml.delivery.canary.judge import judge_canary
from cdml.delivery.canary.state import CanaryState, observe_window
from cdml.delivery.checks.canary_forecast import canary_tolerances, forecast_canary
from cdml.delivery.checks.release_checks import CheckForecast, CheckResult
from cdml.delivery.checks.smoke import run_smoke_test, smoke_tolerances
from cdml.delivery.checks.smoke_cases import Case, all_passed, case_of_rows
from cdml.delivery.ports import DeliveryPorts
from cdml.delivery.rollout.state_machine import serves
from cdml.delivery.target import SplittingTarget
from cdml.delivery.traffic import ServerLabels
from cdml.errors import InputError, ServiceError
from cdml.evidence import reference_rows
from cdml.journal.records import Operation, Release, Serving

_CANARY = TypeAdapter(CanaryState)


@dataclass(frozen=True, slots=True, kw_only=True)
class CanaryJudge:
    """See `Checks`; a release that served before may serve again without smoke cases."""

    loaded: LoadedConfig
    ports: DeliveryPorts
    served: bool = False

    def smoke(self, target: SplittingTarget, release: Release) -> str:
        """See `Checks`."""
        cases, why = self._cases(release)
        because = f": {why}" if why else ""
        if not cases and self.served:
            sentence = (
                f"v{release.version} is ready, but no smoke cases are recorded for it{because}"
            )
            self.ports.progress.note(f"{sentence}.")
            return sentence
        if why:
            raise InputError(
                f"No smoke cases are recorded for v{release.version}, so it gets no traffic:"
                f" {why}.",
                "Train it on columns that may be stored, such as a band or a pseudonym, or"
                " correct the column's classification. Then run the gate again.",
            )
        checks = run_smoke_test(target, release, cases, smoke_tolerances(self.loaded.config))
        if not all_passed(checks):
            failed = " ".join(check.sentence for check in checks if not check.passed)
            hint = "" if cases else "Run `cdml gate` again: it records smoke cases."
            raise InputError(
                f"The server of v{release.version} failed its smoke test: {failed}", hint
            )
        return " ".join(check.sentence for check in checks)

    def look(self, operation: Operation, serving: Serving, now: datetime) -> CheckResult:
        """See `Checks`."""
        ramp = operation.ramp or Ramp()
        seen, last = self._remembered(ramp)
        slots = _slots(operation, serving)
        since = seen.until or ramp.since or now
        window = self.ports.traffic.window(since, now, slots)
        weight, settled = ramp.percent / ALL, last == ramp.percent
        seen = observe_window(seen, window, weight=weight, settled=settled)
        # How long it may take is decided by the ramp, whose time-out is no evidence of harm.
        judgement = judge_canary(seen, elapsed_seconds=0.0)
        state = _state(ramp.percent, seen)
        return CheckResult(judged=judgement.outcome, why=judgement.reason, state=state)

    def forecast(self, ramp: Ramp, since: datetime) -> CheckForecast:
        """See `Checks`; by the traffic of the last minutes, or else of the next."""
        rules, sentence = forecast_canary(self._settings, ramp, self.ports, since=since)
        return CheckForecast(sentence=sentence, state=_state(0, CanaryState(rules=rules)))

    def _cases(self, release: Release) -> tuple[Sequence[Case], str]:
        """What to ask; and where that is nothing, why, if it is known."""
        try:
            return self._read_cases(release)
        except ServiceError as error:
            if not self.served:
                raise
            self.ports.progress.note(error.message)
            return (), ""

    def _read_cases(self, release: Release) -> tuple[Sequence[Case], str]:
        registry = self.ports.registry
        version = registry.version(self.loaded.config.model, release.version)
        with tempfile.TemporaryDirectory(prefix=scratch_prefix("cdml-known")) as scratch:
            folder = registry.evidence(version, Path(scratch) / "evidence")
            cases = reference_rows.read_reference_rows(folder) if folder else None
        if cases is None or not cases.rows:
            return (), cases.withheld if cases else ""
        name = f"{len(cases.rows)} rows of the evaluation data"
        answers: Sequence[Sequence[Any]] = cases.answers
        return (case_of_rows(cases.by_column, answers, name=name),), ""

    @property
    def _settings(self) -> Settings | None:
        return self.loaded.config.deploy.canary

    def _remembered(self, ramp: Ramp) -> tuple[CanaryState, int | None]:
        """What the judge knows, and the share of its last window.

        Raises:
            InputError: the journal holds what no judge of this version wrote, or no limit that the
                configuration requires by now.
        """
        if ramp.state is None:
            settings = self._settings
            if settings and settings.latency_factor is not None:
                raise InputError(
                    "The champion's latencies were not measured before this canary began, so"
                    " there is no limit to judge it by.",
                    "Roll it back and deploy again.",
                )
            limit = settings.latency_limit_ms if settings else None
            return CanaryState(rules=canary_tolerances(settings, ramp, limit)), None
        try:
            return _CANARY.validate_python(ramp.state["canary"]), int(ramp.state["percent"])
        except (ValidationError, KeyError, TypeError, ValueError) as error:
            raise InputError(
                "The journal holds canary state that this version of cdml cannot read.",
                "Resume the canary with the version of cdml that started it, or roll it back.",
            ) from error


def _slots(operation: Operation, serving: Serving) -> ServerLabels:
    """How the records name the two servers; the challenger may have most of the traffic."""
    standby = serving.standby.server if serving.standby else None
    mine, other = standby, serving.server
    if serves(serving, operation.to):
        mine, other = other, mine
    if not mine or not other:
        raise InputError("The target does not say how request records name its servers.")
    return ServerLabels(champion=other, challenger=mine)


def _state(percent: int, canary: CanaryState) -> Mapping[str, Any]:
    """What the journal keeps of it; the percentage is that of the last window, 0 before it."""
    return {"percent": percent, "canary": _CANARY.dump_python(canary, mode="json")}
