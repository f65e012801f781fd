"""The port of webhooks."""

from collections.abc import Mapping
from typing import Protocol


class Webhook(Protocol):
    """Telling a machine elsewhere what happened."""

    def post(self, url: str, body: bytes, headers: Mapping[str, str]) -> None:
        """Send it once; redirects are not followed.

        Raises:
            ServiceError: nobody answered, or not with a success; the address is not told, since
                it may hold a secret.
        """
        ...
