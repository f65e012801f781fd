"""Other programs."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Protocol


class Execute(Protocol):
    """Runs another program."""

    def __call__(self, command: Sequence[str], folder: Path, *, expected: int = 0) -> Iterator[str]:
        """Yield each line the program prints, as it prints it.

        Args:
            command: program and arguments.
            folder: where it runs.
            expected: the exit code it should end with.

        Raises:
            InputError: it cannot be started, or ends otherwise; the message has its last words.
        """
        ...
