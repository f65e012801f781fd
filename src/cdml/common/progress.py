"""Telling a person that work goes on."""

from contextlib import AbstractContextManager
from typing import Protocol


class Progress(Protocol):
    """Shows a person that work goes on."""

    def step(self, label: str, total: int | None = None) -> AbstractContextManager["ProgressStep"]:
        """Announce a piece of work; leaving it says that it is done."""
        ...

    def note(self, text: str) -> None:
        """Say one line."""
        ...


class ProgressStep(Protocol):
    """A piece of work under way."""

    def advance(self, amount: int = 1) -> None:
        """So much more is done."""
        ...
