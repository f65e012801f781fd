"""`<command>.error.json`: why a command ended without a verdict."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Annotated, Literal, get_args

from pydantic import Field

from cdml.errors import BUG, INTERRUPTED
from cdml.evidence import store
from cdml.evidence.base import EvidenceModel, Text
from cdml.evidence.schema import Producer

CommandName = Literal[
    "validate-data",
    "evaluate-model",
    "compare-to-champion",
    "gate",
    "deploy",
    "rollback",
    "monitor",
    "train-model",
]
COMMANDS: tuple[CommandName, ...] = get_args(CommandName)
STAGES = COMMANDS[:3]
"""What `gate` runs."""
DELIVERIES = COMMANDS[4:6]


_KILLED = (
    "It was killed before it could finish: the job was cancelled or timed out, or the machine"
    " ran out of memory."
)
_INTERRUPTED = "It was interrupted, probably because the job was cancelled."
BUG_IN_CDML = "This is a bug in cdml. Please report it with the log."


class Failure(EvidenceModel):
    """A command that did not end with a verdict, and the sentences it ended with."""

    schema_: Literal["cdml.error/1"] = Field("cdml.error/1", alias="schema")
    """Name and version of this format."""
    command: CommandName
    """The command that ended."""
    exit_code: Annotated[int, Field(ge=1, le=255)] | None
    """How it ended; null if it was killed before it could end."""
    message: Text = ""
    """What happened; the same sentence as in the log and the annotation."""
    hint: Text = ""
    """What to do next."""
    file: Text | None = None
    """The file that is wrong, if one is."""
    line: Annotated[int, Field(ge=1)] | None = None
    """The line in that file."""
    produced: Producer
    """Who wrote this, and when."""

    @property
    def sentences(self) -> tuple[str, ...]:
        """What to tell: what happened, line by line, then what to do next."""
        lines = (*self.message.splitlines(), *self.hint.splitlines())
        if self.exit_code is None:
            lines = (_KILLED,)
        elif self.exit_code == INTERRUPTED:
            lines = (_INTERRUPTED,)
        elif self.exit_code == BUG:
            lines = (*lines, BUG_IN_CDML)
        return tuple(line.strip() for line in lines if line.strip())


def file_name(command: CommandName) -> str:
    """The file a command leaves its error in."""
    return f"{command}.error.json"


FAILURES: Mapping[str, CommandName] = {file_name(command): command for command in COMMANDS}


def outdated_commands(command: CommandName) -> tuple[CommandName, ...]:
    """The commands whose errors are out of date when a command starts."""
    if command == "gate":
        return (*STAGES, "gate")
    if command in STAGES:
        return (command, "gate")
    return DELIVERIES if command in DELIVERIES else (command,)


def write_failure(folder: Path, failure: Failure) -> Path:
    """Write an error under its name, whole or not at all.

    Raises:
        InputError: the folder cannot be written.
    """
    return store.write_atomically(folder / file_name(failure.command), store.dump_evidence(failure))


def remove_failures(folder: Path, commands: Iterable[CommandName]) -> None:
    """Take errors away.

    Raises:
        InputError: the folder cannot be written.
    """
    store.remove_files(*(folder / file_name(command) for command in commands))
