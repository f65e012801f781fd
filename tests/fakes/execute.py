"""Programs that are only played."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from cdml.errors import InputError


@dataclass(frozen=True)
class Played:
    """What a program prints, how it ends, and its last words."""

    lines: Sequence[str] = ()
    code: int = 0
    words: str = "it said nothing"


@dataclass
class FakeExecute:
    """Plays what `play` says of a command, None being no such program; remembers all of them."""

    play: Callable[[Sequence[str]], Played | None]
    programs: list[tuple[Sequence[str], Path]] = field(default_factory=list)

    def __call__(self, command: Sequence[str], folder: Path, *, expected: int = 0) -> Iterator[str]:
        self.programs.append((command, folder))
        played = self.play(command)
        if played is None:
            raise InputError(f"{command[0]} cannot be started: there is no such program.")
        yield from played.lines
        if played.code != expected:
            told = f"ended with exit code {played.code}: {played.words}"
            raise InputError(f"{' '.join(command)} {told}")
