"""This machine's clock."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path

_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")
# Linux counts the time that a machine was suspended in this clock only; others in their usual one.
_SUSPENSION_COUNTS = getattr(time, "CLOCK_BOOTTIME", None)


class SystemClock:
    """The system's clock; it also waits."""

    @property
    def boot(self) -> str:
        """The kernel's name for this start of the machine."""
        with suppress(OSError):
            return _BOOT_ID.read_text().strip()
        return ""

    def now(self) -> datetime:
        """Now, in UTC."""
        return datetime.now(UTC)

    def monotonic(self) -> float:
        """Seconds since this start of the machine."""
        if _SUSPENSION_COUNTS is None:
            return time.monotonic()
        return time.clock_gettime(_SUSPENSION_COUNTS)

    def sleep(self, seconds: float) -> None:
        """Wait."""
        time.sleep(seconds)

    @contextmanager
    def every(self, seconds: float, act: Callable[[], None]) -> Iterator[None]:
        """Call `act` by a thread that ends with the block."""
        over = threading.Event()

        def beat() -> None:
            while not over.wait(seconds):
                act()

        thread = threading.Thread(target=beat, name="cdml-lease", daemon=True)
        thread.start()
        try:
            yield
        finally:
            over.set()
            thread.join()
