"""The place the commands run in: a CI system, or a terminal."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol


@dataclass(frozen=True, slots=True, kw_only=True)
class PullRequest:
    """A pull request by number and head commit."""

    number: int
    head: str


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
        """Address of this run."""
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

    def comment(
        self, number: int, report_id: str, body: str, *, only_update: bool = False
    ) -> str | None:
        """Post or update the one comment of this report, and give its address.

        An unchanged comment is not edited, nor is one that a newer run wrote. With
        `only_update` nothing is posted where there is no comment yet, and the answer is None.

        Raises:
            ServiceError: the platform refused; the message says which permission is missing.
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
