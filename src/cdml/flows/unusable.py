"""Say that there is no verdict because what should tell it cannot be used."""

from collections.abc import Iterator
from contextlib import contextmanager

from cdml.config import Loaded
from cdml.errors import InputError, ServiceError
from cdml.flows.talking import Talk
from cdml.ports import Ports
from cdml.report import render


@contextmanager
def told_unusable(loaded: Loaded, ports: Ports, talk: Talk) -> Iterator[None]:
    """Where evidence cannot be read or fetched, say so in the comment's place.

    Otherwise an older verdict, or that the gate has begun, would stand there for good. The error
    goes on, and so does its exit code.

    Args:
        loaded: the configuration.
        ports: the world.
        talk: where and how to comment.
    """
    try:
        yield
    except (InputError, ServiceError) as error:
        body = render.unusable(
            loaded.config.model, error.message, error.hint, ports.platform.run_url()
        )
        try:
            ports.platform.summary(body)
            talk.say(ports, body, quiet=False)
        except ServiceError as refused:
            ports.progress.note(f"no comment that there is no verdict: {refused.message}")
        raise
