"""The one open issue of an id at a code host, which its marker and its author identify."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol
from urllib.parse import quote

from cdml.adapters.ci.api_errors import create_once


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnIssue:
    """An open issue that our account opened."""

    number: int
    title: str
    text: str
    address: str


class IssueTracker(Protocol):
    """The issues of a repository. Every method raises a ServiceError where the host refuses."""

    def own_issues(self) -> Iterator[OwnIssue]:
        """The open ones that our account opened: a copied marker does not make an issue ours."""
        ...

    def open(self, title: str, text: str) -> str:
        """Open an issue, and give its address."""
        ...

    def update(self, issue: OwnIssue, title: str, text: str) -> None:
        """Replace its title and its text."""
        ...

    def close(self, issue: OwnIssue, text: str) -> None:
        """Close it, its text replaced."""
        ...


def report_issue(tracker: IssueTracker, id_: str, title: str, body: str) -> str:
    """Open the issue of this id, or update the open one; its address."""
    text = f"{body}\n{_marker(id_)}"

    def find() -> str | None:
        for issue in _of_id(tracker, id_):
            if (issue.title, issue.text) != (title, text):
                tracker.update(issue, title, text)
            return issue.address
        return None

    return create_once(find, lambda: tracker.open(title, text))


def close_issue(tracker: IssueTracker, id_: str, body: str) -> str | None:
    """Close the open issue of this id; None if there is none."""
    for issue in _of_id(tracker, id_):
        tracker.close(issue, f"{body}\n{_marker(id_)}")
        return issue.address
    return None


def _of_id(tracker: IssueTracker, id_: str) -> Iterator[OwnIssue]:
    return (issue for issue in tracker.own_issues() if issue.text.endswith(_marker(id_)))


def _marker(id_: str) -> str:
    return f"<!-- cdml:monitor id={quote(id_, safe='')} -->"
