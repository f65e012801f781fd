"""Whether the journal's branch is protected from others, by the code host's word."""

from cdml.ci.run import Annotation
from cdml.config import LoadedConfig
from cdml.delivery.ports import DeliveryPorts
from cdml.journal.branches import journal_branch


def warn_unprotected(
    loaded: LoadedConfig, ports: DeliveryPorts, environment: str | None = None
) -> None:
    """Say so where anybody who can push could write the journal; a code host may not know."""
    branch = journal_branch(environment or loaded.config.deploy.environment, loaded.config.model)
    if ports.code_host is None or ports.code_host.is_protected(branch) is not False:
        return
    message = (
        f"No ruleset stops others from pushing to {branch}, the journal of what serves. Let"
        " only the identity that deploys create, update or delete cdml/** (docs/delivery.md,"
        ' "Who may write it").'
    )
    ports.progress.note(message)
    ports.ci_run.annotate(
        [Annotation(level="warning", title="The journal is not protected", message=message)]
    )
