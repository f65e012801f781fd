"""Which walls stand around models here: the strongest that the machine and the workflow allow."""

import json
import os
import sys
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import Any

from cdml.adapters.scoring.sandbox import SUDO_COMMAND, SandboxedCommand, Walls
from cdml.adapters.scoring.subprocesses import private_folder, run
from cdml.errors import ConfigurationError

ISOLATION = "CDML_ISOLATION"
"""The variable by which the workflow says whether walls are required."""
ISOLATION_SUDO = "CDML_ISOLATION_SUDO"
"""The variable by which the workflow says whether walls may be made with sudo."""
REQUIRED, PREFERRED = "required", "preferred"
HOSTED = "github-hosted"
"""RUNNER_ENVIRONMENT of a machine that is thrown away after the job."""
_DEPENDABOT = "dependabot[bot]"
_DEPENDABOTS, _FORKS = "Dependabot's pull requests", "pull requests from forks"
_PROBE_SECONDS = 20


class Enclosure:
    """Finds out which walls can be built, once, when it is first asked; or has those given."""

    def __init__(self, walls: Walls | None = None) -> None:
        self._asked = walls

    @cached_property
    def walls(self) -> Walls:
        """The walls to build; a ConfigurationError if they are required and cannot be built."""
        return choose() if self._asked is None else self._asked


def choose(variables: Mapping[str, str] | None = None) -> Walls:
    """The walls that models run behind here.

    The workflow's inputs stand in the process's variables; never in cdml.yaml, which a pull request
    may edit.

    Raises:
        ConfigurationError: walls are required and cannot be built, or an input is another word.
    """
    given = os.environ if variables is None else variables
    foreign = strangers_code(given)
    requirement = given.get(ISOLATION) or (REQUIRED if foreign else PREFERRED)
    if requirement not in (REQUIRED, PREFERRED):
        raise ConfigurationError(
            f"isolation is {requirement!r}.", f"Set it to {REQUIRED} or {PREFERRED}."
        )
    possible = (Walls.NAMESPACES, *([Walls.SUDO] if _may_use_sudo(given) else []))
    chosen = next((walls for walls in possible if can_build(walls)), Walls.NONE)
    if requirement == REQUIRED and chosen is Walls.NONE:
        author = (
            "The workflow requires isolation"
            if given.get(ISOLATION)
            else (f"Isolation is required for {foreign}")
        )
        raise ConfigurationError(
            f"{author}, and this runner cannot isolate a model; no model was run.",
            "Use a GitHub-hosted Ubuntu runner or one that allows user namespaces, set"
            " `isolation-sudo: true` where the job may use sudo, or score elsewhere and give"
            f" --predictions. In a job without secrets, `isolation: {PREFERRED}` runs the model"
            " all the same.",
        )
    return chosen


def can_build(walls: Walls) -> bool:
    """Whether this machine lets us build these walls, found out by building them once."""
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


def _may_use_sudo(variables: Mapping[str, str]) -> bool:
    """Whether the job may become root: the machine is thrown away, or the workflow says so."""
    setting = variables.get(ISOLATION_SUDO) or ""
    if setting not in ("", "true", "false"):
        raise ConfigurationError(f"isolation-sudo is {setting!r}.", "Set it to true or false.")
    hosted = variables.get("RUNNER_ENVIRONMENT") == HOSTED
    return setting == "true" or (hosted and setting != "false")


def strangers_code(variables: Mapping[str, str]) -> str:
    """Whose code a run may hold, where it is another's; an unclear event means a stranger's."""
    if variables.get("GITHUB_ACTIONS") != "true":
        return ""
    if _DEPENDABOT in (variables.get("GITHUB_ACTOR"), variables.get("GITHUB_TRIGGERING_ACTOR")):
        return _DEPENDABOTS
    event = variables.get("GITHUB_EVENT_NAME", "")
    if event == "merge_group":
        return "merge groups, which may hold pull requests from forks"
    return _whose(event, _event(variables))


def _whose(event: str, event_payload: Mapping[str, Any]) -> str:
    pull, triggering = event_payload.get("pull_request"), event_payload.get("workflow_run")
    if isinstance(pull, dict):
        if _at(pull, "user", "login") == _DEPENDABOT:
            return _DEPENDABOTS
        return "" if _is_ours(_at(pull, "head", "repo"), _at(pull, "base", "repo")) else _FORKS
    if isinstance(triggering, dict):
        return (
            ""
            if _is_ours(triggering.get("head_repository"), event_payload.get("repository"))
            else _FORKS
        )
    comment = isinstance(_at(event_payload, "issue", "pull_request"), dict)
    if comment or event.startswith("pull_request") or event == "workflow_run":
        return "pull requests of which the event does not say whose they are"
    return ""


def _is_ours(head: object, base: object) -> bool:
    """Whether a branch lies in our repository; a fork that was deleted is none at all."""
    if head is None and base is None:
        return True  # a runner that knows of no repositories, and so of no forks
    return _at(base, "full_name") is not None and bool(
        _at(head, "full_name") == _at(base, "full_name")
    )


def _event(variables: Mapping[str, str]) -> dict[str, Any]:
    try:
        payload = json.loads(Path(variables["GITHUB_EVENT_PATH"]).read_text(encoding="utf-8"))
    except (KeyError, OSError, ValueError, RecursionError):
        return {}
    return payload if isinstance(payload, dict) else {}


def _at(place: object, *keys: str) -> Any:
    for key in keys:
        place = place.get(key) if isinstance(place, dict) else None
    return place
