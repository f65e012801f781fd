"""Evidence on disk: read with suspicion, written whole or not at all."""

import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, TypeVar

from pydantic import BaseModel, ValidationError

from cdml.common.validation import first_problem
from cdml.errors import InputError
from cdml.evidence.criterion import from_version_1
from cdml.evidence.monitor import Monitoring
from cdml.evidence.schema import Comparison, DataEvidence, Deployment, Evaluation

PREDICTIONS = "predictions.parquet"
PREDICTIONS_FILES = (
    ".parquet", ".pq", ".csv", ".tsv", ".json", ".jsonl", ".ndjson", ".csv.gz", ".tsv.gz",
    ".json.gz", ".jsonl.gz", ".ndjson.gz", ".eval",
)  # fmt: skip
"""How the name of a predictions file ends."""


Evidence = DataEvidence | Evaluation | Comparison | Deployment | Monitoring
E = TypeVar("E", DataEvidence, Evaluation, Comparison, Deployment, Monitoring)
M = TypeVar("M", bound=BaseModel)

FILES: dict[type[BaseModel], str] = {
    DataEvidence: "data.json",
    Evaluation: "evaluation.json",
    Comparison: "comparison.json",
    Deployment: "deployment.json",
    Monitoring: "monitor.json",
}
MAX_BYTES = 32 * 1024 * 1024


def read_evidence(folder: Path, kind: type[E]) -> E | None:
    """The evidence of one stage, or None where the stage left none.

    Raises:
        InputError: there is a file, but it is not what its name says.
    """
    path = folder / FILES[kind]
    content = read_bytes(path)
    return None if content is None else parse_evidence(content, kind, str(path))


def read_bytes(path: Path) -> bytes | None:
    """A file of evidence as it is; None where there is none.

    Raises:
        InputError: it cannot be read, or is too large.
    """
    try:
        if path.stat().st_size > MAX_BYTES:
            raise InputError(f"{path} is larger than {MAX_BYTES // 2**20} MiB.")
        return path.read_bytes()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error}.") from error


def parse_evidence(content: bytes, kind: type[M], name: str) -> M:
    """Evidence from bytes, whoever wrote them.

    Raises:
        InputError: the bytes are not evidence of this kind.
    """
    try:
        return kind.model_validate_json(from_version_1(content))
    except ValidationError as error:
        raise InputError(
            f"{name} is not evidence of this stage: {first_problem(error)}.",
            "Run the stage again with this version of cdml.",
        ) from error


def dump_evidence(evidence: BaseModel) -> bytes:
    """Evidence as the bytes that are written, NaN refused."""
    document = evidence.model_dump(mode="json", by_alias=True)
    return (json.dumps(document, indent=1, ensure_ascii=False, allow_nan=False) + "\n").encode()


def write_evidence(folder: Path, evidence: Evidence) -> Path:
    """Write one stage's evidence under its name; a reader sees the old file or the new one."""
    return write_atomically(folder / FILES[type(evidence)], dump_evidence(evidence))


def write_atomically(path: Path, content: bytes) -> Path:
    """Put a file in its place in one step.

    Raises:
        InputError: the folder cannot be written.
    """
    with _replacing(path) as file:
        file.write(content)
    return path


def copy_atomically(source: Path, path: Path) -> Path:
    """Copy a file to its place in one step; nothing is done where it lies there already.

    Raises:
        InputError: it cannot be read, or the folder cannot be written.
    """
    if not (path.exists() and path.samefile(source)):
        with source.open("rb") as content, _replacing(path) as file:
            shutil.copyfileobj(content, file)
    return path


@contextmanager
def _replacing(path: Path) -> Iterator[BinaryIO]:
    """A file to write that takes the place of another once it is whole and on disk."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
        try:
            with os.fdopen(handle, "wb") as file:
                yield file
                file.flush()
                os.fsync(file.fileno())
            Path(name).chmod(0o644)
            Path(name).replace(path)
        except BaseException:
            Path(name).unlink(missing_ok=True)
            raise
    except OSError as error:
        raise InputError(f"{path} cannot be written: {error}.") from error


def remove_evidence(folder: Path, *kinds: type[BaseModel]) -> None:
    """Take away what an earlier run left, so that it can never pass for this run's."""
    remove_files(*(folder / FILES[kind] for kind in kinds))


def remove_files(*paths: Path) -> None:
    """Take files away, if they are there.

    Raises:
        InputError: the folder cannot be written.
    """
    for path in paths:
        try:
            path.unlink(missing_ok=True)
        except OSError as error:
            raise InputError(
                f"{path} cannot be deleted: {error}.", "Check the permissions of --output-dir."
            ) from error


def file_digest(path: Path) -> str:
    """SHA-256 of a file, as `sha256:<hex>`."""
    with path.open("rb") as file:
        return f"sha256:{hashlib.file_digest(file, 'sha256').hexdigest()}"


def text_digest(text: str) -> str:
    """SHA-256 of a text in UTF-8, as `sha256:<hex>`."""
    return f"sha256:{hashlib.sha256(text.encode()).hexdigest()}"
