"""Where models and their versions are kept."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol, runtime_checkable


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelVersion:
    """A version in the registry, its files there, and their SHA-256 where somebody recorded it."""

    name: str
    version: str
    digest: str | None
    source: str
    run: str | None = None
    tags: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Training:
    """How a model was trained, where that was recorded; each data set is `name digest`."""

    parameters: Mapping[str, str] = field(default_factory=dict)
    data: tuple[str, ...] = ()


class Registry(Protocol):
    """Versions, aliases and the evidence that travels with them.

    Every call raises ServiceError when the registry cannot be reached, and InputError when
    what was requested (a version, a URI) does not exist.
    """

    def champion(self, name: str, alias: str) -> ModelVersion | None:
        """Who the alias names; None only if the registry *answered* that there is nobody."""
        ...

    def version(self, name: str, version: str) -> ModelVersion:
        """One version."""
        ...

    def resolve(self, uri: str) -> ModelVersion | None:
        """The version a `models:/` URI names; None for any other URI."""
        ...

    def find(self, name: str, tags: Mapping[str, str]) -> tuple[ModelVersion, ...]:
        """All versions of a model that carry all these tags, oldest first."""
        ...

    def fetch(self, uri: str, into: Path) -> Path:
        """Copy a model's files (models:/, runs:/) and give the folder with MLmodel.

        A local folder is given as it is, and must not be written to.
        """
        ...

    def register(
        self, name: str, folder: Path, *, tags: Mapping[str, str], source: str | None = None
    ) -> ModelVersion:
        """Register a model folder byte for byte, its digest in the tag `cdml.digest`.

        The same digest again gives the version that has it, with these tags added. Without the
        registered model, it is made. `source` is the URI the folder was fetched from: a version of
        this model is not registered again, and the files of a run stay with that run.
        """
        ...

    def training(self, run: str) -> Training:
        """How the model of a tracking run was trained; empty where the registry keeps no runs."""
        ...

    def set_tags(self, name: str, version: str, tags: Mapping[str, str]) -> None:
        """Add or replace tags of a version."""
        ...

    def set_alias(self, name: str, alias: str, version: str) -> None:
        """Make the alias name this version."""
        ...

    def log_result(self, uri: str, metrics: Mapping[str, float], tags: Mapping[str, str]) -> None:
        """Write metrics and tags to a version and its run, or to the run of a `runs:/` URI.

        Nothing is written for any other URI, or where the registry keeps no runs.
        """
        ...

    def log_evidence(self, version: ModelVersion, files: Sequence[Path]) -> None:
        """Keep evidence with a version, in place of older evidence."""
        ...

    def evidence(self, version: ModelVersion, into: Path) -> Path | None:
        """Copy the evidence kept with a version; None where there is none.

        Raises:
            InputError: it is not the evidence whose digest the version's tag names.
        """
        ...


@runtime_checkable
class TrainingRuns(Protocol):
    """What a registry that keeps runs can do in addition; errors as those of a `Registry`."""

    def new_run(self, name: str) -> str:
        """A finished run for a training of this model."""
        ...

    def log_training(
        self, run: str, *, parameters: Mapping[str, str], tags: Mapping[str, str], file: Path
    ) -> None:
        """Write parameters that the run does not have yet, tags, and a file of lineage to it."""
        ...
