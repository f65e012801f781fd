"""A lock that was lost: what is told, and what a late write of ours changed is mended.

A registry knows no precondition for an alias, so that a write which was on its way when another
operation took over may still arrive. Whoever lost looks once the other one is done.
"""

import secrets

from cdml.delivery.divergence import Divergence
from cdml.delivery.operation.observation import Observation, describe_serving, look_again
from cdml.delivery.operation.runner import OperationRunner
from cdml.delivery.rollout import transitions
from cdml.errors import CdmlError, Overtaken
from cdml.journal.port import Moved

_REASON = "a run that was overtaken wrote it late"


def after_loss(operator: OperationRunner, error: Overtaken) -> Overtaken:
    """The error to raise: what serves now, and whether a late write of ours was taken back."""
    mended = _mend(operator, error.versions) if error.versions else ""
    now = describe_serving(look_again(operator.ports), operator.book.environment)
    return Overtaken(" ".join(filter(None, (error.message, mended, now))), error.hint)


def _mend(operator: OperationRunner, versions: tuple[str, ...]) -> str:
    """Make the world follow the journal again, under a lock, where ours is what it differs by."""
    id_ = secrets.token_hex(8)
    drift = Divergence(operator=operator, id=id_, reason=_REASON)
    try:
        observation = operator.settle(secrets.token_hex(8), patience=transitions.LEASE)
        message = drift.told(observation)
        if not message or not _named(operator, observation).intersection(versions):
            return message
        drift.cure(observation, "repair")
    except Moved:
        return "Others deliver now, and see to what serves."
    except CdmlError as trouble:
        return f"Whether the journal and what serves agree is not known: {trouble.message}"
    return "A late write of this run changed what serves; it was taken back."


def _named(operator: OperationRunner, observation: Observation) -> set[str | None]:
    """What has traffic, and what the alias names."""
    standby, alias = observation.serving.beside, operator.effects.alias
    return {
        observation.serving.version,
        standby.version if standby and standby.percent else None,
        alias.names() if alias else None,
    } - {None}
