"""Progress for people: a bar in a terminal, a line in a log."""

import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import click

from cdml.ports import Step
from cdml.report.escape import terminal


@dataclass(slots=True)
class _Quiet:
    """A step in a log, where a bar would be noise."""

    def advance(self, amount: int = 1) -> None:
        """Nothing to draw."""


@dataclass(slots=True)
class _Bar:
    """A step with a bar."""

    bar: "click._termui_impl.ProgressBar[int]"

    def advance(self, amount: int = 1) -> None:
        """Draw so much more."""
        self.bar.update(amount)


@dataclass(slots=True)
class ConsoleProgress:
    """Tells on standard error; bars only where a person watches a terminal."""

    interactive: bool = field(
        default_factory=lambda: sys.stderr.isatty() and "CI" not in os.environ
    )
    _drawing: bool = False  # one bar at a time: work that goes on beside it is told by a line

    @contextmanager
    def step(self, label: str, total: int | None = None) -> Iterator[Step]:
        """Announce a piece of work, and say how long it took when it is done."""
        start, label = time.monotonic(), terminal(label)
        if self.interactive and total and not self._drawing:
            self._drawing = True
            try:
                with click.progressbar(
                    length=total, label=f"  {label}", file=sys.stderr, show_eta=True
                ) as bar:
                    yield _Bar(bar)
            finally:
                self._drawing = False
        else:
            yield _Quiet()
            click.echo(f"  {label} ({time.monotonic() - start:.1f} s)", err=True)

    def note(self, text: str) -> None:
        """Say one line."""
        click.echo(f"  {terminal(text)}", err=True)
