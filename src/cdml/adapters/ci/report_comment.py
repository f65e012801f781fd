"""The one comment of a report at any code host, and its update in place."""

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any, Protocol

from cdml.adapters.ci.api_errors import NotFoundError, create_once
from cdml.adapters.ci.report_marker import Marker, State, without_marker
from cdml.ci.code_host import Behaviour, Warned


@dataclass(frozen=True, slots=True, kw_only=True)
class PostedComment:
    """A comment of our own account; `item` is what the host's client takes it for."""

    body: str
    address: str
    item: Any


class CommentThread(Protocol):
    """The comments of a change or a commit; every method raises a ServiceError where refused.

    What to edit or delete may be gone: a NotFoundError.
    """

    def newest_first(self) -> Iterator[PostedComment]:
        """Those of our own account."""
        ...

    def create(self, body: str) -> str:
        """Post one, and give its address."""
        ...

    def edit(self, comment: PostedComment, body: str) -> None:
        """Replace its body."""
        ...

    def hide(self, comment: PostedComment) -> None:
        """Fold it as outdated, where the host can."""
        ...

    def delete(self, comment: PostedComment) -> None:
        """Delete it."""
        ...


def post_comment(
    thread: CommentThread,
    marker: Marker,
    text: str,
    *,
    only_update: bool = False,
    behaviour: Behaviour = "update",
    warned: Warned | None = None,
) -> str | None:
    """Post a report or update the one that is there, and give its address.

    Args:
        thread: where.
        marker: whose report, by which run.
        text: the report without its marker.
        only_update: do not post where there is none yet.
        behaviour: what becomes of an earlier run's comment.
        warned: the report's warnings; None for a comment that lists none, and leaves what is
            known of the last report.

    Returns:
        The comment's address; None where there is none and none was to be posted.

    Raises:
        ServiceError: the host refused or did not answer.
    """
    marker = replace(marker, warned=warned or {})
    anew = behaviour != "update" and not only_update

    def update_existing() -> str | None:
        nonlocal marker
        comment, there = _newest(thread, marker) or (None, marker)
        if comment is None:
            return None
        if warned is None:
            marker = replace(marker, warned=there.warnings_before(marker.run))
        body = _body(text, marker)
        if anew and _superseded(there, marker, behaviour, comment, body):
            return None
        try:
            return _update(thread, comment, marker, body)
        except NotFoundError:  # deleted after it was read
            return None

    if only_update:
        return update_existing()
    address = create_once(update_existing, lambda: thread.create(_body(text, marker)))
    if anew:
        _retire(thread, marker, hide=behaviour == "hide-and-recreate")
    return address


def _body(text: str, marker: Marker) -> str:
    return f"{text.rstrip()}\n\n{marker}\n"


def _superseded(
    there: Marker, marker: Marker, behaviour: Behaviour, comment: PostedComment, body: str
) -> bool:
    """Whether a comment makes way for another, rather than being edited or left.

    A verdict is worth a notification, which an edit does not send. That a run has begun is not,
    but it must not take the place of a verdict that is to be kept.
    """
    if there.newer_than(marker) or without_marker(comment.body) == without_marker(body):
        return False
    if marker.state is State.BEGUN:
        return behaviour == "hide-and-recreate" and there.state is State.REPORTED
    return there.state is State.BEGUN or there.run != marker.run


def earlier_warnings(thread: CommentThread, marker: Marker) -> frozenset[str]:
    """Digests of the warnings that the report before this run's had.

    Raises:
        ServiceError: the host refused or did not answer.
    """
    newest = _newest(thread, marker)
    return frozenset(newest[1].warnings_before(marker.run) if newest else {})


def _newest(thread: CommentThread, marker: Marker) -> tuple[PostedComment, Marker] | None:
    """The comment to bring up to date: of the same configuration before one of the same id."""
    by_id = None
    for comment, there in _of_report(thread, marker):
        if there.same_source(marker) or there.source == marker.source:
            return comment, there
        by_id = by_id or (comment, there)
    return by_id


def _of_report(thread: CommentThread, expected: Marker) -> Iterator[tuple[PostedComment, Marker]]:
    """The comments of this report that are not hidden, newest first."""
    for comment in thread.newest_first():
        marker = Marker.parse(comment.body)
        if marker is None or marker.state is State.HIDDEN:
            continue
        if marker.id == expected.id or marker.same_source(expected):
            yield comment, marker


def _update(thread: CommentThread, comment: PostedComment, marker: Marker, body: str) -> str:
    """Bring a comment up to date, unless it says the same or a newer run wrote it."""
    there = Marker.parse(comment.body)
    newer = there is not None and there.newer_than(marker)
    if not newer and without_marker(comment.body) != without_marker(body):
        thread.edit(comment, body)
    return comment.address


def _retire(thread: CommentThread, marker: Marker, *, hide: bool) -> None:
    """Remove what the newest comment has replaced; only a verdict is hidden instead."""
    for comment, there in list(_of_report(thread, marker))[1:]:
        if there.newer_than(marker):
            continue
        with suppress(NotFoundError):  # somebody was faster
            if hide and there.state is State.REPORTED:
                thread.hide(comment)
                hidden = replace(there, state=State.HIDDEN)
                thread.edit(comment, f"{without_marker(comment.body)}\n\n{hidden}\n")
            else:
                thread.delete(comment)
