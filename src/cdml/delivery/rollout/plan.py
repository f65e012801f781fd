"""Where an operation leads, before it begins, and why a deployment is refused.

Each reason has the name that `--override` takes.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from cdml.common.suggest import describe_unknown
from cdml.config.traffic_steps import Ramp
from cdml.delivery.rollout.state_machine import serves
from cdml.errors import ConfigurationError, DeploymentRefused
from cdml.journal.records import Entry, JournalDocument, Operation, Serving

_BEFORE = {
    "lock": "take the lock and record the plan in the journal",
    "record": "create the deployment at the code host",
}
_ONE_WRITE = {
    "commit": "record in the journal that the version serves",
    "switch": "switch the target to the version, and read back what it serves",
}
_AFTER = {"close": "release the lock and report success"}


def planned_steps(
    operation: Operation, gates: Sequence[str] = (), forecast: str = ""
) -> Mapping[str, str]:
    """Each step of an operation and what it does, for people.

    `gates` is what the version had to pass, and `forecast` how long its judge is expected to take.
    """
    checks = {"gates": "; ".join(gates)} if gates else {}
    ramp = operation.ramp
    way = _ONE_WRITE if ramp is None else dict(_shifts(operation, ramp, forecast))
    return {**checks, **_BEFORE, **way, **_AFTER}


def _shifts(operation: Operation, ramp: Ramp, forecast: str) -> Iterator[tuple[str, str]]:
    version, before = f"v{operation.to.version}", operation.from_
    standby = f" next to v{before.version}" if before else ""
    yield "stage", f"start a server for {version}{standby}, without traffic"
    yield "validate", "send it smoke cases: health, recorded answers, a malformed request"
    for number, percent in enumerate(ramp.steps, start=1):
        given = f"give {version} {percent} % of the traffic"
        look = f", and judge it after {ramp.every:g} s"
        if number == len(ramp.steps):
            look = " once the canary is judged safe" if number > 1 else ""
        yield f"shift {number} of {len(ramp.steps)}", given + look
    if forecast:
        yield "decision", forecast
    if len(ramp.steps) > 1:
        yield "time-out", f"abort if there is no verdict after {ramp.timeout:g} s"
    if ramp.park is not None and len(ramp.steps) > 1:
        yield "park", f"after each check, pause up to {ramp.park:g} s for deploy --resume"
    if ramp.bake:
        yield "bake", f"watch it with all the traffic for {ramp.bake:g} s"
    yield "commit", "record in the journal that the version serves"
    yield "publish", "point the registry's alias to it, and read it back"


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


@dataclass(frozen=True, slots=True)
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
            f"--override {names[0]} needs a reason.", "Add --reason; it is recorded in the journal."
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
        more = f" Other refusals: {', '.join(others)}." if others else ""
        raise DeploymentRefused(
            f"Refused ({standing[0].refusal}): {standing[0].message}{more}",
            f"{standing[0].hint} To deploy anyway, use `--override {standing[0].refusal}"
            " --reason …`; the journal records it.",
            reason=standing[0].refusal,
        )
    return tuple(sorted({one.refusal for one in objections}))
