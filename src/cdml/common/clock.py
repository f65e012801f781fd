"""Time."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import datetime
from typing import Protocol


class Clock(Protocol):
    """Time."""

    @property
    def boot(self) -> str:
        """What identifies this start of the machine; empty if nothing does."""
        ...

    def now(self) -> datetime:
        """Now, in UTC."""
        ...

    def monotonic(self) -> float:
        """Seconds since some moment of this start of the machine.

        Nobody can set them, and they go on while a process or the machine is suspended. Two
        processes of one machine read the same.
        """
        ...

    def sleep(self, seconds: float) -> None:
        """Wait."""
        ...

    def every(self, seconds: float, act: Callable[[], None]) -> AbstractContextManager[None]:
        """Call `act` again and again in the background; leaving waits for a call under way."""
        ...
