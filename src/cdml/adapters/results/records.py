"""What the records of several tools have in common: identities, texts, metadata."""

import hashlib
import json
from collections.abc import Collection, Iterable, Mapping
from typing import Any

from cdml.errors import InputError
from cdml.results.reader import ResultColumn, ResultFile, Role, Value

_IDENTITIES = (
    "caseid",
    "testcaseid",
    "testid",
    "exampleid",
    "sampleid",
    "questionid",
    "id",
    "case",
)
"""Keys of metadata that identify a case, the surest first, without signs between their words."""
_LESS_IS_BETTER = frozenset({Role.LATENCY, Role.COST, Role.TOKENS})
_LONGEST_CATEGORY = 64
_DIGITS = 20
_ENCODE = json.JSONEncoder(ensure_ascii=False, sort_keys=True).encode


def start_file(
    reader: str, roles: Mapping[str, Role], *, higher_is_better: Collection[str] = ()
) -> ResultFile:
    """A file of which no record is read yet; its columns have these roles.

    Less is better for latency, cost and tokens, and more for the columns in `higher_is_better`.
    """
    file = ResultFile(reader=reader, columns={}, records=iter(()))
    for name, role in roles.items():
        better = name in higher_is_better or (False if role in _LESS_IS_BETTER else None)
        file.declare(ResultColumn(name, role, better))
    return file


def get(record: Any, *keys: str) -> Any:
    """What is below these keys; None where there is nothing."""
    for key in keys:
        if not isinstance(record, dict):
            return None
        record = record.get(key)
    return record


def part(record: Any, key: str, where: str) -> dict[str, Any]:
    """The object below a key, empty where there is none; an InputError if it is something else."""
    value = record.get(key) if isinstance(record, dict) else None
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise InputError(f"{where}: {key} is not an object.")
    return value


def parts(record: Any, key: str, where: str) -> list[Any]:
    """The list below a key, empty where there is none; an InputError if it is something else."""
    value = record.get(key) if isinstance(record, dict) else None
    if value is None:
        return []
    if not isinstance(value, list):
        raise InputError(f"{where}: {key} is not a list.")
    return value


def require(record: Any, *keys: str, where: str) -> Any:
    """What is below these keys; an InputError that names the path if there is nothing."""
    value = get(record, *keys)
    if value is None:
        raise InputError(f"{where}: {'.'.join(keys)} is missing.")
    return value


def identity(metadata: Any) -> str | None:
    """The identity that metadata or tags give a case; None where they give none."""
    if not isinstance(metadata, dict):
        return None
    plain = {_plain(key): value for key, value in metadata.items()}
    for key in _IDENTITIES:
        value = plain.get(key)
        if isinstance(value, str | int) and not isinstance(value, bool) and str(value).strip():
            return str(value)
    return None


def is_identity(key: str) -> bool:
    """Whether a key of metadata identifies a case."""
    return _plain(key) in _IDENTITIES


def _plain(key: str) -> str:
    return key.casefold().replace("_", "").replace("-", "")


def digest(value: Any) -> str:
    """A short digest of a JSON value, whatever the order of its keys."""
    return hashlib.sha256(_ENCODE(value).encode("utf-8", "replace")).hexdigest()[:_DIGITS]


class Definitions:
    """Refuses one identity for cases that are defined differently."""

    def __init__(self, written: str, hint: str) -> None:
        self._written = written
        self._hint = hint
        self._hashes: dict[str, int] = {}

    def check(self, case: str, *definition: Any) -> None:
        """Raise an InputError if a case of this identity was defined in another way."""
        other = hash(repr(definition))
        if self._hashes.setdefault(case, other) != other:
            raise InputError(
                f"{self._written} has two different cases with the identity {case}.", self._hint
            )


def text(value: Any) -> str | None:
    """A value as text: texts as they are, all else as JSON."""
    if value is None or isinstance(value, str):
        return value
    return _ENCODE(value)


def number(value: Any) -> Any:
    """A number as it is, and None for 0, which tools write where they did not measure."""
    return value or None


def whole(value: Any) -> int:
    """A whole number as it is; 0 for all else."""
    return value if isinstance(value, int) else 0


def categories(file: ResultFile, metadata: Any) -> dict[str, Value]:
    """Short values of metadata as categories; what identifies a case is none."""
    if not isinstance(metadata, Mapping):
        return {}
    record: dict[str, Value] = {}
    for key, value in metadata.items():
        short = isinstance(value, str) and 0 < len(value) <= _LONGEST_CATEGORY
        if key.startswith("_") or is_identity(key):
            continue
        if short or isinstance(value, bool | int):
            record[free_name(file, key, Role.CATEGORY)] = value
    return record


def free_name(
    file: ResultFile, name: str, role: Role, *, higher_is_better: bool | None = None
) -> str:
    """The name of a column of this role, declared with it; another one where the name is taken."""
    column = file.columns.get(name)
    if column is not None and column.role is not role:
        return free_name(file, f"{name} ({role})", role, higher_is_better=higher_is_better)
    if column is None:
        file.declare(ResultColumn(name, role, higher_is_better))
    return name


def join(problems: Iterable[str | None]) -> str | None:
    """The errors of one record as one text; None where there are none."""
    return "; ".join(dict.fromkeys(filter(None, problems))) or None
