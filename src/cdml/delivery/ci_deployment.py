"""The deployment that the code host has of an operation; its trouble never stops us."""

from dataclasses import dataclass

from cdml.ci.code_host import DeploymentState
from cdml.delivery.ports import DeliveryPorts
from cdml.errors import CdmlError
from cdml.journal.records import JournalDocument, Operation


@dataclass(frozen=True, slots=True, kw_only=True)
class CiDeployment:
    """A deployment of an operation at the code host, or why there is none."""

    ports: DeliveryPorts
    ledger: JournalDocument
    deployment: str | None
    detail: str
    url: str | None = None

    @classmethod
    def open(
        cls, ports: DeliveryPorts, ledger: JournalDocument, url: str | None = None
    ) -> "CiDeployment":
        """File the open operation, or find what was filed of it."""
        operation, code_host = ledger.operation, ports.code_host
        deployment, detail = None, "there is no code host to record deployments"
        try:
            if code_host and operation is not None and operation.commit is not None:
                deployment = code_host.open_deployment(
                    operation.id,
                    operation.commit,
                    ledger.environment,
                    f"cdml:{operation.kind}",
                    f"v{operation.to.version} of {ledger.model}",
                    {
                        "operation": operation.id,
                        "model": ledger.model,
                        "version": operation.to.version,
                        "digest": operation.to.digest,
                    },
                )
                detail = f"deployment {deployment}" if deployment else detail
        except CdmlError as error:
            detail = error.message
            ports.progress.note(f"No deployment was recorded at the code host: {error.message}")
        filing = cls(ports=ports, ledger=ledger, deployment=deployment, detail=detail, url=url)
        if operation is not None:
            filing.under_way(_summarize(operation, ledger.model))
        return filing

    def under_way(self, description: str) -> None:
        """Say how far it is."""
        self._set("in_progress", description)

    def set_outcome(self, operation: Operation) -> None:
        """Set the final status: success or failure."""
        trouble = f": {operation.trouble}" if operation.trouble else ""
        state: DeploymentState = "success" if operation.committed else "failure"
        self._set(state, f"{_summarize(operation, self.ledger.model)}{trouble}")

    def _set(self, state: DeploymentState, description: str) -> None:
        code_host = self.ports.code_host
        if code_host is None or self.deployment is None:
            return
        try:
            code_host.deployment_status(
                self.deployment, state, description, self.ledger.environment, url=self.url
            )
        except CdmlError as error:
            self.ports.progress.note(
                f"The deployment's status was not set to {state}: {error.message}"
            )


def _summarize(operation: Operation, model: str) -> str:
    return f"{operation.kind} of v{operation.to.version} of {model}"
