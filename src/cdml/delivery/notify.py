"""Telling others how a deploy or a rollback ended. Trouble with telling is told, and no more."""

import hashlib
import hmac
from collections.abc import Callable
from dataclasses import dataclass

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

    Nothing is told where nothing was done.
    """
    if not (deployment.changed or deployment.verdict is Verdict.FAIL or deployment.parked_until):
        return
    gathered = EvidenceSet(
        data=None, evaluation=None, comparison=None, deployment=deployment, missing=()
    )
    view = lay_out(gathered, loaded.config.model, run=ports.ci_run.url())
    teller = _Teller(loaded=loaded, ports=ports, told=deployment, shown=view)
    for name, tell in (
        ("The job summary", teller.summarise),
        ("The comment", teller.comment),
        ("The webhook", teller.post),
    ):
        teller.attempt(name, tell)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Teller:
    """One piece of evidence and whom it is told to."""

    loaded: LoadedConfig
    ports: DeliveryPorts
    told: Deployment
    shown: View

    def attempt(self, name: str, tell: Callable[[], None]) -> None:
        """Tell; say so where that fails."""
        try:
            tell()
        except CdmlError as error:
            self.ports.progress.note(f"{name} failed: {error.message} {error.hint}".strip())

    def summarise(self) -> None:
        """On the run's page."""
        self.ports.ci_run.add_summary(render.summary(self.shown))

    def comment(self) -> None:
        """On the merged pull request; one comment for each environment."""
        code_host, commit = self.ports.code_host, self.told.produced.commit
        if not self.loaded.config.deploy.notify.comment or code_host is None or commit is None:
            return
        for request in self._requests(commit, code_host):
            identity = f"{self.told.model} in {self.told.environment}"
            code_host.comment(request.number, identity, render.comment(self.shown))

    def _requests(self, commit: str, code_host: CodeHost) -> tuple[PullRequest, ...]:
        """Those that the commit merged; of a whole push the one that brought the version."""
        to = self.told.to.version
        if commit == self.ports.ci_run.commit():
            tags = self.ports.registry.version(self.told.model, to).tags
            brought = [request for one in code_host.pushed() for request in one.merged]
            for request in brought:
                if str(request.number) == tags.get("cdml.pull_request"):
                    return (request,)
        return code_host.merged_pull_requests(commit)

    def post(self) -> None:
        """The evidence itself, signed."""
        settings = self.loaded.config.deploy.notify
        if settings.webhook is None:
            return
        body = self.told.model_dump_json(by_alias=True).encode()
        headers: dict[str, str] = {EVENT: self.told.operation}
        secret = settings.secret.get_secret_value() if settings.secret else ""
        if secret:
            headers[SIGNATURE] = signature(secret, body)
        self.ports.webhook.post(settings.webhook, body, headers)


def signature(secret: str, body: bytes) -> str:
    """What the header holds, by which a receiver knows who sent the body."""
    return f"sha256={hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()}"
