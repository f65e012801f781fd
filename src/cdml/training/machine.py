"""The machine that trains, as a port."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from cdml.evidence.lineage import Hardware


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainingJob:
    """A command to run in a folder, with more variables than those of this process.

    `lock` is a file of locked requirements to run it with; None: with the present packages.
    """

    command: Sequence[str]
    folder: Path
    variables: Mapping[str, str] = field(default_factory=dict)
    lock: Path | None = None
    seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainingProcessEnd:
    """How the command ended.

    `code` is 128 + N after signal N. `address` is the last `runs:/…` that it printed. `last_line`
    is the last line that it printed.
    """

    code: int
    timed_out: bool
    seconds: float
    address: str | None
    last_line: str


@dataclass(frozen=True, slots=True, kw_only=True)
class InstalledPackages:
    """The version of Python, None where there is none; and `name==version`, sorted."""

    python: str | None
    packages: tuple[str, ...] = ()


class TrainingMachine(Protocol):
    """Runs the command, and describes what it runs on."""

    def run(self, job: TrainingJob) -> TrainingProcessEnd:
        """Run a command to its end; its output goes to the log as it comes.

        Signals that this process gets go to the command and to all that it started. Nothing of it
        runs any more afterwards.

        Raises:
            ConfigurationError: there is no such program, or no uv to build the environment.
            KeyboardInterrupt: this process was to end; the command has ended.
        """
        ...

    def hardware(self) -> Hardware:
        """The machine; never an error."""
        ...

    def packages(self, program: str, folder: Path) -> InstalledPackages:
        """What can be imported by the interpreter that a command starts, else by `python3`."""
        ...

    def is_clean(self, folder: Path) -> bool | None:
        """Whether what git tracks in a folder is as in its commit; None without git or commit."""
        ...
