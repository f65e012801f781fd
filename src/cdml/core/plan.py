"""Where an operation leads, told before it begins."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from cdml.core.journal import Entry, Kind, Ledger, Release, Serving
from cdml.core.rollout import serves

_STEPS = {
    "lock": "take the lock in the journal and say what is going to happen",
    "record": "file the deployment on the platform",
    "commit": "write in the journal that the version serves",
    "switch": "give the target the version, and read back what it serves",
    "close": "let go of the lock and report success",
}
"""The steps of an operation on a target whose switch is one write."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What an operation is going to do.

    Attributes:
        kind: deploy or rollback.
        environment, target: where.
        from_: what serves now, or None.
        to: what shall serve.
        reason: why, in the words of whoever asked.
        overrides: refusals that are overridden.
    """

    kind: Kind
    environment: str
    target: str
    from_: Release | None
    to: Release
    reason: str = ""
    overrides: tuple[str, ...] = ()

    @property
    def steps(self) -> Mapping[str, str]:
        """Each step and what it does, for people."""
        return MappingProxyType(_STEPS)


def way_back(ledger: Ledger, serving: Serving) -> Entry | None:
    """The newest release that served, is not quarantined, and differs from what serves.

    Never "version - 1": versions that were registered and never served, and deployments that
    were undone, are not in the journal's entries.
    """
    now = _serving_digest(ledger, serving)
    for entry in ledger.entries:
        release = entry.release
        differs = not serves(serving, release) and release.digest != now
        if differs and ledger.quarantine(release.digest) is None:
            return entry
    return None


def named(ledger: Ledger, version: str) -> Entry | None:
    """The newest entry in which this version served, or None."""
    return next((entry for entry in ledger.entries if entry.release.version == version), None)


def _serving_digest(ledger: Ledger, serving: Serving) -> str | None:
    if serving.digest is not None or serving.version is None:
        return serving.digest
    entry = named(ledger, serving.version)
    return entry.release.digest if entry else None
