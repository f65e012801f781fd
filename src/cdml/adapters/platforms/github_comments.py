"""The one comment of a report on a pull request: found, updated, never doubled."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import quote

from github.IssueComment import IssueComment

from cdml.adapters.platforms.github_client import Client, Gone, asking, once

_PERMISSION = "pull-requests: write"
_MARKER = re.compile(r"<!-- cdml:report id=(?P<id>\S+) run=(?P<run>\d+)\.(?P<attempt>\d+) -->")


@dataclass(frozen=True, slots=True, kw_only=True)
class Marker:
    """The hidden last line of a comment.

    Attributes:
        id: whose report it is; percent-encoded, so that it is found whole or not at all.
        run: number and attempt of the run that wrote it; runs are numbered in time.
    """

    id: str
    run: tuple[int, int]

    @classmethod
    def of(cls, report_id: str, run: tuple[int, int]) -> "Marker":
        """The marker of a report."""
        return cls(id=quote(report_id, safe=""), run=run)

    @classmethod
    def found(cls, body: str) -> "Marker | None":
        """The marker a comment ends with."""
        last = body.rstrip().rpartition("\n")[2].strip()
        match = _MARKER.fullmatch(last)
        if match is None:
            return None
        return cls(id=match["id"], run=(int(match["run"]), int(match["attempt"])))

    def __str__(self) -> str:
        run, attempt = self.run
        return f"<!-- cdml:report id={self.id} run={run}.{attempt} -->"


def post(
    client: Client,
    number: int,
    marker: Marker,
    text: str,
    *,
    only_update: bool,
) -> str | None:
    """Post a report or update the one that is there, and give its address.

    Args:
        client: the repository.
        number: the pull request.
        marker: whose report, by which run.
        text: the report without its marker.
        only_update: do not post where there is none yet.

    Returns:
        The comment's address; None where there is none and none was to be posted.

    Raises:
        ServiceError: GitHub refused or did not answer.
    """
    with asking("ask who it is", _PERMISSION):
        viewer = client.viewer()
    body = f"{text.rstrip()}\n\n{marker}\n"

    def found() -> str | None:
        own = list(_own(client, number, viewer, marker.id))
        if not own:
            return None
        try:
            return _update(own[-1], marker, body)
        except Gone:  # deleted after it was read
            return None

    def made() -> str:
        with asking("comment on the pull request", _PERMISSION):
            issue = client.repository.get_issue(number)
            return issue.create_comment(body).html_url

    return found() if only_update else once(found, made)


def _own(client: Client, number: int, viewer: str, id_: str) -> Iterator[IssueComment]:
    """The comments of this report, oldest first, over all pages."""
    # The login is `github-actions[bot]` in REST and may be without `[bot]` in GraphQL.
    logins = {viewer, f"{viewer}[bot]"}
    with asking("read the pull request's comments", "pull-requests: read"):
        for comment in client.repository.get_issue(number).get_comments():
            if getattr(comment.user, "login", None) in logins:  # None: the account is gone
                marker = Marker.found(comment.body or "")
                if marker is not None and marker.id == id_:
                    yield comment


def _update(comment: IssueComment, marker: Marker, body: str) -> str:
    """Bring a comment up to date, unless it says the same or a newer run wrote it."""
    there = Marker.found(comment.body)
    newer = there is not None and there.run > marker.run
    if not newer and _text(comment.body) != _text(body):
        with asking("update its comment", _PERMISSION):
            comment.edit(body)
    return comment.html_url


def _text(body: str) -> str:
    """A comment without its marker, as GitHub may have stored it."""
    return _MARKER.sub("", body.replace("\r\n", "\n")).strip()
