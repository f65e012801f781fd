"""Whose code a workflow run may hold, and what its runner is."""

from collections.abc import Mapping
from pathlib import Path

from cdml.adapters.ci.github.events import Event, at, read_event
from cdml.ci.run import RunTrust
from cdml.errors import InputError

_HOSTED = "github-hosted"
"""RUNNER_ENVIRONMENT of a machine that is thrown away after the job."""
_FOLDERS = ("GITHUB_WORKSPACE", "RUNNER_WORKSPACE", "RUNNER_TEMP")
_DEPENDABOT = "dependabot[bot]"
_DEPENDABOTS, _FORKS = "Dependabot's pull requests", "pull requests from forks"


def find_trust(environment: Mapping[str, str]) -> RunTrust:
    """See the port; an event that cannot be read is a stranger's."""
    return RunTrust(
        strangers=_strangers_code(environment),
        disposable=environment.get("RUNNER_ENVIRONMENT") == _HOSTED,
        private=tuple(Path(environment[name]) for name in _FOLDERS if environment.get(name)),
    )


def _strangers_code(environment: Mapping[str, str]) -> str:
    if environment.get("GITHUB_ACTIONS") != "true":
        return ""
    actors = environment.get("GITHUB_ACTOR"), environment.get("GITHUB_TRIGGERING_ACTOR")
    if _DEPENDABOT in actors:
        return _DEPENDABOTS
    event = environment.get("GITHUB_EVENT_NAME", "")
    if event == "merge_group":
        return "merge groups, which may contain pull requests from forks"
    try:
        return _whose(event, read_event(environment))
    except (InputError, RecursionError):
        return _whose(event, {})


def _whose(event: str, payload: Event) -> str:
    pull, triggering = payload.get("pull_request"), payload.get("workflow_run")
    if isinstance(pull, dict):
        if at(pull, "user", "login") == _DEPENDABOT:
            return _DEPENDABOTS
        return "" if _is_ours(at(pull, "head", "repo"), at(pull, "base", "repo")) else _FORKS
    if isinstance(triggering, dict):
        return (
            "" if _is_ours(triggering.get("head_repository"), payload.get("repository")) else _FORKS
        )
    comment = isinstance(at(payload, "issue", "pull_request"), dict)
    if comment or event.startswith("pull_request") or event == "workflow_run":
        return "pull requests whose author is not in the event"
    return ""


def _is_ours(head: object, base: object) -> bool:
    """Whether a branch lies in our repository; a fork that was deleted is none at all."""
    if head is None and base is None:
        return True  # a runner that knows of no repositories, and so of no forks
    return at(base, "full_name") is not None and bool(
        at(head, "full_name") == at(base, "full_name")
    )
