"""A stand-in for GitHub's REST and GraphQL API on loopback, for this process and others.

    with GitHubServer(token="made-up") as server:
        subprocess.run(..., env={"GITHUB_API_URL": server.url, ...})
        assert len(server.comments(7)) == 1

It keeps state, pages as GitHub pages, answers 403 where GitHub does, and holds every request
body and every answer against GitHub's own OpenAPI description: leaving the `with` block fails
if there was a violation.
"""

import json
import re
import ssl
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self
from urllib.parse import parse_qsl, urlsplit

from fakes.github_api import Answer, Call, Rejected, Route, paged
from fakes.github_graphql import graphql
from fakes.github_routes import find
from fakes.github_schema import violations
from fakes.github_state import Artifact, Check, Comment, Filed, Pull, Run, State

WRITE = {"issues": "write", "pull_requests": "write", "deployments": "write", "contents": "write"}
WRITE["actions"] = WRITE["checks"] = "read"
READ = dict.fromkeys(WRITE, "read")


@dataclass(slots=True)
class Failure:
    """An answer to give instead of the right one.

    Attributes:
        status: HTTP status.
        body: text to send; JSON or not.
        headers: headers to send.
        times: how often.
        method, path: regular expressions of the requests that get it.
        after: run the request first, then lose its answer.
        drop: close the connection without an answer.
    """

    status: int = 500
    body: str = '{"message": "Server Error"}'
    headers: Mapping[str, str] = field(default_factory=dict)
    times: int = 1
    method: str = ".*"
    path: str = ".*"
    after: bool = False
    drop: bool = False


class GitHubServer:
    """One repository on a GitHub of its own.

    Args:
        repository: owner/name.
        token: the only token it knows; any token that is not empty when None.
        permissions: what the token may do, by GitHub's names of permissions.
        viewer: the login GraphQL gives for the token's owner.
        author: the login REST gives for comments the token writes.
        prefix: `/api/v3` makes it an Enterprise server.
        certificate: PEM file of key and certificate; it then speaks HTTPS as `localhost`.
    """

    def __init__(
        self,
        *,
        repository: str = "octo-org/flights",
        token: str | None = None,
        permissions: Mapping[str, str] = WRITE,
        viewer: str = "github-actions",
        author: str = "github-actions[bot]",
        prefix: str = "",
        certificate: str = "",
    ) -> None:
        self.repository = repository
        self.token = token
        self.permissions = dict(permissions)
        self.viewer = viewer
        self.author = author
        self.prefix = prefix
        self.failures: list[Failure] = []
        self.requests: list[tuple[str, str]] = []
        self.bodies: list[Any] = []
        self.violations: list[str] = []
        self.lock = threading.Lock()
        self._http = ThreadingHTTPServer(
            ("127.0.0.1", 0), type("Handler", (_Handler,), {"github": self})
        )
        self._http.daemon_threads = True
        self._thread = threading.Thread(target=self._http.serve_forever, args=(0.01,), daemon=True)
        self.site = f"http://127.0.0.1:{self._http.server_address[1]}"
        if certificate:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(certificate)
            self._http.socket = context.wrap_socket(
                self._http.socket, server_side=True, do_handshake_on_connect=False
            )
            self.site = f"https://localhost:{self._http.server_address[1]}"
        self.url = f"{self.site}{prefix}"
        graphql = "/api/graphql" if prefix == "/api/v3" else f"{prefix}/graphql"
        self.graphql_url = f"{self.site}{graphql}"
        self.state = State(api=self.url, site=self.site, repository=repository)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, kind: object, *rest: object) -> None:
        self._http.shutdown()
        self._http.server_close()
        if kind is None:
            assert self.violations == [], self.violations

    @property
    def environment(self) -> dict[str, str]:
        """The variables a runner would set for this server."""
        return {
            "GITHUB_API_URL": self.url,
            "GITHUB_SERVER_URL": self.site,
            "GITHUB_GRAPHQL_URL": self.graphql_url,
            "GITHUB_REPOSITORY": self.repository,
        }

    def comments(self, number: int) -> list[Comment]:
        """The comments of a pull request, oldest first."""
        return [c for c in self.state.comments.values() if c.number == number]

    @property
    def deployments(self) -> list[Filed]:
        """All deployments, oldest first, each with its statuses."""
        return list(self.state.deployments.values())

    def add_pull(self, number: int, head: str, **known: Any) -> Pull:
        """Open a pull request (`merged_as=` the commit that merged it, `base=`, `locked=`)."""
        pull = Pull(number=number, head=head, **known)
        self.state.pulls[number] = pull
        return pull

    def add_comment(self, number: int, author: str, body: str) -> Comment:
        """Somebody comments."""
        comment = Comment(id=next(self.state.ids), number=number, author=author, body=body)
        self.state.comments[comment.id] = comment
        return comment

    def add_commit_comment(self, sha: str, author: str, body: str) -> Comment:
        """Somebody comments on a commit."""
        comment = Comment(next(self.state.ids), 0, author, body, commit=sha)
        self.state.comments[comment.id] = comment
        return comment

    def add_artifact(self, run: int, name: str, content: bytes, **known: Any) -> Artifact:
        """A run leaves an artifact (`size=` what GitHub says of it, `expired=`)."""
        left = Artifact(next(self.state.ids), run, name, content, **known)
        self.state.artifacts[left.id] = left
        return left

    def commit_comments(self, sha: str) -> list[Comment]:
        """The comments of a commit, oldest first."""
        return [c for c in self.state.comments.values() if c.commit == sha]

    def add_commits(self, *shas: str, onto: str = "") -> None:
        """Commits on one another, oldest first; the first on `onto`, or on nothing."""
        before: tuple[str, ...] = (onto,) if onto else ()
        for sha in shas:
            self.state.parents[sha], before = before, (sha,)

    def add_check(self, sha: str, name: str, **known: Any) -> None:
        """A check ran on a commit (`conclusion=`, `app=`)."""
        self.state.checks.append(Check(next(self.state.ids), sha, name, **known))

    def add_run(self, number: int, status: str | None, *, attempt: int | None = 1) -> Run:
        """A run of a workflow, in its newest attempt."""
        self.state.runs[number] = Run(number, status, attempt)
        return self.state.runs[number]

    def add_deployment(self, sha: str, environment: str, task: str, payload: object) -> Filed:
        """Somebody files a deployment."""
        filed = Filed(next(self.state.ids), sha, sha, task, environment, "", payload)
        self.state.deployments[filed.id] = filed
        return filed

    def fail(self, **how: Any) -> None:
        """Give a wrong answer next (see `Failure`)."""
        self.failures.append(Failure(**how))

    def failure(self, method: str, path: str) -> Failure | None:
        """The wrong answer planned for this request, used up by asking."""
        for planned in self.failures:
            wanted = re.fullmatch(planned.method, method) and re.search(planned.path, path)
            if planned.times and wanted:
                planned.times -= 1
                return planned
        return None

    def answer(self, call: Call) -> Answer:
        """Do what a request asks and hold both sides against the API's description."""
        if not call.token or (self.token is not None and call.token != self.token):
            return _error(401, "Bad credentials")
        path = call.path
        if path == urlsplit(self.graphql_url).path:
            wrong, answer = graphql(self, call)
            self.violations += wrong
            return answer
        route, groups = find(call.method, path.removeprefix(self.prefix), self.repository)
        if route is None or not path.startswith(self.prefix):
            return _error(404, "Not Found")
        return self._do(route, groups, call)

    def _do(self, route: Route, groups: tuple[str, ...], call: Call) -> Answer:
        wrong = violations(route.body, call.body) if route.body else []
        wrong += [f"{call.path}: no parameter {key}" for key in call.query.keys() - route.query]
        if wrong:
            self.violations += wrong
            return _error(422, "; ".join(wrong))
        granted = {name for name, level in self.permissions.items() if level == "write"}
        if route.permissions and not granted & set(route.permissions):
            return _error(403, "Resource not accessible by integration")
        if route.reads and not self.permissions.keys() & set(route.reads):
            return _error(403, "Resource not accessible by integration")
        try:
            answer = route.handle(self.state, call, self.author, *groups)
        except Rejected as rejected:
            return _error(rejected.status, rejected.message)
        if isinstance(answer.body, list):
            answer = paged(answer, call, f"{self.site}{call.path}")
        shown = answer.body if isinstance(answer.body, list) else [answer.body]
        for document in shown if route.answer else ():
            self.violations += violations(route.answer, document)
        return answer


def _error(status: int, message: str) -> Answer:
    page = "https://docs.github.com/rest"
    body = {"message": message, "documentation_url": page, "status": str(status)}
    assert violations("BasicError", body) == []
    return Answer(status, body)


class _Handler(BaseHTTPRequestHandler):
    github: GitHubServer
    protocol_version = "HTTP/1.1"
    wbufsize = 2**16  # head and body in one packet

    def _serve(self) -> None:
        if self.path.startswith("/store/"):
            self._serve_file(urlsplit(self.path).path)
        else:
            self._serve_call()

    def _serve_call(self) -> None:
        size = int(self.headers.get("Content-Length") or 0)
        raw = self.rfile.read(size)
        address = urlsplit(self.path)
        call = Call(
            method=self.command,
            path=address.path,
            query=dict(parse_qsl(address.query)),
            body=json.loads(raw) if raw else None,
            token=self.headers.get("Authorization", "").split(" ")[-1],
            version=self.headers.get("X-GitHub-Api-Version", ""),
        )
        with self.github.lock:
            self.github.requests.append((call.method, self.path))
            self.github.bodies.append(call.body)
            planned = self.github.failure(call.method, self.path)
            if planned is None or planned.after:
                answer = self.github.answer(call)
        if planned and planned.drop:
            self.close_connection = True
            return
        if planned:
            self._send(planned.status, planned.body, planned.headers)
        else:
            text = "" if answer.body is None else json.dumps(answer.body)
            self._send(answer.status, text, answer.headers)

    def _serve_file(self, path: str) -> None:
        """A store that is not GitHub's: it must never see the token."""
        if "Authorization" in self.headers:
            self.github.violations.append("the token was sent to the store")
        found = self.github.state.artifacts[int(path.rsplit("/", 1)[-1])]
        self.send_response(200)
        self.send_header("Content-Length", str(len(found.content)))
        self.end_headers()
        self.wfile.write(found.content)

    do_GET = do_POST = do_PATCH = do_DELETE = _serve  # noqa: N815 - http.server's names

    def _send(self, status: int, text: str, headers: Mapping[str, str]) -> None:
        content = text.encode()
        kind = "text/html" if text.startswith("<") else "application/json; charset=utf-8"
        self.send_response(status)
        for name, value in {"Content-Type": kind, **headers}.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *args: object) -> None:
        """Requests are in `server.requests`."""
