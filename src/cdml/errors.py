"""Everything that keeps cdml from a verdict, and the exit code each error ends with.

A gate that says no is a result, never one of these. Whatever is not a CdmlError is a bug in cdml.
"""

from typing import ClassVar

BUG = 70
INTERRUPTED = 130
EXIT_CODES = {
    0: "passed, warned, deployed, rolled back, or nothing to do",
    1: "rejected",
    2: "usage or configuration: every problem at once, with its line",
    3: "held: the rows cannot settle it",
    4: "input: data, model, predictions, stale or foreign evidence",
    5: "a service failed: registry, target, CI system, code host",
    6: "the deployment failed and the previous version serves again",
    7: "the rollback failed; the message says what serves now",
    9: "another operation holds the lock",
    BUG: "a bug in cdml",
    INTERRUPTED: "interrupted",
}
"""Every way a command can end (0, 1 and 3 are `cdml.common.verdict`'s)."""


class CdmlError(Exception):
    """What happened, with the figures, and what to do next: a sentence each.

    The hint is empty where the message says it all; `at` is the file and the line that are wrong.
    """

    exit_code: ClassVar[int]

    def __init__(self, message: str, hint: str = "", *, at: tuple[str, int] | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.at = at

    @property
    def sentences(self) -> str:
        """What happened and what to do next, as one text."""
        return f"{self.message} {self.hint}".rstrip()


class ConfigurationError(CdmlError):
    """The configuration, an option or a name is wrong."""

    exit_code = 2


class InputError(CdmlError):
    """Data, model, predictions or evidence cannot be used."""

    exit_code = 4


class DeploymentRefused(InputError):
    """The evidence does not allow this deployment; `--override` takes `reason` as the name."""

    def __init__(self, message: str, hint: str = "", *, reason: str) -> None:
        super().__init__(message, hint)
        self.reason = reason


class ServiceError(CdmlError):
    """A registry, a target, a CI system or a code host failed."""

    exit_code = 5


class Overtaken(ServiceError):
    """Another operation took the lock, so this one stopped.

    `versions` are those that this operation may have given traffic or the alias to.
    """

    def __init__(self, message: str, hint: str = "", *, versions: tuple[str, ...] = ()) -> None:
        super().__init__(message, hint)
        self.versions = versions


class DeploymentFailed(CdmlError):
    """The deployment failed and the previous version serves again."""

    exit_code = 6


class RollbackFailed(CdmlError):
    """The rollback failed; the message says what serves now."""

    exit_code = 7


class LockHeld(CdmlError):
    """Another operation holds the lock of this environment and model."""

    exit_code = 9
