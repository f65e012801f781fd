"""Issues of ours and workflows that are started by request, at GitHub."""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

from cdml.adapters.ci.api_errors import create_once
from cdml.adapters.ci.github.client import Client, translate_errors

_ISSUES = "issues: write"
_ACTIONS = "actions: write"


def report_issue(client: Client, id_: str, title: str, body: str) -> str:
    """Open the issue of this id, or update the open one; its address."""
    text = f"{body}\n{_marker(id_)}"

    def find() -> str | None:
        for issue in _own(client, id_):
            if (issue["title"], issue["body"]) != (title, text):
                _edit(client, issue, {"title": title, "body": text})
            return str(issue["html_url"])
        return None

    def made() -> str:
        with translate_errors("open an issue", _ISSUES):
            answer = client.send("POST", "/issues", {"title": title, "body": text})
            return str(answer["html_url"])

    return create_once(find, made)


def close_issue(client: Client, id_: str, body: str) -> str | None:
    """Close the open issue of this id; None if there is none."""
    text = f"{body}\n{_marker(id_)}"
    for issue in _own(client, id_):
        _edit(client, issue, {"body": text, "state": "closed", "state_reason": "completed"})
        return str(issue["html_url"])
    return None


def start_workflow(
    client: Client, workflow: str, ref: str, inputs: Mapping[str, str], *, since: datetime
) -> str:
    """Start a workflow once; the address of the run, or of the workflow if GitHub does not say."""
    place = f"/actions/workflows/{quote(workflow)}"

    def find() -> str | None:
        begun = f">={since.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"
        with translate_errors("list the runs of a workflow", "actions: read"):
            listed = client.get(f"{place}/runs", event="workflow_dispatch", created=begun)
            runs = listed["workflow_runs"]
            return str(runs[-1]["html_url"]) if runs else None

    def made() -> str:
        with translate_errors("start a workflow", _ACTIONS):
            answer = client.send(
                "POST", f"{place}/dispatches", {"ref": ref, "inputs": dict(inputs)}
            )
        if isinstance(answer, Mapping) and answer.get("html_url"):
            return str(answer["html_url"])
        return find() or f"{client.page}/actions/workflows/{quote(workflow)}"

    return create_once(find, made)


def _own(client: Client, id_: str) -> Iterator[Mapping[str, Any]]:
    """Our open issues of this id: whoever copies the marker into an issue does not own ours."""
    with translate_errors("look up its account", _ISSUES):
        viewer = client.viewer()
    with translate_errors("list issues", _ISSUES):
        for issue in client.pages("/issues"):
            author = (issue.get("user") or {}).get("login")
            marked = str(issue.get("body") or "").endswith(_marker(id_))
            if marked and author in {viewer, f"{viewer}[bot]"}:
                yield issue


def _edit(client: Client, issue: Mapping[str, Any], changes: Mapping[str, str]) -> None:
    with translate_errors("update an issue", _ISSUES):
        client.send("PATCH", f"/issues/{issue['number']}", changes)


def _marker(id_: str) -> str:
    return f"<!-- cdml:monitor id={quote(id_, safe='')} -->"
