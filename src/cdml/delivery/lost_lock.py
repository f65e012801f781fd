"""Begin again where the journal moved; and mend what a late write changed after a lock was lost.

A registry knows no precondition for an alias, so that a write which was on its way when another
operation took over may still arrive. Whoever lost looks once the other one is done.
"""

import secrets
from collections.abc import Callable
from dataclasses import replace
from typing import TypeVar

from cdml.delivery.divergence import cure_drift, describe_drift
from cdml.delivery.operation.observation import Observation, describe_serving, look_again
from cdml.delivery.operation.runner import OperationRunner
from cdml.delivery.rollout import transitions
from cdml.errors import CdmlError, LockHeld, Overtaken
from cdml.journal.port import Moved

ATTEMPTS = 5
"""How often to begin again when the journal moves before we hold the lock."""
_REASON = "this run lost its lock and wrote too late"
T = TypeVar("T")


def repeat_until_locked(operator: OperationRunner, act: Callable[[], T]) -> T:
    """Act, and again where the journal moved before the lock could be taken.

    Raises:
        LockHeld: it moved each time.
        Overtaken: the lock was lost; it says what serves now and what was mended.
    """
    for _ in range(ATTEMPTS):
        try:
            return act()
        except Moved:
            operator.ports.progress.note("The journal changed; reading it again.")
        except Overtaken as error:
            mended = _mend(operator, error.versions) if error.versions else ""
            now = describe_serving(look_again(operator.ports), operator.book.environment)
            message = " ".join(filter(None, (error.message, mended, now)))
            raise Overtaken(message, error.hint) from error
    raise LockHeld(f"The journal changed {ATTEMPTS} times before the lock could be taken.")


def _mend(operator: OperationRunner, versions: tuple[str, ...]) -> str:
    """Make the world follow the journal again, under a lock, where ours is what it differs by."""
    operator = replace(operator, id=secrets.token_hex(8), reason=_REASON)
    try:
        observation = operator.settle(patience=transitions.LEASE)
        drift = describe_drift(operator, observation)
        if not drift or not _served_versions(operator, observation).intersection(versions):
            return drift
        cure_drift(operator, observation, "repair")
    except Moved:
        return "Another operation is running and will set what serves."
    except CdmlError as trouble:
        return f"It is unknown whether the journal matches what serves: {trouble.message}"
    return "A late write of this run changed what serves; it was undone."


def _served_versions(operator: OperationRunner, observation: Observation) -> set[str | None]:
    """What has traffic, and what the alias names."""
    standby, alias = observation.serving.standby, operator.effects.alias
    return {
        observation.serving.version,
        standby.version if standby and standby.percent else None,
        alias.names() if alias else None,
    } - {None}
