"""How models are isolated here: as strongly as the machine and the workflow allow."""

import os
import sys
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path

from cdml.adapters.scoring.sandbox import SUDO_COMMAND, SandboxedCommand, Walls
from cdml.adapters.scoring.subprocesses import private_folder, run
from cdml.ci.run import RunTrust
from cdml.config.variables import in_ci
from cdml.errors import ConfigurationError

ISOLATION = "CDML_ISOLATION"
"""The variable by which the workflow says whether isolation is required."""
ISOLATION_SUDO = "CDML_ISOLATION_SUDO"
"""The variable by which the workflow says whether isolation may use sudo."""
REQUIRED, PREFERRED, NONE = "required", "preferred", "none"
_PROBE_SECONDS = 20


class Enclosure:
    """Finds out once, when first needed, which sandbox can be built; or uses the one given."""

    def __init__(self, trust: RunTrust, walls: Walls | None = None) -> None:
        self._trust = trust
        self._asked = walls

    @property
    def private(self) -> tuple[Path, ...]:
        """Folders of the job that are hidden whatever else is."""
        return self._trust.private

    @cached_property
    def walls(self) -> Walls:
        """The sandbox to build; a ConfigurationError if one is required and cannot be built."""
        return choose(self._trust) if self._asked is None else self._asked

    def require_no_isolation(self, subject: str) -> None:
        """See the function."""
        require_no_isolation(subject, self._trust)


def choose(trust: RunTrust, variables: Mapping[str, str] | None = None) -> Walls:
    """The sandbox that models run in here.

    The workflow's inputs stand in the process's variables; never in cdml.yaml, which a pull request
    may edit.

    Raises:
        ConfigurationError: a required sandbox cannot be built, or an input is another word.
    """
    given = os.environ if variables is None else variables
    requirement = _requirement(trust, given)
    if requirement == NONE:
        return Walls.NONE
    possible = (Walls.NAMESPACES, *([Walls.SUDO] if _may_use_sudo(trust, given) else []))
    chosen = next((walls for walls in possible if can_build(walls)), Walls.NONE)
    if requirement == REQUIRED and chosen is Walls.NONE:
        author = (
            "The workflow requires isolation"
            if given.get(ISOLATION)
            else (f"Isolation is required for {trust.strangers}")
        )
        raise ConfigurationError(
            f"{author}, but this runner cannot isolate a model. No model was run.",
            "Use a GitHub-hosted Ubuntu runner or one that allows user namespaces, set"
            " `isolation-sudo: true` if the job may use sudo, or score elsewhere and give"
            f" --predictions. In a job without secrets, `isolation: {PREFERRED}` runs the model"
            " anyway.",
        )
    return chosen


def require_no_isolation(
    subject: str, trust: RunTrust, variables: Mapping[str, str] | None = None
) -> None:
    """Refuse what runs models without isolation, unless the workflow says so in words.

    Raises:
        ConfigurationError: it is a stranger's, or a CI run whose workflow does not say so.
    """
    given = os.environ if variables is None else variables
    if trust.strangers:
        raise ConfigurationError(
            f"{subject} runs models without isolation, which is refused for {trust.strangers}. No"
            " model was run.",
            "Score on the runner (`scoring.engine: local`), or push the branch to this repository.",
        )
    terminal = not given.get(ISOLATION) and not in_ci(given)
    if not terminal and _requirement(trust, given) != NONE:
        raise ConfigurationError(
            f"{subject} runs models without isolation, and the workflow does not allow that. No"
            " model was run.",
            f"Set `isolation: {NONE}` ({ISOLATION}={NONE}) in the workflow, whose job then gets no"
            " token of the code host, or score on the runner (`scoring.engine: local`).",
        )


def _requirement(trust: RunTrust, given: Mapping[str, str]) -> str:
    """What the workflow says; strangers' models are isolated where it says `none`."""
    requirement = given.get(ISOLATION) or (REQUIRED if trust.strangers else PREFERRED)
    if requirement not in (REQUIRED, PREFERRED, NONE):
        raise ConfigurationError(
            f"isolation is {requirement!r}.", f"Set it to {REQUIRED}, {PREFERRED} or {NONE}."
        )
    return REQUIRED if requirement == NONE and trust.strangers else requirement


def can_build(walls: Walls) -> bool:
    """Whether this machine lets us build this sandbox; it builds it once to find out."""
    if walls is Walls.NONE:
        return True
    if sys.platform != "linux" or (walls is Walls.SUDO and not os.access(SUDO_COMMAND, os.X_OK)):
        return False
    with private_folder("cdml-probe-") as scratch:
        probe = SandboxedCommand(
            command=["/bin/true"], scratch=scratch, keep=[(scratch, True)], walls=walls,
            seconds=_PROBE_SECONDS,
        )  # fmt: skip
        ended = run(probe, lambda _: None)
    return ended.code == 0 and not ended.timed_out


def _may_use_sudo(trust: RunTrust, variables: Mapping[str, str]) -> bool:
    """Whether the job may become root: the machine is thrown away, or the workflow says so."""
    setting = variables.get(ISOLATION_SUDO) or ""
    if setting not in ("", "true", "false"):
        raise ConfigurationError(f"isolation-sudo is {setting!r}.", "Set it to true or false.")
    return setting == "true" or (trust.disposable and setting != "false")
