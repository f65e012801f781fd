"""The checks of the data as SARIF 2.1.0, which code hosts show next to the lines of a contract.

Format: https://docs.oasis-open.org/sarif/sarif/v2.1.0/sarif-v2.1.0.html
"""

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from cdml.common.markdown import SHORT, clean
from cdml.common.markdown import sarif as told
from cdml.common.verdict import Verdict
from cdml.evidence.schema import Check, DataEvidence

SCHEMA = (
    "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
)

_LEVELS = {Verdict.FAIL: "error", Verdict.INCONCLUSIVE: "warning", Verdict.WARN: "warning"}
_MOST = 1000
_RESULTS = 5000  # a code host shows no more of one run


@dataclass(frozen=True, slots=True, kw_only=True)
class Location:
    """A line of a file.

    The path is from the root of the repository, with `/`.
    """

    file: str
    line: int


def sarif(evidence: DataEvidence, place: Callable[[Check], Location]) -> bytes:
    """One rule for each name of a check, one result for each check that did not pass."""
    names = list(dict.fromkeys(check.name for check in evidence.checks))
    bad = [check for check in evidence.checks if check.verdict in _LEVELS]
    worst_first = sorted(bad, key=lambda check: -check.verdict.severity)[:_RESULTS]
    document = {
        "$schema": SCHEMA,
        "version": "2.1.0",
        "runs": [
            {
                "tool": {
                    "driver": {
                        "name": "cdml",
                        "version": clean(evidence.produced.tool, SHORT),
                        "rules": [_rule(name) for name in names],
                    }
                },
                "automationDetails": {"id": "cdml/data/"},
                "columnKind": "unicodeCodePoints",
                "results": [
                    _result(check, names.index(check.name), place(check)) for check in worst_first
                ],
                "properties": {
                    "verdict": evidence.verdict.value,
                    "data": clean(evidence.data.uri, _MOST),
                    "digest": evidence.data.digest,
                },
            }
        ],
    }
    return (json.dumps(document, indent=1, ensure_ascii=False, allow_nan=False) + "\n").encode()


def _rule(name: str) -> Mapping[str, Any]:
    label = clean(name, SHORT)
    return {
        "id": label,
        "shortDescription": {"text": told(f"Data check {label}")},
        "properties": {"tags": ["data"]},
    }


def _result(check: Check, rule: int, location: Location) -> Mapping[str, Any]:
    where = f"{check.column}: " if check.column is not None else ""
    return {
        "ruleId": clean(check.name, SHORT),
        "ruleIndex": rule,
        "level": _LEVELS[check.verdict],
        "message": {"text": told(f"{where}{check.reason}", _MOST)},
        "locations": [
            {
                "physicalLocation": {
                    "artifactLocation": {
                        "uri": quote(location.file),
                        "uriBaseId": "%SRCROOT%",
                    },
                    "region": {"startLine": location.line},
                }
            }
        ],
        "partialFingerprints": {"primaryLocationLineHash": _fingerprint(check)},
        "properties": {
            "verdict": check.verdict.value,
            "expected": clean(check.expected, _MOST),
            "observed": clean(check.observed, _MOST),
        },
    }


def _fingerprint(check: Check) -> str:
    """The same alert wherever its line moves; another for another column of the same line."""
    identity = json.dumps([check.name, check.column, check.expected])
    return f"{hashlib.sha256(identity.encode()).hexdigest()[:16]}:1"
