"""The values of a label as classes: which two are one class, and how they are written."""

import json
import re
from collections.abc import Collection, Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar

Class = bool | int | float | str

_INTEGER = re.compile(r"(-?[1-9]\d*|0)(\.0+)?")
_PLAIN = re.compile(r"[A-Za-z_][\w-]*")
_YAML_WORDS = frozenset({"y", "n", "yes", "no", "on", "off", "true", "false", "null", "none"})
_LISTED = 20
_LONGEST = 60


def is_same_class(one: object, other: object) -> bool:
    """Whether two values are one class, exactly.

    True is 1, 1 is 1.0, and text is the number or truth value that it writes (`"1"`, `"1.0"`,
    `"true"`); `"01"` is no number. Two texts are one class only if they are equal.
    """
    if isinstance(one, str) and isinstance(other, str):
        return one == other
    return _exact(one) == _exact(other)


def find_class(value: object, among: Iterable[Class]) -> Class | None:
    """The class among these that a value is, or None."""
    return next((label for label in among if is_same_class(label, value)), None)


_CLOSED: ContextVar[tuple[bool, bool]] = ContextVar("_CLOSED", default=(False, False))


@contextmanager
def closed_values(
    classified: Collection[str], *, label: str | None, sensitive: str | None = None
) -> Iterator[None]:
    """Show no class and no sensitive group meanwhile, where the contract classifies the column."""
    closed = {name.casefold() for name in classified}
    before = _CLOSED.set(
        ((label or "").casefold() in closed, (sensitive or "").casefold() in closed)
    )
    try:
        yield
    finally:
        _CLOSED.reset(before)


def name_group(value: object, number: int) -> str:
    """A sensitive group in a sentence; where its values are closed, its number from 0."""
    if _CLOSED.get()[1]:
        return f"no. {number + 1}"
    return "(missing)" if value is None else str(value)


def list_classes(values: Iterable[object]) -> str:
    """Classes for a sentence, as YAML would write them, at most 20 of them."""
    if _CLOSED.get()[0]:
        return "(values that the contract classifies)"
    texts = [yaml_scalar(value) for value in values]
    short = [t if len(t) <= _LONGEST else f"{t[: _LONGEST - 1]}…" for t in texts[:_LISTED]]
    return ", ".join(short) + (", …" if texts[_LISTED:] else "")


def yaml_scalar(value: object) -> str:
    """A value as cdml.yaml writes it: text in quotes where YAML would read something else."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return str(value)
    text = str(value)
    if _PLAIN.fullmatch(text) and text.lower() not in _YAML_WORDS:
        return text
    quoted = json.dumps(text, ensure_ascii=False)
    return "".join(char if char.isprintable() else f"\\U{ord(char):08x}" for char in quoted)


def _exact(value: object) -> object:
    """A value that is equal for all ways of writing one class."""
    if isinstance(value, str):
        if match := _INTEGER.fullmatch(value):
            return int(match[1])
        if value.lower() in {"true", "false"}:
            return int(value.lower() == "true")
        try:
            number = float(value)
        except ValueError:
            return value
        return number if str(number) == value else value
    return value
