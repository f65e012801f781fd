r"""What identifies a model: the digest of its files.

The digest is SHA-256 over one line per file, `<hex SHA-256 of the content>  <path>\n`, the paths
relative with `/`, in UTF-8 and sorted by their bytes: what `sha256sum` prints. So it can be
checked with no more than a shell:

    cd model && find . -name __pycache__ -prune -o -type f ! -path ./registered_model_meta \
        -printf '%P\n' | LC_ALL=C sort | xargs -d '\n' sha256sum | sha256sum

Left out is what others add to a model that is already there: `registered_model_meta` (written by
MLflow into models it downloads) and the folders `__pycache__`. Whoever copies a model copies
`model_files` and nothing else: what is not judged must not be shipped.
"""

import hashlib
import os
import shutil
import stat
from collections.abc import Mapping
from pathlib import Path
from typing import BinaryIO

from cdml.errors import InputError
from cdml.evidence.store import file_digest

_ADDED_BY_MLFLOW = "registered_model_meta"
_ADDED_BY_PYTHON = "__pycache__"
_CHUNK = 2**20


def model_files(folder: Path) -> tuple[str, ...]:
    """Relative paths of the files that make up a model, in the order of the digest.

    Raises:
        InputError: there is no file, or there is something whose content is not the folder's own.
    """
    listed = []
    for parent, folders, files in os.walk(folder):
        folders[:] = [name for name in folders if name != _ADDED_BY_PYTHON]
        for name in folders:
            if (Path(parent) / name).is_symlink():
                raise _foreign(folder, Path(parent) / name)
        for name in files:
            path = Path(parent) / name
            relative = path.relative_to(folder).as_posix()
            if relative == _ADDED_BY_MLFLOW:
                continue
            if not path.is_file() or not path.resolve().is_relative_to(folder.resolve()):
                raise _foreign(folder, path)
            if "\n" in relative:
                raise InputError(f"{folder} contains a file with a line break in its name.")
            listed.append(relative)
    if not listed:
        raise InputError(
            f"{folder} has no files.", "Use the folder that contains the file MLmodel."
        )
    return tuple(sorted(listed, key=os.fsencode))


def model_digest(folder: Path) -> str:
    """The digest of a model's files, as `sha256:<hex>`; raises as `model_files`."""
    try:
        return combine_digests({path: file_digest(folder / path) for path in model_files(folder)})
    except OSError as error:
        raise InputError(f"{folder} cannot be read: {error}.") from error


def combine_digests(files: Mapping[str, str]) -> str:
    """The digest of files, given as relative path and `sha256:<hex>` of the content."""
    combined = hashlib.sha256()
    for path in sorted(files, key=os.fsencode):
        content = files[path].removeprefix("sha256:").encode()
        combined.update(content + b"  " + os.fsencode(path) + b"\n")
    return f"sha256:{combined.hexdigest()}"


def model_size(folder: Path) -> int:
    """Bytes of a model's files."""
    return sum((folder / relative).stat().st_size for relative in model_files(folder))


def clean_copy(folder: Path, into: Path) -> Path:
    """Copy what the digest covers, and nothing else.

    Each file is opened by its way within the folder, without following a link, so that a folder
    that changes meanwhile leads nowhere else.

    Raises:
        InputError: the folder cannot be read, or changes while it is.
    """
    try:
        for relative in model_files(folder):
            target = into / relative
            target.parent.mkdir(parents=True, exist_ok=True)
            with _open_inside(folder, relative) as source, target.open("wb") as copy:
                shutil.copyfileobj(source, copy, _CHUNK)
    except OSError as error:
        raise InputError(f"{folder} cannot be copied: {error}.") from error
    return into


def _open_inside(folder: Path, relative: str) -> BinaryIO:
    """Open a plain file; links are resolved before, and must stay in the folder."""
    top = folder.resolve()
    target = (top / relative).resolve()
    if not target.is_relative_to(top):
        raise _foreign(folder, folder / relative)
    *parents, name = target.relative_to(top).parts
    place = os.open(top, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        for parent in parents:
            flags = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
            step = os.open(parent, flags, dir_fd=place)
            os.close(place)
            place = step
        flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
        file = os.open(name, flags, dir_fd=place)
    finally:
        os.close(place)
    if not stat.S_ISREG(os.fstat(file).st_mode):
        os.close(file)
        raise _foreign(folder, folder / relative)
    return os.fdopen(file, "rb")


def is_clean(folder: Path) -> bool:
    """Whether a folder holds nothing but what the digest covers."""
    everything = sum(1 for path in folder.rglob("*") if not path.is_dir())
    return everything == len(model_files(folder))


def _foreign(folder: Path, path: Path) -> InputError:
    return InputError(
        f"{path.relative_to(folder)} in {folder} links outside the folder, or is not a regular"
        " file.",
        "Replace it with the file itself: the digest only covers files in the folder.",
    )
