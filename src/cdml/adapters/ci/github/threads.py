"""Where the report of a run belongs, when its event names no pull request."""

import re
from collections.abc import Callable, Iterator, Mapping
from itertools import islice
from typing import Any

from github.PullRequest import PullRequest

from cdml.adapters.ci.github.client import Client, asking
from cdml.ci.code_host import Commit, Thread
from cdml.errors import ServiceError

_QUEUED = re.compile(r"refs/heads/gh-readonly-queue/.+/pr-(\d+)-[0-9a-f]{40,64}")
_SHA = re.compile(r"[0-9a-f]{40,64}")
_PERMISSION = "pull-requests: read"
_LOOKED_AT = 300  # pull requests of one branch


def thread(
    client: Callable[[], Client],
    name: str,
    event: Mapping[str, Any],
    environment: Mapping[str, str],
) -> Thread | None:
    """The pull request a run is about, the commit it was pushed as, or None.

    A run on a schedule is about no change: nobody waits for a comment. What came by a click
    is told where an open pull request is, and nowhere else.

    Args:
        client: gives the way to the API, where it has to be asked.
        name: the event's name.
        event: what GitHub wrote of it.
        environment: the runner's variables.

    Raises:
        ServiceError: GitHub refused or did not answer, or several pull requests fit, so that
            nobody knows whose verdict it is.
    """
    issue, queue, run = (event.get(key) for key in ("issue", "merge_group", "workflow_run"))
    if isinstance(issue, dict) and issue.get("pull_request"):
        return int(issue["number"])
    if isinstance(queue, dict):
        queued = _QUEUED.fullmatch(str(queue.get("head_ref")))
        return int(queued[1]) if queued else None
    if isinstance(run, dict):
        return _of_run(client(), run, event)
    sha = environment.get("GITHUB_SHA", "")
    if name == "schedule" or not _SHA.fullmatch(sha):
        return None
    return _of_commit(client(), sha, environment, pushed=name == "push")


def _of_run(client: Client, run: Mapping[str, Any], event: Mapping[str, Any]) -> int | None:
    """The pull request whose head a run judged: found by GitHub, whatever the run may have left.

    The event lists the pull requests of its own repository. One from a fork it does not list, nor
    is that found under its commit: only under the owner and branch it comes from.
    """
    sha, branch = run.get("head_sha"), run.get("head_branch")
    home = run.get("head_repository") or {}
    owner = (home.get("owner") or {}).get("login")
    if not (sha and branch and owner):
        return None
    with asking("find the run's pull request", _PERMISSION):
        found = client.repository.get_pulls(state="all", head=f"{owner}:{branch}")
        fitting = [
            pull
            for pull in islice(found, _LOOKED_AT)
            if pull.head.sha == sha and _comes_from(pull, home.get("full_name"))
        ]
        named = dict(_named(run, event))
        if named:
            fitting = [
                pull for pull in fitting if named.get(pull.number, "") in {None, pull.base.ref}
            ]
    return _only(fitting)


def _named(run: Mapping[str, Any], event: Mapping[str, Any]) -> Iterator[tuple[int, str | None]]:
    """Number and base of the pull requests that an event lists; those of forks have their own."""
    here = (event.get("repository") or {}).get("id")
    for pull in run.get("pull_requests") or ():
        base = pull.get("base") or {}
        there = (base.get("repo") or {}).get("id")
        if here is None or there is None or here == there:
            yield int(pull["number"]), base.get("ref")


def _of_commit(
    client: Client, sha: str, environment: Mapping[str, str], *, pushed: bool
) -> Thread | None:
    """The pull request of a commit; for a push also the one it merged, else the commit itself."""
    with asking("list the commit's pull requests", _PERMISSION):
        found = list(islice(client.repository.get_commit(sha).get_pulls(), _LOOKED_AT))
        heads = [pull for pull in found if pull.head.sha == sha and pull.state == "open"]
        branch = environment.get("GITHUB_REF", "").removeprefix("refs/heads/")
        here = environment.get("GITHUB_REPOSITORY")
        own = [pull for pull in heads if pull.head.ref == branch and _comes_from(pull, here)]
        merged = [pull for pull in found if pull.merged_at and pull.base.ref == branch]
    if heads:
        return _only(own or heads)
    if not pushed:
        return None
    return merged[0].number if len(merged) == 1 else Commit(sha=sha)


def _comes_from(pull: PullRequest, repository: str | None) -> bool:
    """Whether its branch is of this repository; a fork that is gone is not known any more."""
    known = getattr(pull.head.repo, "full_name", None)
    return None in (repository, known) or known == repository


def _only(found: list[PullRequest]) -> int | None:
    """The one pull request that fits, an open one before a closed one.

    Raises:
        ServiceError: several fit.
    """
    fitting = [pull for pull in found if pull.state == "open"] or found
    if len(fitting) > 1:
        every = ", ".join(f"{pull.number} into {pull.base.ref}" for pull in fitting)
        raise ServiceError(
            f"several pull requests have this commit as their head ({every}), and nothing says"
            " whose verdict this is.",
            "Name one with `pull-request`, or close the others.",
        )
    return fitting[0].number if fitting else None
