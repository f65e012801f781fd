"""A command that fails leaves its error as evidence, for the report to tell."""

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

import click

from cdml.common.redaction import redact
from cdml.errors import BUG, INTERRUPTED, CdmlError, InputError

if TYPE_CHECKING:  # evidence brings libraries that words alone do not need
    from cdml.evidence.failure import CommandName, Failure
    from cdml.wiring import RunHost

_LONGEST = 5_000
"""Characters of a message that are kept."""


def too_deep() -> InputError:
    """How a file that nests without end is reported."""
    return InputError(
        "A file is nested too deeply to read.",
        "Check cdml.yaml, the contract, MLmodel and the journal for deeply nested brackets.",
    )


@contextmanager
def record_errors(command: "CommandName", config: Path, output: Path) -> Iterator[None]:
    """Take away what an earlier run of a command left; if it fails, leave its error instead.

    The record is there from the start on, so that a process that is killed leaves it behind. The
    configuration need not be there.
    """
    from cdml.cli.progress import ConsoleProgress
    from cdml.evidence import failure, store
    from cdml.wiring import RunHost

    host = RunHost(config.parent, ConsoleProgress())
    with suppress(CdmlError):  # the command itself says what is wrong with the folder
        store.remove_evidence(output, *_replaced(command))
        failure.remove_failures(output, failure.outdated_commands(command))
        if config.parent.is_dir() and command not in failure.DELIVERIES:  # those have a journal
            failure.write_failure(output, _record(command, None, host))
    try:
        yield
    except BaseException as error:
        with suppress(CdmlError):
            if config.parent.is_dir():
                failure.write_failure(output, _record(command, error, host))
                host.ci_run.set_outputs({"evidence": str(output)})
        raise
    with suppress(CdmlError):
        failure.remove_failures(output, [command])


def _replaced(command: "CommandName") -> tuple[type, ...]:
    """The evidence that a command is about to form anew, and what rests on it."""
    from cdml.evidence.monitor import Monitoring
    from cdml.evidence.schema import Comparison, DataEvidence, Deployment, Evaluation

    return {
        "monitor": (Monitoring,),
        "validate-data": (DataEvidence, Deployment),
        "evaluate-model": (Evaluation, Comparison, Deployment),
        "compare-to-champion": (Comparison, Deployment),
        "gate": (DataEvidence, Evaluation, Comparison, Deployment),
    }.get(command, ())


def _record(command: "CommandName", error: BaseException | None, host: "RunHost") -> "Failure":
    """How a command ended; with None it has not yet."""
    from cdml.ci.provenance import producer
    from cdml.evidence.failure import Failure

    code: int | None = None
    message, hint, at = "", "", None
    if isinstance(error, RecursionError):
        error = too_deep()
    if isinstance(error, CdmlError):
        code, message, hint, at = error.exit_code, error.message, error.hint, error.at
    elif isinstance(error, KeyboardInterrupt | click.Abort):
        code = INTERRUPTED
    elif error is not None:
        code, message = BUG, f"{type(error).__name__}: {error}"
    return Failure(
        command=command,
        exit_code=code,
        message=redact(message, os.environ)[:_LONGEST],
        hint=redact(hint, os.environ)[:_LONGEST],
        file=at[0] if at else None,
        line=at[1] if at else None,
        produced=producer(host.ci_run, host.clock),
    )
