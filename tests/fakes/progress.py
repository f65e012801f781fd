"""Progress that remembers what it was told."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field


@dataclass
class FakeStep:
    done: int = 0

    def advance(self, amount: int = 1) -> None:
        self.done += amount


@dataclass
class FakeProgress:
    steps: dict[str, FakeStep] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)

    @contextmanager
    def step(self, label: str, total: int | None = None) -> Iterator[FakeStep]:
        del total
        yield self.steps.setdefault(label, FakeStep())

    def note(self, text: str) -> None:
        self.notes.append(text)
