"""Where an operation leads, before it begins, and why a deployment is refused.

Each reason has the name that `--override` takes.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType

from cdml.common.suggest import describe_unknown
from cdml.config.traffic_steps import Ramp
from cdml.delivery.rollout.state_machine import serves
from cdml.errors import ConfigurationError, DeploymentRefused
from cdml.journal.records import Entry, EntryKind, JournalDocument, Operation, Release, Serving

_BEFORE = {
    "lock": "take the lock in the journal and say what is going to happen",
    "record": "file the deployment on the platform",
}
_ONE_WRITE = {
    "commit": "write in the journal that the version serves",
    "switch": "give the target the version, and read back what it serves",
}
_AFTER = {"close": "let go of the lock and report success"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What an operation is going to do, and where; `ramp` is None where the switch is one write.

    `gates` and `forecast` (how long the judge is expected to take) are sentences.
    """

    kind: EntryKind
    environment: str
    target: str
    from_: Release | None
    to: Release
    reason: str = ""
    overrides: tuple[str, ...] = ()
    ramp: Ramp | None = None
    gates: tuple[str, ...] = ()
    forecast: str = ""

    @classmethod
    def of(cls, operation: Operation, *, environment: str, target: str) -> "Plan":
        """The plan of an operation that is open already."""
        return cls(
            kind=operation.kind,
            environment=environment,
            target=target,
            from_=operation.from_,
            to=operation.to,
            reason=operation.reason,
            overrides=operation.overrides,
            ramp=operation.ramp,
        )

    @property
    def steps(self) -> Mapping[str, str]:
        """Each step and what it does, for people."""
        gates = {"gates": "; ".join(self.gates)} if self.gates else {}
        way = dict(self._shifts(self.ramp)) if self.ramp else _ONE_WRITE
        return MappingProxyType({**gates, **_BEFORE, **way, **_AFTER})

    def _shifts(self, ramp: Ramp) -> Iterator[tuple[str, str]]:
        version = f"v{self.to.version}"
        alongside = f" beside v{self.from_.version}" if self.from_ else ""
        yield "stage", f"start a server for {version}{alongside}, without traffic"
        yield "validate", "ask that server: health, known answers, a malformed request"
        for number, percent in enumerate(ramp.steps, start=1):
            given = f"give {version} {percent} % of the traffic"
            last = number == len(ramp.steps)
            look = f", and judge it after {ramp.every:g} s"
            if last:
                look = " once the judge promotes it" if number > 1 else ""
            yield f"shift {number} of {len(ramp.steps)}", given + look
        if self.forecast:
            yield "decision", self.forecast
        if len(ramp.steps) > 1:
            yield "time-out", f"without a verdict after {ramp.timeout:g} s it is taken back"
        if ramp.park is not None and len(ramp.steps) > 1:
            yield "park", f"after each look the canary waits {ramp.park:g} s for deploy --resume"
        if ramp.bake:
            yield "bake", f"watch it with all traffic for {ramp.bake:g} s"
        yield "commit", "write in the journal that the version serves"
        yield "publish", "let the registry's alias name it, and read it back"


def rollback_target(
    ledger: JournalDocument, serving: Serving, passed_over: Collection[str] = ()
) -> Entry | None:
    """The newest release that served, is not quarantined, and differs from what serves.

    Never "version - 1": versions that were registered and never served, and deployments that were
    undone, are not in the journal's entries. Digests that are passed over are vouched for by
    nothing.
    """
    out = {_serving_digest(ledger, serving), *passed_over}
    for entry in ledger.entries:
        release = entry.release
        differs = not serves(serving, release) and release.digest not in out
        if differs and ledger.quarantine(release.digest) is None:
            return entry
    return None


def entry_of_version(ledger: JournalDocument, version: str) -> Entry | None:
    """The newest entry in which this version served, or None."""
    return next((entry for entry in ledger.entries if entry.release.version == version), None)


def _serving_digest(ledger: JournalDocument, serving: Serving) -> str | None:
    if serving.digest is not None or serving.version is None:
        return serving.digest
    entry = entry_of_version(ledger, serving.version)
    return entry.release.digest if entry else None


class Refusal(StrEnum):
    """The names of the refusals."""

    NO_EVIDENCE = "no-evidence"  # nobody judged this version, or no trace of it is left
    VERDICT = "verdict"  # what was measured does not pass the deployed configuration
    DATA = "data"  # it was judged on other rows than the deployed configuration names
    DIGEST = "digest"  # the bytes are not those that were judged
    CHAMPION_MOVED = "champion-moved"  # it was compared with another model than serves
    QUARANTINED = "quarantined"  # it was rolled back


@dataclass(frozen=True, slots=True, kw_only=True)
class RefusalReason:
    """Something that speaks against a deployment, and what to do next."""

    refusal: Refusal
    message: str
    hint: str


def overridden_refusals(names: Sequence[str], reason: str) -> frozenset[Refusal]:
    """The refusals that somebody overrides.

    Raises:
        ConfigurationError: there is no such refusal, or no reason was given.
    """
    for name in names:
        if name not in set(Refusal):
            raise ConfigurationError(describe_unknown("refusal", name, map(str, Refusal)))
    if names and not reason.strip():
        raise ConfigurationError(
            f"--override {names[0]} needs a reason.", "Say why with --reason; the journal keeps it."
        )
    return frozenset(Refusal(name) for name in names)


def needed_overrides(
    objections: Sequence[RefusalReason], overrides: frozenset[Refusal]
) -> tuple[Refusal, ...]:
    """The overrides that were needed.

    Raises:
        Refused: an objection stands; the first one by name, the others in the message.
    """
    standing = [one for one in objections if one.refusal not in overrides]
    if standing:
        others = sorted({str(one.refusal) for one in standing[1:]} - {str(standing[0].refusal)})
        more = f" There is more against it: {', '.join(others)}." if others else ""
        raise DeploymentRefused(
            f"Refused ({standing[0].refusal}): {standing[0].message}{more}",
            f"{standing[0].hint} `--override {standing[0].refusal} --reason …` ships it all the"
            " same, and the journal says so.",
            reason=standing[0].refusal,
        )
    return tuple(sorted({one.refusal for one in objections}))
