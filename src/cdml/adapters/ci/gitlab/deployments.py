"""Deployments as GitLab shows them: a projection of the journal."""

from urllib.parse import quote

from cdml.adapters.ci.api_errors import create_once
from cdml.adapters.ci.gitlab.client import Client, reading


def open_deployment(
    client: Client, *, environment: str, sha: str, branch: str, others: frozenset[str]
) -> str:
    """The deployment that runs for this commit and is none of the `others`, else a new one.

    Raises:
        ServiceError: GitLab refused or did not answer.
    """

    def find_running() -> str | None:
        action = "list deployments"
        query = {
            "environment": environment,
            "status": "running",
            "order_by": "id",
            "sort": "desc",
        }
        with reading(action):
            for one in client.pages("/deployments", action, **query):
                if one["sha"] == sha and str(one["id"]) not in others:
                    return str(one["id"])
        return None

    def make() -> str:
        action = "file a deployment"
        content: dict[str, str | bool] = {"environment": environment, "sha": sha, "ref": branch}
        made = client.post("/deployments", action, {**content, "tag": False, "status": "running"})
        with reading(action):
            return str(made["id"])

    return create_once(find_running, make)


def set_status(
    client: Client, *, deployment: str, status: str, environment: str, url: str | None
) -> None:
    """Set a deployment's status, and after a success where the environment is seen.

    Raises:
        ServiceError: GitLab refused or did not answer.
    """
    client.put(f"/deployments/{deployment}", "set a deployment's status", {"status": status})
    if url is None or status != "success":
        return
    action = "set an environment's address"
    for one in client.pages("/environments", action, name=environment):
        with reading(action):
            path = f"/environments/{quote(str(one['id']), safe='')}"
            current = one.get("external_url")
        if current != url:
            client.put(path, action, {"external_url": url})
