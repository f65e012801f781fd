"""A terminal, or a CI system that is not known: nothing to comment on, nothing to file."""

import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

from cdml.ci.code_host import (
    Behaviour,
    Commit,
    GateSigns,
    PullRequest,
    PushedCommit,
    Thread,
    Warned,
)
from cdml.ci.run import Annotation
from cdml.common.redaction import without_journal_keys
from cdml.errors import InputError, ServiceError


class TerminalPlatform:
    """Works without any CI system around it.

    Args:
        environment: the process's environment.
        folder: a folder of the checkout.
    """

    name = "terminal"

    def __init__(self, *, environment: Mapping[str, str], folder: Path) -> None:
        self._environment = without_journal_keys(environment)
        self._folder = folder

    def commit(self) -> str | None:
        """HEAD of the checkout; None where there is no repository, or no commit, or no git."""
        try:
            found = subprocess.run(
                ["git", "rev-parse", "--verify", "--quiet", "HEAD"],
                cwd=self._folder,
                env=self._environment,
                capture_output=True,
                text=True,
                check=False,
                timeout=10,
            )
        except (OSError, subprocess.TimeoutExpired):
            return None
        return found.stdout.strip() or None

    def run_url(self) -> str | None:
        """A terminal has no address."""
        return None

    def is_another_run(self, url: str | None) -> bool:
        """A terminal is no run, and knows of none."""
        del url
        return False

    def stopped(self) -> str | None:
        """No run triggers a terminal."""
        return None

    def run_is_over(self, url: str) -> bool:
        """Nobody knows here what goes on elsewhere."""
        del url
        return False

    def is_protected(self, branch: str) -> bool | None:
        """Nobody knows here."""
        del branch
        return None

    def outputs(self, values: Mapping[str, str]) -> None:
        """There are no later steps."""

    def summary(self, markdown: str) -> None:
        """There is no page of the run."""

    def annotate(self, annotations: Sequence[Annotation]) -> None:
        """There is nothing to show lines beside."""

    def pull_request(self) -> PullRequest | None:
        """There is no event."""
        return None

    def merged_pull_requests(self, commit: str) -> tuple[PullRequest, ...]:
        """Nobody to ask."""
        del commit
        return ()

    def pushed(self) -> tuple[PushedCommit, ...]:
        """The commit of the checkout: nothing tells of a push."""
        commit = self.commit()
        return (PushedCommit(sha=commit),) if commit else ()

    def gate_signs(self, on: PullRequest | Commit) -> GateSigns | None:
        """Nobody knows here what ran elsewhere."""
        del on
        return None

    def thread(self) -> Thread | None:
        """There is nobody to talk to."""
        return None

    def base_file(self, path: Path) -> bytes | None:
        """There is no pull request."""
        del path
        return None

    def unchanged(self, path: Path) -> bool | None:
        """There is no pull request."""
        del path
        return None

    def artifact(self, name: str, most: int) -> bytes | None:
        """No run triggers a terminal.

        Raises:
            InputError: always.
        """
        del most
        raise InputError(
            f"no run triggered this one, so there is no artifact {name!r}.",
            "--evidence names a folder.",
        )

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
        """Nowhere to comment.

        Raises:
            ServiceError: always.
        """
        del report_id, body, only_update, begun, behaviour, config, warned
        what = f"commit {on.sha[:12]}" if isinstance(on, Commit) else f"pull request {on}"
        raise ServiceError(
            f"a terminal cannot comment on {what}.",
            "Comments are posted in GitHub Actions; the report files are written everywhere.",
        )

    def warned(self, on: Thread, report_id: str, *, config: Path | None = None) -> frozenset[str]:
        """There are no comments."""
        del on, report_id, config
        return frozenset()

    def open_deployment(
        self,
        operation: str,
        ref: str,
        environment: str,
        task: str,
        description: str,
        payload: Mapping[str, str],
    ) -> str | None:
        """Nowhere to file a deployment."""
        del operation, ref, environment, task, description, payload
        return None

    def deployment_status(
        self,
        deployment: str,
        state: str,
        description: str,
        environment: str,
        *,
        url: str | None = None,
    ) -> None:
        """There are no deployments."""
