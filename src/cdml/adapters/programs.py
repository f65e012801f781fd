"""Programs beside cdml, line by line."""

import subprocess
from collections.abc import Iterator, Sequence
from pathlib import Path

from cdml.errors import InputError

_LAST_LINES = 5


def execute(command: Sequence[str], folder: Path) -> Iterator[str]:
    """Run a program in a folder and yield the lines it prints, errors among them.

    Raises:
        InputError: it cannot be started or does not end well; its last lines are told.
    """
    lines: list[str] = []
    try:
        process = subprocess.Popen(
            command,
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
        )
    except OSError as error:
        raise InputError(f"{command[0]} cannot be started: {error}.") from error
    with process:
        for line in process.stdout or ():
            lines.append(line.rstrip("\n"))
            yield lines[-1]
    if process.returncode != 0:
        told = "\n".join(lines[-_LAST_LINES:])
        raise InputError(f"{' '.join(command)} ended with {process.returncode}:\n{told}")
