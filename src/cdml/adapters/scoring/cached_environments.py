"""Which environments of models are still used; those that nobody uses are removed.

A machine that lives for years sees new requirements every week, and an environment may have a
gigabyte. When each was used last is the access time of its pyvenv.cfg: every start of its
interpreter reads that file, and `use` sets it for file systems that keep no such times.
"""

import fcntl
import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from cdml.common.scratch_folders import prefix as scratch_prefix

KEPT = 30 * 86_400
"""Seconds after its last use for which an environment is kept."""
_USED = "pyvenv.cfg"


def use(environment: Path) -> bool:
    """Whether there is such an environment; if so, nobody removes it for as long as it is kept."""
    if not environment.parent.is_dir():
        return False
    with _locked(environment.parent, fcntl.LOCK_SH):
        if not (environment / "bin" / "python").exists():
            return False
        with suppress(OSError):  # an image may hold it, which nothing removes
            file = environment / _USED
            os.utime(file, (time.time(), file.stat().st_mtime))
    return True


def prune(folder: Path) -> None:
    """Remove the environments of a folder that were not used for long; what cannot be, stays."""
    removed: list[Path] = []
    with suppress(OSError), _locked(folder, fcntl.LOCK_EX):
        for environment in folder.iterdir():
            if not _is_unused(environment):
                continue
            away = Path(tempfile.mkdtemp(dir=folder, prefix=scratch_prefix(".building")))
            removed.append(away)
            environment.rename(away / environment.name)
    for away in removed:
        shutil.rmtree(away, ignore_errors=True)


def _is_unused(environment: Path) -> bool:
    try:
        used = (environment / _USED).stat().st_atime
    except OSError:  # not an environment
        return False
    return not environment.name.startswith(".") and time.time() - used > KEPT


@contextmanager
def _locked(folder: Path, kind: int) -> Iterator[None]:
    """Look up and remove in turn; in a folder that cannot be written to, nothing is removed."""
    try:
        file = (folder / ".lock").open("a")
    except OSError:
        yield
        return
    with file:
        fcntl.flock(file, kind)
        yield
