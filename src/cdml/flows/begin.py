"""Say on the pull request that the gate has begun, so that no older verdict is taken for this."""

from cdml.config import Loaded
from cdml.errors import ServiceError
from cdml.flows.talking import Talk
from cdml.ports import Ports
from cdml.report import render


def begin(loaded: Loaded, ports: Ports, talk: Talk) -> str | None:
    """Post the comment that the verdict will replace, and give its address.

    In the modes that comment on some verdicts only, nothing is posted before there is one: a
    comment that is there already is brought up to date. A platform that refuses is only noted,
    for the report that follows tells it.

    Args:
        loaded: the configuration.
        ports: the world.
        talk: where and how to comment.
    """
    platform = ports.platform
    body = render.begun(loaded.config.model, platform.commit(), platform.run_url())
    try:
        return talk.say(ports, body, quiet=talk.mode != "always", begun=True)
    except ServiceError as error:
        ports.progress.note(f"no comment that the gate has begun: {error.message}")
        return None
