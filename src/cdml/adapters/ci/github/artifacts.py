"""What another run left behind, taken through the API and kept in memory."""

from typing import Any

import requests

from cdml.adapters.ci.github.client import Client, Lost, asking
from cdml.errors import InputError, ServiceError

_PERMISSION = "actions: read"
_TIMEOUT = 60
_CHUNK = 1 << 16
_OK, _REDIRECTS = 200, (301, 302, 303, 307, 308)


def artifact(client: Client, run: int, name: str, most: int, since: str = "") -> bytes | None:
    """The newest artifact of this name that a run left, as a zip; None where it left none.

    Args:
        client: the repository.
        run: number of the run.
        name: of the artifact.
        most: bytes that are read of it.
        since: when the run's newest attempt began, in UTC as GitHub writes it; what an earlier
            attempt left is none of it. Empty where nobody knows.

    Raises:
        InputError: it is larger.
        ServiceError: GitHub refused or did not answer.
    """
    with asking("list the run's artifacts", _PERMISSION):
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
    with asking("download an artifact", _PERMISSION):
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
            f"GitHub answered {first.status_code} when asked to download an artifact.",
            f"Grant `{_PERMISSION}` in the job's permissions.",
        )
    with session.get(place, stream=True, timeout=_TIMEOUT, verify=client.certificates) as answer:
        if answer.status_code != _OK:
            raise Lost(f"the artifact's store answered {answer.status_code}.")
        content = bytearray()
        for chunk in answer.iter_content(_CHUNK):
            content += chunk
            if len(content) > most:
                break
    return bytes(content)
