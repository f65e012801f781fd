"""Telling others how a deploy or a rollback ended. A failed notification is only reported."""

import hashlib
import hmac
from collections.abc import Callable

from cdml.ci.code_host import CodeHost, PullRequest
from cdml.common.verdict import Verdict
from cdml.config import LoadedConfig
from cdml.delivery.ports import DeliveryPorts
from cdml.errors import CdmlError
from cdml.evidence.schema import Deployment
from cdml.report.evidence_set import EvidenceSet
from cdml.report.formats import comment as render
from cdml.report.view import View, lay_out

SIGNATURE = "X-CDML-Signature-256"
"""Header: `sha256=` and the HMAC-SHA256 of the body, in hex."""
EVENT = "X-CDML-Event"
"""Header: `deploy` or `rollback`."""


def notify(loaded: LoadedConfig, ports: DeliveryPorts, deployment: Deployment) -> None:
    """Write the job summary, comment on the commit's pull request, and post the webhook.

    No notification is sent where nothing was done.
    """
    if not (deployment.changed or deployment.verdict is Verdict.FAIL or deployment.parked_until):
        return
    gathered = EvidenceSet(
        data=None, evaluation=None, comparison=None, deployment=deployment, missing=()
    )
    view = lay_out(gathered, loaded.config.model, run=ports.ci_run.url())
    _attempt(ports, "The job summary", lambda: ports.ci_run.add_summary(render.summary(view)))
    _attempt(ports, "The comment", lambda: _comment(loaded, ports, deployment, view))
    _attempt(ports, "The webhook", lambda: _post(loaded, ports, deployment))


def _attempt(ports: DeliveryPorts, name: str, tell: Callable[[], None]) -> None:
    try:
        tell()
    except CdmlError as error:
        ports.progress.note(f"{name} failed: {error.sentences}")


def _comment(
    loaded: LoadedConfig, ports: DeliveryPorts, deployment: Deployment, view: View
) -> None:
    """On the merged pull request; one comment for each environment."""
    code_host, commit = ports.code_host, deployment.produced.commit
    if not loaded.config.deploy.notify.comment or code_host is None or commit is None:
        return
    identity = f"{deployment.model} in {deployment.environment}"
    for request in _requests(ports, deployment, commit, code_host):
        code_host.comment(request.number, identity, render.comment(view))


def _requests(
    ports: DeliveryPorts, deployment: Deployment, commit: str, code_host: CodeHost
) -> tuple[PullRequest, ...]:
    """Those that the commit merged; of a whole push the one that brought the version."""
    if commit == ports.ci_run.commit():
        tags = ports.registry.version(deployment.model, deployment.to.version).tags
        for request in (request for one in code_host.pushed() for request in one.merged):
            if str(request.number) == tags.get("cdml.pull_request"):
                return (request,)
    return code_host.merged_pull_requests(commit)


def _post(loaded: LoadedConfig, ports: DeliveryPorts, deployment: Deployment) -> None:
    """The evidence itself, signed."""
    settings = loaded.config.deploy.notify
    if settings.webhook is None:
        return
    body = deployment.model_dump_json(by_alias=True).encode()
    headers: dict[str, str] = {EVENT: deployment.operation}
    secret = settings.secret.get_secret_value() if settings.secret else ""
    if secret:
        headers[SIGNATURE] = signature(secret, body)
    ports.webhook.post(settings.webhook, body, headers)


def signature(secret: str, body: bytes) -> str:
    """What the header holds, by which a receiver knows who sent the body."""
    return f"sha256={hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()}"
