"""A version's files as they were judged, for targets that bring them to a server."""

from pathlib import Path

from cdml.errors import InputError
from cdml.journal.records import Release
from cdml.models.digest import clean_copy, model_digest
from cdml.models.registry import Registry


def download(registry: Registry, model: str, release: Release, scratch: Path) -> Path:
    """The folder, below `scratch`, with exactly the release's files.

    Raises:
        InputError: the registry does not have them, or they are others by now.
        ServiceError: the registry does not answer.
    """
    fetched = registry.fetch(f"models:/{model}/{release.version}", scratch / "fetched")
    clean = clean_copy(fetched, scratch / "clean")
    digest = model_digest(clean)
    if digest != release.digest:
        raise InputError(
            f"v{release.version} has the digest {digest[:19]}… in the registry, but the"
            f" gate judged {release.digest[:19]}….",
            "Somebody changed it: judge it again.",
        )
    return clean
