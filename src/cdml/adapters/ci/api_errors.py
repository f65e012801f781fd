"""What an API's silence means, and how something is created only once."""

from collections.abc import Callable
from typing import TypeVar

from cdml.errors import ServiceError

_TRIES = 3
T = TypeVar("T")


class Lost(ServiceError):
    """No answer arrived; the request may have been carried out."""


class NotFoundError(ServiceError):
    """The item to change does not exist, no longer exists, or is hidden from the token."""


def create_once(find: Callable[[], T | None], make: Callable[[], T]) -> T:
    """What there is, else what is made now; made only once, even if the answer got lost.

    Raises:
        Lost: the answer was lost again and again.
    """
    for _ in range(_TRIES - 1):
        existing = find()
        if existing is not None:
            return existing
        try:
            return make()
        except Lost:
            continue
    return find() or make()
