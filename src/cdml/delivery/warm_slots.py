"""End what was kept warm for a rollback, once its time is over."""

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, cast

from cdml.delivery.operation.runner import Operator
from cdml.delivery.rollout.state_machine import outlived
from cdml.delivery.rollout.transitions import Transition
from cdml.errors import CdmlError
from cdml.journal.port import Moved

if TYPE_CHECKING:
    from cdml.delivery.target import SplittingTarget


def end_warm(operator: Operator, window: timedelta) -> str:
    """End it where nothing is under way, and tell; empty where there is nothing to end.

    The journal says so first, with a number that every later operation outbids: the target
    refuses this order once somebody stages what it was about to end. Trouble is told and leaves
    the server where it is, for the next run.

    Args:
        operator: of the model and the environment.
        window: how long it was to stay.

    Raises:
        ServiceError: the journal or the target cannot be read.
    """
    ports = operator.ports
    if not ports.target.splits_traffic:
        return ""
    found, now = operator.look(), ports.clock.now()
    warm = outlived(found.ledger, found.serving, window, now)
    if warm is None:
        return ""
    said = Transition(
        ledger=replace(found.ledger, generation=found.ledger.generation + 1),
        subject=f"deploy: end v{warm.version}, kept warm in {found.ledger.environment}",
    )
    try:
        operator.book.write(said, found.commit)
        cast("SplittingTarget", ports.target).retire(fence=said.ledger.generation)
    except Moved:
        return ""
    except CdmlError as error:
        ports.progress.note(f"v{warm.version} stays warm: {error.message}")
        return ""
    operator.steps.did("end", said.subject)
    return f" v{warm.version}, kept warm without traffic, was ended."
