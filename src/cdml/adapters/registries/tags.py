"""What all registries share: the tags they write, and models that lie in a folder."""

import re
from collections.abc import Mapping
from pathlib import Path

from cdml.errors import InputError
from cdml.models.digest import model_digest

DIGEST = "cdml.digest"
"""Tag: the digest of the version's files."""
EVIDENCE = "cdml.evidence"
"""Tag: the digest of the evidence kept with the version."""


def recorded_digest(tags: Mapping[str, str], tag: str = DIGEST) -> str | None:
    """The digest a version's tags tell, if it looks like one."""
    digest = tags.get(tag, "")
    return digest if re.fullmatch(r"sha256:[0-9a-f]{64}", digest) else None


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
