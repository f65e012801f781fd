"""Workflow runs: their addresses, whether one is over, and the artifacts another run left.

Artifacts are taken through the API and held in memory only.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import requests

from cdml.adapters.ci.api_errors import Lost
from cdml.adapters.ci.github.client import Client, translate_errors
from cdml.errors import InputError, ServiceError

_RUN = re.compile(r"/actions/runs/(?P<number>[0-9]{1,18})(?:/attempts/(?P<attempt>[0-9]{1,9}))?")
_OVER = "completed"
"""The one status of a run that nobody works on any more; it says nothing of how it ended."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """A run of a workflow of this repository.

    Attributes:
        number: which, by `GITHUB_RUN_ID`; a run that is started again keeps it.
        attempt: which start of it, from 1; None where that is not known.
    """

    number: int
    attempt: int | None

    @classmethod
    def at(cls, url: str, environment: Mapping[str, str]) -> "Run | None":
        """The run with this address; None where it is none of this repository on this host."""
        site = environment.get("GITHUB_SERVER_URL")
        repository = environment.get("GITHUB_REPOSITORY")
        start = f"{site}/{repository}"
        if not site or not repository or not url.startswith(start):
            return None
        match = _RUN.fullmatch(url.removeprefix(start))
        if match is None:
            return None
        attempt = match["attempt"]
        return cls(number=int(match["number"]), attempt=int(attempt) if attempt else None)


def run_address(environment: Mapping[str, str]) -> str | None:
    """Where this run's present attempt is seen; None outside of a run."""
    site, repository = environment.get("GITHUB_SERVER_URL"), environment.get("GITHUB_REPOSITORY")
    number, attempt = environment.get("GITHUB_RUN_ID"), environment.get("GITHUB_RUN_ATTEMPT", "")
    if not (site and repository and number):
        return None
    which = f"/attempts/{attempt}" if attempt.isdecimal() else ""
    return f"{site}/{repository}/actions/runs/{number}{which}"


def was_restarted(run: Run, own: Run) -> bool:
    """Whether this very run was started again since: GitHub starts none that goes on."""
    if run.number != own.number or run.attempt is None or own.attempt is None:
        return False
    return run.attempt < own.attempt


def is_over(client: Client, run: Run) -> bool:
    """Whether GitHub says that nothing of it goes on; what GitHub leaves open is not over.

    Raises:
        ServiceError: GitHub refused or did not answer.
    """
    with translate_errors("look at a run of a workflow", "actions: read"):
        seen = client.workflow_run(run.number)
        number, status, attempt = seen["id"], seen["status"], seen.get("run_attempt")
    if number != run.number:
        return False
    if run.attempt is None:
        return bool(status == _OVER)
    if not isinstance(attempt, int) or attempt < run.attempt:
        return False  # an answer from before this attempt says nothing of it
    return attempt > run.attempt or status == _OVER


_PERMISSION = "actions: read"
_TIMEOUT = 60
_CHUNK = 1 << 16
_OK, _REDIRECTS = 200, (301, 302, 303, 307, 308)


def newest_artifact(
    client: Client, run: int, name: str, most: int, since: str = ""
) -> bytes | None:
    """The newest artifact of this name that a run left, as a zip; None where it left none.

    Args:
        client: the repository.
        run: number of the run.
        name: of the artifact.
        most: bytes that are read of it.
        since: when the run's newest attempt began, in UTC as GitHub writes it; what an earlier
            attempt left is none of it. Empty if unknown.

    Raises:
        InputError: it is larger.
        ServiceError: GitHub refused or did not answer.
    """
    with translate_errors("list the run's artifacts", _PERMISSION):
        listed = client.get(f"/actions/runs/{run}/artifacts", name=name, per_page="100")
        fitting = [one for one in listed["artifacts"] if _fits(one, run, name, since)]
        newest = max(fitting, key=lambda one: int(one["id"]), default=None)
    if newest is None:
        return None
    too_large = InputError(
        f"the artifact {name!r} is larger than {most // 2**20} MiB.",
        "Upload only the JSON files of the evidence.",
    )
    if int(newest["size_in_bytes"]) > most:
        raise too_large
    with translate_errors("download an artifact", _PERMISSION):
        content = _downloaded(client, int(newest["id"]), most)
    if len(content) > most:
        raise too_large
    return content


def _fits(one: Any, run: int, name: str, since: str) -> bool:
    if str(one.get("created_at") or since) < since:
        return False
    return one["name"] == name and not one["expired"] and one["workflow_run"]["id"] == run


def _downloaded(client: Client, id_: int, most: int) -> bytes:
    """The bytes, at most one more than allowed.

    GitHub answers with the address of a store: the token stays with GitHub and is not sent there.
    """
    address, session = client.place_of(f"/actions/artifacts/{id_}/zip"), requests.Session()
    first = session.get(
        address,
        headers=client.credentials,
        allow_redirects=False,
        timeout=_TIMEOUT,
        verify=client.certificates,
    )
    place = first.headers.get("Location", "")
    if first.status_code not in _REDIRECTS or not place.startswith(("https://", address[:7])):
        raise ServiceError(
            f"GitHub answered {first.status_code} when cdml tried to download an artifact.",
            f"Grant `{_PERMISSION}` in the job's permissions.",
        )
    with session.get(place, stream=True, timeout=_TIMEOUT, verify=client.certificates) as answer:
        if answer.status_code != _OK:
            raise Lost(f"the artifact storage answered {answer.status_code}.")
        content = bytearray()
        for chunk in answer.iter_content(_CHUNK):
            content += chunk
            if len(content) > most:
                break
    return bytes(content)
