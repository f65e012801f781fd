"""The folder that the command writes: a new model replaces the old one whole or not at all."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from cdml.errors import ConfigurationError, InputError


def _require_replaceable(folder: Path, root: Path) -> None:
    """Refuse a folder that is no model's, as it is about to be replaced."""
    if folder.is_symlink() or not folder.resolve().is_relative_to(root.resolve()):
        raise ConfigurationError(
            f"training.model: {folder} links elsewhere.", "Name a plain folder below cdml.yaml's."
        )
    if folder.exists() and not folder.is_dir():
        raise ConfigurationError(f"training.model: {folder} is a file.", "Name a folder.")
    if folder.is_dir() and any(folder.iterdir()) and not (folder / "MLmodel").is_file():
        raise ConfigurationError(
            f"training.model: {folder} holds files and no MLmodel, and training would replace it.",
            "Move these files away, or name another folder.",
        )


@contextmanager
def emptied(folder: Path, root: Path, *, keep: bool) -> Iterator[None]:
    """Move an earlier model out of the way; it is put back unless the block ends in order.

    Without `keep` it is put back in any case.

    An earlier model that a killed process left moved away is put back first.

    Raises:
        ConfigurationError: it is a file or a link, leads out of the root, or holds no model.
        InputError: the folder cannot be moved.
    """
    aside = folder.with_name(f".{folder.name}.before-training")
    try:
        if aside.is_dir():
            _put_back(folder, aside)
        _require_replaceable(folder, root)
        if folder.is_dir():
            folder.rename(aside)
    except OSError as error:
        raise InputError(
            f"{folder} cannot be replaced: {error}.", "Check the permissions of the folder."
        ) from error
    try:
        yield
    except BaseException:
        _put_back(folder, aside)
        raise
    if keep:
        shutil.rmtree(aside, ignore_errors=True)
    else:
        _put_back(folder, aside)


def _put_back(folder: Path, aside: Path) -> None:
    if folder.is_symlink() or folder.is_file():  # the command may leave anything there
        folder.unlink()
    shutil.rmtree(folder, ignore_errors=True)
    if aside.is_dir():
        aside.rename(folder)
