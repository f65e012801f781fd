"""Issues of ours and workflows that are started by request, at GitHub."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from urllib.parse import quote

from cdml.adapters.ci.api_errors import create_once
from cdml.adapters.ci.github.client import Client, translate_errors
from cdml.adapters.ci.sticky_issue import OwnIssue

_ISSUES = "issues: write"
_ACTIONS = "actions: write"


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
