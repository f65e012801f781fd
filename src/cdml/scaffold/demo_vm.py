"""The demo's last chapter: two canaries on one machine, behind a real HAProxy."""

import shutil
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from cdml.delivery.hooks import Execute

_TOLD = ("The ", "deploy: ", "cdml: ")
_PROGRAMS = "/usr/sbin"
"""Where Debian puts it, and users have no path to."""


def installed() -> bool:
    """Whether HAProxy is here."""
    return (
        shutil.which("haproxy") is not None or shutil.which("haproxy", path=_PROGRAMS) is not None
    )


def canaries(example: Path, execute: Execute, say: Callable[[str], None]) -> None:
    """Start the example, tell what it tells, and end all that it started.

    Args:
        example: the folder `examples/vm`.
        execute: other programs.
        say: tells one line.

    Raises:
        InputError: the good canary was not promoted, or the bad one was.
    """
    # Not in the demo's folder: the path of a socket has at most 107 bytes.
    with tempfile.TemporaryDirectory(prefix="cdml-vm-") as scratch:
        folder = Path(scratch, "vm")
        shutil.copytree(example, folder, ignore=shutil.ignore_patterns("run"))
        settings = ("env", f"PYTHON={sys.executable}", "CDML_PORTS=free")
        try:
            for line in execute((*settings, "bash", "start"), folder):
                if line.startswith(_TOLD):
                    say(line)
        finally:
            tuple(execute(("bash", "stop"), folder))
