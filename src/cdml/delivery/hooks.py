"""The ports of other programs: those run here, and webhooks elsewhere."""

from collections.abc import Iterator, Mapping, Sequence
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


class Webhook(Protocol):
    """Telling a machine elsewhere what happened."""

    def post(self, url: str, body: bytes, headers: Mapping[str, str]) -> None:
        """Send it once; redirects are not followed.

        Raises:
            ServiceError: nobody answered, or not with a success; the address is not told, since
                it may hold a secret.
        """
        ...
