"""Which rollback is requested, so that a request again after a failure is the same rollback."""

import hashlib
import json
import re
import secrets
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from cdml.errors import InputError
from cdml.evidence.store import write_atomically
from cdml.journal.records import Answered, JournalDocument

PENDING = "rollback-request.json"
"""The rollback that this machine began and did not see the end of; in the output folder."""
LONGEST = 200
"""Characters of `--request-id`."""

_SCHEMA = "cdml.rollback-request/1"
_ATTEMPT = re.compile(r"/attempts/\d+/?$")
_ID = re.compile(r"[0-9a-f]{32}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """Somebody's wish to roll back once; `pending` is where this machine remembers it, if need be.

    `id` has 32 hexadecimal digits, equal for the attempts of one CI run and for equal
    `--request-id`.
    """

    id: str
    pending: Path | None = None

    def remember(self) -> None:
        """Keep it until its end was seen. Without a disk it is only one rollback more to type."""
        if self.pending is None:
            return
        with suppress(InputError):
            content = json.dumps({"schema": _SCHEMA, "request": self.id})
            write_atomically(self.pending, content.encode())

    def forget(self) -> None:
        """Its end was seen: the next rollback is another one."""
        if self.pending is not None:
            with suppress(OSError):
                self.pending.unlink(missing_ok=True)

    def answer(self, ledger: JournalDocument) -> Answered | None:
        """The journal's record that it was carried out, or None.

        One that only this machine remembers counts as long as nobody has held the lock since:
        afterwards whoever rolls back means what serves now.
        """
        for answered in ledger.answered:
            if answered.request == self.id:
                counts = self.pending is None or answered.generation == ledger.generation
                return answered if counts else None
        return None


def request_for(*about: str, given: str | None, run: str | None, output: Path) -> Request:
    """The request that a command stands for: that of `given`, of the CI run, or of this machine.

    The attempts of one `run` are one request; another environment, model or version is another
    one. The folder `output` survives between two commands in a terminal.
    """
    if given:
        return Request(id=_digest("id", given, *about))
    if run:
        return Request(id=_digest("run", _ATTEMPT.sub("", run), *about))
    pending = output / f"{short_digest(*about)}.{PENDING}"
    stored = _read(pending)
    return Request(id=stored or secrets.token_hex(16), pending=pending)


def short_digest(*parts: str) -> str:
    """Eight hexadecimal digits that stand for these texts in the name of a file."""
    return _digest(*parts)[:8]


def _digest(*parts: str) -> str:
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:32]


def _read(pending: Path) -> str | None:
    try:
        document = json.loads(pending.read_bytes()[:1000])
        request = document["request"] if document["schema"] == _SCHEMA else ""
        return request if isinstance(request, str) and _ID.fullmatch(request) else None
    except (OSError, ValueError, KeyError, TypeError):
        return None
