"""Access to GitLab's API: its address, its retries and what its errors mean."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Self
from urllib.parse import quote

import requests
from requests.adapters import HTTPAdapter
from urllib3 import HTTPResponse, Retry

from cdml.adapters.ci.api_errors import Lost, NotFoundError
from cdml.adapters.ci.gitlab import CERTIFICATES, find_certificates, find_token
from cdml.common.time_budget import Budget
from cdml.common.tls_errors import explain_tls_error
from cdml.errors import ServiceError

PUBLIC_API = "https://gitlab.com/api/v4"
_PAGE = 100
_MOST_PAGES = 1000
_TIMEOUT, _HASTY = 30, 5
"""Seconds that one answer is waited for; the second where no answer is an answer, too."""
_TOO_MANY, _SERVER = 429, 500
_REFUSED = (401, 403)
_REDIRECTED, _BAD, _GONE = 300, 400, 404


class InvalidRequestError(ServiceError):
    """GitLab does not accept what a request contains, such as a pipeline without jobs."""


@dataclass(frozen=True, slots=True)
class Account:
    """Whose the token is; `name` is the user name."""

    id: int
    name: str


class _WaitsTooLongError(Exception):
    """GitLab requires a pause that exceeds the command's budget."""


class _Retry(Retry):
    """Waits for rate limits and servers, within the command's budget; creates nothing twice.

    A POST whose answer was a 5xx or got lost may have been carried out: `create_once` looks before
    it is sent again. A rate limit refuses before anything is done.
    """

    budget = Budget()

    def new(self, **named: Any) -> Self:
        """The same with other counts."""
        made = super().new(**named)
        made.budget = self.budget
        return made

    def is_retry(self, method: str, status_code: int, has_retry_after: bool = False) -> bool:
        if method == "POST":
            return status_code == _TOO_MANY
        return super().is_retry(method, status_code, has_retry_after)

    def increment(
        self,
        method: str | None = None,
        url: str | None = None,
        response: Any = None,
        *rest: Any,
        **named: Any,
    ) -> Self:
        """One try less; none where waiting takes longer than the command may wait."""
        fewer = super().increment(method, url, response, *rest, **named)
        wait = self.get_retry_after(response) if isinstance(response, HTTPResponse) else None
        if not self.budget.allows(max(wait or 0, fewer.get_backoff_time())):
            raise _WaitsTooLongError
        return fewer


class Client:
    """One project at GitLab, or at a self-hosted GitLab.

    `environment` gives the API's address (`CI_API_V4_URL`), the project (that of the merge request
    before `CI_PROJECT_ID`) and the certificates of a server's own authority. `pace` scales the
    pauses between attempts, in seconds. A `hasty` client tries once.

    Raises:
        ServiceError: there is no token, or a model has run without isolation in its job.
    """

    def __init__(
        self,
        environment: Mapping[str, str],
        *,
        pace: float = 1.0,
        hasty: bool = False,
        budget: Budget | None = None,
    ) -> None:
        token = _allowed_token(environment)
        self.budget = budget or Budget()
        self._timeout = _HASTY if hasty else _TIMEOUT
        self._api = (environment.get("CI_API_V4_URL") or PUBLIC_API).rstrip("/")
        named = environment.get("CI_MERGE_REQUEST_PROJECT_ID") or environment.get("CI_PROJECT_ID")
        self._project = quote(named or "", safe="")
        self._session = requests.Session()
        self._session.headers["PRIVATE-TOKEN"] = token
        self._verify = find_certificates(environment) or True
        retry = _Retry(
            total=0 if hasty else 5,
            backoff_factor=pace,
            status_forcelist=[_TOO_MANY, 500, 502, 503, 504],
            allowed_methods=["GET", "PUT", "DELETE"],
            raise_on_status=False,
        )
        retry.budget = self.budget
        for scheme in ("http://", "https://"):
            self._session.mount(scheme, HTTPAdapter(max_retries=retry))

    def get(self, path: str, action: str, **parameters: str) -> Any:
        """What the API says of something in the project; `action` is what we wanted to do."""
        return _json(self._send("GET", self._in_project(path), action, parameters), action)

    def pages(self, path: str, action: str, **parameters: str) -> Iterator[Any]:
        """All that the API lists of something in the project, page after page."""
        address: str | None = self._in_project(path)
        query = {**parameters, "per_page": str(_PAGE)}
        for _ in range(_MOST_PAGES):
            if address is None:
                return
            answer = self._send("GET", address, action, query)
            listed = _json(answer, action)
            if not isinstance(listed, list):
                raise _not_gitlab(action)
            yield from listed
            number = answer.headers.get("X-Next-Page") or ""
            following = answer.links.get("next", {}).get("url") or ""
            if number:
                query = {**query, "page": number}
            elif following.startswith(f"{self._api}/"):
                address, query = following, {}
            else:
                address = None

    def post(self, path: str, action: str, body: Mapping[str, Any]) -> Any:
        """Create something in the project."""
        return _json(self._send("POST", self._in_project(path), action, body=body), action)

    def put(self, path: str, action: str, body: Mapping[str, Any]) -> Any:
        """Change something in the project."""
        return _json(self._send("PUT", self._in_project(path), action, body=body), action)

    def delete(self, path: str, action: str) -> None:
        """Delete something in the project."""
        self._send("DELETE", self._in_project(path), action)

    def content(self, path: str, action: str, **parameters: str) -> bytes:
        """The bytes that the API gives for something in the project."""
        return self._send("GET", self._in_project(path), action, parameters).content

    def viewer(self) -> Account:
        """The account that the token belongs to."""
        action = "look up its own account"
        answer = _json(self._send("GET", f"{self._api}/user", action), action)
        with reading(action):
            return Account(id=int(answer["id"]), name=str(answer["username"]))

    def _in_project(self, path: str) -> str:
        return f"{self._api}/projects/{self._project}{path}"

    def _send(
        self,
        method: str,
        address: str,
        action: str,
        parameters: Mapping[str, str] | None = None,
        *,
        body: Mapping[str, Any] | None = None,
    ) -> requests.Response:
        # A redirection would take the token's header along to whatever host it names.
        with self.budget.spending("GitLab's API"):
            try:
                answer = self._session.request(
                    method,
                    address,
                    params=parameters or {},
                    json=None if body is None else dict(body),
                    timeout=self._timeout,
                    verify=self._verify,
                    allow_redirects=False,
                )
            except _WaitsTooLongError as error:
                raise ServiceError(
                    f"GitLab's rate limit lasts longer than a job can wait; it did not {action}.",
                    "Run the job again later.",
                ) from error
            except requests.RequestException as error:
                raise _unanswered(error, action) from error
        if answer.status_code >= _REDIRECTED:
            raise _refused(answer, action)
        return answer


def _allowed_token(environment: Mapping[str, str]) -> str:
    if environment.get("CDML_UNWALLED") == "true":
        raise ServiceError(
            "this job gets no GitLab token, because a model ran in it with isolation: none.",
            "Report from a second job.",
        )
    token = find_token(environment)
    if token is None:
        raise ServiceError(
            "there is no GitLab access token. A job's own token cannot write notes or deployments.",
            "Create a project access token with the scope `api`, and set it as the masked CI/CD"
            " variable CDML_GITLAB_TOKEN. Fork pipelines do not receive it.",
        )
    return token


def _json(answer: requests.Response, action: str) -> Any:
    try:
        return answer.json()
    except ValueError as error:
        raise _not_gitlab(action) from error


def _not_gitlab(action: str) -> Lost:
    return Lost(
        f"the server did not answer like GitLab's API to the request to {action}.",
        "Check CI_API_V4_URL and any proxy on the way.",
    )


@contextmanager
def reading(action: str) -> Iterator[None]:
    """Take what lacks a field of GitLab's answers for the answer of something else.

    Raises:
        Lost: within, a field was missing or of another type.
    """
    try:
        yield
    except (AttributeError, IndexError, KeyError, TypeError, ValueError) as error:
        raise _not_gitlab(action) from error


def _unanswered(error: requests.RequestException, action: str) -> Lost:
    tls = explain_tls_error(str(error), " or ".join(CERTIFICATES))
    if tls is not None:
        return Lost(f"GitLab's API {tls.description}, on the request to {action}.", tls.hint)
    kind = type(error).__name__
    return Lost(f"GitLab's API did not answer the request to {action} ({kind}).")


def _refused(answer: requests.Response, action: str) -> ServiceError:
    status = answer.status_code
    if status in _REFUSED:
        return ServiceError(
            f"GitLab does not let this token {action} (status {status}).",
            "The access token needs the scope `api` and the role Developer; for protected"
            " environments and branches, Maintainer.",
        )
    if status == _GONE:
        return NotFoundError(
            f"GitLab answered 404 to the request to {action}.",
            "It may not exist, or the token may not see it: it must be a token of this project.",
        )
    if status < _BAD:
        return _not_gitlab(action)
    if status == _BAD:
        return InvalidRequestError(f"GitLab answered 400 to the request to {action}.")
    kind = Lost if status >= _SERVER else ServiceError
    return kind(f"GitLab answered {status} to the request to {action}.")
