"""What a scoring process may see: little, and of the machine around it nothing."""

import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

from cdml.errors import ConfigurationError

LAUNCHER = Path(__file__).with_name("launcher.py")
_FOLDERS_OF_A_USER = ("HOME", "TMPDIR")
_SYSTEM = (
    *("usr", "bin", "sbin", "lib", "lib32", "lib64", "libx32", "nix/store"),
    *("etc/alternatives", "etc/fonts", "etc/group", "etc/java-*", "etc/ld.so.*", "etc/localtime"),
    *("etc/mime.types", "etc/nsswitch.conf", "etc/os-release", "etc/passwd", "etc/pki/tls/certs"),
    *("etc/ssl/certs", "etc/ssl/openssl.cnf", "etc/timezone", "sys/devices/system/cpu"),
)
"""What programs need of a system, below its root. Data, credentials and sockets lie elsewhere."""
_OF_NETWORK = ("etc/resolv.conf", "etc/hosts", "etc/gai.conf")
_FOR_SCRATCH = ("/tmp", "/var/tmp")  # noqa: S108 - new and empty
_NEVER_HIDDEN = frozenset(
    Path("/", *parts)
    for parts in (
        (),
        *((top, *below) for top in ("", "usr") for below in ((), ("bin",), ("lib",), ("lib64",))),
        *(("usr", "local"), ("usr", "local", "bin"), ("usr", "local", "lib"), ("usr", "share")),
        *(("etc",), ("opt",)),
    )
)
"""Without them no program runs; a file of the job in one of them is covered by itself."""
_OF_PYTHON = ("bin", "lib", "lib64", "pyvenv.cfg")
_GIB = 2**30
DEFAULT_FILE_BYTES = 4 * _GIB
_MOST_FILES = 4096
_MOST_PROCESSES = 4096
_LIMITS_OF_GROUP = (
    "/sys/fs/cgroup/memory.max",
    "/sys/fs/cgroup/memory/memory.limit_in_bytes",
)
_QUESTION_SECONDS = 20
SUDO_COMMAND = "/usr/bin/sudo"
"""By its full name: an earlier step of the job may have put another first on the path."""


class Walls(StrEnum):
    """What stands around a model. The values are those of the evidence."""

    NAMESPACES = "namespaces"
    """Namespaces of an ordinary user."""
    SUDO = "sudo"
    """Namespaces made by root, and in them the user nobody."""
    NONE = "none"
    """Only an environment without secrets, and limits."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Interpreter:
    """A Python that can run a model, and the folders it lives in."""

    python: Path
    folders: tuple[Path, ...]


def inspect(python: Path) -> Interpreter:
    """Find where an interpreter lives, by looking at its files.

    It is not started, because every start also runs what is installed in it, and it is not queried,
    because what it says would decide what it may see. Only the interpreter that runs cdml itself
    is queried: its packages are running already.

    Raises:
        ConfigurationError: it belongs to no Python installation.
    """
    ours = python == Path(sys.executable)
    python = python.parent.resolve() / python.name  # the name itself may be a venv's link
    settings = python.parent.parent / "pyvenv.cfg"
    if not settings.is_file():
        python = python.resolve()
    bases = {python.resolve().parent.parent, *_home(settings)}
    installations = {base for base in bases if any(base.glob("lib*/python3.*/os.py"))}
    if not installations or not os.access(python, os.X_OK):
        raise ConfigurationError(
            f"{python} is not the interpreter of a Python installation.",
            "Set scoring.environment to model, current, or the path of an interpreter.",
        )
    around = {*installations, *([settings.parent] if settings.is_file() else [])}
    parts = {part for folder in around for part in _parts(folder)}
    return Interpreter(
        python=python, folders=_outermost(parts | (_our_places() if ours else set()))
    )


def _home(settings: Path) -> list[Path]:
    """The installation that a virtual environment says it was made from."""
    try:
        lines = settings.read_text(encoding="utf-8").splitlines()
    except (OSError, ValueError):
        return []
    pairs = [line.partition("=") for line in lines]
    homes = [Path(value.strip()) for name, _, value in pairs if name.strip().lower() == "home"]
    return [home.resolve().parent for home in homes if home.is_absolute()]


def _parts(folder: Path) -> set[Path]:
    """What Python put into a folder; a link that leads out of it does not count."""
    real = folder.resolve()
    parts = {(folder / name).resolve() for name in _OF_PYTHON if (folder / name).exists()}
    return {part for part in parts if part != real and part.is_relative_to(real)}


def _our_places() -> set[Path]:
    """Where the interpreter that runs cdml finds packages."""
    question = "import json, sys; print(json.dumps([sys.prefix, sys.base_prefix, *sys.path]))"
    answer = subprocess.run(
        [sys.executable, "-I", "-c", question],
        env=environment(Path("/nonexistent")),
        capture_output=True,
        text=True,
        check=True,
        timeout=_QUESTION_SECONDS,
    ).stdout
    return {place.resolve() for name in json.loads(answer) if (place := Path(name)).is_dir()}


def environment(home: Path) -> dict[str, str]:
    """The whole environment of the scoring process: allow-listed, so that no token is in it."""
    return {
        "PATH": "/usr/local/bin:/usr/bin:/bin",
        "HOME": str(home),
        "TMPDIR": str(home),
        "LANG": "C.UTF-8",
        "TZ": "UTC",
        "OMP_NUM_THREADS": "1",
        "PYTHONHASHSEED": "0",
        "MLFLOW_DISABLE_TELEMETRY": "true",
    }


@dataclass(frozen=True, slots=True, kw_only=True)
class SandboxedCommand:
    """A command with its working folder, and what it may see and take.

    `keep` are further paths that it may see, and whether it may write there; `hide` are
    folders and files of the job, wherever it runs: they are hidden with the repositories around
    them, also where they lie among what is kept. After so many `seconds` it is ended with all it
    started. `network` are variables for one that may use the machine's network, in a sandbox as
    well; None: it may not.
    """

    command: Sequence[str]
    scratch: Path
    keep: Sequence[tuple[Path, bool]]
    walls: Walls
    seconds: float
    hide: Sequence[Path] = ()
    most_bytes: int = DEFAULT_FILE_BYTES
    network: Mapping[str, str] | None = None

    @property
    def environment(self) -> dict[str, str]:
        """All variables that it has."""
        return {**environment(self.scratch), **(self.network or {})}

    def specification(self) -> dict[str, Any]:
        """The launcher's input."""
        behind, network = self.walls is not Walls.NONE, self.network is not None
        return {
            "command": list(self.command),
            "environment": self.environment,
            "walls": self.walls,
            "network": network,
            "layout": _layout(Path(self.command[0]), self.keep, self.hide, network=network)
            if behind
            else [],
            "written": [str(path.resolve()) for path, writable in self.keep if writable],
            "owner": [os.getuid(), os.getgid()],
            "limits": {
                "RLIMIT_CORE": 0,
                "RLIMIT_FSIZE": self.most_bytes,
                # Of processor time; the clock is the caller's.
                "RLIMIT_CPU": int(self.seconds * (os.cpu_count() or 1)) + 60,
                "RLIMIT_NOFILE": _MOST_FILES,
                # What a process allocates. RLIMIT_AS would also count what is only set aside: each
                # thread's stack, the arenas of allocators, files that are mapped.
                "RLIMIT_DATA": memory(),
                # The kernel counts them for each user of each user namespace. Without one of its
                # own the model would be refused for what all others of its user run.
                **({"RLIMIT_NPROC": _MOST_PROCESSES} if behind else {}),
            },
        }


def memory() -> int:
    """Bytes that one process may allocate: all of the machine's, or of our own control group."""
    limits = [os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")]
    for name in _LIMITS_OF_GROUP:
        try:
            limits.append(int(Path(name).read_text(encoding="ascii")))
        except (OSError, ValueError):  # no such group, or `max`
            continue
    return min(limits)


def launch(specification: Mapping[str, object], file: Path) -> list[str]:
    """The command that runs the launcher."""
    file.write_text(json.dumps(specification), encoding="utf-8")
    as_root = [SUDO_COMMAND, "-n", "--"] if specification["walls"] is Walls.SUDO else []
    return [*as_root, sys.executable, "-I", "-S", str(LAUNCHER), str(file)]


def _layout(
    command: Path, keep: Sequence[tuple[Path, bool]], hide: Sequence[Path], *, network: bool = False
) -> list[list[object]]:
    """The file system inside the sandbox, from its top: kind, path and a word more of each entry.

    Only what is listed may be seen; the job's data, if they lie among it, are covered.
    """
    private = _private(os.environ, hide)
    mounts = {part: w for path, w in keep for part in _pieces(path.resolve(), w, private)}
    links = _links(command)
    trees = dict.fromkeys(_trees_of_system(links), False)
    for path in map(Path("/").joinpath, _OF_NETWORK if network else ()):
        if path.exists():  # often a link into a folder of the running system
            links |= _links(path)
            trees[path.resolve()] = False
    trees |= mounts
    entries: list[tuple[str, Path, bool | str]]
    entries = [("tree", path, writable) for path, writable in trees.items()]
    entries += [("link", path, target) for path, target in links.items()]
    entries += [("empty", Path(path), "") for path in _FOR_SCRATCH if Path(path) not in trees]
    for path in private | {file.resolve() for file in hide if file.is_file()}:
        if path not in trees and any(path.is_relative_to(tree) for tree in trees):
            entries.append(("empty" if path.is_dir() else "blank", path, ""))
    # What lies deeper comes later, and so on top.
    entries.sort(key=lambda entry: (len(entry[1].parts), str(entry[1])))
    return [[kind, str(path), more] for kind, path, more in entries]


def _trees_of_system(links: dict[Path, str]) -> list[Path]:
    """The folders and files of the system that any program may read; adds their links."""
    trees = []
    for pattern in _SYSTEM:
        for path in Path("/").glob(pattern):
            if path.is_symlink():
                links |= _links(path)
            elif path.exists():
                trees.append(path)
    return trees


def _links(path: Path) -> dict[Path, str]:
    """The symbolic links that the way to a path leads over, and where each leads."""
    links: dict[Path, str] = {}
    place, waiting = Path("/"), list(path.absolute().parts[1:])
    while waiting:
        part = waiting.pop(0)
        step = place.parent if part == ".." else place / part
        if step in links:
            break  # in a circle
        if step.is_symlink():
            target = links[step] = str(step.readlink())
            waiting = [one for one in Path(target).parts if one != "/"] + waiting
            place = Path("/") if target.startswith("/") else place
        else:
            place = step
    return links


def _private(variables: Mapping[str, str], folders: Sequence[Path]) -> set[Path]:
    """Folders that may hold what is none of the model's business."""
    named = [Path(variables[name]) for name in _FOLDERS_OF_A_USER if variables.get(name)]
    candidates = [folder.parent if folder.is_file() else folder for folder in folders]
    here = [Path.cwd(), *(folder.resolve() for folder in candidates), *named]
    around = [parent for folder in here for parent in folder.parents if _is_anybodys(parent)]
    real = {path.resolve() for path in [*here, *around] if path.is_absolute() and path.is_dir()}
    return real - {path.resolve() for path in _NEVER_HIDDEN if path.exists()}


def _is_anybodys(folder: Path) -> bool:
    """Whether it is the top of a repository, or of a runner with its credentials."""
    return any((folder / name).exists() for name in (".git", ".credentials", ".runner"))


def _pieces(path: Path, writable: bool, private: set[Path]) -> list[Path]:
    """The path itself; of an environment laid into somebody's home, only what Python put there."""
    if writable or not any(folder.is_relative_to(path) for folder in private):
        return [path]
    return [part for name in _OF_PYTHON if (part := path / name).exists()]


def _outermost(paths: set[Path]) -> tuple[Path, ...]:
    """The folders, without those that lie in another one of them."""
    return tuple(
        sorted(path for path in paths if not any(parent in paths for parent in path.parents))
    )
