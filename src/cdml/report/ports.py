from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:  # whoever uses a port imports it
    from cdml.ci.code_host import CodeHost
    from cdml.ci.run import CiRun
    from cdml.common.clock import Clock
    from cdml.common.progress import Progress


class ReportPorts(Protocol):
    """What a report may touch, whether or not there is a configuration; every run has it."""

    @property
    def ci_run(self) -> CiRun:
        """The run of a CI system that this is part of."""
        ...

    @property
    def code_host(self) -> CodeHost | None:
        """Where the code is reviewed; None where nobody is to be talked to."""
        ...

    @property
    def clock(self) -> Clock:
        """What time it is."""
        ...

    @property
    def progress(self) -> Progress:
        """Where progress is shown."""
        ...
