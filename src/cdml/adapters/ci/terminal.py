"""A terminal, or a CI system that is not known: a run without a page, an address or a code host."""

import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

from cdml.adapters.ci.github import push_credentials
from cdml.ci.run import Annotation, PushCredentials, RunTrust, Trigger
from cdml.common.redaction import without_journal_keys
from cdml.errors import InputError


class TerminalRun:
    """Works without any CI system around it; `folder` is one of the checkout."""

    name = "terminal"
    code_host: str | None = None

    def __init__(self, *, environment: Mapping[str, str], folder: Path) -> None:
        self._environment = without_journal_keys(environment)
        self._folder = folder

    def commit(self) -> str | None:
        """HEAD of the checkout; None where there is no repository, or no commit, or no git."""
        try:
            result = subprocess.run(
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
        return result.stdout.strip() or None

    def url(self) -> str | None:
        """A terminal has no address."""
        return None

    def trigger(self) -> Trigger:
        """There is no event."""
        return Trigger()

    def judged_in(self) -> tuple[int, int]:
        """Nobody counts."""
        return 0, 0

    def is_another_run(self, url: str | None) -> bool:
        """A terminal is no run, and knows of none."""
        del url
        return False

    def is_over(self, url: str) -> bool:
        """A terminal cannot see other runs."""
        del url
        return False

    def artifact(self, name: str, most: int) -> bytes | None:
        """No run triggers a terminal.

        Raises:
            InputError: always.
        """
        del most
        raise InputError(
            f"no run triggered this one, so there is no artifact {name!r}.",
            "Give the folder of the evidence with --evidence.",
        )

    def trust(self) -> RunTrust:
        """Whoever sits here has chosen the code; on GitHub's runners a name changes nothing."""
        from cdml.adapters.ci.github.trust import find_trust

        return find_trust(self._environment)

    def push_credentials(self) -> PushCredentials | None:
        """A token for GitHub, which somebody has set for it."""
        return push_credentials(self._environment)

    def host_environment(self) -> Mapping[str, str]:
        """Whoever names a code host sets its variables, too."""
        return {}

    def log_group(self, title: str) -> tuple[str, str] | None:
        """A terminal folds nothing."""
        del title
        return None

    def set_outputs(self, values: Mapping[str, str]) -> None:
        """There are no later steps."""

    def add_summary(self, markdown: str) -> None:
        """There is no page of the run."""

    def annotate(self, annotations: Sequence[Annotation]) -> None:
        """There is no code to show lines next to."""
