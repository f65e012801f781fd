"""Runs of workflows: where each is seen, and whether one is over."""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from cdml.adapters.ci.github.client import Client, asking

_RUN = re.compile(r"/actions/runs/(?P<number>[0-9]{1,18})(?:/attempts/(?P<attempt>[0-9]{1,9}))?")
_OVER = "completed"
"""The one status of a run that nobody works on any more; it says nothing of how it ended."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """A run of a workflow of this repository.

    Attributes:
        number: which, by `GITHUB_RUN_ID`; a run that is started again keeps it.
        attempt: which start of it, from 1; None where that is not known.
    """

    number: int
    attempt: int | None

    @classmethod
    def at(cls, url: str, environment: Mapping[str, str]) -> "Run | None":
        """The run with this address; None where it is none of this repository on this host."""
        site = environment.get("GITHUB_SERVER_URL")
        repository = environment.get("GITHUB_REPOSITORY")
        start = f"{site}/{repository}"
        if not site or not repository or not url.startswith(start):
            return None
        found = _RUN.fullmatch(url.removeprefix(start))
        if found is None:
            return None
        attempt = found["attempt"]
        return cls(number=int(found["number"]), attempt=int(attempt) if attempt else None)


def address(environment: Mapping[str, str]) -> str | None:
    """Where this run's present attempt is seen; None outside of a run."""
    site, repository = environment.get("GITHUB_SERVER_URL"), environment.get("GITHUB_REPOSITORY")
    number, attempt = environment.get("GITHUB_RUN_ID"), environment.get("GITHUB_RUN_ATTEMPT", "")
    if not (site and repository and number):
        return None
    which = f"/attempts/{attempt}" if attempt.isdecimal() else ""
    return f"{site}/{repository}/actions/runs/{number}{which}"


def surpassed(run: Run, own: Run) -> bool:
    """Whether this very run was started again since: GitHub starts none that goes on."""
    if run.number != own.number or run.attempt is None or own.attempt is None:
        return False
    return run.attempt < own.attempt


def is_over(client: Client, run: Run) -> bool:
    """Whether GitHub says that nothing of it goes on; what GitHub leaves open is not over.

    Raises:
        ServiceError: GitHub refused or did not answer.
    """
    with asking("look at a run of a workflow", "actions: read"):
        seen = client.workflow_run(run.number)
        number, status, attempt = seen["id"], seen["status"], seen.get("run_attempt")
    if number != run.number:
        return False
    if run.attempt is None:
        return bool(status == _OVER)
    if not isinstance(attempt, int) or attempt < run.attempt:
        return False  # an answer from before this attempt says nothing of it
    return attempt > run.attempt or status == _OVER
