"""What the stand-in for GitLab can be asked about issues and started pipelines."""

import re
from typing import TYPE_CHECKING, Any

from fakes.github_api import Answer, Call, Rejected

if TYPE_CHECKING:
    from fakes.gitlab_server import GitLabServer

OURS = 900
"""The account of the project's access token, a bot."""
OUR_NAME = "project_42_bot"


def reject_quick_actions(text: str) -> None:
    quick = [line for line in text.splitlines() if re.match(r"(?i)[ \t]*/[a-z]", line)]
    if quick:
        raise AssertionError(f"GitLab would carry out {quick}")


def add_issue(server: "GitLabServer", author: int, title: str, text: str) -> dict[str, Any]:
    """Open an issue."""
    number = len(server.issues) + 1
    made = {
        "id": next(server._ids),
        "iid": number,
        "title": title,
        "description": text,
        "state": "opened",
        "author": {"id": author, "username": f"user-{author}"},
        "web_url": f"{server.site}/{server.path}/-/issues/{number}",
    }
    server.issues.append(made)
    return made


def add_pipeline(
    server: "GitLabServer", user: str, ref: str, variables: list[dict[str, str]]
) -> dict[str, Any]:
    """Start a pipeline by the API; `variables` have a key and a value each."""
    number = next(server._ids)
    made = {
        "id": number,
        "ref": ref,
        "source": "api",
        "username": user,
        "variables": variables,
        "created_at": server.now,
        "updated_at": server.now,
        "web_url": f"{server.site}/{server.path}/-/pipelines/{number}",
    }
    server.started.append(made)
    return made


def _list(server: "GitLabServer", call: Call) -> Answer:
    author, state = call.query.get("author_id"), call.query.get("state", "all")
    listed = [
        one
        for one in server.issues
        if author in (None, str(one["author"]["id"])) and state in ("all", one["state"])
    ]
    return Answer(200, listed[::-1] if call.query.get("sort", "desc") == "desc" else listed)


def _open(server: "GitLabServer", call: Call) -> Answer:
    content = _content(call, "title", "description")
    return Answer(201, add_issue(server, OURS, content["title"], content["description"]))


def _edit(server: "GitLabServer", call: Call, number: str) -> Answer:
    found = [one for one in server.issues if one["iid"] == int(number)]
    if not found:
        raise Rejected(404, "404 Not found")
    content = _content(call)
    if content.pop("state_event", "") == "close":
        content["state"] = "closed"
    found[0] |= content
    return Answer(200, found[0])


def _content(call: Call, *required: str) -> dict[str, Any]:
    missing = [name for name in required if not call.body.get(name)]
    if missing or len(call.body.get("title", "")) > 255:
        raise Rejected(400, f"{missing or 'title'} is invalid")
    reject_quick_actions(call.body.get("description", ""))
    return dict(call.body)


def _start(server: "GitLabServer", call: Call) -> Answer:
    variables = call.body.get("variables", [])
    if {frozenset(one) for one in variables} - {frozenset({"key", "value"})}:
        raise Rejected(400, "variables is invalid")
    if not server.variables_allowed:
        raise Rejected(400, "Insufficient permissions to set pipeline variables")
    return Answer(201, add_pipeline(server, OUR_NAME, call.body["ref"], variables))


def _pipelines(server: "GitLabServer", call: Call) -> Answer:
    wanted = {name: call.query.get(name) for name in ("source", "ref", "username")}
    since = call.query.get("updated_after", "")
    listed = [
        {name: value for name, value in one.items() if name not in ("username", "variables")}
        for one in server.started
        if all(value in (None, one[name]) for name, value in wanted.items())
        and one["updated_at"] >= since
    ]
    return Answer(200, listed if call.query.get("sort", "desc") == "asc" else listed[::-1])


def _variables(server: "GitLabServer", call: Call, number: str) -> Answer:
    del call
    one = next((one for one in server.started if one["id"] == int(number)), None)
    if one is None:
        raise Rejected(404, "404 Not found")
    if one["username"] != OUR_NAME:
        raise Rejected(403, "403 Forbidden")
    return Answer(200, [{"variable_type": "env_var", **each} for each in one["variables"]])


ROUTES = [
    ("GET", "/issues", _list),
    ("POST", "/issues", _open),
    ("PUT", r"/issues/(\d+)", _edit),
    ("POST", "/pipeline", _start),
    ("GET", "/pipelines", _pipelines),
    ("GET", r"/pipelines/(\d+)/variables", _variables),
]
