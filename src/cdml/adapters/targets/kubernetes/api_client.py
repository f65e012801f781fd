"""Requests to an API server: server-side apply, JSON patches, lists, and the service proxy."""

import http
import json
import os
import shutil
import tempfile
import time
import weakref
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote

import requests
from requests.adapters import HTTPAdapter
from requests.auth import AuthBase

from cdml.adapters.targets.kubernetes.credentials import Credentials, CredentialSource
from cdml.adapters.targets.kubernetes.kubeconfig import Cluster
from cdml.adapters.targets.kubernetes.names import MANAGER, PORT, Object, metadata
from cdml.common import scratch_folders
from cdml.common.time_budget import Budget
from cdml.delivery.target import ServerAnswer
from cdml.errors import CdmlError, ConfigurationError, ServiceError

TIMEOUT = 15.0
"""Seconds until an answer of the API server is given up."""
_APPLY = "application/apply-patch+yaml"
_JSON_PATCH = "application/json-patch+json"
_WAITS = 5
_LONGEST_WAIT = 10.0
"""How often, and for how many seconds, an API server that is overloaded may make us wait."""
_PATHS = {
    "Deployment": "/apis/apps/v1/namespaces/{}/deployments",
    "Service": "/api/v1/namespaces/{}/services",
    "ConfigMap": "/api/v1/namespaces/{}/configmaps",
    "Pod": "/api/v1/namespaces/{}/pods",
    "EndpointSlice": "/apis/discovery.k8s.io/v1/namespaces/{}/endpointslices",
    "InferenceService": "/apis/serving.kserve.io/v1beta1/namespaces/{}/inferenceservices",
    "HTTPRoute": "/apis/gateway.networking.k8s.io/v1/namespaces/{}/httproutes",
}
_INSTALL = {
    "HTTPRoute": "Install the Gateway API and a Gateway, or leave out deploy.target.route.",
    "InferenceService": "Install KServe (serving.kserve.io/v1beta1), or set deploy.target.type to"
    " kubernetes.",
}
"""What brings a kind that a cluster lacks."""
_REVIEWS = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"
_REFUSED: Mapping[int, str] = {
    http.HTTPStatus.BAD_REQUEST: "",
    http.HTTPStatus.FORBIDDEN: "docs/kubernetes.md has the Role that cdml needs.",
    http.HTTPStatus.NOT_FOUND: "",
    http.HTTPStatus.UNPROCESSABLE_ENTITY: "",
}
"""Answers that no retry changes, with what to do."""


class Conflict(ServiceError):
    """Somebody else wrote the object first, so that a patch's tests failed."""


class ApiClient:
    """One namespace of one cluster."""

    def __init__(self, cluster: Cluster, namespace: str) -> None:
        self.budget = Budget()
        self._cluster, self._namespace = cluster, namespace
        self._source = CredentialSource(cluster)
        self._session = requests.Session()
        self._session.mount("https://", _NamedServer(cluster.server_name))
        if cluster.proxy:
            self._session.proxies = {"https": cluster.proxy, "http": cluster.proxy}
        self._folder: Path | None = None
        self._verify = self._verified_by()

    def get(self, kind: str, name: str) -> Object | None:
        """An object; None where there is none.

        Raises:
            ConfigurationError: the cluster has no such kind, or we may not read it.
            ServiceError: the API server did not answer.
        """
        answer = self._send("GET", self._path(kind, name))
        if answer.status_code == http.HTTPStatus.NOT_FOUND:
            if (_status(answer) or {}).get("details", {}).get("name") != name:
                raise self.no_such_kind(kind)
            return None
        return self._read(answer, f"read the {kind} {name}")

    def list(self, kind: str, selector: str) -> Sequence[Object]:
        """All objects with these labels; raises as `get`."""
        answer = self._send("GET", self._path(kind), params={"labelSelector": selector})
        if answer.status_code == http.HTTPStatus.NOT_FOUND:
            raise self.no_such_kind(kind)
        items: Sequence[Object] = self._read(answer, f"list {kind} objects").get("items") or []
        return [{"kind": kind, **one} for one in items]

    def apply(self, thing: Object, *, dry_run: bool = False) -> Object:
        """Make an object be like this, by server-side apply, and never by force over others.

        Raises:
            ConfigurationError: the API server refuses it.
            ServiceError: somebody else manages a field of it; or no answer.
        """
        kind, name = thing["kind"], metadata(thing)["name"]
        answer = self._apply(thing, dry_run=dry_run)
        if _is_our_own(answer):  # our JSON patches own fields too
            seen = metadata(self.get(kind, name) or {}).get("resourceVersion")
            thing = {**thing, "metadata": {**metadata(thing), "resourceVersion": seen}}
            answer = self._apply(thing, dry_run=True)
            if answer.ok or _is_our_own(answer):
                answer = self._apply(thing, dry_run=dry_run, force=not answer.ok)
        if answer.status_code == http.HTTPStatus.CONFLICT:
            raise ServiceError(
                f"the {kind} {name} was changed without cdml: {_conflicts(answer)}.",
                "Undo that change, or delete the object, and run again: cdml never forces its own.",
            )
        return self._read(answer, f"apply the {kind} {name}")

    def _apply(self, thing: Object, *, dry_run: bool, force: bool = False) -> requests.Response:
        params = {**_parameters(dry_run=dry_run), **({"force": "true"} if force else {})}
        path = self._path(thing["kind"], metadata(thing)["name"])
        return self._send("PATCH", path, thing, _APPLY, params=params)

    def create(self, thing: Object, *, dry_run: bool = False) -> Object:
        """Make an object that is not there yet.

        Raises:
            Conflict: it is there by now. Otherwise as `apply`.
        """
        kind, name = thing["kind"], metadata(thing)["name"]
        params = _parameters(dry_run=dry_run)
        answer = self._send("POST", self._path(kind), thing, "application/json", params=params)
        return self._read(answer, f"create the {kind} {name}")

    def patch(
        self, thing: Object, patch: Sequence[Mapping[str, Any]], *, dry_run: bool = False
    ) -> Object:
        """Change an object by a JSON patch.

        Raises:
            Conflict: a test of the patch failed.
            ConfigurationError: the API server refuses what it would become.
            ServiceError: no answer; it may or may not have happened.
        """
        kind, name = thing["kind"], metadata(thing)["name"]
        params = _parameters(dry_run=dry_run)
        answer = self._send("PATCH", self._path(kind, name), patch, _JSON_PATCH, params=params)
        return self._read(answer, f"patch the {kind} {name}")

    def delete(self, thing: Object) -> None:
        """Delete an object and what it owns, if nobody wrote it since it was read.

        Raises:
            Conflict: somebody did.
            ServiceError: no answer.
        """
        kind, about = thing["kind"], metadata(thing)
        options = {
            "kind": "DeleteOptions",
            "apiVersion": "v1",
            "propagationPolicy": "Background",
            "preconditions": {"uid": about["uid"], "resourceVersion": about["resourceVersion"]},
        }
        answer = self._send("DELETE", self._path(kind, about["name"]), options, "application/json")
        if answer.status_code != http.HTTPStatus.NOT_FOUND:
            self._read(answer, f"delete the {kind} {about['name']}")

    def is_allowed(self, verb: str, group: str, resource: str, subresource: str = "") -> bool:
        """Whether we may do that in the namespace; raises as `get`."""
        attributes = {
            "namespace": self._namespace,
            "verb": verb,
            "group": group,
            "resource": resource,
            "subresource": subresource,
        }
        review = {
            "apiVersion": "authorization.k8s.io/v1",
            "kind": "SelfSubjectAccessReview",
            "spec": {"resourceAttributes": attributes},
        }
        answer = self._send("POST", _REVIEWS, review, "application/json")
        return self._read(answer, "review access").get("status", {}).get("allowed") is True

    def has(self, kind: str) -> bool:
        """Whether the cluster has a kind, in the version that we use; raises as `get`."""
        version, _, plural = _PATHS[kind].partition("/namespaces/{}/")
        answer = self._send("GET", version)
        if answer.status_code == http.HTTPStatus.NOT_FOUND:
            return False
        listed = self._read(answer, f"list the kinds of {version}").get("resources") or []
        return any(one.get("name") == plural for one in listed)

    def send_to_service(self, name: str, path: str, body: bytes, timeout: float) -> ServerAnswer:
        """Send JSON to a ready pod of a Service, through the API server.

        Raises:
            ConfigurationError: we may not.
            ServiceError: no pod answered in time.
        """
        place = f"{self._path('Service')}/http:{quote(name, safe='')}:{PORT}/proxy{path}"
        began = time.monotonic()
        answer = self._send("POST", place, body, "application/json", timeout=timeout)
        status = _status(answer)
        if status is not None:  # the API server's own answer, not the model's
            if answer.status_code in (http.HTTPStatus.UNAUTHORIZED, http.HTTPStatus.FORBIDDEN):
                self._read(answer, f"send requests to the Service {name}")
            words = str(status.get("message"))[:600]
            raise ServiceError(f"no pod of the Service {name} answers: {words}.")
        return ServerAnswer(
            status=answer.status_code, body=answer.content, seconds=time.monotonic() - began
        )

    def _path(self, kind: str, name: str = "") -> str:
        path = _PATHS[kind].format(quote(self._namespace, safe=""))
        return f"{path}/{quote(name, safe='')}" if name else path

    def _send(
        self,
        method: str,
        path: str,
        body: object = None,
        content_type: str | None = None,
        *,
        params: Mapping[str, str] | None = None,
        timeout: float = TIMEOUT,
    ) -> requests.Response:
        waits = _WAITS
        data = body if isinstance(body, bytes) or body is None else json.dumps(body).encode()
        while True:
            credentials = self._source.get()
            try:
                with self.budget.spending(f"The API server of {self._cluster.name}"):
                    answer = self._session.request(
                        method,
                        self._cluster.server + path,
                        params=params,
                        data=data,
                        headers={"Content-Type": content_type} if content_type else None,
                        auth=_Token(credentials.token),
                        cert=self._client_certificate(credentials),
                        verify=self._verify,
                        timeout=min(timeout, max(self.budget.left, 1.0)),
                        allow_redirects=False,
                    )
            except requests.RequestException as error:
                raise self._unreachable(error) from error
            if answer.status_code == http.HTTPStatus.UNAUTHORIZED and self._source.renew():
                continue
            pause = _pause(answer)
            if pause is None or not waits:
                return answer
            waits -= 1
            with self.budget.spending(f"The API server of {self._cluster.name}"):
                time.sleep(pause)

    def _read(self, answer: requests.Response, action: str) -> Object:
        """The object of an answer.

        Raises:
            Conflict, ConfigurationError, ServiceError: why there is none.
        """
        if answer.ok:
            try:
                read: Object = answer.json()
            except ValueError as error:
                raise ServiceError(
                    f"what answered at {self._cluster.server} is not a Kubernetes API."
                ) from error
            return read
        raise self._refusal(answer, action)

    def _refusal(self, answer: requests.Response, action: str) -> CdmlError:
        status, code = _status(answer) or {}, answer.status_code
        words = str(status.get("message") or answer.reason)[:600]
        where = f"{self._cluster.name}: the API server"
        if code == http.HTTPStatus.UNAUTHORIZED:
            return ServiceError(
                f"{where} does not accept the credentials ({words}).",
                "Log in to the cluster again.",
            )
        if (status.get("details") or {}).get("kind") == "namespaces":
            return ConfigurationError(
                f"deploy.target.namespace: there is no namespace {self._namespace}"
                f" ({self._cluster.name}).",
                "Create it, or name another one. cdml creates none.",
            )
        fields = [
            one for one in (status.get("details") or {}).get("causes") or [] if "field" in one
        ]
        failed_test = code == http.HTTPStatus.UNPROCESSABLE_ENTITY and not fields
        if failed_test or code == http.HTTPStatus.CONFLICT:
            return Conflict(f"{where} did not {action}: somebody else was first ({words}).")
        refused = code in _REFUSED or "field not declared in schema" in words
        problem = f"{where} did not {action}: {words.rstrip('.')} ({code})."
        return (
            ConfigurationError(problem, _REFUSED.get(code, ""))
            if refused
            else ServiceError(problem)
        )

    def no_such_kind(self, kind: str) -> ConfigurationError:
        """The error that the cluster lacks a kind."""
        problem = f"{self._cluster.name}: the cluster has no kind {kind}."
        return ConfigurationError(problem, _INSTALL.get(kind, ""))

    def _unreachable(self, error: Exception) -> ServiceError:
        server, name = self._cluster.server, type(error).__name__
        if isinstance(error, requests.exceptions.SSLError):
            return ServiceError(
                f"the certificate of the API server at {server} is not trusted ({name}).",
                "certificate-authority or tls-server-name of the kubeconfig is wrong.",
            )
        return ServiceError(f"the API server at {server} did not answer ({name}).")

    def _verified_by(self) -> bool | str:
        """What `requests` trusts: the path of certificates; True: the machine's own."""
        if self._cluster.insecure:
            return False
        if self._cluster.authority is None:
            return True
        return self._file("ca.pem", self._cluster.authority)

    def _client_certificate(self, credentials: Credentials) -> tuple[str, str] | None:
        if credentials.certificate is None or credentials.key is None:
            return None
        files = {"client.pem": credentials.certificate, "client.key": credentials.key}
        certificate, key = (self._file(name, content) for name, content in files.items())
        return certificate, key

    def _file(self, name: str, content: bytes) -> str:
        """A file that only we can read: TLS takes no certificates from memory."""
        if self._folder is None:
            self._folder = Path(tempfile.mkdtemp(prefix=scratch_folders.prefix("cdml-kubernetes")))
            weakref.finalize(self, shutil.rmtree, self._folder, ignore_errors=True)
        path = self._folder / name
        if not path.exists() or path.read_bytes() != content:
            handle = os.open(path, os.O_CREAT | os.O_TRUNC | os.O_WRONLY, 0o600)
            with os.fdopen(handle, "wb") as file:
                file.write(content)
        return str(path)


class _Token(AuthBase):
    """Sets the token, or nothing: without it, `requests` would send what a .netrc holds."""

    def __init__(self, token: str | None) -> None:
        self._token = token

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        if self._token:
            request.headers["Authorization"] = f"Bearer {self._token}"
        return request


class _NamedServer(HTTPAdapter):
    """Expects another name in the server's certificate than that of its address."""

    def __init__(self, name: str | None) -> None:
        self._name = name
        super().__init__()

    def init_poolmanager(self, *arguments: Any, **words: Any) -> None:
        if self._name:
            words |= {"server_hostname": self._name, "assert_hostname": self._name}
        super().init_poolmanager(*arguments, **words)


def _parameters(*, dry_run: bool) -> Mapping[str, str]:
    return {"fieldManager": MANAGER, **({"dryRun": "All"} if dry_run else {})}


def _status(answer: requests.Response) -> Mapping[str, Any] | None:
    """The API server's own word about a request that failed."""
    if answer.ok:
        return None
    try:
        read = answer.json()
    except ValueError:
        return None
    own = isinstance(read, dict) and read.get("kind") == "Status" and read.get("apiVersion") == "v1"
    return read if own else None


def _pause(answer: requests.Response) -> float | None:
    """Seconds after which an overloaded API server wants the same request again."""
    after = answer.headers.get("Retry-After", "")
    busy = (http.HTTPStatus.TOO_MANY_REQUESTS, http.HTTPStatus.SERVICE_UNAVAILABLE)
    if answer.status_code not in busy or not after.isdigit() or _status(answer) is None:
        return None
    return min(float(after), _LONGEST_WAIT)


def _is_our_own(answer: requests.Response) -> bool:
    """Whether an apply conflicts with fields that we own by other requests, and with no others."""
    causes = ((_status(answer) or {}).get("details") or {}).get("causes") or []
    ours = f'conflict with "{MANAGER}"'
    return (
        answer.status_code == http.HTTPStatus.CONFLICT
        and bool(causes)
        and all(str(one.get("message")).startswith(ours) for one in causes)
    )


def _conflicts(answer: requests.Response) -> str:
    status = _status(answer) or {}
    causes = (status.get("details") or {}).get("causes") or []
    named = [f"{one.get('field')} ({one.get('message')})" for one in causes]
    return "; ".join(named)[:600] or str(status.get("message"))[:600]
