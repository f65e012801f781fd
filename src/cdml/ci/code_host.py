"""What a code host knows: pull requests, commits, and where comments stand."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True, kw_only=True)
class PullRequest:
    """A pull request by number and head commit."""

    number: int
    head: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PushedCommit:
    """A commit that a push brought.

    Attributes:
        sha: which.
        merged: the pull requests that it merged.
    """

    sha: str
    merged: tuple[PullRequest, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class GateSigns:
    """What shows that a gate ran.

    Attributes:
        reports: whose reports have a comment, by their ids.
        checks: names of checks that a gate's job left, each with how it ended.
    """

    reports: tuple[str, ...] = ()
    checks: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Commit:
    """A commit that can be commented on."""

    sha: str


Thread = int | Commit
"""Where comments stand: the pull request of this number, or a commit."""
Warned = Mapping[str, bool]
"""Warnings of a report by their digests, each with whether the report before had it too."""
Behaviour = Literal["update", "recreate", "hide-and-recreate"]
"""What becomes of an earlier run's comment: edited, deleted, or hidden as outdated."""
