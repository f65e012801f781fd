"""Who served when, from the journal."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from cdml.common.markdown import terminal
from cdml.common.redaction import JOURNAL_KEY
from cdml.config import LoadedConfig
from cdml.errors import ConfigurationError, InputError, ServiceError
from cdml.journal import file as document
from cdml.journal.port import Journal, Moved
from cdml.journal.records import Entry, JournalDocument, Release
from cdml.journal.signature import Keys

SCHEMA = "cdml.history/1"
_COLUMNS = ("when (UTC)", "what", "version", "from", "digest", "run", "reason")


def read_history(
    loaded: LoadedConfig, *, journal: Journal, environment: str | None = None
) -> Mapping[str, Any]:
    """All that ever served, newest first, as plain JSON values.

    Raises:
        InputError: what is there is not a journal of this model.
        ServiceError: the journal cannot be read.
    """
    ledger = document.parse_journal(
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


def sign_journal(
    loaded: LoadedConfig, *, journal: Journal, keys: Keys, environment: str | None = None
) -> str:
    """Sign the journal as it is, whoever wrote it, and give the new commit.

    `journal` reads entries whether they are signed or not, and signs what is written.

    Raises:
        ConfigurationError: there is no key.
        InputError: there is no journal, or an operation is open in it.
        ServiceError: it cannot be read or written, or somebody else wrote meanwhile.
    """
    if not keys:
        raise ConfigurationError(
            f"{JOURNAL_KEY}, the key that signs the journal, is not set.",
            "Create one with `openssl rand -hex 32`, and store it in the environment's secrets.",
        )
    snapshot = journal.read()
    where = environment or loaded.config.deploy.environment
    ledger = document.parse_journal(snapshot, model=loaded.config.model, environment=where)
    if snapshot.document is None:
        raise InputError(
            "There is no journal to sign.", "The first deploy creates a signed journal."
        )
    if ledger.operation is not None or ledger.lock is not None:
        raise InputError(
            f"Operation {ledger.operation.id if ledger.operation else '?'} is still open in the"
            " journal. Only a journal without an open operation can be signed.",
            "Finish it where the key is not set (`cdml deploy`), then sign.",
        )
    subject = f"sign: the journal of {ledger.model} in {ledger.environment} as it is"
    try:
        return journal.write(document.dump_journal(ledger), subject, snapshot.commit)
    except Moved as error:
        raise ServiceError(
            "The journal changed in the meantime.", "Review it again, then sign."
        ) from error


def history_table(history: Mapping[str, Any]) -> str:
    """The same for people: one line for each entry, the serving one marked."""
    entries = history["entries"]
    title = f"{history['model']} in {history['environment']}"
    if not entries:
        return f"{title}: nothing has been deployed yet."
    rows = [_COLUMNS, *(_row(entry) for entry in entries)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(_COLUMNS))]
    marks = ["  ", "* " if history["current"] else "  ", *(["  "] * len(rows))]
    lines = (_line(mark, row, widths) for mark, row in zip(marks, rows, strict=False))
    return "\n".join((f"{title} (* serves now)", *lines))


def _entry(entry: Entry, ledger: JournalDocument) -> dict[str, Any]:
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
