"""Deployments as GitHub shows them: a projection of the journal, filed once per operation."""

from collections.abc import Mapping
from itertools import islice

from github.Deployment import Deployment

from cdml.adapters.ci.api_errors import create_once
from cdml.adapters.ci.github.client import Client, translate_errors

_PERMISSION = "deployments: write"
_MAX_DESCRIPTION = 140
_FAMILY = "cdml:"
_LIVE = ("success", "in_progress", "queued", "pending")
_LOOK_BACK = 100  # deployments; older ones were made inactive by those between


def open_deployment(
    client: Client,
    *,
    operation: str,
    ref: str,
    environment: str,
    task: str,
    description: str,
    payload: Mapping[str, str],
) -> str:
    """File a deployment, or find the one this operation filed before.

    Raises:
        ServiceError: GitHub refused or did not answer.
    """
    content = {**payload, "operation": operation}

    def find_existing() -> str | None:
        with translate_errors("list deployments", "deployments: read"):
            deployments = client.repository.get_deployments(
                ref=ref, task=task, environment=environment
            )
            for deployment in deployments:
                if _payload(deployment).get("operation") == operation:
                    return str(deployment.id)
        return None

    def made() -> str:
        with translate_errors("file a deployment", _PERMISSION):
            filed = client.repository.create_deployment(
                ref,
                task=task,
                auto_merge=False,
                required_contexts=[],
                payload=content,
                environment=environment,
                description=_short(description),
            )
            return str(filed.id)

    return create_once(find_existing, made)


def set_status(
    client: Client,
    *,
    deployment: str,
    state: str,
    description: str,
    environment: str,
    run_url: str | None,
    environment_url: str | None = None,
) -> None:
    """Tell how a deployment goes; a success makes the model's older ones inactive.

    GitHub's own way of doing that is not used: it would take other models of the same
    environment along, and leaves production environments as they are.

    Raises:
        ServiceError: GitHub refused or did not answer.
    """
    with translate_errors("set a deployment's status", _PERMISSION):
        current = client.repository.get_deployment(int(deployment))
        current.create_status(
            state,
            description=_short(description),
            environment=environment,
            auto_inactive=False,
            target_url=run_url or "",
            environment_url=environment_url or "",
        )
        if state == "success":
            _retire_older(client, current, environment)


def _retire_older(client: Client, current: Deployment, environment: str) -> None:
    model = _payload(current).get("model")
    deployments = client.repository.get_deployments(environment=environment)
    for older in islice(deployments, _LOOK_BACK):
        ours = older.id < current.id and older.task.startswith(_FAMILY)
        if ours and _payload(older).get("model") == model:
            newest = next(iter(older.get_statuses()), None)
            if newest is None or newest.state in _LIVE:
                older.create_status("inactive", environment=environment, auto_inactive=False)


def _payload(deployment: Deployment) -> Mapping[str, object]:
    """What was filed with it; anybody may file deployments, so it may be anything."""
    payload: object = deployment.payload
    return payload if isinstance(payload, Mapping) else {}


def _short(text: str) -> str:
    return text if len(text) <= _MAX_DESCRIPTION else text[: _MAX_DESCRIPTION - 1] + "…"
