"""The journal's document as JSON, read with suspicion."""

from collections.abc import Mapping

from pydantic import TypeAdapter, ValidationError

from cdml.core.journal import Ledger
from cdml.errors import InputError
from cdml.ports import Snapshot

_LEDGER = TypeAdapter(Ledger)


def parse(snapshot: Snapshot, *, model: str, environment: str) -> Ledger:
    """The ledger in a journal; an empty one where nothing was written yet.

    Raises:
        InputError: the journal holds something else, or another model's or environment's.
    """
    if snapshot.document is None:
        return Ledger(model=model, environment=environment)
    where = f"The journal of {model} in {environment}, at {snapshot.commit},"
    try:
        ledger = _LEDGER.validate_python(snapshot.document)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        place = ".".join(map(str, first["loc"])) or "the document"
        raise InputError(
            f"{where} is not one that this cdml writes: {place}: {first['msg']}.",
            "Update cdml, or move the branch away if it is not a journal.",
        ) from error
    if (ledger.model, ledger.environment) != (model, environment):
        raise InputError(
            f"{where} is that of {ledger.model} in {ledger.environment}.",
            "Move the branch away; deploy begins a new one.",
        )
    return ledger


def dump(ledger: Ledger) -> Mapping[str, object]:
    """The document as plain JSON values."""
    document: Mapping[str, object] = _LEDGER.dump_python(ledger, mode="json", by_alias=True)
    return document
