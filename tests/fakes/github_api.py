"""The words that the stand-in for GitHub speaks: requests, answers, operations, pages."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode


@dataclass(frozen=True, slots=True)
class Call:
    """A request."""

    method: str
    path: str
    query: dict[str, str]
    body: Any
    token: str
    version: str = ""


@dataclass(frozen=True, slots=True)
class Answer:
    """A response."""

    status: int
    body: Any = None
    headers: dict[str, str] = field(default_factory=dict)


class Rejected(Exception):
    """A request GitHub would not fulfil."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.message = message


@dataclass(frozen=True, slots=True)
class Route:
    """One operation of the API.

    Attributes:
        method, pattern: which requests it answers; the pattern is below /repos/{owner}/{repo}.
        handle: does it.
        body, answer: names of GitHub's schemas; empty where there is none.
        permissions: one of these must be `write`; empty for what anybody may read.
        query: the parameters it knows.
        reads: one of these must be `read` or `write`; empty for what anybody may read.
    """

    method: str
    pattern: str
    handle: Callable[..., Answer]
    body: str = ""
    answer: str = ""
    permissions: tuple[str, ...] = ()
    query: frozenset[str] = frozenset()
    reads: tuple[str, ...] = ()


def paged(answer: Answer, call: Call, address: str) -> Answer:
    """One page of a list, with links to the others."""
    size = min(int(call.query.get("per_page", 30)), 100)
    page = int(call.query.get("page", 1))
    last = max(1, -(-len(answer.body) // size))
    others = {"prev": page - 1, "next": page + 1, "last": last, "first": 1}
    if page >= last:
        del others["next"], others["last"]
    if page == 1:
        del others["prev"], others["first"]
    links = ", ".join(
        f'<{address}?{urlencode({**call.query, "page": number})}>; rel="{name}"'
        for name, number in others.items()
    )
    shown = answer.body[(page - 1) * size : page * size]
    return Answer(answer.status, shown, {"Link": links} if links else {})
