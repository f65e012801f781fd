"""Time."""

from datetime import datetime
from typing import Protocol


class Clock(Protocol):
    """Time."""

    def now(self) -> datetime:
        """Now, in UTC."""
        ...

    def sleep(self, seconds: float) -> None:
        """Wait."""
        ...
