"""The tags that cdml writes to a version of any registry, and how versions are found."""

import re
from collections.abc import Mapping
from pathlib import Path

from cdml.errors import InputError
from cdml.models import uri as model_uri
from cdml.models.digest import model_digest
from cdml.models.registry import ModelVersion, Registry

DIGEST = "cdml.digest"
"""Tag: the digest of the version's files."""
EVIDENCE = "cdml.evidence"
"""Tag: the digest of the evidence kept with the version."""


def recorded_digest(tags: Mapping[str, str], tag: str = DIGEST) -> str | None:
    """The digest a version's tags tell, if it looks like one."""
    digest = tags.get(tag, "")
    return digest if re.fullmatch(r"sha256:[0-9a-f]{64}", digest) else None


def resolve_uri(registry: Registry, uri: str, masked: str) -> ModelVersion | None:
    """The version a `models:/` URI names in a registry, which people know as `shown`."""
    named = model_uri.parse_model_uri(uri)
    if named is None:
        return None
    if isinstance(named, model_uri.VersionUri):
        return registry.version(named.name, named.version)
    champion = registry.champion(named.name, named.alias)
    if champion is None:
        raise InputError(
            f"no version of {named.name} has the alias {named.alias}.",
            f"Check the registry at {masked}.",
        )
    return champion


def same_version(
    registry: Registry, name: str, digest: str, source: str | None
) -> ModelVersion | None:
    """The version of a model that has these files already, or that was fetched as them."""
    existing = registry.resolve(source) if source else None
    if existing is None or existing.name != name:
        existing = next(iter(registry.find(name, {DIGEST: digest})), None)
    return existing


def checked_evidence(folder: Path, digest: str, owner: str) -> Path:
    """The folder, if it holds the evidence of this digest, or an InputError."""
    actual = model_digest(folder)
    if actual != digest:
        raise InputError(
            f"the evidence stored with {owner} has the digest {actual[:19]}…, but its tag has"
            f" {digest[:19]}….",
            "Someone changed it. Run the gate on the model again with `cdml gate --register`.",
        )
    return folder
