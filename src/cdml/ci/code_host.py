"""Where the code is reviewed: pull requests, commits, comments, deployments."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Protocol

from cdml.common.verdict import Verdict


@dataclass(frozen=True, slots=True, kw_only=True)
class PullRequest:
    """A pull request by number and head commit."""

    number: int
    head: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PushedCommit:
    """A commit that a push brought, and the pull requests that it merged."""

    sha: str
    merged: tuple[PullRequest, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class GateSigns:
    """What shows that a gate ran.

    `reports` are the ids of reports that have a comment, `checks` the checks that a gate's job
    left, each with how it ended.
    """

    reports: tuple[str, ...] = ()
    checks: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Commit:
    """A commit that can be commented on."""

    sha: str


GATE_JOB = re.compile(r"(?<![a-z])gates?(?![a-z])|cdml", re.IGNORECASE)
"""Finds in a job's name that it is a gate's."""
Thread = int | Commit
"""Where comments stand: the pull request of this number, or a commit."""
Warned = Mapping[str, bool]
"""Warnings of a report by their digests, each with whether the report before had it too."""
Behaviour = Literal["update", "recreate", "hide-and-recreate"]
"""What becomes of an earlier run's comment: edited, deleted, or hidden as outdated."""
DeploymentState = Literal["in_progress", "success", "failure"]


class CodeHost(Protocol):
    """One repository at a code host, as a CI run sees it.

    Every method but `is_protected` raises a ServiceError where the host refuses, which names the
    permission that is missing, or does not answer.
    """

    name: str

    def is_protected(self, branch: str) -> bool | None:
        """Whether rules keep all but chosen identities from creating, moving and deleting a branch.

        Returns:
            None where the host knows no such rules, or does not tell.
        """
        ...

    def merged_pull_requests(self, commit: str) -> tuple[PullRequest, ...]:
        """The pull requests that brought this commit into the run's branch."""
        ...

    def pushed(self) -> tuple[PushedCommit, ...]:
        """All commits that the run's push brought, oldest first; else the run's one commit.

        Raises:
            InputError: they are too many to look through.
        """
        ...

    def gate_signs(self, on: PullRequest | Commit) -> GateSigns | None:
        """What a gate left on a pull request or a commit; None where nobody can say."""
        ...

    def thread(self) -> Thread | None:
        """Where the report of the run is looked for; None where only its own page is."""
        ...

    def base_file(self, path: Path) -> bytes | None:
        """A file of the checkout as it is where the run's pull request is to be merged.

        Returns:
            None without a pull request, or where the file is not there.
        """
        ...

    def unchanged(self, path: Path) -> bool | None:
        """Whether an existing file of the checkout is what it is where it is to be merged.

        Returns:
            False also where it is new; None without a pull request, or for what neither end of it
            holds.
        """
        ...

    def comment(
        self,
        on: Thread,
        report_id: str,
        body: str,
        *,
        only_update: bool = False,
        begun: bool = False,
        behaviour: Behaviour = "update",
        config: Path | None = None,
        warned: Warned | None = None,
    ) -> str | None:
        """Post or update the one comment of this report, and give its address.

        An unchanged comment is not edited, nor is one that a newer run wrote.

        Args:
            on: where.
            report_id: whose comment it is.
            body: Markdown.
            only_update: post nothing where there is no comment yet; the answer is then None.
            begun: the run has only begun; its verdict will take this comment's place.
            behaviour: what becomes of an earlier run's comment.
            config: the configuration that gave the id; a comment of the same one is this report's
                too, under whichever id it was posted. None where the workflow gave the id.
            warned: the report's warnings, for the next report to know them; None for a comment
                that lists none, and leaves what is known of the last report.
        """
        ...

    def warned(self, on: Thread, report_id: str, *, config: Path | None = None) -> frozenset[str]:
        """Digests of the warnings that the last report of another run had; see `comment`."""
        ...

    def set_commit_status(
        self, report_id: str, *, verdict: Verdict, description: str, url: str | None
    ) -> None:
        """Show a report's verdict next to the commit that the run judged.

        A host that shows the run's own checks there has nothing to add. The description is one
        line, cut where the host takes less; `url` is the report's comment.
        """
        ...

    def open_deployment(
        self,
        operation: str,
        ref: str,
        environment: str,
        task: str,
        description: str,
        payload: Mapping[str, str],
    ) -> str | None:
        """File a deployment, or find the one this operation filed; None where there are none."""
        ...

    def deployment_status(
        self,
        deployment: str,
        state: DeploymentState,
        description: str,
        environment: str,
        *,
        url: str | None = None,
    ) -> None:
        """Tell how the deployment of this id goes; a success makes the model's older ones inactive.

        The description is one line, cut where the host takes less; `url` is where the environment
        is seen.
        """
        ...
