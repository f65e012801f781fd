"""The files of the models that a target serves: one folder a digest, checked before each use."""

import shutil
import tempfile
from collections.abc import Collection
from pathlib import Path

from cdml.adapters.targets.judged_files import download
from cdml.errors import InputError, ServiceError
from cdml.journal.records import Release
from cdml.models.digest import model_digest
from cdml.models.registry import Registry


class ModelCache:
    """Folders of models on the machine that serves them."""

    def __init__(self, folder: Path, registry: Registry, name: str) -> None:
        self._folder = folder
        self._registry = registry
        self._name = name

    def place(self, digest: str) -> Path:
        """The folder of a digest, whether it is there or not."""
        return self._folder / digest.removeprefix("sha256:")

    def fetch(self, release: Release) -> Path:
        """The folder with exactly the release's files.

        Raises:
            InputError: the registry does not have them, or they are others by now.
            ServiceError: the registry does not answer, or they cannot be kept.
        """
        place = self.place(release.digest)
        if place.is_dir():
            if _is(place, release.digest):
                return place
            shutil.rmtree(place, ignore_errors=True)  # somebody changed it
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryDirectory(dir=self._folder, prefix=".incoming-") as scratch:
                clean = download(self._registry, self._name, release, Path(scratch))
                clean.rename(place)
        except OSError as error:
            raise ServiceError(
                f"v{release.version} cannot be stored in {self._folder}:"
                f" {error.strerror or error}.",
                "Set deploy.target.state to a folder of this machine with room for two models.",
            ) from error
        return place

    def prune(self, retained: Collection[str]) -> None:
        """Take away all models but those of these digests."""
        stay = {self.place(digest) for digest in retained}
        for entry in self._folder.glob("*"):
            if entry not in stay:
                shutil.rmtree(entry, ignore_errors=True)


def _is(folder: Path, digest: str) -> bool:
    try:
        return model_digest(folder) == digest
    except InputError:
        return False
