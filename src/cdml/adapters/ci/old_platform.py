"""A platform of a package that has not split it into CI run and code host; for one release."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from cdml.adapters.ci.terminal import TerminalRun
from cdml.ci.run import Trigger, TriggeringRun

_OLD_NAMES = {
    "url": "run_url",
    "is_over": "run_is_over",
    "set_outputs": "outputs",
    "add_summary": "summary",
}


class PlatformRun:
    """The run that a platform knows; what platforms never knew is as at a terminal.

    The platform itself, whose methods have kept their names, is the code host.
    """

    code_host: str | None = None

    def __init__(self, platform: Any, *, environment: Mapping[str, str], folder: Path) -> None:
        self.platform = platform
        self._terminal = TerminalRun(environment=environment, folder=folder)

    def __getattr__(self, name: str) -> Any:
        old = _OLD_NAMES.get(name, name)
        return getattr(self.platform if hasattr(self.platform, old) else self._terminal, old)

    def trigger(self) -> Trigger:
        """What a platform says of it."""
        stopped = self.platform.stopped()
        run = stopped and TriggeringRun(
            commit="", branch="", owner="", repository=None, pull_requests={}, stopped=stopped
        )
        return Trigger(pull_request=self.platform.pull_request(), run=run or None)
