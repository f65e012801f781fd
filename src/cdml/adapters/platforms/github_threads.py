"""Where the report of a run belongs, when its event names no pull request."""

import re
from collections.abc import Callable, Mapping
from itertools import islice
from typing import Any

from github.PullRequest import PullRequest

from cdml.adapters.platforms.github_client import Client, asking
from cdml.ports import Commit, Thread

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
        ServiceError: GitHub refused or did not answer.
    """
    issue, queue, run = (event.get(key) for key in ("issue", "merge_group", "workflow_run"))
    if isinstance(issue, dict) and issue.get("pull_request"):
        return int(issue["number"])
    if isinstance(queue, dict):
        queued = _QUEUED.fullmatch(str(queue.get("head_ref")))
        return int(queued[1]) if queued else None
    if isinstance(run, dict):
        return _of_run(client(), run)
    sha = environment.get("GITHUB_SHA", "")
    if name == "schedule" or not _SHA.fullmatch(sha):
        return None
    return _of_commit(client(), sha, environment.get("GITHUB_REF", "") if name == "push" else "")


def _of_run(client: Client, run: Mapping[str, Any]) -> int | None:
    """The pull request whose head a run judged: found by GitHub, whatever the run may have left.

    A pull request from a fork is not listed with its run, nor under its commit: only under the
    owner and branch it comes from.
    """
    sha, branch = run.get("head_sha"), run.get("head_branch")
    owner = ((run.get("head_repository") or {}).get("owner") or {}).get("login")
    if not (sha and branch and owner):
        return None
    with asking("find the run's pull request", _PERMISSION):
        found = client.repository.get_pulls(state="all", head=f"{owner}:{branch}")
        fitting = [pull for pull in islice(found, _LOOKED_AT) if pull.head.sha == sha]
    return _best(fitting)


def _of_commit(client: Client, sha: str, pushed_to: str) -> Thread | None:
    """The pull request of a commit; for a push also the one it merged, else the commit itself."""
    with asking("list the commit's pull requests", _PERMISSION):
        found = list(islice(client.repository.get_commit(sha).get_pulls(), _LOOKED_AT))
    heads = [pull for pull in found if pull.head.sha == sha and pull.state == "open"]
    branch = pushed_to.removeprefix("refs/heads/")
    merged = [pull for pull in found if pull.merged_at and pull.base.ref == branch]
    return _best(heads) or _best(merged) or (Commit(sha=sha) if pushed_to else None)


def _best(found: list[PullRequest]) -> int | None:
    """An open one before a closed one, the newest first."""
    best = max(found, key=lambda pull: (pull.state == "open", pull.number), default=None)
    return best.number if best else None
