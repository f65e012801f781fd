"""The journal's document: who serves, who served, and what is under way.

Its JSON is read and written by `cdml.journal.file`; field names are those of the JSON,
except that a trailing underscore keeps them apart from Python's own words.
"""

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Literal

from cdml.config.traffic_steps import Ramp, TrafficPart

SCHEMA: Literal["cdml.journal/1"] = "cdml.journal/1"

GIVEN_BACK = datetime(1970, 1, 1, tzinfo=UTC)
"""`expires_at` of a lock whose holder ended in good order and left its operation open."""

_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
_VERSION = re.compile(r"[0-9]{1,18}", re.ASCII)


class EntryKind(StrEnum):
    """How a version came to serve."""

    ADOPT = "adopt"  # it served before cdml kept a journal
    DEPLOY = "deploy"
    ROLLBACK = "rollback"
    REPAIR = "repair"  # the target was given again what the journal said


class Phase(StrEnum):
    """What an operation has set out to do; written before it is done.

    Targets that split traffic go through all of them. Where the switch is one write there is
    nothing to stage, and `RECORD` is followed by `PUBLISH`.
    """

    RECORD = "record"
    STAGE = "stage"
    VALIDATE = "validate"
    SHIFT = "shift"  # once for each share
    BAKE = "bake"  # it has all traffic, and is watched a little longer
    PUBLISH = "publish"  # committed: from here on it is only ever finished
    UNDO = "undo"  # given up: from here on it is only ever undone


@dataclass(frozen=True, slots=True, kw_only=True)
class Release(TrafficPart):
    """A version of the model: the registry's number as text, the SHA-256 and place of its files."""

    version: str
    digest: str
    source: str

    def __post_init__(self) -> None:
        if not _DIGEST.fullmatch(self.digest):
            raise ValueError(f"{self.digest!r} is not a SHA-256 digest")
        if not _VERSION.fullmatch(self.version):
            raise ValueError(f"{self.version!r} is not a registry version")


@dataclass(frozen=True, slots=True, kw_only=True)
class TrafficShare:
    """The standby's release, as the target reports it."""

    version: str
    digest: str
    percent: int  # 0 to 99, and 0 where it only stays warm
    server: str  # its name in records of requests


@dataclass(frozen=True, slots=True, kw_only=True)
class Serving:
    """What a target serves now, observed."""

    version: str | None  # gets most of the traffic; None where nothing serves
    digest: str | None  # None where the target cannot tell it
    server: str | None = None  # its name in records of requests, if there are any
    standby: TrafficShare | None = None
    doubt: str = ""  # why the target cannot prove that it serves this version's files
    changed_by: str = ""  # who else wrote the shares last, if the target can tell


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry(Release):
    """A release that served, when, why, and the operation that put it there."""

    from_: Release | None
    kind: EntryKind
    operation: str
    at: datetime
    run: str | None = None
    reason: str = ""
    overrides: tuple[str, ...] = ()

    @property
    def release(self) -> Release:
        """What served."""
        return Release(version=self.version, digest=self.digest, source=self.source)


@dataclass(frozen=True, slots=True, kw_only=True)
class Quarantined(TrafficPart):
    """A digest that was rolled back, which automatic delivery must not ship again."""

    digest: str
    version: str
    operation: str
    at: datetime
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Lock(TrafficPart):
    """Who may write: the random id of an operation, and the address of its CI run.

    By `run` the CI system may say that it is over; it does not tell holders apart, as the jobs of
    one run share it. `expires_at` is the end of the lease by the holder's own clock, or of a paused
    canary's wait. It does not say whether a holder is dead: no two machines' clocks are compared.
    """

    operation: str
    run: str | None
    expires_at: datetime

    def __post_init__(self) -> None:
        if self.expires_at.tzinfo is None:
            raise ValueError("expires_at needs a time zone")

    @property
    def given_back(self) -> bool:
        """Whether its holder is done, and whoever comes may take it at once."""
        return self.expires_at == GIVEN_BACK


@dataclass(frozen=True, slots=True, kw_only=True)
class Effect(TrafficPart):
    """Something an operation does to the world; `intended` is written before it is done."""

    name: str
    state: Literal["intended", "done"]
    fence: int
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Preempt(TrafficPart):
    """A rollback that makes the deploy under way give up; `operation` is the rollback's id."""

    operation: str
    at: datetime
    run: str | None = None
    reason: str = ""
    request: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Answered(TrafficPart):
    """A rollback that was carried out: a repeated request gets this answer."""

    request: str  # what its requester is known by, 32 hexadecimal digits
    operation: str
    at: datetime
    generation: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation(TrafficPart):
    """A deploy or a rollback under way."""

    id: str  # random; also finds the deployment that the code host has
    kind: EntryKind
    from_: Release | None
    to: Release
    phase: Phase
    started_at: datetime
    commit: str | None = None  # of the user's repository
    run: str | None = None
    reason: str = ""
    overrides: tuple[str, ...] = ()
    effects: tuple[Effect, ...] = ()  # all that was intended, oldest first
    ramp: Ramp | None = None  # None where the switch is one write
    trouble: str = ""
    harmful: bool = False  # whether `to` goes into quarantine when it is undone
    request: str | None = None

    @property
    def committed(self) -> bool:
        """Whether the journal says that `to` serves."""
        return self.phase is Phase.PUBLISH

    @property
    def decided(self) -> bool:
        """Whether its verdict is journaled: whoever finds it finishes it."""
        shifting = self.phase in (Phase.SHIFT, Phase.BAKE)
        return self.committed or (shifting and self.ramp is not None and self.ramp.last)

    @property
    def way(self) -> str:
        """From what to what it leads, for people."""
        begin = f"v{self.from_.version}" if self.from_ else "nothing"
        return f"{begin} → v{self.to.version}"

    @property
    def exposed(self) -> bool:
        """Whether `to` may have had traffic without being committed."""
        return self.ramp is not None and self.ramp.since is not None and not self.committed


@dataclass(frozen=True, slots=True, kw_only=True)
class JournalDocument(TrafficPart):
    """The whole document of one environment and model; lists begin with the newest."""

    schema_: Literal["cdml.journal/1"] = SCHEMA
    model: str
    environment: str
    generation: int = 0  # the fencing number: grows each time the lock changes hands
    lock: Lock | None = None
    operation: Operation | None = None  # never without a lock
    parked_until: datetime | None = None
    current: Entry | None = None
    previous: tuple[Entry, ...] = ()
    quarantined: tuple[Quarantined, ...] = ()
    preempt: Preempt | None = None  # what the operation has to make room for
    answered: tuple[Answered, ...] = ()

    def __post_init__(self) -> None:
        if self.operation is not None and self.lock is None:
            raise ValueError("an operation is open without a lock")

    @property
    def entries(self) -> tuple[Entry, ...]:
        """All that ever served, newest first."""
        return ((self.current,) if self.current else ()) + self.previous

    def quarantine(self, digest: str) -> Quarantined | None:
        """Why a digest must not be shipped, or None where it may."""
        return next((bad for bad in self.quarantined if bad.digest == digest), None)
