"""The CI run around a command, and the host of its code."""

from __future__ import annotations

import os
import warnings
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, cast

from cdml.adapters.ci import CI_SYSTEMS, CODE_HOSTS, detect_system
from cdml.adapters.local import SystemClock
from cdml.common.adapter_table import AdapterTable, Names, find_adapter
from cdml.common.time_budget import Budget, draw_from

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from cdml.ci.code_host import CodeHost
    from cdml.ci.run import CiRun
    from cdml.common.clock import Clock
    from cdml.common.progress import Progress

CI_RUNS: Names = {name: system.run for name, system in CI_SYSTEMS.items()}
_OLD_PLATFORM = "CDML_PLATFORM"


@dataclass(frozen=True)
class RunHost:
    """What there is to talk to, whether or not a configuration can be read.

    Attributes:
        folder: the configuration's.
        progress: how work is reported.
        environment: the process's environment.
        budget: how long the command may wait for services.
    """

    folder: Path
    progress: Progress
    environment: Mapping[str, str] = field(default_factory=lambda: os.environ, repr=False)
    budget: Budget = field(default_factory=Budget, repr=False)

    @cached_property
    def clock(self) -> Clock:
        """The machine's clock."""
        return SystemClock()

    @cached_property
    def ci_run(self) -> CiRun:
        """The run that CDML_CI names; else the one whose machine this is seen to be."""
        made = find_ci_run(self.environment, self.folder)
        draw_from(made, self.budget)
        return made

    @cached_property
    def code_host(self) -> CodeHost | None:
        """The one that CDML_CODE_HOST names, which may be `none`; else the one of the run."""
        run = self.ci_run
        if self.environment.get(_OLD_PLATFORM):
            from cdml.adapters.ci.old_platform import PlatformRun

            if isinstance(run, PlatformRun):
                return cast("CodeHost", run.platform)
        name = self.environment.get("CDML_CODE_HOST") or run.code_host
        if name in (None, "none"):
            return None
        table = AdapterTable("cdml.code_hosts", CODE_HOSTS)
        made: CodeHost = find_adapter("code host", name, table)(
            environment={**self.environment, **run.host_environment()},
            folder=self.folder,
            run=run,
        )
        draw_from(made, self.budget)
        return made


def find_ci_run(environment: Mapping[str, str], folder: Path) -> CiRun:
    """The CI run around a command.

    Raises:
        ConfigurationError: the variable that names it names none that there is.
    """
    old = environment.get(_OLD_PLATFORM)
    name = environment.get("CDML_CI") or old or detect_system(environment)
    table = AdapterTable("cdml.ci_runs", CI_RUNS)
    given = {"environment": environment, "folder": folder}
    if old and name == old:
        warnings.warn(
            f"{_OLD_PLATFORM} and the entry points cdml.platforms will be removed in the next"
            " release: use CDML_CI, CDML_CODE_HOST, cdml.ci_runs and cdml.code_hosts.",
            FutureWarning,
            stacklevel=2,
        )
        platforms = AdapterTable("cdml.platforms", {})
        if name not in table and name in platforms:
            from cdml.adapters.ci.old_platform import PlatformRun

            platform = find_adapter("platform", name, platforms)(**given)
            return cast("CiRun", PlatformRun(platform, environment=environment, folder=folder))
    made: CiRun = find_adapter("CI system", name, table)(**given)
    return made
