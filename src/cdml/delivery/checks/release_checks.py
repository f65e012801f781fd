"""The checks of a release that serves, or is about to."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from cdml.config.traffic_steps import Ramp
from cdml.delivery.rollout.state_machine import Decision
from cdml.delivery.target import SplittingTarget
from cdml.journal.records import Operation, Release, Serving


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckResult:
    """What the judge said at one look, and what it has to remember, as plain JSON values."""

    judged: Decision
    why: str
    state: Mapping[str, Any] | None


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckForecast:
    """What is known before a canary begins.

    Attributes:
        told: what limit its latencies have and how long a decision is expected to take, in one
            line; empty where nothing is judged.
        state: what the judge has to remember of it; plain JSON values.
    """

    sentence: str = ""
    state: Mapping[str, Any] | None = None


class Checks(Protocol):
    """The questions between the effects of an operation on a target that splits traffic."""

    def smoke(self, target: SplittingTarget, release: Release) -> str:
        """Check a staged release before it gets traffic; one line that says what was checked.

        Raises:
            InputError: it does not answer as it must.
            ServiceError: it could not be asked.
        """
        ...

    def look(self, operation: Operation, serving: Serving, now: datetime) -> CheckResult:
        """Judge a canary by the traffic so far.

        Raises:
            ServiceError: the traffic could not be read; this is never taken for a good sign.
        """
        ...

    def forecast(self, ramp: Ramp, since: datetime) -> CheckForecast:
        """Look at the traffic of the champion, which serves `since` then, before a version has any.

        Raises:
            ConfigurationError: the traffic can never be read as it is configured.
            InputError: it does not tell what the version is to be judged by.
            ServiceError: it cannot be read.
        """
        ...
