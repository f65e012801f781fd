"""Ledgers to begin with."""

from dataclasses import replace
from datetime import UTC, datetime

from cdml.journal.records import Entry, EntryKind, JournalDocument, Quarantined, Release

START = datetime(2026, 4, 1, tzinfo=UTC)


def release(number, digest=None):
    """A release; the same `digest` number makes two versions of the same bytes."""
    content = f"{digest or number:064x}"
    return Release(version=str(number), digest=f"sha256:{content}", source=f"fake:/{number}")


def ledger_of(*served, quarantined=()):
    """A settled ledger in which these served, oldest first."""
    entries = ()
    for index, one in enumerate(served):
        entry = Entry(
            version=one.version,
            digest=one.digest,
            source=one.source,
            from_=entries[0].release if entries else None,
            kind=EntryKind.DEPLOY,
            operation=f"earlier{index}",
            at=START,
        )
        entries = (entry, *entries)
    ledger = JournalDocument(
        model="flights",
        environment="production",
        current=entries[0] if entries else None,
        previous=entries[1:],
    )
    bad = tuple(
        Quarantined(digest=one.digest, version=one.version, operation="bad", at=START)
        for one in quarantined
    )
    return replace(ledger, quarantined=bad)
