"""A registry on plain files, for teams without MLflow.

<root>/<name>/versions/<number>/version.json    source, tags; written last
<root>/<name>/versions/<number>/model/          the files
<root>/<name>/versions/<number>/evidence/<digest>/
<root>/<name>/aliases.json
"""

import json
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote

from cdml.adapters.registries.versions import (
    DIGEST,
    EVIDENCE,
    checked_evidence,
    recorded_digest,
    resolve_uri,
    same_version,
)
from cdml.common.addresses import reveal
from cdml.errors import InputError, ServiceError
from cdml.evidence.store import file_digest, write_atomically
from cdml.models import uri as model_uri
from cdml.models.digest import clean_copy, combine_digests, model_digest
from cdml.models.mlmodel import local_model, require_model
from cdml.models.registry import ModelVersion, Training


class FolderRegistry:
    """Versions, aliases, tags and evidence at `folder:PATH`, perhaps relative to a folder."""

    def __init__(self, uri: str, folder: Path) -> None:
        self._root = (folder / reveal(uri).removeprefix("folder:")).resolve()
        try:
            self._root.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise ServiceError(f"the registry at {self._root} cannot be used: {error}.") from error

    def champion(self, name: str, alias: str) -> ModelVersion | None:
        number = self._aliases(name).get(alias)
        return self.version(name, str(number)) if number else None

    def version(self, name: str, version: str) -> ModelVersion:
        absent = InputError(
            f"the registry has no version {version} of {name}.",
            f"Check the registry at {self._root}.",
        )
        if not model_uri.is_version(version):
            raise absent
        number = str(int(version))
        document = self._read(self._place(name, number) / "version.json")
        if document is None:
            raise absent
        return ModelVersion(
            name=name,
            version=number,
            digest=recorded_digest(document["tags"]),
            source=(self._place(name, number) / "model").as_uri(),
            tags=document["tags"],
        )

    def resolve(self, uri: str) -> ModelVersion | None:
        return resolve_uri(self, uri, str(self._root))

    def find(self, name: str, tags: Mapping[str, str]) -> tuple[ModelVersion, ...]:
        stored = self._model(name).glob("versions/*/version.json")
        numbers = sorted(int(path.parent.name) for path in stored)
        versions = (self.version(name, str(number)) for number in numbers)
        return tuple(version for version in versions if tags.items() <= version.tags.items())

    def fetch(self, uri: str, into: Path) -> Path:
        folder = local_model(uri)
        if folder is not None:
            return folder
        version = self.resolve(uri)
        if version is None:
            raise InputError(
                f"the registry at {self._root} has no {uri}.",
                "A registry of files supports models:/name/3 and models:/name@alias.",
            )
        stored = self._place(version.name, version.version) / "model"
        return require_model(clean_copy(stored, into / "model"))

    def register(
        self, name: str, folder: Path, *, tags: Mapping[str, str], source: str | None = None
    ) -> ModelVersion:
        digest = model_digest(folder)
        existing = same_version(self, name, digest, source)
        number = existing.version if existing else self._new(name, folder)
        old = existing.tags if existing else {}
        document = {"tags": {**old, **tags, DIGEST: digest}}
        self._write(self._place(name, number) / "version.json", document)
        return self.version(name, number)

    def training(self, run: str) -> Training:
        """A folder keeps no runs."""
        del run
        return Training()

    def set_tags(self, name: str, version: str, tags: Mapping[str, str]) -> None:
        current = self.version(name, version)
        document = {"tags": {**current.tags, **tags}}
        self._write(self._place(name, current.version) / "version.json", document)

    def set_alias(self, name: str, alias: str, version: str) -> None:
        number = self.version(name, version).version
        self._write(self._model(name) / "aliases.json", {**self._aliases(name), alias: number})

    def log_result(self, uri: str, metrics: Mapping[str, float], tags: Mapping[str, str]) -> None:
        version = self.resolve(uri)
        if version is not None:
            place = self._place(version.name, version.version)
            self._write(place / "metrics.json", dict(metrics))
            self.set_tags(version.name, version.version, tags)

    def log_evidence(self, version: ModelVersion, files: Sequence[Path]) -> None:
        """Keep evidence with a version; the tag that names its digest comes last."""
        current = self.version(version.name, version.version)
        digest = combine_digests({path.name: file_digest(path) for path in files})
        place = self._place(current.name, current.version)
        for path in files:
            write_atomically(place / "evidence" / digest[7:] / path.name, path.read_bytes())
        self.set_tags(current.name, current.version, {EVIDENCE: digest})

    def evidence(self, version: ModelVersion, into: Path) -> Path | None:
        current = self.version(version.name, version.version)
        digest = recorded_digest(current.tags, EVIDENCE)
        if digest is None:
            return None
        folder = self._place(current.name, current.version) / "evidence" / digest[7:]
        label = f"version {current.version} of {current.name}"
        if not folder.is_dir():
            raise InputError(f"the evidence stored with {label} is gone.")
        return checked_evidence(clean_copy(folder, into), digest, label)

    def _new(self, name: str, folder: Path) -> str:
        """Copy a model to the next number; making its folder is what takes the number."""
        versions = self._model(name) / "versions"
        while True:
            taken = [int(path.name) for path in versions.glob("*") if path.name.isdigit()]
            number = str(max(taken, default=0) + 1)
            try:
                (versions / number).mkdir(parents=True)
            except FileExistsError:
                continue
            except OSError as error:
                raise ServiceError(f"the registry at {self._root} failed: {error}.") from error
            try:
                clean_copy(folder, versions / number / "model")
            except BaseException:
                shutil.rmtree(versions / number, ignore_errors=True)
                raise
            return number

    def _model(self, name: str) -> Path:
        return self._root / (quote(name, safe="") if name.strip(".") else "%2E" * len(name))

    def _place(self, name: str, number: str) -> Path:
        return self._model(name) / "versions" / number

    def _aliases(self, name: str) -> dict[str, Any]:
        return self._read(self._model(name) / "aliases.json") or {}

    def _read(self, path: Path) -> dict[str, Any] | None:
        try:
            document: dict[str, Any] = json.loads(path.read_bytes())
        except FileNotFoundError:
            return None
        except (OSError, ValueError) as error:
            raise ServiceError(f"the registry's file {path} cannot be read: {error}.") from error
        return document

    def _write(self, path: Path, document: Mapping[str, Any]) -> None:
        try:
            write_atomically(path, json.dumps(document, indent=1).encode())
        except InputError as error:
            raise ServiceError(error.message, error.hint) from error
