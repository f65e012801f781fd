"""The machine's clock."""

import time
from datetime import UTC, datetime


class SystemClock:
    """Tells the time and waits."""

    def now(self) -> datetime:
        """Now, in UTC."""
        return datetime.now(UTC)

    def sleep(self, seconds: float) -> None:
        """Wait."""
        time.sleep(seconds)
