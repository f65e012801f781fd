"""What serves, looked at once more where an operation ends in trouble.

What a failed step intended says nothing about what its effects were, and what was seen before it
may be over. So every message about trouble is made of a look after it.
"""

from cdml.core.journal import Serving
from cdml.errors import CdmlError
from cdml.ports import Ports


def look_again(ports: Ports) -> Serving | None:
    """What the target serves now, or None where it does not say."""
    try:
        return ports.target.observe()
    except CdmlError:
        return None


def describe(serving: Serving | None, environment: str) -> str:
    """One sentence about what serves an environment."""
    if serving is None:
        return f"What serves {environment} now could not be seen."
    if serving.version is None:
        return f"Nothing serves {environment} now."
    beside = serving.beside
    if beside is not None and beside.percent:
        return (
            f"v{serving.version} serves {environment} now, and v{beside.version} has"
            f" {beside.percent} % of its traffic."
        )
    return f"v{serving.version} serves {environment} now."
