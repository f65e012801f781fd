"""The rows of a report, each laid out once."""

from collections.abc import Hashable
from typing import Protocol

from markupsafe import Markup


class Macro(Protocol):
    """A macro of a template."""

    name: str

    def __call__(self, row: Hashable, *arguments: Hashable) -> Markup:
        """Lay out a row."""


class RowCache:
    """Lays out a row only the first time.

    A report that has to fit is laid out about ten times with more or fewer of its rows, and a row
    is the same text in each. A cache belongs to one template and what is set in it.
    """

    def __init__(self) -> None:
        self._found: dict[Hashable, Markup] = {}

    def __call__(self, macro: Macro, row: Hashable, *arguments: Hashable) -> Markup:
        """The row as the macro lays it out.

        The macro's rendering depends on nothing but its arguments.
        """
        key = (macro.name, row, arguments)
        cached = self._found.get(key)
        if cached is None:
            cached = self._found[key] = macro(row, *arguments)
        return cached
