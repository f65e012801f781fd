"""What the runs of a CI system without artifacts of other runs, log groups and summaries share."""

import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import ClassVar

from cdml.adapters.ci.dotenv import add_outputs
from cdml.ci.run import Annotation
from cdml.common.redaction import without_journal_keys
from cdml.common.time_budget import Budget
from cdml.errors import InputError


class BasicRun:
    """The part of a `CiRun` that needs nothing of its CI system; `folder` is in the checkout."""

    evidence_hint: ClassVar[str]
    """How a command gets the evidence of another one here."""

    def __init__(self, *, environment: Mapping[str, str], folder: Path) -> None:
        self._environment = dict(environment)
        self._folder = folder
        self.budget = Budget()

    def artifact(self, name: str, most: int) -> bytes | None:
        """No run reports for another one.

        Raises:
            InputError: always.
        """
        del most
        raise InputError(
            f"no run triggered this one, so there is no artifact {name!r}.", self.evidence_hint
        )

    def host_environment(self) -> Mapping[str, str]:
        """The machine has the code host's variables already."""
        return {}

    def log_group(self, title: str) -> tuple[str, str] | None:
        """The log folds nothing."""
        del title
        return None

    def set_outputs(self, values: Mapping[str, str]) -> None:
        """Add them to the file that CDML_DOTENV names: `verdict` as CDML_VERDICT.

        Raises:
            InputError: the file cannot be written.
        """
        add_outputs(self._environment, values)

    def add_summary(self, markdown: str) -> None:
        """The run's page has no room for Markdown; the report is an artifact."""

    def annotate(self, annotations: Sequence[Annotation]) -> None:
        """No lines are shown next to the code."""

    def _git(self, *arguments: str) -> str | None:
        """What git says about the checkout; None where it says nothing, or is not there."""
        try:
            result = subprocess.run(
                ["git", *arguments],
                cwd=self._folder,
                env=without_journal_keys(self._environment),
                capture_output=True,
                text=True,
                check=False,
                timeout=10,
            )
        except (OSError, subprocess.TimeoutExpired):
            return None
        return result.stdout.strip() or None

    def _commit_at(self, reference: str) -> str | None:
        return self._git("rev-parse", "--verify", "--quiet", f"{reference}^{{commit}}")
