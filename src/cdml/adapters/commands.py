"""Other programs, told line by line."""

import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

from cdml.errors import InputError


def lines(command: Sequence[str], folder: Path) -> Iterator[str]:
    """Run a program and yield each line it prints, as it prints it.

    Args:
        command: program and arguments.
        folder: where it runs.

    Raises:
        InputError: it cannot be started, or it failed; the message has its own last words.
    """
    with tempfile.TemporaryFile("w+", encoding="utf-8", errors="replace") as complaints:
        try:
            process = subprocess.Popen(
                command, cwd=folder, stdout=subprocess.PIPE, stderr=complaints, text=True
            )
        except OSError as error:
            raise InputError(f"{command[0]} cannot be started: {error}.") from error
        with process:
            for line in process.stdout or ():
                yield line.rstrip("\n")
        if process.returncode != 0:
            complaints.seek(0)
            words = complaints.read().strip().splitlines() or ["it said nothing"]
            raise InputError(
                f"{' '.join(command)} ended with exit code {process.returncode}: {words[-1]}"
            )
