"""Everything that keeps cdml from answering, and the exit code each one ends with.

CdmlError                         (never raised itself)
├── ConfigurationError      2     cdml.yaml, an option, a name that is not known
├── InputError              4     data, model, predictions; stale or foreign evidence
│   └── Refused             4     evidence that does not allow this deployment
├── ServiceError            5     registry, target or platform did not answer as it should
│   └── Overtaken           5     another operation took the lock; says what serves
├── DeploymentFailed        6     the previous version serves again
├── RollbackFailed          7     says what serves what
└── LockHeld                9     another operation holds the lock

A gate that says no is a result, never one of these (exit codes 0, 1 and 3 are in
`cdml.common.verdict`). Whatever is not a CdmlError is a bug in cdml: exit 70.
"""

from typing import ClassVar

BUG = 70
INTERRUPTED = 130


class CdmlError(Exception):
    """What happened, and what to do next.

    Args:
        message: one sentence for a person: what happened, with the figures.
        hint: one sentence: what to do next; empty where the message says it all.
        at: the file and the line that are wrong, where it is known.
    """

    exit_code: ClassVar[int]

    def __init__(self, message: str, hint: str = "", *, at: tuple[str, int] | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.at = at


class ConfigurationError(CdmlError):
    """The configuration, an option or a name cannot be understood."""

    exit_code = 2


class InputError(CdmlError):
    """Data, model, predictions or evidence cannot be used."""

    exit_code = 4


class DeploymentRefused(InputError):
    """A deployment that its evidence does not allow.

    Args:
        message: one sentence: what is wrong with the evidence.
        hint: what to do next.
        reason: the name of the refusal, as `--override` takes it.
    """

    def __init__(self, message: str, hint: str = "", *, reason: str) -> None:
        super().__init__(message, hint)
        self.reason = reason


class ServiceError(CdmlError):
    """A registry, a target or a platform failed."""

    exit_code = 5


class Overtaken(ServiceError):
    """Another operation took the lock of this one, which stopped.

    Args:
        message: what happened.
        hint: what to do next.
        versions: what this operation may have given traffic or the alias to.
    """

    def __init__(self, message: str, hint: str = "", *, versions: tuple[str, ...] = ()) -> None:
        super().__init__(message, hint)
        self.versions = versions


class DeploymentFailed(CdmlError):
    """The deployment failed and the previous version serves again."""

    exit_code = 6


class RollbackFailed(CdmlError):
    """The rollback failed; the message names what serves what."""

    exit_code = 7


class LockHeld(CdmlError):
    """Another operation holds the lock of this environment and model."""

    exit_code = 9
