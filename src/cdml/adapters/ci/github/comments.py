"""The one comment of a report, and its update in place."""

import re
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from enum import StrEnum
from urllib.parse import quote

from github.CommitComment import CommitComment
from github.IssueComment import IssueComment

from cdml.adapters.ci.github.client import Client, NotFoundError, create_once, translate_errors
from cdml.ci.code_host import Behaviour, Commit, Thread, Warned

_MARKER = re.compile(
    r"<!-- cdml:report id=(?P<id>\S+)(?: of=(?P<source>\S+))? run=(?P<run>\d+)\.(?P<attempt>\d+)"
    r"(?: at=(?P<at>[\d:TZ-]+))?(?: state=(?P<state>begun|told|hidden))?"
    r"(?: warned=(?P<warned>\S*))? -->"
)
_MOST_WARNINGS = 50
_WARNINGS = re.compile(rf"\+?[0-9a-f]{{8}}(?:,\+?[0-9a-f]{{8}}){{0,{_MOST_WARNINGS - 1}}}")
_NEW = "+"
Comment = IssueComment | CommitComment


class State(StrEnum):
    """How far the run was that wrote a comment; hidden where a newer one took its place."""

    BEGUN = "begun"
    REPORTED = "told"
    HIDDEN = "hidden"


@dataclass(frozen=True, slots=True, kw_only=True)
class Marker:
    """The hidden last line of a comment.

    Attributes:
        id: whose report it is; percent-encoded, so that it is found whole or not at all.
        source: the configuration that names the model, likewise; empty where the id was given.
        run: number and attempt of the run that judged; runs are numbered in time.
        at: when it was written, in UTC.
        state: how far that run was.
        warned: digests of the report's warnings, each with whether the report before had it; at
            most `_MOST_WARNINGS`, so that the comment has room for them.
    """

    id: str
    source: str = ""
    run: tuple[int, int]
    at: str = ""
    state: State = State.REPORTED
    warned: Warned = field(default_factory=dict)

    @classmethod
    def for_report(
        cls,
        report_id: str,
        run: tuple[int, int],
        state: State = State.REPORTED,
        *,
        source: str = "",
    ) -> "Marker":
        """The marker of a report that is written now."""
        now = f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}"
        id_, source = quote(report_id, safe=""), quote(source, safe="/")
        return cls(id=id_, source=source, run=run, at=now, state=state)

    @classmethod
    def parse(cls, body: str) -> "Marker | None":
        """The marker a comment ends with."""
        last = body.rstrip().rpartition("\n")[2].strip()
        match = _MARKER.fullmatch(last)
        if match is None:
            return None
        return cls(
            id=match["id"],
            source=match["source"] or "",
            run=(int(match["run"]), int(match["attempt"])),
            at=match["at"] or "",
            state=State(match["state"] or State.REPORTED),
            warned=_read_warned(match["warned"] or ""),
        )

    def same_source(self, other: "Marker") -> bool:
        """Whether one configuration named both models, whatever it calls the model by now."""
        return bool(self.source) and self.source == other.source

    def warnings_before(self, run: tuple[int, int]) -> Warned:
        """What of its warnings the report before a run's had, each with True.

        The run's own comment contains what the report before contained when it was written.
        """
        return {digest: True for digest, old in self.warned.items() if old or self.run != run}

    def newer_than(self, other: "Marker") -> bool:
        """Whether a later run wrote it; by the clock where runs have no numbers."""
        if self.run == other.run == (0, 0):
            return self.at > other.at
        return self.run > other.run

    def __str__(self) -> str:
        run, attempt = self.run
        at = f" at={self.at}" if self.at else ""
        source = f" of={self.source}" if self.source else ""
        digests = [digest if old else f"{_NEW}{digest}" for digest, old in self.warned.items()]
        warned = f" warned={','.join(digests[:_MOST_WARNINGS])}" if digests else ""
        state = f" state={self.state}"
        return f"<!-- cdml:report id={self.id}{source} run={run}.{attempt}{at}{state}{warned} -->"


def _read_warned(text: str) -> Warned:
    """The digests in a marker; none where somebody has edited them into something else."""
    if not _WARNINGS.fullmatch(text):
        return {}
    return {one.removeprefix(_NEW): not one.startswith(_NEW) for one in text.split(",")}


def post_comment(
    client: Client,
    on: Thread,
    marker: Marker,
    text: str,
    *,
    only_update: bool = False,
    behaviour: Behaviour = "update",
    warned: Warned | None = None,
) -> str | None:
    """Post a report or update the one that is there, and give its address.

    Args:
        client: the repository.
        on: where.
        marker: whose report, by which run.
        text: the report without its marker.
        only_update: do not post where there is none yet.
        behaviour: what becomes of an earlier run's comment.
        warned: the report's warnings; None for a comment that tells none, and leaves what is
            known of the last report.

    Returns:
        The comment's address; None where there is none and none was to be posted.

    Raises:
        ServiceError: GitHub refused or did not answer.
    """
    with translate_errors("ask who it is", _permission(on)):
        place = _Place(client=client, on=on, viewer=client.viewer())
    marker = replace(marker, warned=warned or {})
    anew = behaviour != "update" and not only_update

    def update_existing() -> str | None:
        nonlocal marker
        comment, there = place.newest(marker) or (None, marker)
        if comment is None:
            return None
        if warned is None:
            marker = replace(marker, warned=there.warnings_before(marker.run))
        body = _body(text, marker)
        if anew and _superseded(there, marker, behaviour, comment, body):
            return None
        try:
            return place.update(comment, marker, body)
        except NotFoundError:  # deleted after it was read
            return None

    if only_update:
        return update_existing()
    address = create_once(update_existing, lambda: place.create(_body(text, marker)))
    if anew:
        place.retire(marker, hide=behaviour == "hide-and-recreate")
    return address


def _body(text: str, marker: Marker) -> str:
    return f"{text.rstrip()}\n\n{marker}\n"


def _superseded(
    there: Marker, marker: Marker, behaviour: Behaviour, comment: Comment, body: str
) -> bool:
    """Whether a comment makes way for another, rather than being edited or left.

    A verdict is worth a notification, which an edit does not send. That a run has begun is not,
    but it must not take the place of a verdict that is to be kept.
    """
    if there.newer_than(marker) or _text(comment.body) == _text(body):
        return False
    if marker.state is State.BEGUN:
        return behaviour == "hide-and-recreate" and there.state is State.REPORTED
    return there.state is State.BEGUN or there.run != marker.run


def earlier_warnings(client: Client, on: Thread, marker: Marker) -> frozenset[str]:
    """Digests of the warnings that the report before this run's had.

    Raises:
        ServiceError: GitHub refused or did not answer.
    """
    with translate_errors("ask who it is", _permission(on)):
        place = _Place(client=client, on=on, viewer=client.viewer())
    return frozenset(place.earlier_warnings(marker))


def _permission(on: Thread) -> str:
    return "contents: write" if isinstance(on, Commit) else "pull-requests: write"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Place:
    """The comments of a pull request or a commit.

    Attributes:
        client: the repository.
        on: which.
        viewer: who writes here, by the name GraphQL gives.
    """

    client: Client
    on: Thread
    viewer: str

    def newest(self, marker: Marker) -> tuple[Comment, Marker] | None:
        """The comment to bring up to date: of the same configuration before one of the same id."""
        by_id = None
        for comment, there in self.own(marker):
            if there.same_source(marker) or there.source == marker.source:
                return comment, there
            by_id = by_id or (comment, there)
        return by_id

    def own(self, expected: Marker) -> Iterator[tuple[Comment, Marker]]:
        """The comments of this report that are not hidden, newest first."""
        # The login is `github-actions[bot]` in REST and may be without `[bot]` in GraphQL.
        logins = {self.viewer, f"{self.viewer}[bot]"}
        with translate_errors("read the comments", "pull-requests: read"):
            for comment in self._all():
                if getattr(comment.user, "login", None) not in logins:  # None: the account is gone
                    continue
                marker = Marker.parse(comment.body or "")
                if marker is None or marker.state is State.HIDDEN:
                    continue
                if marker.id == expected.id or marker.same_source(expected):
                    yield comment, marker

    def earlier_warnings(self, marker: Marker) -> Warned:
        """What the newest comment of this report says of warnings, as a later one knows it."""
        newest = self.newest(marker)
        return newest[1].warnings_before(marker.run) if newest else {}

    def _all(self) -> Iterator[Comment]:
        """From the last page on: the newest come first, and most searches end there."""
        repository = self.client.repository
        if isinstance(self.on, Commit):
            return iter(repository.get_commit(self.on.sha).get_comments().reversed)
        return iter(repository.get_issue(self.on).get_comments().reversed)

    def create(self, body: str) -> str:
        """Post a comment, and give its address."""
        repository, on = self.client.repository, self.on
        with translate_errors("comment here", _permission(on)):
            if isinstance(on, Commit):
                return repository.get_commit(on.sha).create_comment(body).html_url
            return repository.get_issue(on).create_comment(body).html_url

    def update(self, comment: Comment, marker: Marker, body: str) -> str:
        """Bring a comment up to date, unless it says the same or a newer run wrote it."""
        there = Marker.parse(comment.body)
        newer = there is not None and there.newer_than(marker)
        if not newer and _text(comment.body) != _text(body):
            with translate_errors("update its comment", _permission(self.on)):
                comment.edit(body)
        return comment.html_url

    def retire(self, marker: Marker, *, hide: bool) -> None:
        """Take away what the newest comment has replaced; hidden is only what holds a verdict."""
        for comment, there in list(self.own(marker))[1:]:
            if there.newer_than(marker):
                continue
            permission = _permission(self.on)
            # Gone: somebody was faster.
            with (
                suppress(NotFoundError),
                translate_errors("take back an older comment", permission),
            ):
                if hide and there.state is State.REPORTED:
                    self.client.minimize(comment.node_id)
                    comment.edit(f"{_text(comment.body)}\n\n{replace(there, state=State.HIDDEN)}\n")
                else:
                    comment.delete()


def _text(body: str) -> str:
    """A comment without its marker, as GitHub may have stored it."""
    return _MARKER.sub("", body.replace("\r\n", "\n")).strip()
