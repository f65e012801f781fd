"""Say on the pull request that the gate has begun, so that no older verdict is taken for this."""

from cdml.config import Loaded
from cdml.errors import ServiceError
from cdml.report.comment_policy import Talk
from cdml.report.formats import comment
from cdml.report.gate_changes import changed_addresses
from cdml.report.ports import ReportPorts


def begin(model: str, host: ReportPorts, talk: Talk, loaded: Loaded | None = None) -> str | None:
    """Post the comment that the verdict will replace, and give its address.

    In the modes that comment on some verdicts only, nothing is posted before there is one: a
    comment that is there already is brought up to date. A platform that refuses is only noted,
    for the report that follows tells it.

    Args:
        model: the model's name.
        host: where to tell it.
        talk: where and how to comment.
        loaded: the configuration; an address in it that the pull request changes is pointed out.
    """
    platform = host.platform
    notes = changed_addresses(loaded, host) if loaded is not None else ()
    body = comment.begun(model, platform.commit(), platform.run_url(), notes)
    try:
        return talk.say(host, body, quiet=talk.mode != "always", begun=True)
    except ServiceError as error:
        host.progress.note(f"no comment that the gate has begun: {error.message}")
        return None
