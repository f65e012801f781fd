"""What all registries share: the tags they write, and models that lie in a folder."""

import re
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import unquote, urlsplit

from cdml.errors import InputError
from cdml.evidence.model_digest import model_digest

DIGEST = "cdml.digest"
"""Tag: the digest of the version's files."""
EVIDENCE = "cdml.evidence"
"""Tag: the digest of the evidence kept with the version."""


def recorded_digest(tags: Mapping[str, str], tag: str = DIGEST) -> str | None:
    """The digest a version's tags tell, if it looks like one."""
    digest = tags.get(tag, "")
    return digest if re.fullmatch(r"sha256:[0-9a-f]{64}", digest) else None


def local_model(uri: str) -> Path | None:
    """The folder a URI names, or None where it is an address of a registry.

    Raises:
        InputError: it is a path, but no model lies there; or a scheme nobody knows.
    """
    scheme = urlsplit(uri).scheme if re.match(r"[a-zA-Z][\w+.-]+:", uri) else ""
    if scheme in ("models", "runs"):
        return None
    if scheme not in ("", "file"):
        raise InputError(
            f"{uri} is no address of a model.",
            "Write models:/name/3, models:/name@alias, runs:/<run>/<path>, or a folder.",
        )
    folder = Path(unquote(urlsplit(uri).path)) if scheme else Path(uri)
    if not folder.is_dir():
        raise InputError(
            f"{folder} is no folder.",
            "Name a folder that holds MLmodel, or an address such as models:/name/3.",
        )
    return whole_model(folder)


def whole_model(folder: Path) -> Path:
    """The folder itself, if it holds a model.

    Raises:
        InputError: it does not.
    """
    if not (folder / "MLmodel").is_file():
        raise InputError(f"{folder} holds no MLmodel file.", "It is no model as MLflow saves them.")
    return folder


def checked_evidence(folder: Path, digest: str, of: str) -> Path:
    """The folder, if it holds the evidence of this digest.

    Raises:
        InputError: it holds something else.
    """
    found = model_digest(folder)
    if found != digest:
        raise InputError(
            f"the evidence kept with {of} has the digest {found[:19]}…, its tag says"
            f" {digest[:19]}….",
            "Somebody changed it: judge the model again with `cdml gate --register`.",
        )
    return folder
