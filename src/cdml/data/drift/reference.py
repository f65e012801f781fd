"""What the data is compared with: rows, a profile on disk, or the one kept with the champion."""

import tempfile
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from cdml.common.addresses import reveal
from cdml.common.scratch_folders import prefix as scratch_prefix
from cdml.config import LoadedConfig
from cdml.config.base import CHAMPION
from cdml.config.registries import DEFAULT_REGISTRY
from cdml.data.drift import profile_file as document
from cdml.data.drift.profile import Profile
from cdml.data.drift.profile_file import FILE, ProfileDocument
from cdml.data.ports import DataPorts
from cdml.errors import CdmlError, InputError
from cdml.evidence.schema import DataRef
from cdml.models.registry import ModelVersion, Registry
from cdml.models.uri import NONE
from cdml.tables.table import Table


@dataclass(frozen=True, slots=True, kw_only=True)
class ReferenceRows:
    """The reference's rows: they are profiled, and can be looked for among the data's."""

    table: Table
    ref: DataRef


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredProfile:
    """A profile that was made before; the rows themselves are not there."""

    document: ProfileDocument
    source: str

    @property
    def ref(self) -> DataRef:
        """The rows that were profiled."""
        return self.document.data

    @property
    def profile(self) -> Profile:
        """Their counts."""
        return self.document.profile


@dataclass(frozen=True, slots=True, kw_only=True)
class NoReference:
    """Nothing to compare with, and why; `asked` if the configuration requires it."""

    why: str = ""
    requested: bool = False


ReferenceSource = ReferenceRows | StoredProfile | NoReference


def find_reference(
    loaded: LoadedConfig,
    ports: DataPorts,
    written: str | None,
    champion: str | None,
    open_rows: Callable[[str], Table] | None = None,
) -> ReferenceSource:
    """What `data.reference` means.

    `written` is rows, a profile's file, `champion`, or None for the champion's profile where a
    registry is at hand; `champion` a URI, `none`, or None to ask the alias. Rows are opened by
    their own types unless `open_rows` is given.

    Raises:
        InputError: what was named cannot be read.
        ServiceError: the registry does not answer, and the configuration requires the champion.
    """
    if written == CHAMPION:
        return _of_champion(loaded, ports, champion)
    if written is None:
        return _by_default(loaded, ports, champion)
    if reveal(written).endswith(FILE):
        place = loaded.locate(written)
        profile = document.read_profile(Path(reveal(place)))
        if profile is None:
            raise InputError(f"{place} does not exist.", "It should be a profile of the reference.")
        return StoredProfile(document=profile, source=written)
    table = open_rows(written) if open_rows else ports.tables.open(loaded.locate(written))
    named = table.ref if "://" in reveal(written) else table.ref.model_copy(update={"uri": written})
    return ReferenceRows(table=table, ref=named)


def _by_default(loaded: LoadedConfig, ports: DataPorts, champion: str | None) -> ReferenceSource:
    """The champion's profile, if it can be read: no setting requires it."""
    if champion is None and reveal(loaded.config.registry.uri) == DEFAULT_REGISTRY:
        return NoReference()
    try:
        profile = _of_champion(loaded, ports, champion)
    except CdmlError as error:
        return NoReference(why=error.message)
    return replace(profile, requested=False) if isinstance(profile, NoReference) else profile


def _of_champion(
    loaded: LoadedConfig, ports: DataPorts, champion: str | None
) -> StoredProfile | NoReference:
    if champion == NONE:
        return NoReference(why="there is no champion")
    config, version = loaded.config, None
    if champion is None:
        version = ports.registry.champion(config.model, config.registry.champion)
    elif champion.startswith("models:/"):  # a file of results needs no registry
        version = ports.registry.resolve(champion)
    if version is None and champion is None:
        return NoReference(why="there is no champion in the registry")
    if version is None:
        return NoReference(why=f"no profile is stored with {champion}", requested=True)
    called = f"v{version.version} of {version.name}"
    profile = stored_profile(version, ports.registry, FILE)
    if profile is None:
        return NoReference(why=f"no profile is stored with {called}", requested=True)
    return StoredProfile(document=profile, source=called)


def stored_profile(version: ModelVersion, registry: Registry, name: str) -> ProfileDocument | None:
    """A profile among the evidence of a version; None where there is none."""
    return stored_profiles(version, registry, name)[0]


def stored_profiles(
    version: ModelVersion, registry: Registry, *names: str
) -> tuple[ProfileDocument | None, ...]:
    """Several of them, read at once."""
    with tempfile.TemporaryDirectory(prefix=scratch_prefix("cdml-profile")) as scratch:
        folder = registry.evidence(version, Path(scratch))
        return tuple(document.read_profile(folder / name) if folder else None for name in names)
