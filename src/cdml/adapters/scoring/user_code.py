"""The user's modules, laid out for a process that does not see the folder they are in."""

import shutil
from collections.abc import Iterator
from pathlib import Path

from cdml.errors import InputError

MOST_FILES = 2_000
MOST_BYTES = 64 * 2**20


def copy_module(folder: Path, module: str, into: Path) -> bool:
    """Copy a dotted name's first part and the modules beside it; gives whether it is there.

    Nothing outside of the configuration's folder is copied, wherever links lead.
    """
    folder, top = folder.resolve(), module.partition(".")[0]
    package, file = folder / top, folder / f"{top}.py"
    source = package if _holds_python(package) else file
    if not source.exists() or not source.resolve().is_relative_to(folder):
        return False
    taken = total = 0
    for path in (*_files(package, folder), *_neighbours(folder)):
        taken, total = taken + 1, total + path.stat().st_size
        if taken > MOST_FILES or total > MOST_BYTES:
            raise InputError(
                f"{source} and the modules beside it are more than {MOST_FILES:,} files or"
                f" {MOST_BYTES // 2**20} MiB.",
                "Put the metric into a module or package of its own.",
            )
        target = into / path.relative_to(folder)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, target)
    return True


def _holds_python(package: Path) -> bool:
    return package.is_dir() and any(package.rglob("*.py"))


def _neighbours(folder: Path) -> Iterator[Path]:
    for path in sorted(folder.glob("*.py")):
        if path.is_file() and path.resolve().is_relative_to(folder):
            yield path


def _files(package: Path, folder: Path) -> Iterator[Path]:
    """A package's files; what is hidden and what Python keeps for itself is left out."""
    if not _holds_python(package):
        return
    waiting = [package]
    while waiting:
        path = waiting.pop()
        if path.name.startswith((".", "__pycache__")) or not path.resolve().is_relative_to(folder):
            continue
        if path.is_file():
            yield path
        elif path.is_dir() and (path == package or not path.is_symlink()):
            waiting += sorted(path.iterdir(), reverse=True)
