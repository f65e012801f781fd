"""A stand-in for GitLab's REST API on loopback: one project, with state.

    with GitLabServer(token="made-up") as server:
        subprocess.run(..., env={**server.environment, ...})
        assert len(server.notes(7)) == 1

It pages by headers as GitLab pages, or by links alone where `keyset` is set, knows what a token may
do, and answers with the fields of GitLab's own documentation. It serves the git repositories below
`repositories`, if any, and speaks TLS with a `certificate`.
"""

import json
import re
import ssl
import threading
from base64 import b64decode, b64encode
from collections.abc import Callable
from dataclasses import dataclass, field
from hashlib import sha1
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import count
from pathlib import Path
from typing import Any, Self
from urllib.parse import parse_qsl, quote, unquote, urlencode, urlsplit

from fakes.git_server import answer_git
from fakes.github_api import Answer, Call, Rejected
from fakes.github_server import Failure
from fakes.gitlab_issues import OUR_NAME, OURS, ROUTES, reject_quick_actions


@dataclass(slots=True)
class Note:
    """A note; `on` is a merge request's number or a commit."""

    id: int
    on: int | str
    author: int
    body: str
    system: bool = False

    def document(self) -> dict[str, Any]:
        return {
            "id": self.id,
            "body": self.body,
            "system": self.system,
            "author": {"id": self.author, "username": f"user-{self.author}"},
        }


@dataclass(slots=True)
class GitLabServer:
    """Everything of the project that the tests may set or look at."""

    token: str = "made-up-token"
    job_token: str = "made-up-job-token"
    certificate: Path | None = None
    repositories: Path | None = None
    project: int = 42
    path: str = "octo-org/flights"
    role: str = "maintainer"
    default_branch: str = "main"
    variables_allowed: bool = True
    now: str = "2026-05-02T08:00:00.000Z"
    keyset: bool = False
    requests: dict[int, dict[str, Any]] = field(default_factory=dict)
    all_notes: list[Note] = field(default_factory=list)
    deployments: list[dict[str, Any]] = field(default_factory=list)
    environments: list[dict[str, Any]] = field(default_factory=list)
    issues: list[dict[str, Any]] = field(default_factory=list)
    started: list[dict[str, Any]] = field(default_factory=list)
    pipelines: dict[int, str] = field(default_factory=dict)
    jobs: dict[int, str] = field(default_factory=dict)
    statuses: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    commits: dict[str, tuple[str, ...]] = field(default_factory=dict)
    merged: dict[str, list[int]] = field(default_factory=dict)
    protected: list[dict[str, Any]] = field(default_factory=list)
    files: dict[tuple[str, str], bytes] = field(default_factory=dict)
    failures: list[Failure] = field(default_factory=list)
    seen: list[tuple[str, str]] = field(default_factory=list)
    _ids: Any = field(default_factory=lambda: count(1000))
    _lock: Any = field(default_factory=threading.Lock)
    _http: Any = None

    def __enter__(self) -> Self:
        handler = type("Handler", (_Handler,), {"gitlab": self})
        self._http = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self._http.daemon_threads = True
        if self.certificate is not None:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(self.certificate)
            self._http.socket = context.wrap_socket(
                self._http.socket, server_side=True, do_handshake_on_connect=False
            )
            self._http.handle_error = lambda *_: None
        threading.Thread(target=self._http.serve_forever, args=(0.01,), daemon=True).start()
        return self

    def __exit__(self, *rest: object) -> None:
        self._http.shutdown()
        self._http.server_close()

    @property
    def site(self) -> str:
        start = "https://localhost" if self.certificate else "http://127.0.0.1"
        return f"{start}:{self._http.server_address[1]}/git"

    @property
    def environment(self) -> dict[str, str]:
        """What GitLab's runner sets for this server, which lives below a path."""
        return {
            "GITLAB_CI": "true",
            "CI": "true",
            "CI_SERVER_URL": self.site,
            "CI_API_V4_URL": f"{self.site}/api/v4",
            "CI_PROJECT_ID": str(self.project),
            "CI_PROJECT_PATH": self.path,
            "CI_PROJECT_URL": f"{self.site}/{self.path}",
            "CI_DEFAULT_BRANCH": self.default_branch,
        }

    def notes(self, on: int | str) -> list[Note]:
        """The notes of a merge request or a commit, oldest first."""
        return [note for note in self.all_notes if note.on == on]

    def add_request(self, number: int, head: str, **known: Any) -> None:
        """Open a merge request; `state=` and `target_branch=` are as GitLab names them."""
        self.requests[number] = {
            "iid": number,
            "sha": head,
            "state": "opened",
            "target_branch": "main",
            **known,
        }

    def add_note(self, on: int | str, author: int, body: str, *, system: bool = False) -> Note:
        note = Note(next(self._ids), on, author, body, system)
        self.all_notes.append(note)
        return note

    def fail(self, **known: Any) -> None:
        """Answer the next request that fits otherwise than GitLab would."""
        self.failures.append(Failure(**known))

    def answer(self, call: Call) -> Answer:
        """Carry one request out.

        Raises:
            Rejected: GitLab would not.
        """
        if call.token != self.token:
            raise Rejected(401, "401 Unauthorized")
        start = "/git/api/v4"
        if call.path == f"{start}/user":
            return Answer(200, {"id": OURS, "username": OUR_NAME})
        named = (
            f"{start}/projects/{self.project}",
            f"{start}/projects/{quote(self.path, safe='')}",
        )
        if call.path in named:
            names = {"path_with_namespace": self.path, "default_branch": self.default_branch}
            return Answer(200, {"id": self.project, **names})
        start = next((one for one in named if call.path.startswith(f"{one}/")), "")
        if not start:
            raise Rejected(404, "404 Project Not Found")
        if call.method != "GET" and self.role == "reporter":
            raise Rejected(403, "403 Forbidden")
        for method, pattern, handle in _ROUTES:
            match = re.fullmatch(pattern, call.path.removeprefix(start))
            if match and method == call.method:
                return handle(self, call, *map(unquote, match.groups("")))
        raise Rejected(404, "404 Not Found")

    def of_note(self, number: str) -> Note:
        found = [note for note in self.all_notes if note.id == int(number)]
        if not found:
            raise Rejected(404, "404 Note Not Found")
        return found[0]


def _user(server: GitLabServer, request: str) -> int:
    if int(request) not in server.requests:
        raise Rejected(404, "404 Not found")
    return int(request)


def _list_notes(server: GitLabServer, call: Call, request: str) -> Answer:
    listed = [note.document() for note in server.notes(_user(server, request))]
    return Answer(200, listed[::-1] if call.query.get("sort", "desc") == "desc" else listed)


def _add_note(server: GitLabServer, call: Call, request: str) -> Answer:
    return Answer(201, server.add_note(_user(server, request), OURS, _text(call)).document())


def _edit_note(server: GitLabServer, call: Call, on: str, *rest: str) -> Answer:
    del on
    note = server.of_note(rest[-1])
    if note.author != OURS:
        raise Rejected(403, "403 Forbidden")
    note.body = _text(call)
    return Answer(200, note.document())


def _delete_note(server: GitLabServer, call: Call, on: str, *rest: str) -> Answer:
    del call, on
    server.all_notes.remove(server.of_note(rest[-1]))
    return Answer(204)


def _text(call: Call) -> str:
    body = call.body.get("body", "")
    if not body or len(body) > 1_000_000:
        raise Rejected(400, "400 body is invalid")
    reject_quick_actions(body)
    return body


def _discussions(server: GitLabServer, call: Call, sha: str) -> Answer:
    del call
    return Answer(200, [{"id": f"d{n.id}", "notes": [n.document()]} for n in server.notes(sha)])


def _discuss(server: GitLabServer, call: Call, sha: str) -> Answer:
    note = server.add_note(sha, OURS, _text(call))
    return Answer(201, {"id": f"d{note.id}", "notes": [note.document()]})


def _deployments(server: GitLabServer, call: Call) -> Answer:
    wanted = {"environment": call.query.get("environment"), "status": call.query.get("status")}
    listed = [
        one
        for one in server.deployments
        if all(value in (None, one[name]) for name, value in wanted.items())
    ]
    return Answer(200, sorted(listed, key=lambda one: one["id"], reverse=True))


def _deploy(server: GitLabServer, call: Call) -> Answer:
    missing = {"environment", "sha", "ref", "tag", "status"} - set(call.body)
    if missing:
        raise Rejected(400, f"{sorted(missing)} is missing")
    made = {"id": next(server._ids), **call.body}
    server.deployments.append(made)
    if call.body["environment"] not in [one["name"] for one in server.environments]:
        place = {"id": next(server._ids), "name": call.body["environment"], "external_url": None}
        server.environments.append(place)
    return Answer(201, made)


def _redeploy(server: GitLabServer, call: Call, number: str) -> Answer:
    one = next(one for one in server.deployments if one["id"] == int(number))
    if call.body["status"] not in ("running", "success", "failed", "canceled"):
        raise Rejected(400, "status does not have a valid value")
    one["status"] = call.body["status"]
    return Answer(200, one)


def _environments(server: GitLabServer, call: Call) -> Answer:
    name = call.query.get("name")
    return Answer(200, [one for one in server.environments if name in (None, one["name"])])


def _environment(server: GitLabServer, call: Call, number: str) -> Answer:
    one = next(one for one in server.environments if one["id"] == int(number))
    one.update(call.body)
    return Answer(200, one)


def _status_of(server: GitLabServer, call: Call, kind: str, number: str) -> Answer:
    del call
    statuses = server.jobs if kind == "jobs" else server.pipelines
    if int(number) not in statuses:
        raise Rejected(404, "404 Not found")
    return Answer(200, {"id": int(number), "status": statuses[int(number)]})


def _statuses(server: GitLabServer, call: Call, sha: str) -> Answer:
    del call
    return Answer(200, server.statuses.get(sha, []))


def _add_status(server: GitLabServer, call: Call, sha: str) -> Answer:
    if call.body.get("state") not in ("pending", "running", "success", "failed", "canceled"):
        raise Rejected(400, "state does not have a valid value")
    pipeline = call.body.get("pipeline_id")
    if pipeline is not None and int(pipeline) not in server.pipelines:
        raise Rejected(404, "404 Pipeline for pipeline_id, sha and ref Not Found")
    made = {
        "id": next(server._ids),
        "sha": sha,
        "name": call.body.get("name", "default"),
        "status": call.body["state"],
        "description": call.body.get("description"),
        "target_url": call.body.get("target_url"),
        "pipeline_id": pipeline,
    }
    server.statuses.setdefault(sha, []).append(made)
    return Answer(201, made)


def _commits(server: GitLabServer, call: Call) -> Answer:
    before, _, after = call.query["ref_name"].partition("..")
    if before not in server.commits or after not in server.commits:
        raise Rejected(404, "404 Commit Not Found")
    known, waiting, brought = _ancestors(server, before), [after], {}
    while waiting:
        sha = waiting.pop(0)
        if sha not in known and sha not in brought:
            brought[sha] = server.commits.get(sha, ())
            waiting += brought[sha]
    return Answer(200, [{"id": sha, "parent_ids": list(p)} for sha, p in brought.items()])


def _ancestors(server: GitLabServer, sha: str) -> set[str]:
    reached, waiting = set(), [sha]
    while waiting:
        at = waiting.pop()
        reached.add(at)
        waiting += [one for one in server.commits.get(at, ()) if one not in reached]
    return reached


def _requests_of(server: GitLabServer, call: Call, sha: str) -> Answer:
    del call
    numbers = server.merged.get(sha, [])
    heads = [number for number, one in server.requests.items() if one["sha"] == sha]
    return Answer(200, [server.requests[number] for number in dict.fromkeys([*numbers, *heads])])


def _protected(server: GitLabServer, call: Call) -> Answer:
    del call
    if server.role == "reporter":
        raise Rejected(403, "403 Forbidden")
    return Answer(200, server.protected)


def _file(server: GitLabServer, call: Call, name: str, raw: str = "") -> Answer:
    content = server.files.get((call.query["ref"], name))
    if content is None:
        raise Rejected(404, "404 File Not Found")
    if raw:
        return Answer(200, content)
    blob = sha1(b"blob %d\0" % len(content) + content, usedforsecurity=False).hexdigest()
    return Answer(200, {"content": b64encode(content).decode(), "blob_id": blob})


_NOTE = r"/merge_requests/(\d+)/notes"
_DISCUSSION = r"/repository/commits/([^/]+)/discussions"
_ROUTES: list[tuple[str, str, Callable[..., Answer]]] = [
    ("GET", _NOTE, _list_notes),
    ("POST", _NOTE, _add_note),
    ("PUT", rf"{_NOTE}/(\d+)", _edit_note),
    ("DELETE", rf"{_NOTE}/(\d+)", _delete_note),
    ("GET", _DISCUSSION, _discussions),
    ("POST", _DISCUSSION, _discuss),
    ("PUT", rf"{_DISCUSSION}/([^/]+)/notes/(\d+)", _edit_note),
    ("DELETE", rf"{_DISCUSSION}/([^/]+)/notes/(\d+)", _delete_note),
    ("GET", "/deployments", _deployments),
    ("POST", "/deployments", _deploy),
    ("PUT", r"/deployments/(\d+)", _redeploy),
    ("GET", "/environments", _environments),
    ("PUT", r"/environments/(\d+)", _environment),
    ("GET", r"/(jobs|pipelines)/(\d+)", _status_of),
    ("GET", r"/repository/commits/([^/]+)/statuses", _statuses),
    ("POST", r"/statuses/([^/]+)", _add_status),
    ("GET", r"/repository/commits/([^/]+)/merge_requests", _requests_of),
    ("GET", "/repository/commits", _commits),
    ("GET", "/protected_branches", _protected),
    ("GET", r"/repository/files/([^/]+)(/raw)?", _file),
    *ROUTES,
]


class _Handler(BaseHTTPRequestHandler):
    gitlab: GitLabServer

    def log_message(self, *_: object) -> None:
        """Say nothing."""

    def _go(self) -> None:
        address = urlsplit(self.path)
        length = int(self.headers.get("Content-Length") or 0)
        content = self.rfile.read(length)
        if ".git/" in address.path and self.gitlab.repositories is not None:
            self._send(self._git(address.path, address.query, content))
            return
        call = Call(
            method=self.command,
            path=address.path,
            query=dict(parse_qsl(address.query)),
            body=json.loads(content) if content else {},
            token=self.headers.get("PRIVATE-TOKEN", ""),
        )
        with self.gitlab._lock:
            self.gitlab.seen.append((call.method, call.path))
            failure = self._failure(call)
            if failure is not None and failure.drop:
                self.close_connection = True
                return
            if failure is not None and not failure.after:
                answer = Answer(failure.status, failure.body.encode(), dict(failure.headers))
            else:
                answer = self._answer(call)
            if failure is not None and failure.after:
                answer = Answer(failure.status, failure.body.encode(), dict(failure.headers))
        self._send(answer)

    def _git(self, path: str, query: str, content: bytes) -> Answer:
        """A job's token may read, the access token may write."""
        given = (self.headers.get("Authorization") or "").removeprefix("Basic ")
        password = b64decode(given).decode().partition(":")[2]
        self.gitlab.seen.append(("GIT", path))
        if password not in (self.gitlab.token, self.gitlab.job_token):
            headers = {"WWW-Authenticate": 'Basic realm="GitLab"'}
            return Answer(401, b"HTTP Basic: Access denied", headers)
        if "git-receive-pack" in f"{path}?{query}" and password != self.gitlab.token:
            return Answer(403, b"You are not allowed to push code to this project.")
        where = (self.gitlab.repositories, self.command, path.removeprefix("/git"))
        status, fields, body = answer_git(*where, query, self.headers, content)
        return Answer(status, body, fields)

    def _failure(self, call: Call) -> Failure | None:
        for failure in self.gitlab.failures:
            fits = re.search(failure.method, call.method) and re.search(failure.path, call.path)
            if fits and failure.times:
                failure.times -= 1
                return failure
        return None

    def _answer(self, call: Call) -> Answer:
        try:
            answer = self.gitlab.answer(call)
        except Rejected as error:
            return Answer(error.status, {"message": error.message})
        if isinstance(answer.body, list):
            return self._page(answer, call)
        return answer

    def _page(self, answer: Answer, call: Call) -> Answer:
        size, page = (int(call.query.get(name, at)) for name, at in (("per_page", 20), ("page", 1)))
        shown, more = answer.body[(page - 1) * size : page * size], len(answer.body) > page * size
        query = urlencode({**call.query, "page": page + 1})
        site = self.gitlab.site.removesuffix("/git")
        headers = {"RateLimit-Limit": "2000", "RateLimit-Remaining": "1999"}
        if more:
            headers["Link"] = f'<{site}{call.path}?{query}>; rel="next"'
        if not self.gitlab.keyset:
            headers |= {
                "X-Next-Page": str(page + 1) if more else "",
                "X-Page": str(page),
                "X-Per-Page": str(size),
                "X-Total": str(len(answer.body)),
            }
        return Answer(200, shown, headers)

    def _send(self, answer: Answer) -> None:
        body = answer.body
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        if answer.status == 204:
            content = b""
        self.send_response(answer.status)
        for name, value in answer.headers.items():
            self.send_header(name, value)
        if "Content-Type" not in answer.headers:
            kind = "application/json" if content[:1] in (b"{", b"[") else "text/html"
            self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    do_GET = do_POST = do_PUT = do_DELETE = _go  # noqa: N815  # as http.server calls them
