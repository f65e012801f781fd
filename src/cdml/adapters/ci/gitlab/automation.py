"""Issues of ours and pipelines that are started by request, at GitLab."""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from cdml.adapters.ci.api_errors import create_once
from cdml.adapters.ci.gitlab.client import Client, InvalidRequestError, reading
from cdml.adapters.ci.sticky_issue import OwnIssue
from cdml.errors import ServiceError

WORKFLOW = "CDML_WORKFLOW"
"""The variable that names the workflow; those of its inputs begin with it, too."""
_NO_DOLLAR = str.maketrans("$", "\N{FULLWIDTH DOLLAR SIGN}")
_HINT = "docs/gitlab.md says where the project allows that, in the section on retraining."


@dataclass(frozen=True, slots=True)
class GitLabIssues:
    """An IssueTracker. Titles and texts are without references and quick actions already."""

    client: Client

    def own_issues(self) -> Iterator[OwnIssue]:
        """See the port."""
        action, viewer = "list issues", self.client.viewer()
        query = {"state": "opened", "author_id": str(viewer.id), "order_by": "created_at"}
        for issue in self.client.pages("/issues", action, **query):
            with reading(action):
                if issue["author"]["id"] == viewer.id:
                    yield OwnIssue(
                        number=int(issue["iid"]),
                        title=str(issue["title"]),
                        text=str(issue.get("description") or ""),
                        address=str(issue["web_url"]),
                    )

    def open(self, title: str, text: str) -> str:
        """See the port."""
        action = "open an issue"
        made = self.client.post("/issues", action, {"title": title, "description": text})
        with reading(action):
            return str(made["web_url"])

    def update(self, issue: OwnIssue, title: str, text: str) -> None:
        """See the port."""
        self._edit(issue, {"title": title, "description": text})

    def close(self, issue: OwnIssue, text: str) -> None:
        """See the port."""
        self._edit(issue, {"description": text, "state_event": "close"})

    def _edit(self, issue: OwnIssue, changes: Mapping[str, str]) -> None:
        self.client.put(f"/issues/{issue.number}", "update an issue", changes)


def start_workflow(
    client: Client, workflow: str, ref: str, inputs: Mapping[str, str], *, since: datetime
) -> str:
    """Start a pipeline with the variable CDML_WORKFLOW once; its address.

    GitLab has no workflows: the rules of jobs read that variable. An input `reason` is the variable
    CDML_WORKFLOW_REASON, without dollar signs, which a runner expands.
    """
    given = {f"{WORKFLOW}_{name.upper()}": value for name, value in inputs.items()}
    variables = [
        {"key": key, "value": value.translate(_NO_DOLLAR)}
        for key, value in {WORKFLOW: workflow, **given}.items()
    ]

    def find() -> str | None:
        action = "list pipelines"
        query = {
            "source": "api",
            "ref": ref,
            "username": client.viewer().name,
            "updated_after": f"{since.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}",
            "order_by": "id",
            "sort": "asc",
        }
        for one in client.pages("/pipelines", action, **query):
            with reading(action):
                later = datetime.fromisoformat(one["created_at"]) >= since
                number, address = int(one["id"]), str(one["web_url"])
            if later and _has(client, number, variables):
                return address
        return None

    def start() -> str:
        action = "start a pipeline"
        try:
            made = client.post("/pipeline", action, {"ref": ref, "variables": variables})
        except InvalidRequestError as error:
            raise ServiceError(
                f"GitLab does not start a pipeline of {ref}: no job runs for {WORKFLOW}={workflow},"
                " or the token may not set pipeline variables or run pipelines there (status 400).",
                _HINT,
            ) from error
        with reading(action):
            return str(made["web_url"])

    return create_once(find, start)


def default_branch(client: Client) -> str:
    """The project's default branch."""
    action = "look up the default branch"
    with reading(action):
        return str(client.get("", action)["default_branch"])


def _has(client: Client, pipeline: int, variables: Collection[Mapping[str, str]]) -> bool:
    """Whether a pipeline was started with these variables."""
    action = "read the variables of a pipeline"
    given = client.pages(f"/pipelines/{pipeline}/variables", action)
    with reading(action):
        there = [{"key": one["key"], "value": one["value"]} for one in given]
    return all(one in there for one in variables)
