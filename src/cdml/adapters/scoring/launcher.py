"""Run a command where it can reach no more than it needs. Started as a separate program.

    python -I -S launcher.py SPEC.json

With the sandbox `namespaces` the command gets its own user, process, network, IPC and mount
namespaces: it sees no other process, has only the loopback interface, and a file
system with what `layout` names, and nothing else of the machine. With `network` as well it has
the machine's network, for builds. The sandbox `sudo` is the same, made by this program as root; the
command then runs as the user nobody, who owns what it may write for as long as it runs. Without
sandbox (`none`) it only loses what any process can give up. It can never gain privileges,
and nothing it started outlives it.

Exit code: the command's own; 125 if the sandbox could not be built, with the reason on stderr.
The system calls are Linux's; elsewhere only limits and process group are set.
"""

import ctypes
import fcntl
import json
import os
import platform
import pwd
import resource
import select
import signal
import socket
import struct
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

NO_WALLS = 125
LINUX = sys.platform == "linux"
_libc = ctypes.CDLL(None, use_errno=True)

CLONE_NEWNS, CLONE_NEWUTS, CLONE_NEWIPC = 0x00020000, 0x04000000, 0x08000000
CLONE_NEWUSER, CLONE_NEWPID, CLONE_NEWNET = 0x10000000, 0x20000000, 0x40000000
MS_RDONLY, MS_NOSUID, MS_NODEV, MS_NOEXEC = 0x1, 0x2, 0x4, 0x8
MS_REC, MS_PRIVATE = 0x4000, 0x40000
SYS_OPEN_TREE, SYS_MOVE_MOUNT, SYS_MOUNT_SETATTR = 428, 429, 442  # on every architecture
OPEN_TREE_CLONE, AT_EMPTY_PATH, AT_RECURSIVE, AT_FDCWD = 0x1, 0x1000, 0x8000, -100
MOVE_MOUNT_F_EMPTY_PATH = 0x4
SYS_PIVOT_ROOT = {"x86_64": 155, "aarch64": 41, "riscv64": 41, "ppc64le": 203, "s390x": 217}
MNT_DETACH = 0x2
SHARE_OF_MEMORY = b"size=25%"
RDONLY, NOSUID, NODEV = 0x1, 0x2, 0x4
PR_SET_PDEATHSIG, PR_CAPBSET_DROP, PR_SET_CHILD_SUBREAPER, PR_SET_NO_NEW_PRIVS = 1, 24, 36, 38
CAPABILITIES = 64
PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL = 47, 4
DEVICES = ("null", "zero", "full", "random", "urandom")


def main(spec_path: str) -> int:
    """Build the sandbox, run the command inside, and give its exit code."""
    spec = json.loads(Path(spec_path).read_text(encoding="utf-8"))
    if LINUX:
        _prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        _prctl(PR_SET_CHILD_SUBREAPER, 1)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    try:
        if spec["walls"] == "namespaces":
            _unshare(network=spec["network"])
            return _supervise(lambda: _first_process(spec))
        if spec["walls"] == "sudo":
            return _as_root(spec)
        return _supervise(lambda: _become(spec))
    finally:
        _end_descendants()


def _supervise(child: Callable[[], Any]) -> int:
    """Fork, let the child do its work, and give its exit code."""
    pid = _fork(child)
    while True:
        ended, status = os.wait()  # also those whose parents are gone
        if ended == pid:
            code = os.waitstatus_to_exitcode(status)
            return code if code >= 0 else 128 - code


def _fork(child: Callable[[], Any]) -> int:
    pid = os.fork()
    if pid == 0:
        try:
            child()
        except OSError as error:
            os.write(2, f"{error}\n".encode())
        finally:
            os._exit(NO_WALLS)
    return pid


def _as_root(spec: dict[str, Any]) -> int:
    """Build the sandbox as root, and end what is in it when whoever started us says so.

    They cannot send a signal to root: they close our standard input, and so does their end.
    """
    os.umask(0o022)
    status = os.open(spec["status"], os.O_WRONLY)  # sudo hands no descriptor on
    fcntl.fcntl(status, fcntl.F_SETFD, 0)  # for the command to inherit
    spec["command"].append(str(status))
    written = [os.open(path, os.O_RDONLY | os.O_DIRECTORY) for path in spec["written"]]
    user = pwd.getpwnam("nobody")
    spec["user"] = user.pw_uid, user.pw_gid
    flags = CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWIPC | CLONE_NEWUTS
    flags |= 0 if spec["network"] else CLONE_NEWNET
    _check(_libc.unshare(flags), "unshare")
    try:
        for folder in written:
            _give(folder, *spec["user"])
        pid = _fork(lambda: _first_process(spec))
        os.close(status)
        ending = os.pidfd_open(pid)
        while ending not in (ready := select.select([ending, 0], [], [])[0]):
            if ready and not os.read(0, 1):
                os.kill(pid, signal.SIGKILL)  # the first of a namespace: all others go with it
                break
        code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
        return code if code >= 0 else 128 - code
    finally:
        _end_descendants()
        for folder in written:
            _give(folder, *spec["owner"])


def _give(folder: int, user: int, group: int) -> None:
    """Make everything in a folder somebody's; what leads out of it is not followed."""
    for _, folders, files, inside in os.fwalk(".", dir_fd=folder):
        for name in (*folders, *files):
            os.chown(name, user, group, dir_fd=inside, follow_symlinks=False)
    os.chown(folder, user, group)


def _end_descendants() -> None:
    """Kill whatever the command left behind; as their reaper we inherit them."""
    children = Path(f"/proc/self/task/{os.getpid()}/children")
    while LINUX and children.exists() and (pids := children.read_text().split()):
        for pid in pids:
            os.kill(int(pid), signal.SIGKILL)
            os.waitpid(int(pid), 0)


def _unshare(*, network: bool) -> None:
    user, group = os.getuid(), os.getgid()
    flags = CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWIPC | CLONE_NEWUTS
    flags |= 0 if network else CLONE_NEWNET
    _check(_libc.unshare(flags), "unshare")
    Path("/proc/self/setgroups").write_text("deny", encoding="ascii")
    Path("/proc/self/uid_map").write_text(f"0 {user} 1", encoding="ascii")
    Path("/proc/self/gid_map").write_text(f"0 {group} 1", encoding="ascii")


def _first_process(spec: dict[str, Any]) -> None:
    """Process 1 of the namespace: when it ends, the kernel ends all others."""
    _prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    _lay_mounts(spec["layout"])
    if not spec["network"]:
        _raise_loopback()
    os._exit(_supervise(lambda: _become(spec)))


def _lay_mounts(layout: list[list[Any]]) -> None:
    """A file system with only what the layout names.

    Each entry is a kind, a path and a word more: `tree` with whether it may be written, `link`
    with where it leads, `empty` for a folder of which nothing is seen, `blank` for such a file.
    """
    here = os.fspath(Path.cwd())
    _mount(None, "/", None, MS_REC | MS_PRIVATE)
    devices = [(_clone(f"/dev/{name}"), f"{here}/dev/{name}") for name in DEVICES]
    trees = {path: _tree(path, more) for kind, path, more in layout if kind == "tree"}
    folders = {path for kind, path, _ in layout if kind != "link" and Path(path).is_dir()}
    blanks = {path: _clone("/dev/null") for kind, path, _ in layout if kind == "blank"}
    _mount("tmpfs", here, "tmpfs", MS_NOSUID | MS_NODEV)  # the new root
    for kind, path, more in layout:
        place = here + path
        if kind == "link":
            _link(place, more)
        elif kind == "empty":
            Path(place).mkdir(parents=True, exist_ok=True)
            _mount("tmpfs", place, "tmpfs", MS_NOSUID | MS_NODEV, SHARE_OF_MEMORY)
        else:
            tree = blanks[path] if kind == "blank" else trees[path]
            _attach(tree, place, folder=path in folders)
    Path(f"{here}/dev").mkdir()
    _mount("tmpfs", f"{here}/dev", "tmpfs", MS_NOSUID, SHARE_OF_MEMORY)
    for tree, path in devices:
        _attach(tree, path, folder=False)
    Path(f"{here}/dev/shm").mkdir()  # noqa: S108 - where POSIX shared memory lies
    Path(f"{here}/dev/shm").chmod(0o1777)  # noqa: S108
    Path(f"{here}/dev/fd").symlink_to("/proc/self/fd")
    # Read-only: whoever is root outside could otherwise set the kernel's parameters. Before the
    # old root is gone: the kernel lets us have another /proc only where one is in sight.
    Path(f"{here}/proc").mkdir()
    _mount("proc", f"{here}/proc", "proc", MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC)
    os.chdir(here)
    _check(_libc.syscall(SYS_PIVOT_ROOT[platform.machine()], b".", b"."), "pivot_root")
    _check(_libc.umount2(b".", MNT_DETACH), "umount2")
    os.chdir("/")
    _set_attributes(AT_FDCWD, "/", RDONLY, recursive=False)
    os.chdir(here)


def _tree(path: str, writable: bool) -> int:
    tree = _clone(path)
    _set_attributes(tree, "", (0 if writable else RDONLY) | NOSUID | NODEV)
    return tree


def _link(place: str, target: str) -> None:
    if not os.path.lexists(place):
        Path(place).parent.mkdir(parents=True, exist_ok=True)
        Path(place).symlink_to(target)


def _attach(tree: int, path: str, *, folder: bool) -> None:
    target = Path(path)
    if not target.exists():
        target.parent.mkdir(parents=True, exist_ok=True)
        target.mkdir() if folder else target.touch()
    result = _libc.syscall(
        SYS_MOVE_MOUNT, tree, b"", AT_FDCWD, os.fsencode(path), MOVE_MOUNT_F_EMPTY_PATH
    )
    _check(result, f"move_mount {path}")
    os.close(tree)


def _clone(path: str) -> int:
    flags = OPEN_TREE_CLONE | AT_RECURSIVE | os.O_CLOEXEC
    tree = _libc.syscall(SYS_OPEN_TREE, AT_FDCWD, os.fsencode(path), flags)
    _check(tree, f"open_tree {path}")
    return int(tree)


def _set_attributes(tree: int, path: str, attributes: int, *, recursive: bool = True) -> None:
    payload = struct.pack("=QQQQ", attributes, 0, 0, 0)
    flags = (AT_RECURSIVE if recursive else 0) | (0 if path else AT_EMPTY_PATH)
    result = _libc.syscall(
        SYS_MOUNT_SETATTR, tree, os.fsencode(path), flags, payload, ctypes.c_size_t(len(payload))
    )
    _check(result, f"mount_setattr {path}")


def _raise_loopback() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as control:
        request = struct.pack("16sH22x", b"lo", 0x1)  # IFF_UP
        fcntl.ioctl(control, 0x8914, request)  # SIOCSIFFLAGS


def _become(spec: dict[str, Any]) -> None:
    """Give up what can be given up, and turn into the command."""
    for name, limit in spec["limits"].items():
        kind = getattr(resource, name)
        hard = resource.getrlimit(kind)[1]
        lowest = limit if hard == resource.RLIM_INFINITY else min(limit, hard)
        resource.setrlimit(kind, (lowest, lowest))
    if LINUX:
        if spec["walls"] != "none":
            for capability in range(CAPABILITIES):
                _libc.prctl(PR_CAPBSET_DROP, capability, 0, 0, 0)  # those past the last: EINVAL
        if spec["walls"] == "sudo":
            _drop(*spec["user"])
        _prctl(PR_SET_PDEATHSIG, signal.SIGKILL)  # a change of the user would undo it
        _prctl(PR_SET_NO_NEW_PRIVS, 1)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    os.execve(spec["command"][0], spec["command"], spec["environment"])  # noqa: S606 - no shell


def _drop(user: int, group: int) -> None:
    """Become a user without groups and capabilities, for good."""
    os.setgroups([])
    os.setresgid(group, group, group)
    os.setresuid(user, user, user)
    _check(_libc.prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0), "prctl ambient")
    try:
        os.setresuid(0, 0, 0)
    except PermissionError:
        return
    raise OSError("root's privileges could not be given up")


def _mount(
    source: str | None, target: str, kind: str | None, flags: int, options: bytes | None = None
) -> None:
    encoded = [None if text is None else os.fsencode(text) for text in (source, target, kind)]
    _check(_libc.mount(*encoded, ctypes.c_ulong(flags), options), f"mount {target}")


def _prctl(option: int, value: int) -> None:
    _check(_libc.prctl(option, ctypes.c_ulong(value), 0, 0, 0), f"prctl {option}")


def _check(result: int, action: str) -> None:
    if result < 0:
        code = ctypes.get_errno()
        raise OSError(code, f"{action}: {os.strerror(code)}")


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1]))
    except OSError as failure:
        sys.stderr.write(f"{failure}\n")
        sys.exit(NO_WALLS)
