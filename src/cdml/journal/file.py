"""The journal's document as JSON, read with suspicion."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from pydantic import TypeAdapter, ValidationError

from cdml.common.validation import first_problem
from cdml.errors import InputError
from cdml.journal.port import Snapshot
from cdml.journal.records import JournalDocument

_LEDGER = TypeAdapter(JournalDocument)
_LONGEST = 4000
"""Characters of any text in a journal; reasons are the longest."""
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")
"""Unicode's category Cc, without the ends of lines and the tabs that reasons may have."""


def parse_journal(snapshot: Snapshot, *, model: str, environment: str) -> JournalDocument:
    """The ledger in a journal; an empty one where nothing was written yet.

    Raises:
        InputError: the journal holds something else, or another model's or environment's.
    """
    if snapshot.document is None:
        return JournalDocument(model=model, environment=environment)
    where = f"The journal of {model} in {environment}, at {snapshot.commit},"
    odd = next(_odd_texts(snapshot.document), None)
    if odd is not None:
        raise InputError(
            f"{where} contains text that cdml never writes: {odd[:60]!r}.",
            "Someone else pushed to that branch. Find out who with git log, and protect the"
            " branch.",
        )
    try:
        ledger = _LEDGER.validate_python(snapshot.document)
    except ValidationError as error:
        raise InputError(
            f"{where} is not in a format that this cdml reads: {first_problem(error)}.",
            "Update cdml. If the branch is not a journal, rename it.",
        ) from error
    if (ledger.model, ledger.environment) != (model, environment):
        raise InputError(
            f"{where} belongs to {ledger.model} in {ledger.environment}.",
            "Rename the branch. The next deploy starts a new journal.",
        )
    return ledger


def dump_journal(ledger: JournalDocument) -> Mapping[str, object]:
    """The document as plain JSON values."""
    document: Mapping[str, object] = _clean(_LEDGER.dump_python(ledger, mode="json", by_alias=True))
    return document


def _clean(value: Any) -> Any:
    """The same without control characters: reasons and messages of others may hold some."""
    if isinstance(value, str):
        return _CONTROL.sub(" ", value)[:_LONGEST]
    if isinstance(value, dict):
        return {key: _clean(inner) for key, inner in value.items()}
    return [_clean(inner) for inner in value] if isinstance(value, list) else value


def _odd_texts(value: object) -> Iterator[str]:
    """Texts with control characters, which could end a line of a file, a unit or a log."""
    if isinstance(value, str):
        if len(value) > _LONGEST or _CONTROL.search(value):
            yield value
    elif isinstance(value, Mapping):
        for key, inner in value.items():
            yield from _odd_texts(str(key))
            yield from _odd_texts(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _odd_texts(inner)
