"""Which version served when, and which one made a prediction."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from cdml.journal.records import JournalDocument


@dataclass(frozen=True, slots=True, kw_only=True)
class ServingPeriod:
    """A version that served from `since`, until another one did (None: it still serves).

    `operation` identifies it: that of the journal, but of what the first deploy found, because
    that deploy writes both entries.
    """

    operation: str
    version: str
    digest: str
    since: datetime
    until: datetime | None


def serving_periods(journal: JournalDocument) -> tuple[ServingPeriod, ...]:
    """All periods by the journal, oldest first; a repair begins none."""
    periods: list[ServingPeriod] = []
    until: datetime | None = None
    for entry in journal.entries:
        replaced = bool(periods) and periods[-1].operation == entry.operation
        period = ServingPeriod(
            operation=f"{entry.operation} {entry.kind}" if replaced else entry.operation,
            version=entry.version, digest=entry.digest, since=entry.at, until=until,
        )  # fmt: skip
        until = entry.at
        later = periods[-1] if periods else None
        if later is not None and (later.version, later.digest) == (entry.version, entry.digest):
            periods[-1] = ServingPeriod(
                operation=entry.operation, version=entry.version, digest=entry.digest,
                since=entry.at, until=later.until,
            )  # fmt: skip
        else:
            periods.append(period)
    return tuple(reversed(periods))


def period_of(version: str | None, at: int, periods: Sequence[ServingPeriod]) -> int | None:
    """Which period a prediction belongs to; None if no version that served made it.

    Args:
        version: as the log has it; None where it does not say.
        at: the period that was running at the time; -1 before the first.
        periods: oldest first.
    """
    if version is None:
        return at if at >= 0 else None
    number = re.sub(r"^v|\.0+$", "", version.strip(), flags=re.IGNORECASE)
    own = [place for place, one in enumerate(periods) if one.version == number]
    before = [place for place in own if place <= at]
    # A canary's predictions are older than the entry that commits it.
    return before[-1] if before else next(iter(own), None)
