"""This machine as the one that trains: the command, its signals, and what there is to record."""

import json
import os
import platform
import selectors
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from types import FrameType

from cdml.adapters.scoring.package_index import find_uv, uv_environment
from cdml.adapters.training.log_filter import LogFilter
from cdml.common.redaction import without_journal_keys
from cdml.errors import ConfigurationError
from cdml.evidence.lineage import Hardware
from cdml.training.machine import InstalledPackages, TrainingJob, TrainingProcessEnd

PATH = "CDML_TRAINING_PATH"
"""The caller's PATH, where an action put the system's folders in front of it for cdml itself."""
LIBRARIES = "CDML_TRAINING_LD_LIBRARY_PATH"
"""The caller's LD_LIBRARY_PATH, which the actions keep from cdml itself."""
_FORWARDED = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_GRACE_SECONDS = 10.0
"""Between the signal that lets a command end in order and the one that ends it."""
_TICK = 0.2
_LIST_PACKAGES = (
    "import json, platform; from importlib.metadata import distributions;"
    "print(json.dumps([platform.python_version(), sorted({f'{d.name}=={d.version}'"
    " for d in distributions() if d.name})]))"
)
_NVIDIA = ("nvidia-smi", "--query-gpu=name,memory.total,driver_version", "--format=csv,noheader")
_PROBE_SECONDS = 10


class LocalMachine:
    """Runs training commands on this machine."""

    def __init__(self, environment: Mapping[str, str], grace: float = _GRACE_SECONDS) -> None:
        self._variables = _caller_variables(environment)
        self._given = environment
        self._grace = grace

    def run(self, job: TrainingJob) -> TrainingProcessEnd:
        command, variables = [*job.command], {**self._variables, **job.variables}
        if job.lock is not None:
            variables |= {
                name: value
                for name, value in uv_environment(self._given).items()
                if name not in ("PATH", "HOME")
            }
            command = [*self._uv(), "run", "--no-project", "--with-requirements", str(job.lock),
                       "--", *command]  # fmt: skip
        start = time.monotonic()
        process = _start(command, job.folder, variables)
        log = LogFilter()
        with _signals() as received:
            try:
                timed_out = self._follow(process, log, start + job.seconds, received)
            finally:
                _kill_group(process)
                _drain(process, log)
        if received:
            raise KeyboardInterrupt
        code = process.returncode
        return TrainingProcessEnd(
            code=code if code >= 0 else 128 - code,
            timed_out=timed_out,
            seconds=time.monotonic() - start,
            address=log.address.decode() if log.address else None,
            last_line=log.last_line.decode("utf-8", "replace").strip(),
        )

    def hardware(self) -> Hardware:
        return Hardware(
            system=f"{platform.system()} {platform.release()}",
            processor=f"{platform.machine()} {_processor_name()}".strip(),
            cores=_cores(),
            memory_mb=_memory_mb(),
            gpus=tuple((self._output(_NVIDIA, Path.cwd()) or "").strip().splitlines()[:64]),
        )

    def packages(self, program: str, folder: Path) -> InstalledPackages:
        # Another program, such as a shell, most likely starts this one.
        interpreter = program if Path(program).name.startswith("python") else "python3"
        printed = self._output((interpreter, "-c", _LIST_PACKAGES), folder)
        with suppress(ValueError):
            python, packages = json.loads(printed or "")
            return InstalledPackages(python=str(python), packages=tuple(map(str, packages)))
        return InstalledPackages(python=None)

    def is_clean(self, folder: Path) -> bool | None:
        committed = self._output(("git", "rev-parse", "--verify", "--quiet", "HEAD"), folder)
        changes = ("git", "status", "--porcelain", "--untracked-files=no")
        status = self._output(changes, folder) if committed else None
        return None if status is None else not status.strip()

    def _uv(self) -> list[str]:
        try:
            return find_uv()
        except ConfigurationError as error:
            raise ConfigurationError(
                "uv, which builds the environment of training.environment, is not installed.",
                "Install uv, or set training.environment to current.",
            ) from error

    def _path(self) -> str | None:
        return self._variables.get("PATH")

    def _output(self, command: tuple[str, ...], folder: Path) -> str | None:
        """What a short command prints; None where it cannot be run or fails."""
        program = shutil.which(command[0], path=self._path())
        if program is None:
            program = str(folder / command[0]) if "/" in command[0] else ""
        try:
            done = subprocess.run(
                [program, *command[1:]],
                cwd=folder,
                env=self._variables,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                errors="replace",
                check=False,
                timeout=_PROBE_SECONDS,
            )
        except (OSError, ValueError, subprocess.TimeoutExpired):
            return None
        return done.stdout if done.returncode == 0 else None

    def _follow(
        self,
        process: subprocess.Popen[bytes],
        log: LogFilter,
        deadline: float,
        received: list[int],
    ) -> bool:
        """Show the output until the command ends; whether its time was over first."""
        passed_on, kill_at, timed_out = 0, float("inf"), False
        pipe = _descriptor(process)
        with selectors.DefaultSelector() as selector:
            selector.register(pipe, selectors.EVENT_READ)
            while process.poll() is None:
                now = time.monotonic()
                if now >= deadline and not timed_out:
                    timed_out, kill_at = True, now + self._grace
                    _signal_group(process, signal.SIGTERM)
                if len(received) > passed_on:
                    # The first signal lets it end in order; whoever sends another wants the end.
                    _signal_group(process, received[passed_on] if not passed_on else signal.SIGKILL)
                    passed_on, kill_at = len(received), min(kill_at, now + self._grace)
                if now >= kill_at:
                    _signal_group(process, signal.SIGKILL)
                if selector.get_map():
                    for _ in selector.select(_TICK):
                        if not _show(pipe, log):
                            selector.unregister(pipe)
                else:
                    with suppress(subprocess.TimeoutExpired):
                        process.wait(_TICK)
        return timed_out


def _caller_variables(environment: Mapping[str, str]) -> dict[str, str]:
    """What the user's own step would have: without cdml's own settings, keys and modules."""
    variables = {
        name: value
        for name, value in without_journal_keys(environment).items()
        if not name.startswith("CDML_")
    }
    if PATH in environment:  # an action: PYTHONPATH is that of cdml itself
        variables.pop("PYTHONPATH", None)
        variables["PATH"] = environment[PATH]
    if environment.get(LIBRARIES):
        variables["LD_LIBRARY_PATH"] = environment[LIBRARIES]
    for name in ("BASH_ENV", "ENV", "LD_PRELOAD", "LD_AUDIT", "LD_LIBRARY_PATH"):
        if variables.get(name) == "":
            del variables[name]
    return {"PYTHONUNBUFFERED": "1", **variables}


def _start(
    command: list[str], folder: Path, variables: Mapping[str, str]
) -> subprocess.Popen[bytes]:
    program = shutil.which(command[0], path=variables.get("PATH"))
    if "/" in command[0]:
        program = str((folder / command[0]).absolute())
    if program is None:
        raise ConfigurationError(
            f"training.command: there is no program {command[0]}.",
            "Install it, or correct the command.",
        )
    sys.stderr.flush()
    try:
        return subprocess.Popen(
            [program, *command[1:]],
            cwd=folder,
            env=dict(variables),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    except (OSError, ValueError) as error:
        raise ConfigurationError(
            f"training.command: {command[0]} cannot be run: {error}.",
            "Correct the command; a script needs its interpreter, such as python, before it.",
        ) from error


@contextmanager
def _signals() -> Iterator[list[int]]:
    """The signals that this process gets meanwhile, in place of its end."""
    received: list[int] = []

    def note(number: int, _: FrameType | None) -> None:
        received.append(number)

    before = {number: signal.signal(number, note) for number in _FORWARDED}
    try:
        yield received
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _descriptor(process: subprocess.Popen[bytes]) -> int:
    assert process.stdout is not None  # noqa: S101 - it was requested
    descriptor = process.stdout.fileno()
    os.set_blocking(descriptor, False)
    return descriptor


def _show(pipe: int, log: LogFilter) -> bool:
    """Write what has come; false at the end of the pipe."""
    try:
        piece = os.read(pipe, 1 << 16)
    except BlockingIOError:
        return True
    _write(log.feed(piece))
    return bool(piece)


def _write(text: bytes) -> None:
    with suppress(OSError, ValueError):  # a log that is closed does not stop a training
        sys.stderr.buffer.write(text)
        sys.stderr.buffer.flush()


def _drain(process: subprocess.Popen[bytes], log: LogFilter) -> None:
    pipe = _descriptor(process)
    with suppress(BlockingIOError):
        while piece := os.read(pipe, 1 << 16):
            _write(log.feed(piece))
    _write(log.end())
    if process.stdout is not None:
        process.stdout.close()


def _signal_group(process: subprocess.Popen[bytes], number: int) -> None:
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, number)


def _kill_group(process: subprocess.Popen[bytes]) -> None:
    """End what is left of the command, so that nothing writes into the model any more."""
    _signal_group(process, signal.SIGKILL)
    process.wait()


def _cores() -> int:
    affinity = getattr(os, "sched_getaffinity", None)
    return len(affinity(0)) if affinity else os.cpu_count() or 0


def _processor_name() -> str:
    with suppress(OSError):
        for line in Path("/proc/cpuinfo").read_text(errors="replace").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return ""


def _memory_mb() -> int | None:
    with suppress(OSError, ValueError):
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") // 2**20
    return None
