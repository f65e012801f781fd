from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from cdml.report.ports import ReportPorts

if TYPE_CHECKING:  # whoever uses a port imports it
    from collections.abc import Mapping

    from cdml.delivery.target import Target
    from cdml.delivery.traffic import Traffic
    from cdml.journal.port import Journal
    from cdml.models.registry import Registry
    from cdml.tables.table import Tables


class Webhook(Protocol):
    """Telling a machine elsewhere what happened."""

    def post(self, url: str, body: bytes, headers: Mapping[str, str]) -> None:
        """Send it once; redirects are not followed.

        Raises:
            ServiceError: nobody answered, or not with a success; the address is left out, since
                it may hold a secret.
        """
        ...


class DeliveryPorts(ReportPorts, Protocol):
    """What a deployment or a rollback may touch, besides what every run has."""

    @property
    def registry(self) -> Registry:
        """Where models are."""
        ...

    @property
    def journal(self) -> Journal:
        """What served when, in the environment of this run."""
        ...

    @property
    def target(self) -> Target:
        """Where the champion of that environment serves."""
        ...

    @property
    def tables(self) -> Tables:
        """Opens the rows that evidence speaks of."""
        ...

    @property
    def traffic(self) -> Traffic:
        """What became of requests."""
        ...

    @property
    def webhook(self) -> Webhook:
        """Hooks on other machines."""
        ...
