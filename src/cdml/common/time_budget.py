"""How long a command may wait for services in all.

Each service alone may answer late; together they must not keep a job, or a lock, for longer than
is stated. So a command has one budget, and everything that waits for the code host, the registry or
the target draws from it. Only waiting counts: the hours of a canary, scoring and the transfer of
a model's files do not.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from cdml.errors import ServiceError

SECONDS = 600.0
"""What a command may spend, unless it says otherwise."""


class Budget:
    """Seconds that are left for waiting, by a clock that only runs forward."""

    def __init__(self, seconds: float = SECONDS, now: Callable[[], float] = time.monotonic) -> None:
        self._seconds = seconds
        self._now = now
        self._spent = 0.0
        self._since: float | None = None

    @property
    def left(self) -> float:
        """Seconds that may still be waited, not below 0."""
        running = 0.0 if self._since is None else self._now() - self._since
        return max(0.0, self._seconds - self._spent - running)

    def allows(self, pause: float) -> bool:
        """Whether a pause before another attempt fits in."""
        return pause < self.left

    @contextmanager
    def spending(self, service: str) -> Iterator[None]:
        """Count the time within, once if nested, of a `service` as a sentence begins with it.

        Raises:
            ServiceError: nothing is left; the service is not called.
        """
        if self._since is not None:
            yield
            return
        if not self.left:
            raise ServiceError(
                f"{service} was not called: this command has already waited"
                f" {self._seconds / 60:g} minutes for services.",
                "Run it again when they respond faster.",
            )
        self._since = self._now()
        try:
            yield
        finally:
            self._spent += self._now() - self._since
            self._since = None


def draw_from(adapter: object, budget: Budget) -> None:
    """Let an adapter with an attribute `budget` draw from a command's where it waits."""
    if isinstance(getattr(adapter, "budget", None), Budget):
        adapter.budget = budget  # type: ignore[attr-defined]  # as just seen
