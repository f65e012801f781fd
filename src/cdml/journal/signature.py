"""Signatures of journal entries: HMAC-SHA256 (RFC 2104) over the entry and the one before it."""

import hashlib
import hmac
import json
from collections.abc import Mapping
from dataclasses import dataclass, field

from cdml.common.redaction import JOURNAL_KEY, JOURNAL_KEY_PREVIOUS
from cdml.errors import ConfigurationError

FIELD = "signature"
"""The field of a journal's document that holds its signature."""
SHORTEST = 32
"""Characters of a key; 32 random hexadecimal digits are 128 bits."""

_PURPOSE = b"cdml.journal/1\0"
_PREFIX = "hmac-sha256:"


@dataclass(frozen=True, slots=True)
class Keys:
    """What entries are signed with; empty where nothing is signed.

    The previous key is also believed, while the newest takes its place.
    """

    newest: bytes = field(default=b"", repr=False)
    previous: bytes = field(default=b"", repr=False)

    @classmethod
    def from_environment(cls, variables: Mapping[str, str]) -> "Keys":
        """The keys in the process's environment.

        Raises:
            ConfigurationError: one is too short to keep a secret, or only the previous one is set.
        """
        named = {
            name: variables.get(name, "").strip() for name in (JOURNAL_KEY, JOURNAL_KEY_PREVIOUS)
        }
        for name, key in named.items():
            if key and len(key) < SHORTEST:
                raise ConfigurationError(
                    f"{name} has {len(key)} characters. It needs at least {SHORTEST}.",
                    "Create one with `openssl rand -hex 32`.",
                )
        if named[JOURNAL_KEY_PREVIOUS] and not named[JOURNAL_KEY]:
            raise ConfigurationError(
                f"{JOURNAL_KEY_PREVIOUS} is set, and {JOURNAL_KEY} is not.",
                f"Set {JOURNAL_KEY} to sign. The previous key only verifies older entries.",
            )
        return cls(named[JOURNAL_KEY].encode(), named[JOURNAL_KEY_PREVIOUS].encode())

    def __bool__(self) -> bool:
        return bool(self.newest)

    def sign(self, document: Mapping[str, object], parent: str | None) -> str:
        """The signature of an entry on top of another; None where it is the first."""
        return _signature(self.newest, document, parent)

    def match(self, document: Mapping[str, object], parent: str | None, signature: object) -> bool:
        """Whether the entry, in this very place, was signed with one of the keys."""
        keys = [key for key in (self.newest, self.previous) if key]
        encoded = signature.encode() if isinstance(signature, str) else b""
        matches = [
            hmac.compare_digest(_signature(key, document, parent).encode(), encoded) for key in keys
        ]
        return any(matches)


def _signature(key: bytes, document: Mapping[str, object], parent: str | None) -> str:
    signed = {name: value for name, value in document.items() if name != FIELD}
    text = json.dumps(
        {"document": signed, "parent": parent},
        sort_keys=True,
        separators=(",", ":"),
        ensure_ascii=True,
        allow_nan=False,
    )
    return _PREFIX + hmac.new(key, _PURPOSE + text.encode(), hashlib.sha256).hexdigest()
