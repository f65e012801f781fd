"""The digest behind an image's tag, from the image's registry (OCI distribution API)."""

import base64
import http
import json
import os
import re
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import requests

from cdml.config.kubernetes_target import PINNED_IMAGE
from cdml.errors import InputError, ServiceError

TIMEOUT = 15.0
_ACCEPT = ", ".join(
    f"application/vnd.{kind}+json"
    for kind in (
        "oci.image.index.v1",
        "docker.distribution.manifest.list.v2",
        "oci.image.manifest.v1",
        "docker.distribution.manifest.v2",
    )
)
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
_CHALLENGE = re.compile(r'(\w+)="([^"]*)"')
_DOCKER_HUB = "registry-1.docker.io"
_DOCKER_HUB_LOGIN = "https://index.docker.io/v1/"


@dataclass(frozen=True, slots=True)
class ImageName:
    """The parts of a name with a tag."""

    host: str
    repository: str
    tag: str

    @classmethod
    def parse(cls, image: str) -> "ImageName":
        """As docker reads a name: `python:3.12` is `library/python` on Docker Hub."""
        first, slash, rest = image.partition("/")
        named = slash and ("." in first or ":" in first or first == "localhost")
        host, path = (first, rest) if named else (_DOCKER_HUB, image)
        if host in ("docker.io", "index.docker.io"):
            host = _DOCKER_HUB
        repository, _, tag = path.partition(":")
        if host == _DOCKER_HUB and "/" not in repository:
            repository = f"library/{repository}"
        return cls(host, repository, tag or "latest")

    @property
    def address(self) -> str:
        """Of the registry. Only this machine may answer without TLS."""
        local = self.host.partition(":")[0] in ("localhost", "127.0.0.1")
        return f"http{'' if local else 's'}://{self.host}"


def pin_image(image: str, variables: Mapping[str, str] = os.environ) -> str:
    """The image by its digest; one that is pinned already as it is.

    A login of docker's configuration (`DOCKER_CONFIG`, `~/.docker/config.json`) is used.

    Raises:
        InputError: the registry has no such tag, or refuses the login.
        ServiceError: the registry did not answer.
    """
    if PINNED_IMAGE.fullmatch(image):
        return image
    name = ImageName.parse(image)
    digest = _ask_for(name, _login(name.host, variables)).headers.get("Docker-Content-Digest", "")
    if not _DIGEST.fullmatch(digest):
        raise InputError(f"{name.host} gave no SHA-256 digest for {image}")
    return f"{image.removesuffix(f':{name.tag}')}@{digest}"


def _ask_for(name: ImageName, login: str) -> requests.Response:
    """The answer for the tag's manifest, without the manifest.

    Raises:
        InputError, ServiceError: as `pin_image`.
    """
    address = f"{name.address}/v2/{name.repository}/manifests/{name.tag}"
    with requests.Session() as session:
        answer = _send(session, "HEAD", address, {"Accept": _ACCEPT}, name)
        if answer.status_code == http.HTTPStatus.UNAUTHORIZED:
            authorization = _authorize(session, answer, login, name)
            if authorization:
                headers = {"Accept": _ACCEPT, "Authorization": authorization}
                answer = _send(session, "HEAD", address, headers, name)
    code = answer.status_code
    if code == http.HTTPStatus.NOT_FOUND:
        raise InputError(f"{name.host} has no tag {name.tag} of {name.repository}")
    if code in (http.HTTPStatus.UNAUTHORIZED, http.HTTPStatus.FORBIDDEN):
        raise InputError(
            f"{name.host} lets nobody read {name.repository} without a login ({code}): run `docker"
            " login` before cdml"
        )
    if not answer.ok:
        raise ServiceError(f"{name.host} answered {code} for {name.repository}:{name.tag}")
    return answer


def _send(
    session: requests.Session,
    method: str,
    address: str,
    headers: Mapping[str, str],
    name: ImageName,
    params: Mapping[str, str] | None = None,
) -> requests.Response:
    try:
        return session.request(
            method,
            address,
            headers=headers,
            params=params,
            timeout=TIMEOUT,
            auth=lambda request: request,  # else `requests` would send what a .netrc holds
        )
    except requests.RequestException as error:
        raise ServiceError(f"{name.host} did not answer ({type(error).__name__})") from error


def _authorize(
    session: requests.Session, refused: requests.Response, login: str, name: ImageName
) -> str:
    """The authorization that a registry requires, from its token service or from the login."""
    scheme, _, rest = refused.headers.get("WWW-Authenticate", "").partition(" ")
    if scheme.lower() == "basic":
        return f"Basic {login}" if login else ""
    asked = dict(_CHALLENGE.findall(rest))
    realm = asked.get("realm", "")
    if scheme.lower() != "bearer" or not realm.startswith(("https://", name.address)):
        return ""
    params = {"scope": asked.get("scope", f"repository:{name.repository}:pull")}
    if "service" in asked:
        params["service"] = asked["service"]
    headers = {"Authorization": f"Basic {login}"} if login else {}
    answer = _send(session, "GET", realm, headers, name, params)
    try:
        read: Mapping[str, Any] = answer.json() if answer.ok else {}
    except ValueError:
        read = {}
    token = read.get("token") or read.get("access_token")
    return f"Bearer {token}" if token else ""


def _login(host: str, variables: Mapping[str, str]) -> str:
    """User and password of a registry, in base64; empty without a login."""
    folder = variables.get("DOCKER_CONFIG") or Path(variables.get("HOME") or Path.home(), ".docker")
    try:
        config = json.loads(Path(folder, "config.json").read_text(encoding="utf-8"))
        names = (
            (_DOCKER_HUB_LOGIN, "docker.io") if host == _DOCKER_HUB else (host, f"https://{host}")
        )
        for name in names:
            helper = (config.get("credHelpers") or {}).get(name) or config.get("credsStore")
            login = (config.get("auths") or {}).get(name, {}).get("auth")
            login = login or (_helped(helper, name) if helper else "")
            if login:
                return str(login)
    except (OSError, ValueError, KeyError, AttributeError, subprocess.SubprocessError):
        return ""
    return ""


def _helped(helper: str, name: str) -> str:
    """What a credential helper of docker has."""
    done = subprocess.run(
        [f"docker-credential-{helper}", "get"],
        input=name.encode(),
        capture_output=True,
        timeout=TIMEOUT,
        check=False,
    )
    if done.returncode:
        return ""
    read = json.loads(done.stdout)
    return base64.b64encode(f"{read['Username']}:{read['Secret']}".encode()).decode()
