"""Credentials taken out of a sentence before it is shown where a CI system masks nothing."""

import re
from collections.abc import Mapping

from cdml.common.addresses import mask_all

JOURNAL_KEY = "CDML_JOURNAL_KEY"
"""The variable that holds what journal entries are signed with."""
JOURNAL_KEY_PREVIOUS = "CDML_JOURNAL_KEY_PREVIOUS"
"""The same of the key before, while the newest takes its place."""

_HIDDEN = "***"
_NAMED = re.compile(
    r"(?i)token|secret|passw|passphrase|credential|_pwd|(api|access|private|account|journal)_?key|_key$"
    r"|_pat$|_auth$|connection_string"
)
"""Names of environment variables that hold credentials."""
_PLACES = ("_FILE", "_PATH", "_DIR", "_URL", "GOOGLE_APPLICATION_CREDENTIALS")
"""Endings of names that say where something is, rather than what it is."""
_SHORTEST = 5
"""Characters; a shorter value also stands in words that are no secret."""
_USER = re.compile(r"(?<=://)[^/@\s]+(?=@)")
_PARAMETER = re.compile(
    r"(?i)([?&;][\w.-]*(?:sig|signature|token|key|secret|passw|credential)[\w.-]*=)[^&;\s'\"]+"
)
_SCHEME = re.compile(r"(?i)\b(bearer|basic)\s+[\w.~+/=-]{8,}")


def without_journal_keys(variables: Mapping[str, str]) -> dict[str, str]:
    """An environment for programs that we start: nobody but us signs."""
    ours = (JOURNAL_KEY, JOURNAL_KEY_PREVIOUS)
    return {name: value for name, value in variables.items() if name not in ours}


def redact(text: str, environment: Mapping[str, str]) -> str:
    """A text without the credentials that may stand in it.

    Taken out are the values of variables that are named like credentials, users and passwords of
    addresses, signatures in their queries, `Authorization` headers, and what the addresses of
    cdml.yaml that were read stand for.
    """
    text = mask_all(text)
    secrets = {
        line.strip()
        for name, value in environment.items()
        if _NAMED.search(name) and not name.upper().endswith(_PLACES)
        for line in value.splitlines()
        if len(line.strip()) >= _SHORTEST
    }
    for secret in sorted(secrets, key=len, reverse=True):  # the whole before a part of it
        text = text.replace(secret, _HIDDEN)
    text = _USER.sub(_HIDDEN, text)
    text = _PARAMETER.sub(rf"\1{_HIDDEN}", text)
    return _SCHEME.sub(rf"\1 {_HIDDEN}", text)
