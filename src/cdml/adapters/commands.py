"""Other programs, told line by line."""

import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

from cdml.errors import InputError


def lines(command: Sequence[str], folder: Path, *, expected: int = 0) -> Iterator[str]:
    """Run a program; see `cdml.delivery.hooks.Execute`."""
    with tempfile.TemporaryFile("w+", encoding="utf-8", errors="replace") as complaints:
        try:
            process = subprocess.Popen(
                command,
                cwd=folder,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=complaints,
                encoding="utf-8",
                errors="replace",
            )
        except OSError as error:
            raise InputError(f"{command[0]} cannot be started: {error}.") from error
        with process:
            for line in process.stdout or ():
                yield line.rstrip("\n")
        if process.returncode != expected:
            complaints.seek(0)
            words = complaints.read().strip().splitlines() or ["it said nothing"]
            code = process.returncode
            raise InputError(f"{' '.join(command)} ended with exit code {code}: {words[-1]}")
