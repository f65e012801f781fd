"""What requests became of, while two models serve side by side."""

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:  # the judge of canaries is not there where none is judged
    from cdml.delivery.canary.traffic import Window


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerLabels:
    """How records name the two servers."""

    champion: str
    challenger: str

    def __post_init__(self) -> None:
        if self.champion == self.challenger:
            raise ValueError(f"both models cannot be served by {self.champion!r}")


class Traffic(Protocol):
    """Where records of requests are found. Windows are requested in order, each once."""

    def window(self, since: datetime, until: datetime, slots: ServerLabels) -> "Window":
        """What both servers answered from one moment to another, which is over by now.

        A record that arrives late is in the next window that is requested. What cannot be read
        is counted in `Window.unreadable`, and is never an error.

        Raises:
            ConfigurationError: what was configured cannot be asked.
            InputError: there are no records, not even of others.
            ServiceError: whoever keeps the records did not answer.
        """
        ...

    def close(self) -> None:
        """Let go of files, sockets and threads; no call follows it."""
        ...
