from typing import Protocol

from cdml.ci.run import Platform
from cdml.common.clock import Clock
from cdml.common.progress import Progress


class ReportPorts(Protocol):
    """What a report may touch, whether or not there is a configuration; every run has it."""

    @property
    def platform(self) -> Platform:
        """The CI system around this run."""
        ...

    @property
    def clock(self) -> Clock:
        """What time it is."""
        ...

    @property
    def progress(self) -> Progress:
        """Where progress is shown."""
        ...
