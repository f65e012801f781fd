"""What serves: looked at when a run begins, and again where an operation ends in trouble.

What a failed step intended says nothing about its effects, and what was seen before it may be
outdated. So every message about trouble is built from a look after it.
"""

from dataclasses import dataclass
from datetime import datetime

from cdml.config.traffic_steps import ALL
from cdml.delivery.ports import DeliveryPorts
from cdml.errors import CdmlError, ServiceError
from cdml.journal.records import JournalDocument, Operation, Serving


@dataclass(frozen=True, slots=True, kw_only=True)
class Observation:
    """The journal, the commit that the next write is based on, and the target at one moment."""

    ledger: JournalDocument
    commit: str | None
    serving: Serving


@dataclass(frozen=True, slots=True, kw_only=True)
class OperationResult:
    """How far an operation was carried, and why it was undone, if it was."""

    observation: Observation
    operation: Operation
    trouble: CdmlError | None
    deployment: str | None
    restored_at: datetime | None  # when `to` was first seen to have all traffic

    @property
    def parked_until(self) -> datetime | None:
        """Until when it waits to be resumed; None where it is over."""
        return self.observation.ledger.parked_until


AGAIN = 1.0
"""Seconds after which a target that gave no answer is queried once more."""


def look(ports: DeliveryPorts) -> Serving:
    """What the target serves; after one broken answer it is queried again, as nothing was changed.

    Raises:
        ServiceError: it did not answer twice.
    """
    try:
        return ports.target.observe()
    except ServiceError as error:
        ports.progress.note(error.message)
    ports.clock.sleep(AGAIN)
    return ports.target.observe()


def look_again(ports: DeliveryPorts) -> Serving | CdmlError:
    """What the target serves now, or why it does not say."""
    try:
        return look(ports)
    except CdmlError as error:
        return error


def describe_serving(seen: Serving | CdmlError, environment: str) -> str:
    """One sentence about what serves an environment."""
    if isinstance(seen, CdmlError):
        return f"Cannot tell what serves {environment} now: {seen.message}"
    if seen.version is None:
        return f"Nothing serves {environment} now."
    standby = seen.standby
    if standby is not None and standby.percent:
        return (
            f"v{seen.version} serves {environment} now, and v{standby.version} has"
            f" {standby.percent} % of its traffic."
        )
    return f"v{seen.version} serves {environment} now."


def last_shares(seen: Serving) -> str:
    """Who had which share of the traffic when it was last seen, and so has it until further notice.

    Nobody moves traffic while the target does not answer, so the shares stay.
    """
    if seen.version is None:
        return "When last checked, nothing had traffic."
    standby = seen.standby
    if standby is not None and standby.percent:
        return (
            f"When last checked, v{seen.version} had {ALL - standby.percent} % of the traffic"
            f" and v{standby.version} {standby.percent} %. The shares stay the same until the"
            " target answers."
        )
    return (
        f"When last checked, v{seen.version} had all the traffic. It keeps it until the target"
        " answers."
    )
