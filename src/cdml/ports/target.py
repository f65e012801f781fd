"""Where models serve."""

from typing import Protocol

from cdml.core.journal import Release, Serving

__all__ = ["Serving", "Target"]


class Target(Protocol):
    """Where models serve. Every effect is idempotent and carries the fencing number."""

    name: str
    splits_traffic: bool

    def observe(self) -> Serving:
        """What serves now; never assumed.

        Raises:
            ServiceError: the target did not answer.
        """
        ...

    def switch(self, to: Release, *, fence: int) -> None:
        """Give all traffic to a release, and return when it has it.

        Raises:
            InputError: the release is gone, so that no retry can help.
            ServiceError: the target did not answer; the switch may or may not have happened.
        """
        ...
