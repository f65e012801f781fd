"""Which pull request or commit a run is about."""

import re
from collections.abc import Callable
from itertools import islice

from github.PullRequest import PullRequest

from cdml.adapters.ci.github.client import Client, translate_errors
from cdml.ci.code_host import Commit, Thread
from cdml.ci.run import CiRun, Trigger, TriggeringRun
from cdml.errors import ServiceError

_SHA = re.compile(r"[0-9a-f]{40,64}")
_PERMISSION = "pull-requests: read"
_LOOKED_AT = 300  # pull requests of one branch


def find_thread(client: Callable[[], Client], run: CiRun) -> Thread | None:
    """The pull request a run is about, the commit it was pushed as, or None.

    A run on a schedule is about no change: nobody waits for a comment. What came by a click
    appears at an open pull request, and nowhere else. The client is made only where the API
    has to be called.

    Raises:
        ServiceError: GitHub refused or did not answer, or several pull requests fit, so that
            it is unclear whose verdict it is.
    """
    trigger, sha = run.trigger(), run.commit() or ""
    if trigger.pull_request is not None:
        return trigger.pull_request.number
    if trigger.thread is not None:
        return trigger.thread
    if trigger.run is not None:
        return _of_run(client(), trigger.run)
    if trigger.about_no_change or not _SHA.fullmatch(sha):
        return None
    return _of_commit(client(), sha, trigger)


def _of_run(client: Client, run: TriggeringRun) -> int | None:
    """The pull request whose head a run judged: found by GitHub, whatever the run may have left.

    The event lists only the pull requests of its repository. One from a fork it does not list, nor
    is that found under its commit: only under the owner and branch it comes from.
    """
    if not (run.commit and run.branch and run.owner):
        return None
    with translate_errors("find the run's pull request", _PERMISSION):
        pulls = client.repository.get_pulls(state="all", head=f"{run.owner}:{run.branch}")
        fitting = [
            pull
            for pull in islice(pulls, _LOOKED_AT)
            if pull.head.sha == run.commit and _comes_from(pull, run.repository)
        ]
        named = run.pull_requests
        if named:
            fitting = [
                pull for pull in fitting if named.get(pull.number, "") in {None, pull.base.ref}
            ]
    return _only(fitting)


def _of_commit(client: Client, sha: str, trigger: Trigger) -> Thread | None:
    """The pull request of a commit; for a push also the one it merged, else the commit itself."""
    with translate_errors("list the commit's pull requests", _PERMISSION):
        pulls = list(islice(client.repository.get_commit(sha).get_pulls(), _LOOKED_AT))
        heads = [pull for pull in pulls if pull.head.sha == sha and pull.state == "open"]
        branch, here = trigger.branch, client.name or None
        own = [pull for pull in heads if pull.head.ref == branch and _comes_from(pull, here)]
        merged = [pull for pull in pulls if pull.merged_at and pull.base.ref == branch]
    if heads:
        return _only(own or heads)
    if trigger.push is None:
        return None
    return merged[0].number if len(merged) == 1 else Commit(sha=sha)


def _comes_from(pull: PullRequest, repository: str | None) -> bool:
    """Whether its branch is of this repository; a fork that is gone is not known any more."""
    owner = getattr(pull.head.repo, "full_name", None)
    return None in (repository, owner) or owner == repository


def _only(pulls: list[PullRequest]) -> int | None:
    """The one pull request that fits, an open one before a closed one.

    Raises:
        ServiceError: several fit.
    """
    fitting = [pull for pull in pulls if pull.state == "open"] or pulls
    if len(fitting) > 1:
        every = ", ".join(f"{pull.number} into {pull.base.ref}" for pull in fitting)
        raise ServiceError(
            f"several pull requests have this commit as their head ({every}), so cdml cannot"
            " decide where to comment.",
            "Choose one with `pull-request`, or close the others.",
        )
    return fitting[0].number if fitting else None
