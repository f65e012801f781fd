"""Issues of ours and workflows that are started by request or by an event, at GitHub.

GitHub does not show the inputs of a run, so a run is recognised by its title. It is one of the
inputs where the workflow has, such as, `run-name: ${{ inputs.reason }}`.
"""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

from github import GithubException

from cdml.adapters.ci.api_errors import create_once
from cdml.adapters.ci.github.client import Client, translate_errors
from cdml.adapters.ci.sticky_issue import OwnIssue

_ISSUES = "issues: write"
_ACTIONS = "actions: write"
_NAMES_RUNS = "2026-03-10"
"""The first version of the API whose answer to a dispatch names the run."""
_UNKNOWN_VERSION = 400
_MOST_RUNS = "100"


@dataclass(frozen=True, slots=True)
class GitHubIssues:
    """An IssueTracker."""

    client: Client

    def own_issues(self) -> Iterator[OwnIssue]:
        """See the port."""
        with translate_errors("look up its account", _ISSUES):
            viewer = self.client.viewer()
        with translate_errors("list issues", _ISSUES):
            for issue in self.client.pages("/issues"):
                if (issue.get("user") or {}).get("login") in {viewer, f"{viewer}[bot]"}:
                    yield OwnIssue(
                        number=issue["number"],
                        title=issue["title"],
                        text=issue.get("body") or "",
                        address=str(issue["html_url"]),
                    )

    def open(self, title: str, text: str) -> str:
        """See the port."""
        with translate_errors("open an issue", _ISSUES):
            answer = self.client.send("POST", "/issues", {"title": title, "body": text})
            return str(answer["html_url"])

    def update(self, issue: OwnIssue, title: str, text: str) -> None:
        """See the port."""
        self._edit(issue, {"title": title, "body": text})

    def close(self, issue: OwnIssue, text: str) -> None:
        """See the port."""
        self._edit(issue, {"body": text, "state": "closed", "state_reason": "completed"})

    def _edit(self, issue: OwnIssue, changes: Mapping[str, str]) -> None:
        with translate_errors("update an issue", _ISSUES):
            self.client.send("PATCH", f"/issues/{issue.number}", changes)


def start_workflow(
    client: Client, workflow: str, ref: str | None, inputs: Mapping[str, str], *, since: datetime
) -> str:
    """Start a workflow once; the address of the run, or of the workflow if GitHub does not say."""
    place = f"/actions/workflows/{quote(workflow)}"

    def find() -> str | None:
        return _find_run(client, f"{place}/runs", "workflow_dispatch", since, inputs.values())

    def start() -> str:
        body = {"ref": ref or _default_branch(client), "inputs": dict(inputs)}
        with translate_errors("start a workflow", _ACTIONS):
            answer = _dispatch(client, f"{place}/dispatches", body)
        if isinstance(answer, Mapping) and answer.get("html_url"):
            return str(answer["html_url"])
        return find() or f"{client.page}/actions/workflows/{quote(workflow)}"

    return create_once(find, start)


def send_event(client: Client, event: str, payload: Mapping[str, str], *, since: datetime) -> str:
    """Send an event once; the address of its run, or of the list of such runs.

    GitHub does not say which runs an event starts, and they are listed only later.
    """

    def find() -> str | None:
        return _find_run(client, "/actions/runs", "repository_dispatch", since, payload.values())

    def send() -> str:
        with translate_errors("send an event", "contents: write"):
            client.send(
                "POST", "/dispatches", {"event_type": event, "client_payload": dict(payload)}
            )
        return find() or f"{client.page}/actions?query=event%3Arepository_dispatch"

    return create_once(find, send)


def _dispatch(client: Client, path: str, body: Mapping[str, object]) -> Any:
    try:
        return client.send("POST", path, body, version=_NAMES_RUNS)
    except GithubException as error:  # an older Enterprise server has done nothing
        if error.status != _UNKNOWN_VERSION:
            raise
        return client.send("POST", path, body)


def _find_run(
    client: Client, path: str, event: str, since: datetime, titles: Collection[str]
) -> str | None:
    begun = f">={since.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"
    with translate_errors("list the runs of a workflow", "actions: read"):
        listed = client.get(path, event=event, created=begun, per_page=_MOST_RUNS)
        runs = [one for one in listed["workflow_runs"] if one["display_title"] in titles]
        return str(runs[-1]["html_url"]) if runs else None


def _default_branch(client: Client) -> str:
    with translate_errors("look up the default branch", "contents: read"):
        return str(client.get("")["default_branch"])
