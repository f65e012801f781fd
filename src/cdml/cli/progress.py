"""Progress for people: a bar in a terminal, a line in a log, a group in a CI system's."""

import os
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

import click

from cdml.common.markdown import terminal
from cdml.common.progress import ProgressStep


@dataclass(slots=True)
class _Quiet:
    """A step in a log, where a bar would be noise."""

    def advance(self, amount: int = 1) -> None:
        """Nothing to draw."""


@dataclass(slots=True)
class _Bar:
    """A step whose bar is drawn from `draw_at` on, by the monotonic clock; `drawn` ends it.

    `done` counts what had been done before.
    """

    label: str
    total: int
    draw_at: float
    drawn: ExitStack
    bar: "click._termui_impl.ProgressBar[int] | None" = None
    done: int = 0

    def advance(self, amount: int = 1) -> None:
        """Draw so much more."""
        if self.bar is None:
            self.done += amount
            if time.monotonic() < self.draw_at:
                return
            made = click.progressbar(
                length=self.total, label=f"  {self.label}", file=sys.stderr, show_eta=True
            )
            self.bar, amount = self.drawn.enter_context(made), self.done
        self.bar.update(amount)


@dataclass(slots=True)
class ConsoleProgress:
    """Reports on standard error; bars only where a person watches a terminal.

    In a log that has groups all lines of a command are one, which leaving the context closes: the
    verdict stands below it. `group` has the lines that open and close it.
    """

    interactive: bool = field(
        default_factory=lambda: sys.stderr.isatty() and "CI" not in os.environ
    )
    group: tuple[str, str] | None = None
    patience: float = 1.0
    """Seconds of work before a bar is drawn."""
    _drawing: bool = False  # one bar at a time: parallel work is reported by a line
    _open: bool = False
    _noted: set[str] = field(default_factory=set)

    @classmethod
    def of_command(cls) -> Self:
        """Grouped as the log of the CI run around this process has it."""
        from cdml.wiring import find_ci_run

        return cls(group=find_ci_run(os.environ, Path.cwd()).log_group("what was done"))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self.group and self._open:
            click.echo(self.group[1], err=True)
        self.group, self._open = None, False

    @contextmanager
    def step(self, label: str, total: int | None = None) -> Iterator[ProgressStep]:
        """Announce a piece of work, and say how long it took when it is done."""
        start, label = time.monotonic(), terminal(label)
        bar = None
        if self.interactive and total and not self._drawing:
            self._drawing = True
            try:
                with ExitStack() as drawn:
                    bar = _Bar(label, total, start + self.patience, drawn)
                    yield bar
            finally:
                self._drawing = False
        else:
            yield _Quiet()
        if bar is None or bar.bar is None:
            self._print(f"{label} ({time.monotonic() - start:.1f} s)")

    def note(self, text: str) -> None:
        """Print one line, once however often a part of the command has it."""
        if text not in self._noted:
            self._noted.add(text)
            self._print(terminal(text))

    def _print(self, line: str) -> None:
        if self.group and not self._open:
            self._open = True
            click.echo(self.group[0], err=True)
        click.echo(f"  {line}", err=True)
