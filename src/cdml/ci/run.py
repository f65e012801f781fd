"""The place the commands run in: a CI system, or a terminal."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Protocol

from cdml.ci.code_host import (
    Behaviour,
    Commit,
    GateSigns,
    PullRequest,
    PushedCommit,
    Thread,
    Warned,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Annotation:
    """A line beside the code.

    Attributes:
        level: how loud.
        title: one line.
        message: the text.
        file: path in the repository, or None.
        line: line in the file, or None.
    """

    level: Literal["error", "warning", "notice"]
    title: str
    message: str
    file: str | None = None
    line: int | None = None


class Platform(Protocol):
    """The place the commands run in: a CI system, or a terminal."""

    name: str

    def commit(self) -> str | None:
        """The commit that is judged: a pull request's head, else the checked-out commit."""
        ...

    def run_url(self) -> str | None:
        """Address of this run; of its present attempt, where it was started more than once."""
        ...

    def is_another_run(self, url: str | None) -> bool:
        """Whether evidence of the run at this address is not of the run that is reported here.

        That is this run, or the one that triggered it, in any attempt. None, of evidence that
        names no run, is another run wherever runs have an address.
        """
        ...

    def stopped(self) -> str | None:
        """How the run that triggered this one ended, where it did not end by itself.

        Returns:
            The words after "the run", such as `was cancelled`; None where it ended by itself, or
            none triggered this one.
        """
        ...

    def run_is_over(self, url: str) -> bool:
        """Whether the platform says that nothing of the run at this address goes on any more.

        Only a plain yes is one. It is never said of this run itself, nor of an address that is
        not of this platform, host and repository, which is not even asked about.

        Raises:
            ServiceError: the platform could not be asked; the message says which permission is
                missing. Whoever asks has to take the run for alive.
        """
        ...

    def is_protected(self, branch: str) -> bool | None:
        """Whether rules keep all but chosen identities from creating, moving and deleting a branch.

        Returns:
            None where the platform knows no such rules, or does not tell.
        """
        ...

    def outputs(self, values: Mapping[str, str]) -> None:
        """Hand values to later steps."""
        ...

    def summary(self, markdown: str) -> None:
        """Show Markdown on the run's page."""
        ...

    def annotate(self, annotations: Sequence[Annotation]) -> None:
        """Show lines beside the code."""
        ...

    def pull_request(self) -> PullRequest | None:
        """The pull request of this run's event, or None."""
        ...

    def merged_pull_requests(self, commit: str) -> tuple[PullRequest, ...]:
        """The merged pull requests that this commit brought in."""
        ...

    def pushed(self) -> tuple[PushedCommit, ...]:
        """All commits that this run's push brought, oldest first; else the run's one commit.

        Raises:
            ServiceError: the platform refused or did not answer.
            InputError: they are too many to look through.
        """
        ...

    def gate_signs(self, on: PullRequest | Commit) -> GateSigns | None:
        """What a gate left on a pull request or a commit; None where nobody can say.

        Raises:
            ServiceError: the platform refused or did not answer.
        """
        ...

    def thread(self) -> Thread | None:
        """Where the report of this run is looked for; None where only its own page is.

        The platform is asked where the event does not say.

        Raises:
            ServiceError: the platform refused or did not answer.
        """
        ...

    def base_file(self, path: Path) -> bytes | None:
        """A file as it is where the event's pull request is to be merged.

        Args:
            path: of the file in this checkout.

        Returns:
            Its bytes; None without a pull request, or where the file is not there.

        Raises:
            ServiceError: the platform refused or did not answer.
        """
        ...

    def unchanged(self, path: Path) -> bool | None:
        """Whether a file of this checkout is what it is where its pull request is to be merged.

        Args:
            path: of the file; it exists.

        Returns:
            False also where it is new; None without a pull request, or for what neither end of it
            holds.

        Raises:
            ServiceError: the platform refused or did not answer.
        """
        ...

    def artifact(self, name: str, most: int) -> bytes | None:
        """What the run that triggered this one left under this name, as a zip archive.

        Args:
            name: of the artifact.
            most: bytes that it may have.

        Returns:
            The archive, not yet looked at; None where that run left none.

        Raises:
            InputError: it is larger, or no run triggered this one.
            ServiceError: the platform refused or did not answer.
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
                that tells none, and leaves what is known of the last report.

        Raises:
            ServiceError: the platform refused; the message says which permission is missing.
        """
        ...

    def warned(self, on: Thread, report_id: str, *, config: Path | None = None) -> frozenset[str]:
        """Digests of the warnings that the last report of another run had.

        Args:
            on: where its comment is looked for.
            report_id: whose comment it is.
            config: the configuration that gave the id, as for `comment`.

        Raises:
            ServiceError: the platform refused or did not answer.
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
        state: str,
        description: str,
        environment: str,
        *,
        url: str | None = None,
    ) -> None:
        """Tell how a deployment goes; a success makes older ones of the environment inactive.

        Args:
            deployment: the platform's id of it.
            state: `in_progress`, `success`, `failure`.
            description: one line; cut where the platform takes less.
            environment: of the deployment.
            url: where the environment is seen, or None.
        """
        ...
