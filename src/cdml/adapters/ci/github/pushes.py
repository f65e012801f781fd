"""The commits that a push brought, and the signs that a gate ran on one of them."""

import re
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import unquote

from cdml.adapters.ci.api_errors import NotFoundError
from cdml.adapters.ci.github.client import Client, translate_errors
from cdml.adapters.ci.report_marker import Marker
from cdml.ci.code_host import GateSigns
from cdml.ci.run import Push
from cdml.errors import InputError

_SHA = re.compile(r"[0-9a-f]{40,64}")
MOST = 300
"""Commits whose pull requests are looked up: the token of a job has 1,000 requests an hour."""
_GATE = re.compile(r"(?<![a-z])gates?(?![a-z])|cdml", re.IGNORECASE)
_ACTIONS = "github-actions"
"""The app that makes the checks of workflows; those of others are no gates of ours."""
_TRUSTED = ("OWNER", "MEMBER", "COLLABORATOR")


def commits(client: Client, push: Push) -> tuple[tuple[str, bool], ...]:
    """The commits of a push, oldest first.

    The event itself lists only some of them. What was pushed to a new branch, or over a commit
    that is gone since, can be compared with nothing: there the event's list has to do.

    Returns:
        Each commit, and whether it lies on the branch's own line: the other ones are those that
        a merge brought along.

    Raises:
        ServiceError: GitHub refused or did not answer.
        InputError: there are more than `MOST` on the branch's own line.
    """
    before, after = push.before, push.after
    if not _is_commit(after):
        return ()
    if not _is_commit(before):
        return _listed(push)
    try:
        with translate_errors("compare the push's commits", "contents: read"):
            commits = tuple(client.pages(f"/compare/{before}...{after}", "commits"))
    except NotFoundError:
        return _listed(push)
    line = _line(commits, after)
    if len(line) > MOST:
        raise InputError(
            f"this push brought {len(line):,} commits, and cdml looks through {MOST} for a"
            " version to deploy.",
            "Name one: --model VERSION.",
        )
    if after not in {one["sha"] for one in commits}:  # a branch that was set back brings nothing
        return ((after, True),)
    return tuple((str(one["sha"]), one["sha"] in line) for one in commits)


def _is_commit(sha: str) -> bool:
    return bool(_SHA.fullmatch(sha)) and bool(sha.strip("0"))


def _line(listed: Sequence[Mapping[str, Any]], after: str) -> frozenset[str]:
    """The commits on the way from the newest one back over first parents."""
    parents = {one["sha"]: [parent["sha"] for parent in one["parents"]] for one in listed}
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


def signs(client: Client, head: str, number: int | None) -> GateSigns:
    """What a gate left on a pull request, or on a commit that came without one.

    Args:
        client: the repository.
        head: the commit that was judged.
        number: of the pull request, if there is one.

    Raises:
        ServiceError: GitHub refused or did not answer.
    """
    place = f"/issues/{number}" if number else f"/commits/{head}"
    with translate_errors(
        "read the comments", "pull-requests: read" if number else "contents: read"
    ):
        markers = [
            Marker.parse(comment["body"] or "")
            for comment in client.pages(f"{place}/comments")
            if (comment["user"] or {}).get("type") == "Bot"
            or comment.get("author_association") in _TRUSTED
        ]
    with translate_errors("list the checks of a commit", "checks: read"):
        checks = [
            f"{run['name']}: {run['conclusion'] or run['status']}"
            for run in client.pages(f"/commits/{head}/check-runs", "check_runs")
            if _GATE.search(run["name"])
            and run["conclusion"] != "skipped"
            and (run.get("app") or {}).get("slug") in (None, _ACTIONS)
        ]
    reports = [unquote(marker.id) for marker in markers if marker is not None]
    return GateSigns(reports=tuple(dict.fromkeys(reports)), checks=tuple(dict.fromkeys(checks)))
