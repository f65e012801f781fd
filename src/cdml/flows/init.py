"""Write the files to begin with: a configuration and two workflows."""

from collections.abc import Mapping
from importlib.resources import files
from pathlib import Path
from types import MappingProxyType

from cdml.errors import ConfigurationError
from cdml.evidence.store import write_atomically

FILES: Mapping[str, str] = MappingProxyType(
    {
        "cdml.yaml": "cdml.yaml",
        "cdml-gate.yml": ".github/workflows/cdml-gate.yml",
        "cdml-deploy.yml": ".github/workflows/cdml-deploy.yml",
    }
)
"""Where each template goes in a repository."""


def init(folder: Path, *, force: bool = False) -> tuple[Path, ...]:
    """Write every file, or none.

    Args:
        folder: root of the user's repository.
        force: whether files that are there may be overwritten.

    Returns:
        What was written.

    Raises:
        ConfigurationError: a file is there already.
        InputError: the folder cannot be written.
    """
    there = [name for name in FILES.values() if (folder / name).exists()]
    if there and not force:
        verb = "exists" if len(there) == 1 else "exist"
        raise ConfigurationError(
            f"{', '.join(there)} {verb} already; nothing was written.",
            "--force overwrites.",
        )
    templates = files("cdml.flows") / "templates"
    return tuple(
        write_atomically(folder / place, (templates / name).read_bytes())
        for name, place in FILES.items()
    )
