"""Temporary folders that name their process, so that those of processes that were killed are found.

A process that ends in order takes its folders away. What a killed one left is taken away by the
next one, of the same user and on the same machine, that looks.
"""

import os
import re
import shutil
from pathlib import Path

_NAMED = re.compile(r"(?:cdml-[a-z]+|\.building)-(\d+)\.(\d+)\.(\d+)-")
_PROC = Path("/proc")
_START = 19
"""Where a process's start stands in /proc/<id>/stat (proc(5)), counted after its name."""


def prefix(purpose: str) -> str:
    """How the name of this process's folder for a purpose (`cdml-` and a word) begins."""
    process = os.getpid()
    return f"{purpose}-{_namespace()}.{process}.{_start(process) or 0}-"


def sweep(folder: Path) -> None:
    """Take away the folders whose process is over; what cannot be taken away stays.

    A number of a process counts only among those that see the same processes: a container that
    shares the folder keeps its own. A number that was given again belongs to another start.
    """
    try:
        entries = list(os.scandir(folder))
    except OSError:
        return
    for entry in entries:
        match = _NAMED.match(entry.name)
        if match is None or int(match[1]) != _namespace():
            continue
        try:
            own = entry.stat(follow_symlinks=False).st_uid == os.geteuid()
            over = own and entry.is_dir(follow_symlinks=False)
        except OSError:
            continue
        if over and _start(int(match[2])) != int(match[3]):
            shutil.rmtree(entry.path, ignore_errors=True)


def _namespace() -> int:
    """Which processes this one sees; 0 where the system does not tell."""
    try:
        return (_PROC / "self" / "ns" / "pid").stat().st_ino
    except OSError:
        return 0


def _start(process: int) -> int | None:
    """When a process started, in ticks since the machine did; None where there is none."""
    try:
        status = (_PROC / str(process) / "stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return 0 if not _PROC.is_dir() else None
    return int(status.rpartition(")")[2].split()[_START])
