"""What each slot of a target serves, in a file: written whole, under a lock, fenced."""

import fcntl
import os
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from cdml.common.validation import first_problem
from cdml.errors import ConfigurationError, InputError, ServiceError
from cdml.evidence.store import write_atomically
from cdml.journal.records import Release

_PATIENCE = 30.0
_PAUSE = 0.05
_HINT = "Set deploy.target.state to a folder of this machine that cdml may write to."


class Held(BaseModel):
    """A slot with a server of a release."""

    model_config = ConfigDict(extra="forbid", frozen=True, defer_build=True)
    version: str
    digest: str = Field(pattern="^sha256:[0-9a-f]{64}$")
    source: str
    percent: int = Field(default=0, ge=0, le=100)  # what it was last given
    listener: str | None = None  # identity of its socket when it was ready
    fence: int  # of the operation that put it there

    def is_(self, release: Release) -> bool:
        """Whether it holds this release."""
        return (self.version, self.digest) == (release.version, release.digest)


class _Document(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, defer_build=True)
    schema_: Literal["cdml.slots/1"] = Field(default="cdml.slots/1", alias="schema")
    owner: str
    fence: int = 0
    slots: dict[str, Held] = Field(default_factory=dict)


class SlotFolder:
    """The state folder of a target, which belongs to one model in one environment."""

    def __init__(self, folder: Path, owner: str) -> None:
        self.folder = folder
        self.owner = owner
        self._path = folder / "slots.json"

    def read(self) -> Mapping[str, Held]:
        """What was written last.

        Raises:
            ConfigurationError: the target belongs to another environment or model.
            ServiceError: the file cannot be read.
        """
        return self._read().slots

    @contextmanager
    def claim(self, fence: int) -> Iterator[dict[str, Held]]:
        """Change the slots under a fencing number; written when the block ends without an error.

        Raises:
            ConfigurationError: the target belongs to another environment or model.
            ServiceError: a newer operation has been here, or the folder cannot be written.
        """
        with self._locked():
            document = self._read()
            if fence < document.fence:
                raise ServiceError(
                    f"the target rejects the fencing token {fence}, as it has {document.fence}:"
                    " another operation took over."
                )
            if fence > document.fence:  # whatever comes of this order, older ones are refused
                document = document.model_copy(update={"fence": fence})
                self.write(self._path.name, document.model_dump_json(by_alias=True, indent=1))
            held = dict(document.slots)
            yield held
            if held != document.slots:
                changed = document.model_copy(update={"slots": held})
                self.write(self._path.name, changed.model_dump_json(by_alias=True, indent=1))

    def write(self, name: str, content: str) -> Path:
        """Put a file into the folder, in one step.

        Raises:
            ServiceError: it cannot be written.
        """
        try:  # others read it: HAProxy its state, a unit its variables
            return write_atomically(self.folder / name, content.encode())
        except InputError as error:
            raise ServiceError(error.message, _HINT) from error

    def check_owner(self, owner: str) -> None:
        """Refuse what belongs to somebody else.

        Raises:
            ConfigurationError: `owner` is another environment or model.
        """
        if owner != self.owner:
            raise ConfigurationError(
                f"the target with the state {self.folder} belongs to {owner}, not to {self.owner}.",
                "Use a separate backend and `state` folder for each model and environment.",
            )

    def _read(self) -> _Document:
        try:
            content = self._path.read_bytes()
        except FileNotFoundError:
            return _Document(owner=self.owner)
        except OSError as error:
            raise ServiceError(f"{self._path} cannot be read: {error}.") from error
        try:
            document = _Document.model_validate_json(content)
        except ValidationError as error:
            raise ServiceError(
                f"{self._path} is damaged: {first_problem(error)}.",
                "Move the file away: the servers that cdml started report what they serve, and"
                " `cdml rollback` starts the version in the journal.",
            ) from error
        self.check_owner(document.owner)
        return document

    @contextmanager
    def _locked(self) -> Iterator[None]:
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            handle = os.open(self.folder / "lock", os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o644)
        except OSError as error:
            message = f"{self.folder} cannot be written: {error.strerror or error}."
            raise ServiceError(message, _HINT) from error
        try:
            _wait_for(handle, self.folder)
            yield
        finally:
            os.close(handle)  # lets go of the lock too, as the end of the process does


def _wait_for(handle: int, folder: Path) -> None:
    deadline = time.monotonic() + _PATIENCE
    while True:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            if time.monotonic() >= deadline:
                raise ServiceError(
                    f"another process is using {folder}, for more than {_PATIENCE:g} s.",
                    "Try again when it has finished.",
                ) from error
            time.sleep(_PAUSE)
        else:
            return
