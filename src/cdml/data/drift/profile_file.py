"""A profile on disk: what a model was trained on, a few kilobytes that are kept with it."""

import json
from pathlib import Path
from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from cdml.common.validation import first_problem
from cdml.data.drift.profile import COLUMNS, SLICES, Profile
from cdml.errors import InputError
from cdml.evidence import store
from cdml.evidence.schema import DataRef, Producer

SCHEMA = "cdml.profile/1"
FILE = "profile.json"
"""Of the reference, in a folder of evidence; one that lies elsewhere is called `….profile.json`."""
PREDICTIONS_FILE = "predictions.profile.json"
"""Of what the model said to the rows it was judged on."""
FILES = (FILE, PREDICTIONS_FILE)
MAX_BYTES = 16 * 1024 * 1024
_HINT = "Make one with this version: cdml validate-data --reference DATA writes profile.json."


class ProfileDocument(BaseModel):
    """profile.json: the rows' counts in bins, and where the rows came from."""

    model_config = ConfigDict(
        extra="forbid", frozen=True, populate_by_name=True, strict=True, defer_build=True
    )

    schema_: Literal["cdml.profile/1"] = Field("cdml.profile/1", alias="schema")
    produced: Producer
    data: DataRef
    profile: Profile

    @model_validator(mode="after")
    def _sound(self) -> Self:
        if len(self.profile.columns) > COLUMNS or len(self.profile.slices) > SLICES:
            raise ValueError(f"it has more than {COLUMNS:,} columns or {SLICES:,} slices")
        if self.data.rows != self.profile.rows:
            raise ValueError("the profile belongs to other rows")
        return self


def read_profile(path: Path) -> ProfileDocument | None:
    """A profile, or None where there is no such file.

    Raises:
        InputError: it is no profile, one of another version, or it contradicts itself.
    """
    try:
        if path.stat().st_size > MAX_BYTES:
            raise InputError(f"{path} is larger than {MAX_BYTES // 2**20} MiB.", _HINT)
        content = path.read_bytes()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error}.") from error
    return parse_profile(content, str(path))


def parse_profile(content: bytes, name: str) -> ProfileDocument:
    """A profile from bytes, whoever wrote them; raises as `read_profile`."""
    version = _version(content)
    if version not in ("", SCHEMA):
        other = version.startswith("cdml.profile/")
        problem = "it has another version" if other else "no profile"
        raise InputError(f"{name} is {problem}: {version[:100]}, not {SCHEMA}.", _HINT)
    try:
        return ProfileDocument.model_validate_json(content)
    except ValidationError as error:
        raise InputError(f"{name} is not a profile: {first_problem(error)}.", _HINT) from error


def write_profile(path: Path, document: ProfileDocument) -> Path:
    """Put a profile in its place in one step, on one line: it is read by machines."""
    content = document.model_dump(mode="json", by_alias=True)
    text = json.dumps(content, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    return store.write_atomically(path, (text + "\n").encode())


def _version(content: bytes) -> str:
    """The schema that a document says it has, "" where it says none."""
    try:
        document = json.loads(content)
    except (ValueError, RecursionError):
        return ""
    return str(document.get("schema", "")) if isinstance(document, dict) else ""
