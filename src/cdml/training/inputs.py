"""What a training reads: which files, and their digests before and after."""

import json
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from cdml.common.addresses import reveal
from cdml.config import LoadedConfig
from cdml.errors import InputError
from cdml.evidence.lineage import TrainingInput
from cdml.evidence.store import file_digest
from cdml.training.ports import TrainingPorts

PARAMETER_FILES = ("params.yaml", "params.yml", "params.json")
_LARGEST_PARAMETER_FILE = 1_000_000
_MOST_PARAMETERS = 500
_LONGEST = 500
_NEVER = frozenset({"__pycache__", ".git"})
"""Folders that no glob enters: what runs writes there."""


@dataclass(frozen=True, slots=True, kw_only=True)
class InputState:
    """The inputs with their digests, and what the file system says of those that are files."""

    inputs: tuple[TrainingInput, ...]
    files: Mapping[str, tuple[int, ...]]

    @property
    def by_path(self) -> dict[str, str]:
        """Each input's digest."""
        return {one.path: one.digest for one in self.inputs}


def read_inputs(
    loaded: LoadedConfig,
    written: tuple[str, ...],
    ports: TrainingPorts,
    *,
    without: tuple[Path, ...],
    earlier: InputState | None = None,
) -> InputState:
    """The digest of every file and address; `without` are folders that the run itself writes.

    Files that have not been touched since an `earlier` reading keep its digest, and so do
    addresses.

    Raises:
        InputError: an input does not exist or cannot be read, or a pattern has no files.
        ServiceError: the registry does not answer.
    """
    digests: dict[str, str] = {}
    files: dict[str, tuple[int, ...]] = {}
    before = earlier.by_path if earlier else {}
    for one in written:
        if "://" in reveal(one) or one.startswith("models:/"):
            digests[str(one)] = before.get(str(one)) or _remote_digest(one, ports)
            continue
        for path in _matching(loaded.folder, one, without):
            name = os.path.relpath(path, loaded.folder).replace(os.sep, "/")
            files[name] = _state(path)
            untouched = earlier is not None and earlier.files.get(name) == files[name]
            digests[name] = before[name] if untouched else _file_digest(path)
    inputs = tuple(
        TrainingInput(path=path, digest=digest) for path, digest in sorted(digests.items())
    )
    return InputState(inputs=inputs, files=files)


def changed_inputs(before: InputState, after: InputState) -> list[str]:
    """Paths whose content is another, or that are only on one side."""
    old, new = before.by_path, after.by_path
    return sorted(path for path in old.keys() | new.keys() if old.get(path) != new.get(path))


def name_some(paths: list[str], most: int = 3) -> str:
    """A few of many paths, as a sentence lists them."""
    more = f" and {len(paths) - most:,} more" if paths[most:] else ""
    return ", ".join(paths[:most]) + more


def read_parameters(loaded: LoadedConfig, state: InputState) -> dict[str, str]:
    """Values in parameter files, by their keys with dots; a file of another form has none."""
    parameters: dict[str, str] = {}
    names = [name for name in state.files if Path(name).name in PARAMETER_FILES]
    for name in names:
        prefix = f"{name}:" if len(names) > 1 else ""
        parameters |= {
            f"{prefix}{key}"[:_LONGEST]: value[:_LONGEST]
            for key, value in _flat(_document(loaded.folder / name))
        }
    return dict(list(parameters.items())[:_MOST_PARAMETERS])


def _matching(folder: Path, written: str, without: tuple[Path, ...]) -> Iterator[Path]:
    pattern = written.rstrip("/")
    whole = folder / pattern
    if whole.is_dir():
        pattern = f"{pattern}/**"
    elif whole.is_file():
        yield whole
        return
    if not set(pattern) & set("*?["):
        raise InputError(
            f"training.inputs: {written} does not exist.", "Correct the path, or remove the entry."
        )
    base = folder
    if Path(pattern).is_absolute():
        base, pattern = Path("/"), pattern.lstrip("/")
    # `**` matches folders alone, and not what is in them, before Python 3.13.
    patterns = (pattern, f"{pattern}/*") if pattern.endswith("**") else (pattern,)
    hits = {path for one in patterns for path in base.glob(one)}
    fitting = [path for path in sorted(hits) if path.is_file() and not _left_out(path, without)]
    if not fitting:
        raise InputError(
            f"training.inputs: {written} matches no file.",
            "Correct the pattern, or remove the entry.",
        )
    yield from fitting


def _left_out(path: Path, without: tuple[Path, ...]) -> bool:
    return bool(_NEVER & set(path.parts)) or any(path.is_relative_to(one) for one in without)


def _state(path: Path) -> tuple[int, ...]:
    try:
        status = path.stat()
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error}.") from error
    return status.st_size, status.st_mtime_ns, status.st_ctime_ns, status.st_ino


def _file_digest(path: Path) -> str:
    try:
        return file_digest(path)
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error}.") from error


def _remote_digest(address: str, ports: TrainingPorts) -> str:
    if not address.startswith("models:/"):
        return ports.tables.open(address).ref.digest
    version = ports.registry.resolve(address)
    if version is None or version.digest is None:
        raise InputError(
            f"training.inputs: the registry has no digest of {address}.",
            "Use a version that `cdml gate --register` registered.",
        )
    return version.digest


def _document(path: Path) -> Any:
    try:
        if path.stat().st_size > _LARGEST_PARAMETER_FILE:
            return None
        text = path.read_text(encoding="utf-8")
        return json.loads(text) if path.suffix == ".json" else yaml.safe_load(text)
    except (OSError, ValueError, RecursionError, yaml.YAMLError):
        return None  # its digest is recorded; only its values are unknown


def _flat(value: Any, place: str = "") -> Iterator[tuple[str, str]]:
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from _flat(inner, f"{place}.{key}" if place else str(key))
    elif place:
        yield place, value if isinstance(value, str) else json.dumps(value, default=str)
