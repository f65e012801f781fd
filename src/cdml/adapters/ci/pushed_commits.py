"""The commits that a push brought, by what its event and the code host say."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from cdml.adapters.ci.api_errors import NotFoundError
from cdml.ci.run import Push
from cdml.errors import InputError

MOST = 300
"""Commits whose pull requests are looked up: the token of a job has 1,000 requests an hour."""
_SHA = re.compile(r"[0-9a-f]{40,64}")


@dataclass(frozen=True, slots=True)
class ComparedCommit:
    """A commit between two others, and its parents; the first is on its own branch."""

    sha: str
    parents: tuple[str, ...]


def list_pushed(
    push: Push, compare: Callable[[str, str], Sequence[ComparedCommit]]
) -> tuple[tuple[str, bool], ...]:
    """The commits of a push, oldest first.

    The event itself lists only some of them. What was pushed to a new branch, or over a commit
    that is gone since, can be compared with nothing: there the event's list has to do.

    Args:
        push: what the event says.
        compare: the commits between two, oldest first; a NotFoundError where one is gone.

    Returns:
        Each commit, and whether it lies on the branch's own line: the other ones are those that
        a merge brought along.

    Raises:
        InputError: there are more than `MOST` on the branch's own line.
    """
    before, after = push.before, push.after
    if not _is_commit(after):
        return ()
    if not _is_commit(before):
        return _listed(push)
    try:
        commits = compare(before, after)
    except NotFoundError:
        return _listed(push)
    line = _line(commits, after)
    if len(line) > MOST:
        raise InputError(
            f"this push brought {len(line):,} commits, and cdml looks through {MOST} for a"
            " version to deploy.",
            "Name one: --model VERSION.",
        )
    if after not in {one.sha for one in commits}:  # a branch that was set back brings nothing
        return ((after, True),)
    return tuple((one.sha, one.sha in line) for one in commits)


def _is_commit(sha: str) -> bool:
    return bool(_SHA.fullmatch(sha)) and bool(sha.strip("0"))


def _line(commits: Sequence[ComparedCommit], after: str) -> frozenset[str]:
    """The commits on the way from the newest one back over first parents."""
    parents = {one.sha: one.parents for one in commits}
    line, at = set(), after
    while at in parents and at not in line:
        line.add(at)
        at = next(iter(parents[at]), "")
    return frozenset(line)


def _listed(push: Push) -> tuple[tuple[str, bool], ...]:
    """What the event lists; of very many the newest."""
    shas = dict.fromkeys(filter(_is_commit, push.commits))
    shas.pop(push.after, None)
    return tuple((sha, True) for sha in [*shas, push.after][-MOST:])
