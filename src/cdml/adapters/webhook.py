"""Webhooks over HTTP, with the standard library alone."""

import http.client
from collections.abc import Mapping
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.request import HTTPRedirectHandler, Request, build_opener

from cdml.common.addresses import mask, reveal
from cdml.common.time_budget import Budget
from cdml.errors import ServiceError

TIMEOUT = 10.0
"""Seconds until an answer is given up."""


class _Stay(HTTPRedirectHandler):
    """A signed body is for whom it was signed."""

    def redirect_request(self, *arguments: Any, **words: Any) -> None:
        del arguments, words


class HttpWebhook:
    """Posts JSON."""

    def __init__(self) -> None:
        self.budget = Budget()

    def post(self, url: str, body: bytes, headers: Mapping[str, str]) -> None:
        """See the port."""
        sent = {"Content-Type": "application/json", "User-Agent": "cdml", **headers}
        try:
            request = Request(reveal(url), data=body, headers=sent, method="POST")  # noqa: S310 - http(s)
            with (
                self.budget.spending("The webhook"),
                build_opener(_Stay()).open(request, timeout=TIMEOUT) as answer,
            ):
                answer.read(1)
        except HTTPError as error:
            with error:
                raise ServiceError(f"The webhook answered {error.code}.") from None
        except (URLError, OSError, ValueError, http.client.HTTPException) as error:
            reason = error.reason if isinstance(error, URLError) else type(error).__name__
            raise ServiceError(f"The webhook did not answer: {mask(str(reason), url)}.") from None
