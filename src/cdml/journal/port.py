"""What served when: one document, moved only by compare-and-swap."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """The journal's JSON at one moment, with its commit and the one before; None: no entry yet."""

    document: Mapping[str, object] | None
    commit: str | None
    parent: str | None = None


class Moved(Exception):
    """Somebody else wrote the journal first; read it again."""


class Journal(Protocol):
    """One document per environment and model, moved only by compare-and-swap."""

    def read(self) -> Snapshot:
        """The newest entry.

        Raises:
            InputError: what is there is not a journal.
            ServiceError: the journal cannot be read; this is never taken for an empty one.
        """
        ...

    def write(self, document: Mapping[str, object], subject: str, expected: str | None) -> str:
        """Append an entry on top of `expected` and give its commit.

        Raises:
            Moved: `expected` is not the newest entry any more.
            ServiceError: the journal cannot be written (the message names the permission), or
                nobody answered whether it was: read again.
        """
        ...
