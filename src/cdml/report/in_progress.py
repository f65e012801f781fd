"""Replace an older verdict on the pull request: the gate has begun, or could not judge."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from cdml.common.verdict import Verdict
from cdml.config import LoadedConfig
from cdml.errors import CdmlError, InputError, ServiceError
from cdml.evidence.failure import BUG_IN_CDML
from cdml.evidence.store import remove_files, write_atomically
from cdml.report.comment_policy import CommentPolicy
from cdml.report.formats import comment
from cdml.report.gate_changes import changed_addresses
from cdml.report.ports import ReportPorts
from cdml.report.report_formats import COMMENT, MARKDOWN, report_formats


def post_in_progress(
    model: str, host: ReportPorts, policy: CommentPolicy, loaded: LoadedConfig | None = None
) -> str | None:
    """Post the comment that the verdict will replace, and give its address.

    In the modes that comment on some verdicts only, nothing is posted before there is one: a
    comment that is there already is updated. A refusal of the code host is only noted, because the
    report that follows says so too. An address of the configuration that the pull request changes
    is pointed out.
    """
    notes = changed_addresses(loaded, host) if loaded is not None else ()
    body = comment.in_progress(model, host.ci_run.commit(), host.ci_run.url(), notes)
    try:
        return policy.post(host, body, quiet=policy.mode != "always", begun=True)
    except ServiceError as error:
        host.progress.note(f"could not post the In progress comment: {error.message}")
        return None


def post_not_judged(
    host: ReportPorts,
    policy: CommentPolicy,
    output: Path | None,
    headline: str,
    lines: Sequence[str],
) -> str | None:
    """Put *Not judged* in the place of a verdict, and give the comment's address.

    Without `output` the gate only begins: the comment that is there is brought up to date, and only
    the mode `always` opens one.
    """
    run = host.ci_run.url()
    body = comment.unjudged(headline, lines, run)
    address, rendered = None, body
    try:
        address = policy.post(host, body, quiet=output is None and policy.mode != "always")
        if output is not None:
            policy.set_status(host, Verdict.FAIL, headline, address)
    except ServiceError as refused:
        host.progress.note(f"could not post the Not judged comment: {refused.message}")
        unposted = f"The comment was not posted: {refused.message} {refused.hint}".strip()
        rendered = comment.unjudged(headline, (*lines, unposted), run)
    if output is not None:
        with suppress(InputError):  # the folder cannot be written, which was reported already
            remove_files(*(output / name for name in report_formats()))
            write_atomically(output / COMMENT, body.encode())
            write_atomically(output / MARKDOWN, rendered.encode())
        host.ci_run.add_summary(rendered)
    return address


@contextmanager
def report_unusable(
    model: str, host: ReportPorts, policy: CommentPolicy, output: Path
) -> Iterator[None]:
    """Where evidence cannot be read, fetched or laid out, say so in the comment's place.

    Otherwise an older verdict, or that the gate has begun, would stand there for good. The error
    goes on, and so does its exit code.
    """
    try:
        yield
    except Exception as error:
        lines = (f"cdml crashed with {type(error).__name__}.", BUG_IN_CDML)
        if isinstance(error, CdmlError):
            lines = (error.message, error.hint)
        headline = f"the evidence of the new {model} cannot be used"
        with suppress(ServiceError):
            post_not_judged(host, policy, output, headline, [line for line in lines if line])
        raise
