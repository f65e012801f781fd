"""What GitHub's event says of the run that it started."""

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from cdml.ci.code_host import PullRequest
from cdml.ci.run import Push, Trigger, TriggeringRun
from cdml.errors import InputError

Event = Mapping[str, Any]
_STOPPED = {"cancelled": "was cancelled", "timed_out": "ran out of time"}
"""What GitHub calls the end of a run that did not end by itself, in words."""
_ENDED = ("success", "failure", "neutral")
_QUEUED = re.compile(r"refs/heads/gh-readonly-queue/.+/pr-(\d+)-[0-9a-f]{40,64}")


def read_event(environment: Mapping[str, str]) -> Event:
    """The event of the run; empty where there is none.

    Raises:
        InputError: it cannot be read.
    """
    path = environment.get("GITHUB_EVENT_PATH")
    if not path:
        return {}
    try:
        event = json.loads(Path(path).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise InputError(f"the event {path} cannot be read: {error}.") from error
    return event if isinstance(event, dict) else {}


def at(place: object, *keys: str) -> Any:
    """What stands there in a foreign document, or None."""
    for key in keys:
        place = place.get(key) if isinstance(place, dict) else None
    return place


def number(written: object) -> int:
    """A number in an event or a variable; 0 for what is none."""
    text = str(written)
    return int(text) if text.isascii() and text.isdecimal() else 0


def find_trigger(event: Event, environment: Mapping[str, str]) -> Trigger:
    """What started the run.

    Raises:
        InputError: the event's pull request has no number or head.
    """
    name = environment.get("GITHUB_EVENT_NAME", "")
    reference = environment.get("GITHUB_REF", "")
    issue, queue = event.get("issue"), event.get("merge_group")
    thread = None
    if at(issue, "pull_request"):
        thread = int(at(issue, "number"))
    elif isinstance(queue, dict):
        queued = _QUEUED.fullmatch(str(queue.get("head_ref")))
        thread = int(queued[1]) if queued else None
    return Trigger(
        pull_request=_pull_request(event),
        base=str(at(event, "pull_request", "base", "sha") or ""),
        thread=thread,
        branch=reference.removeprefix("refs/heads/") if "refs/heads/" in reference else None,
        push=_push(event, environment) if name == "push" else None,
        about_no_change=name == "schedule" or isinstance(queue, dict),
        run=_triggering_run(event),
    )


def _pull_request(event: Event) -> PullRequest | None:
    pull = event.get("pull_request")
    if not isinstance(pull, dict):
        return None
    try:
        return PullRequest(number=int(pull["number"]), head=str(pull["head"]["sha"]))
    except (KeyError, TypeError, ValueError) as error:
        raise InputError(
            f"the event's pull request has no {error}.",
            "GITHUB_EVENT_PATH must name an event that GitHub wrote.",
        ) from error


def _push(event: Event, environment: Mapping[str, str]) -> Push:
    listed = [at(one, "id") for one in event.get("commits") or ()]
    return Push(
        before=str(event.get("before") or ""),
        after=str(event.get("after") or environment.get("GITHUB_SHA", "")),
        commits=tuple(sha for sha in listed if isinstance(sha, str)),
    )


def _triggering_run(event: Event) -> TriggeringRun | None:
    run = event.get("workflow_run")
    if not isinstance(run, dict):
        return None
    ended = str(run.get("conclusion") or "success")
    return TriggeringRun(
        commit=str(run.get("head_sha") or ""),
        branch=str(run.get("head_branch") or ""),
        owner=str(at(run, "head_repository", "owner", "login") or ""),
        repository=at(run, "head_repository", "full_name"),
        pull_requests=dict(_named(run, event)),
        stopped=None if ended in _ENDED else _STOPPED.get(ended, "ended before it could judge"),
    )


def _named(run: Event, event: Event) -> Iterator[tuple[int, str | None]]:
    """Number and base of the pull requests that an event lists; those of forks have their own."""
    here = at(event, "repository", "id")
    for pull in run.get("pull_requests") or ():
        there = at(pull, "base", "repo", "id")
        if here is None or there is None or here == there:
            yield int(pull["number"]), at(pull, "base", "ref")
