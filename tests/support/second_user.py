"""Run a command as an ordinary user who may use sudo, where users may make no namespaces.

    python second_user.py COMMAND...

Has to be started as root. The user, and what sudo allows them, exist for this command alone: the
files that say so are laid over the machine's in a mount namespace of its own. As on GitHub's
Ubuntu, only root may make user namespaces; a filter of system calls stands for AppArmor.
"""

import ctypes
import os
import platform
import struct
import subprocess
import sys
from pathlib import Path

NAME, NUMBER = "cdml-runner", 61_234
ROOT = Path(__file__).parents[2]
_ADDED = {
    "/etc/passwd": f"{NAME}:x:{NUMBER}:{NUMBER}::/tmp:/bin/sh\n",
    "/etc/group": f"{NAME}:x:{NUMBER}:\n",
    "/etc/shadow": f"{NAME}:*:19000:0:99999:7:::\n",
    "/etc/sudoers": f"\n{NAME} ALL=(ALL) NOPASSWD: ALL\n",
}
_libc = ctypes.CDLL(None, use_errno=True)
_SYSCALLS = {"x86_64": (272, 56), "aarch64": (97, 220)}
"""unshare and clone; clone3 cannot be looked into, and is said not to be there."""
_CLONE3, _NEW_USER, _NOT_THERE, _NOT_ALLOWED = 435, 0x10000000, 38, 1
_NEW_MOUNTS = 0x00020000
_ALLOW, _ERROR = 0x7FFF0000, 0x00050000
_FILTER_MODE, _SET_SECCOMP = 2, 22


def command(*arguments: object) -> list[str]:
    """The command that does it."""
    return [sys.executable, __file__, *map(str, arguments)]


def main(arguments: list[str]) -> None:
    """Become the user and turn into the command."""
    _check(_libc.unshare(_NEW_MOUNTS))
    _run("mount", "--make-rprivate", "/")
    folder = Path("/mnt")
    _run("mount", "-t", "tmpfs", "tmpfs", folder)  # gone with the namespace
    for place, line in _ADDED.items():
        file = folder / Path(place).name
        file.write_text(Path(place).read_text() + line)
        status = Path(place).stat()
        os.chown(file, status.st_uid, status.st_gid)
        file.chmod(status.st_mode & 0o777)
        _run("mount", "--bind", file, place)
    _open_the_way(folder, [Path(sys.prefix), Path(sys.base_prefix), ROOT])
    _forbid_namespaces()
    os.initgroups(NAME, NUMBER)
    os.setresgid(NUMBER, NUMBER, NUMBER)
    os.setresuid(NUMBER, NUMBER, NUMBER)
    os.execvp(arguments[0], arguments)  # noqa: S606 - no shell is wanted


def _open_the_way(folder: Path, wanted: list[Path]) -> None:
    """Show the user folders that lie in a home of root's, and nothing else of it."""
    for number, place in enumerate(path.resolve() for path in wanted):
        closed = next((p for p in [*reversed(place.parents)] if not p.stat().st_mode & 0o001), None)
        if closed is None:
            continue
        hold = folder / str(number)
        hold.mkdir()
        _run("mount", "--bind", place, hold)
        _run("mount", "-t", "tmpfs", "-o", "mode=755", "tmpfs", closed)
        place.mkdir(parents=True)
        _run("mount", "--bind", hold, place)


def _forbid_namespaces() -> None:
    """Have unshare and clone refuse a new user namespace, for this process and its children."""
    unshare, clone = _SYSCALLS[platform.machine()]
    refuse = _ERROR | _NOT_ALLOWED
    program = [
        (0x20, 0, 0, 0),  # load the number of the call
        (0x15, 6, 0, _CLONE3),  # to the answer: not there
        (0x15, 1, 0, unshare),
        (0x15, 0, 2, clone),
        (0x20, 0, 0, 16),  # load the first argument's lower half
        (0x45, 1, 0, _NEW_USER),
        (0x06, 0, 0, _ALLOW),
        (0x06, 0, 0, refuse),
        (0x06, 0, 0, _ERROR | _NOT_THERE),
    ]
    code = b"".join(struct.pack("=HBBI", *step) for step in program)
    kept = ctypes.create_string_buffer(code, len(code))
    what = struct.pack("HxxxxxxP", len(program), ctypes.addressof(kept))
    _check(_libc.prctl(_SET_SECCOMP, _FILTER_MODE, what, 0, 0))


def _run(*words: object) -> None:
    subprocess.run([str(word) for word in words], check=True)


def _check(result: int) -> None:
    if result:
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code))


if __name__ == "__main__":
    main(sys.argv[1:])
