"""Access to GitHub's API: its address, its retries and what its errors mean."""

from base64 import b64decode
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, Self
from urllib.parse import quote

import requests
from github import Auth, Github, GithubException, GithubRetry
from github.GithubException import BadAttributeException, RateLimitExceededException
from github.Repository import Repository
from urllib3 import HTTPResponse, Retry

from cdml.adapters.ci.api_errors import Lost, NotFoundError
from cdml.adapters.ci.github import find_token
from cdml.common.time_budget import Budget
from cdml.common.tls_errors import explain_tls_error
from cdml.errors import ServiceError

PUBLIC_API = "https://api.github.com"
_READ_ONLY = "A pull request from a fork or from Dependabot has a read-only token."
_FORBIDDEN, _NOT_FOUND, _UNAUTHORIZED, _TOO_MANY, _SERVER = 403, 404, 401, 429, 500
_PAGE = 100
_TIMEOUT = 30
"""Seconds that one answer is waited for."""
_CERTIFICATES = ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE")
# PyGithub trips over what is not JSON, or not the JSON it expects, such as a proxy's page; and it
# refuses, by an assertion or a RuntimeError, to follow a link or a redirection to another host.
_NOT_GITHUB = (
    BadAttributeException,
    AssertionError,
    AttributeError,
    KeyError,
    RuntimeError,
    TypeError,
    ValueError,
)
_BUDGET: ContextVar[Budget] = ContextVar("budget")
"""Of the command that runs; a process runs one."""


class _Retry(GithubRetry):
    """PyGithub's, which waits for rate limits, except that nothing is created twice.

    A POST whose answer was a 5xx or got lost may have been done; it is not sent again here, but
    by `create_once`, which looks first. A rate limit refuses before anything is done. All waiting
    draws from the command's budget; what does not fit into it is not begun.
    """

    budget = Budget()

    def new(self, **named: Any) -> Self:
        """The same with other counts."""
        made = super().new(**named)
        made.budget = self.budget
        return made

    def is_retry(self, method: str, status_code: int, has_retry_after: bool = False) -> bool:
        if method == "POST":
            return status_code in (_FORBIDDEN, _TOO_MANY)
        return super().is_retry(method, status_code, has_retry_after)

    def increment(  # type: ignore[override]  # as PyGithub narrows it
        self,
        method: str | None = None,
        url: str | None = None,
        response: HTTPResponse | None = None,
        *rest: Any,
        **named: Any,
    ) -> Retry:
        """One try less; none at all where waiting takes longer than the command may wait."""
        wait = (self.get_retry_after(response) or 0) if response is not None else 0
        self.max_rate_limit_wait = self.budget.left
        fewer = super().increment(method, url, response, *rest, **named)
        if not self.budget.allows(max(wait, fewer.get_backoff_time())):
            headers = dict(response.headers) if response is not None else {}
            raise GithubException(_TOO_MANY, None, headers, "too long a wait")
        return fewer


class Client:
    """One repository at GitHub, or at an Enterprise server.

    Args:
        environment: the runner's variables: `GITHUB_API_URL`, `GITHUB_GRAPHQL_URL`,
            `GITHUB_REPOSITORY`; and where the certificates of a server's own authority are:
            `REQUESTS_CA_BUNDLE`, `CURL_CA_BUNDLE` or `SSL_CERT_FILE`.
        token: the token; never shown.
        pace: seconds between two writes, which GitHub recommends; other waits follow it.
        hasty: ask once and give up soon, where no answer is an answer, too.
        budget: how long the command may wait.
    """

    def __init__(
        self,
        environment: Mapping[str, str],
        token: str,
        *,
        pace: float = 1.0,
        hasty: bool = False,
        budget: Budget | None = None,
    ) -> None:
        self.budget = budget or Budget()
        """How long it may be waited for."""
        _BUDGET.set(self.budget)
        self.certificates: str | bool = next(
            filter(None, map(environment.get, _CERTIFICATES)), True
        )
        """Who vouches for the server."""
        self._token = Auth.Token(token)
        self._api = (environment.get("GITHUB_API_URL") or PUBLIC_API).rstrip("/")
        self._github = Github(
            auth=self._token,
            base_url=self._api,
            per_page=100,
            lazy=True,
            timeout=5 if hasty else _TIMEOUT,
            verify=self.certificates,
            seconds_between_requests=0,
            seconds_between_writes=pace,
            retry=None if hasty else _patient(pace, self.budget),
        )
        self._graphql = environment.get("GITHUB_GRAPHQL_URL") or self._github.requester.graphql_url
        self.name = environment.get("GITHUB_REPOSITORY", "")
        """Owner and name of the repository."""
        site = (environment.get("GITHUB_SERVER_URL") or "https://github.com").rstrip("/")
        self.page = f"{site}/{self.name}"
        """Address of the repository's page."""

    @property
    def repository(self) -> Repository:
        """The repository; no request is sent before one of its attributes is read."""
        return self._github.get_repo(self.name)

    @property
    def credentials(self) -> dict[str, str]:
        """The header with the token; sent only to GitHub."""
        return {"Authorization": f"Bearer {self._token.token}"}

    def place_of(self, path: str) -> str:
        """The API's address of something in the repository."""
        return f"{self._api}/repos/{self.name}{path}"

    def get(self, path: str, **parameters: str) -> Any:
        """What the API says of something in the repository."""
        requester = self._github.requester
        _, answer = requester.requestJsonAndCheck("GET", self.place_of(path), parameters=parameters)
        return answer

    def send(self, method: str, path: str, body: Mapping[str, object], *, version: str = "") -> Any:
        """What the API, or this version of it, answers to a change in the repository."""
        headers = {"X-GitHub-Api-Version": version} if version else None
        requester = self._github.requester
        _, answer = requester.requestJsonAndCheck(
            method, self.place_of(path), headers=headers, input=dict(body)
        )
        return answer

    def pages(self, path: str, key: str = "") -> Iterator[Any]:
        """All that the API lists of something in the repository, page after page.

        Args:
            path: below the repository.
            key: where the list stands in the answer, if not alone.
        """
        number, before = 1, None
        while True:
            page = self.get(path, per_page=str(_PAGE), page=str(number))
            listed = page[key] if key else page
            if listed == before:  # an answer that knows no pages
                return
            yield from listed
            if len(listed) != _PAGE:
                return
            number, before = number + 1, listed

    def content(self, path: str, ref: str) -> bytes:
        """A file's bytes at a commit."""
        file = self.get(f"/contents/{quote(path)}", ref=ref)
        return b64decode(file["content"])

    def viewer(self) -> str:
        """The login of the token's owner. REST's `GET /user` refuses an Actions token."""
        return str(self._query_graphql("query { viewer { login } }", {})["viewer"]["login"])

    def minimize(self, node: str) -> None:
        """Hide a comment as outdated, which REST cannot.

        Args:
            node: the comment's id in GraphQL.
        """
        mutation = (
            "mutation($input: MinimizeCommentInput!) {"
            " minimizeComment(input: $input) { minimizedComment { isMinimized } } }"
        )
        self._query_graphql(mutation, {"input": {"subjectId": node, "classifier": "OUTDATED"}})

    def _query_graphql(self, query: str, variables: Mapping[str, object]) -> Any:
        """What GraphQL answers; its refusals come with a status of 200."""
        body = {"query": query, "variables": variables}
        _, answer = self._github.requester.requestJsonAndCheck("POST", self._graphql, input=body)
        if answer.get("errors"):
            reason = str(answer["errors"][0].get("message"))
            raise GithubException(_FORBIDDEN, answer, message=reason)
        return answer["data"]

    def workflow_run(self, number: int) -> Mapping[str, Any]:
        """A run of a workflow, all of it as GitHub said it: PyGithub fills in what is missing."""
        answer = self.get(f"/actions/runs/{number}")
        if not isinstance(answer, dict):
            raise TypeError("a run of a workflow is an object")
        return answer

    def branch_rules(self, branch: str) -> frozenset[str]:
        """The types of the rules in force for a branch of this name."""
        answer = self.get(f"/rules/branches/{quote(branch, safe='')}", per_page=str(_PAGE))
        if not isinstance(answer, list):
            raise TypeError("the rules of a branch are a list")
        return frozenset(str(rule["type"]) for rule in answer)


def connect(
    environment: Mapping[str, str], *, pace: float, budget: Budget, hasty: bool = False
) -> Client:
    """The way to the API for the token that the environment has; the rest is as for `Client`.

    Raises:
        ServiceError: there is no token, or a model ran in its job without a sandbox.
    """
    if environment.get("CDML_UNWALLED") == "true":
        raise ServiceError(
            "this step gets no GitHub token, because a model ran in its job with isolation: none.",
            "Report from a second job, as the workflow of cdml init does.",
        )
    token = find_token(environment)
    if token is None:
        raise ServiceError(
            "there is no GitHub token.",
            "Remove `github-token` from the step to use its default, or set GITHUB_TOKEN.",
        )
    return Client(environment, token, pace=pace, hasty=hasty, budget=budget)


def _patient(pace: float, budget: Budget) -> _Retry:
    retry = _Retry(
        total=6,
        backoff_factor=pace,
        secondary_rate_wait=60 * pace,
        status_forcelist=[_TOO_MANY, *range(500, 600)],
        allowed_methods=["GET", "PATCH", "DELETE"],
    )
    retry.budget = budget
    return retry


@contextmanager
def translate_errors(action: str, permission: str) -> Iterator[None]:
    """Tell GitHub's errors in our words.

    Args:
        action: what was requested, after "GitHub does not let this token …".
        permission: what a workflow has to grant for it.

    Raises:
        Gone: 404.
        Lost: a 5xx, or no answer.
        ServiceError: everything else; or the command has waited for as long as it may.
    """
    try:
        with _BUDGET.get(Budget()).spending("GitHub's API"):
            yield
    except GithubException as error:
        raise _service_error(error, action, permission) from error
    except requests.RequestException as error:
        tls = explain_tls_error(str(error), " or ".join(_CERTIFICATES))
        if tls is not None:
            raise Lost(
                f"GitHub's API {tls.description}; cdml could not {action}.", tls.hint
            ) from error
        kind = type(error).__name__
        raise Lost(f"GitHub's API did not answer, so cdml could not {action} ({kind}).") from error
    except _NOT_GITHUB as error:
        raise Lost(
            f"the server that answered is not GitHub's API, so cdml could not {action}.",
            "Check GITHUB_API_URL and any proxy in between.",
        ) from error


def _service_error(error: GithubException, action: str, permission: str) -> ServiceError:
    if error.status == _UNAUTHORIZED:
        return ServiceError(
            f"GitHub rejected the token, so cdml could not {action}.",
            "Set `github-token` to a token of this repository.",
        )
    if error.status == _TOO_MANY or isinstance(error, RateLimitExceededException):
        return ServiceError(
            "GitHub's rate limit is exhausted for longer than a job can wait, so cdml could not"
            f" {action}.",
            "Run the job again later, or set `github-token` to another token.",
        )
    if error.status == _FORBIDDEN:
        detail = f" ({error.message})" if error.message else ""
        return ServiceError(
            f"GitHub does not allow this token to {action}{detail}.",
            f"Grant `{permission}` in the job's permissions. {_READ_ONLY}",
        )
    if error.status == _NOT_FOUND:
        return NotFoundError(
            f"GitHub answered 404 when cdml tried to {action}.",
            f"Either it does not exist, or the token may not see it. Grant `{permission}`.",
        )
    kind = Lost if error.status >= _SERVER else ServiceError
    return kind(
        f"GitHub answered {error.status} when cdml tried to {action}: {error.message or '-'}."
    )
