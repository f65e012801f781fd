"""Who served when, from the journal."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from cdml.config import Loaded
from cdml.core.journal import Entry, Ledger, Release
from cdml.evidence import journal as document
from cdml.ports import Journal
from cdml.report.escape import terminal

SCHEMA = "cdml.history/1"
_COLUMNS = ("when (UTC)", "what", "version", "from", "digest", "run", "reason")


def history(
    loaded: Loaded, *, journal: Journal, environment: str | None = None
) -> Mapping[str, Any]:
    """All that ever served, newest first, as plain JSON values.

    Raises:
        InputError: what is there is not a journal of this model.
        ServiceError: the journal cannot be read.
    """
    ledger = document.parse(
        journal.read(),
        model=loaded.config.model,
        environment=environment or loaded.config.deploy.environment,
    )
    return {
        "schema": SCHEMA,
        "model": ledger.model,
        "environment": ledger.environment,
        "current": _served(ledger.current.release) if ledger.current else None,
        "entries": [_entry(entry, ledger) for entry in ledger.entries],
    }


def table(found: Mapping[str, Any]) -> str:
    """The same for people: one line for each entry, the serving one marked."""
    entries = found["entries"]
    title = f"{found['model']} in {found['environment']}"
    if not entries:
        return f"{title}: nothing was ever deployed."
    rows = [_COLUMNS, *(_row(entry) for entry in entries)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(_COLUMNS))]
    marks = ["  ", "* " if found["current"] else "  ", *(["  "] * len(rows))]
    lines = (_line(mark, row, widths) for mark, row in zip(marks, rows, strict=False))
    return "\n".join((f"{title} (* serves now)", *lines))


def _entry(entry: Entry, ledger: Ledger) -> dict[str, Any]:
    return {
        "operation": str(entry.kind),
        "id": entry.operation,
        **_served(entry.release),
        "from": _served(entry.from_) if entry.from_ else None,
        "at": entry.at.isoformat(),
        "run": entry.run,
        "reason": entry.reason,
        "overrides": list(entry.overrides),
        "quarantined": ledger.quarantine(entry.release.digest) is not None,
    }


def _served(release: Release) -> dict[str, str]:
    return {"version": release.version, "digest": release.digest}


def _row(entry: Mapping[str, Any]) -> tuple[str, ...]:
    notes = [entry["reason"], *(f"overrode {name}" for name in entry["overrides"])]
    if entry["quarantined"]:
        notes.append("quarantined")
    before = f"v{entry['from']['version']}" if entry["from"] else "-"
    cells = (
        f"{datetime.fromisoformat(entry['at']):%Y-%m-%d %H:%M}",
        entry["operation"],
        f"v{entry['version']}",
        before,
        entry["digest"].removeprefix("sha256:")[:12],
        entry["run"] or "-",
        "; ".join(filter(None, notes)),
    )
    return tuple(terminal(cell) for cell in cells)


def _line(mark: str, row: Sequence[str], widths: Sequence[int]) -> str:
    cells = (cell.ljust(width) for cell, width in zip(row, widths, strict=True))
    return f"{mark}{'  '.join(cells)}".rstrip()
