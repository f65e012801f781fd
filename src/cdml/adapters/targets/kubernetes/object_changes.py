"""What a write would change in an object, line by line and without secrets. Pure."""

import json
import re
import shlex
from collections.abc import Iterator, Mapping
from typing import Any

from cdml.adapters.targets.kubernetes.names import Object, metadata

HIDDEN = "(hidden)"
_LONGEST = 160
_SERVERS_OWN = ("uid", "resourceVersion", "generation", "creationTimestamp", "managedFields")
_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"
_WITH_SECRETS = re.compile(r"\.(env|httpHeaders)\[[^]]*\]\.value$|^(data|binaryData|stringData)\.")
_SECRET_WORD = re.compile(
    r"((?:pass|secret|token|key|credential)[\w-]*[= :]+|://[^/\s:@]*:)([^\s@]+)", re.IGNORECASE
)


def describe_change(before: Object | None, after: Object | None) -> list[str]:
    """A headline, and a line for each field that differs; None: there is no such object."""
    one = after or before
    if one is None:
        return []
    name = f"{one.get('kind')} {metadata(one).get('name')}"
    if after is None:
        return [f"{name} would be deleted"]
    old, new = dict(_fields(before or {})), dict(_fields(after))
    lines = [*_differences(old, new)]
    if before is None:
        return [f"{name} would be created", *lines]
    return [f"{name} would be changed", *lines] if lines else [f"{name} would stay as it is"]


def _differences(old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[str]:
    for path in sorted({*old, *new}):
        if path not in new:
            yield f"- {path}: {_shown(path, old[path])}"
        elif path not in old:
            yield f"+ {path}: {_shown(path, new[path])}"
        elif old[path] != new[path]:
            yield f"~ {path}: {_shown(path, old[path])} → {_shown(path, new[path])}"


def _fields(thing: Object) -> Iterator[tuple[str, Any]]:
    """The fields that somebody can set, by path."""
    about = {name: one for name, one in metadata(thing).items() if name not in _SERVERS_OWN}
    notes = {**(about.get("annotations") or {})}
    notes.pop(_APPLIED, None)
    written = {**thing, "metadata": {**about, "annotations": notes}}
    for name in ("status", "apiVersion", "kind"):
        written.pop(name, None)
    return _leaves("", written)


def _leaves(path: str, value: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(value, dict):
        for name, one in value.items():
            yield from _leaves(f"{path}.{name}" if path else str(name), one)
    elif isinstance(value, list) and value and all(isinstance(one, dict) for one in value):
        for number, one in enumerate(value):
            yield from _leaves(f"{path}[{one.get('name', number)}]", one)
    else:
        yield path, value


def _shown(path: str, value: Any) -> str:
    if _WITH_SECRETS.search(path):
        return HIDDEN
    words = isinstance(value, list) and all(isinstance(one, str) for one in value)
    text = shlex.join(value) if words else json.dumps(value, ensure_ascii=False)
    text = _SECRET_WORD.sub(rf"\1{HIDDEN}", text)
    return text if len(text) <= _LONGEST else f"({len(text):,} characters)"
