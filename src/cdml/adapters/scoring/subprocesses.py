"""Run a command in a sandbox, hear what it says, and end it in time."""

import os
import selectors
import signal
import stat
import subprocess
import sys
import tempfile
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from cdml.adapters.scoring.sandbox import (
    SUDO_COMMAND,
    SandboxedCommand,
    Walls,
    environment,
    launch,
)
from cdml.common.progress import ProgressStep
from cdml.common.scratch_folders import prefix as scratch_prefix

_STAMPING = Path(__file__).with_name("stamping.py")
_LONGEST_LINE = 1 << 20
_OUTPUT_LIMIT = 4096
_TICK = 0.2
_GRACE_SECONDS = 10
"""For the kernel to end a whole namespace, on a machine that is busy."""
_GRACE_OF_ROOT_SECONDS = 120
"""The same, and for root to give back what another user wrote."""
_END_GROUP = "import os, sys; os.killpg(int(sys.argv[1]), 9)"


@dataclass(frozen=True, slots=True, kw_only=True)
class ProcessResult:
    """How a command ended: `code` is 128 + N after signal N; the last line it printed."""

    code: int
    timed_out: bool
    last_words: str


def run(
    command: SandboxedCommand, hear: Callable[[bytes], None], *, stamped: bool = False
) -> ProcessResult:
    """Run a command to its end.

    The number of the descriptor it can speak on is added to the command; `hear` gets every line.
    `stamped` lines come behind the time at which they were said, in nanoseconds of a monotonic
    clock, and a space.
    """
    if command.walls is Walls.SUDO:
        _open_what_is_private(path for path, writable in command.keep if not writable)
        process, reading = _start_as_root(command)
    else:
        process, reading = _start(command)
    stamper = None
    try:
        if stamped:
            stamper, reading = _stamp(reading)
        listener = _Listener(process, reading, hear, stamper)
        timed_out = listener.listen(time.monotonic() + command.seconds)
    finally:
        _end(process)
        os.close(reading)
        if stamper is not None:
            stamper.kill()
            stamper.wait()
        if process.stdout:
            process.stdout.close()
    code = process.returncode
    return ProcessResult(
        code=code if code >= 0 else 128 - code,
        timed_out=timed_out,
        last_words=listener.last_words(),
    )


@contextmanager
def private_folder(prefix: str) -> Iterator[Path]:
    """A folder that is gone afterwards, and that nobody else gets to.

    What keeps others out is the folder around it: another user who is shown this one, behind
    sandbox, can read it.
    """
    named = scratch_prefix(prefix.rstrip("-"))
    with tempfile.TemporaryDirectory(prefix=named, ignore_cleanup_errors=True) as name:
        folder = Path(name).resolve() / "job"
        folder.mkdir()
        folder.chmod(0o755)
        yield folder


def _start(command: SandboxedCommand) -> tuple[subprocess.Popen[bytes], int]:
    order = command.specification()
    reading, writing = os.pipe()
    order["command"].append(str(writing))
    try:
        process = subprocess.Popen(
            launch(order, command.scratch / "order.json"),
            cwd=command.scratch,
            env=command.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            pass_fds=(writing,),
            start_new_session=True,
        )
    except BaseException:
        os.close(reading)
        raise
    finally:
        os.close(writing)
    return process, reading


def _start_as_root(command: SandboxedCommand) -> tuple[subprocess.Popen[bytes], int]:
    """The same with sudo, which hands on no descriptors: the command speaks through a pipe's name.

    Without a terminal (its session has none) sudo gives root our own standard input, whose end
    makes the launcher end.
    """
    pipe = command.scratch / "status"
    os.mkfifo(pipe, 0o600)
    reading = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    try:
        process = subprocess.Popen(
            launch(
                {**command.specification(), "status": str(pipe)}, command.scratch / "order.json"
            ),
            cwd=command.scratch,
            env=environment(command.scratch),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    except BaseException:
        os.close(reading)
        raise
    return process, reading


def _stamp(reading: int) -> tuple[subprocess.Popen[bytes], int]:
    stamped, writing = os.pipe()
    try:
        os.set_blocking(reading, True)
        stamper = subprocess.Popen(
            [sys.executable, "-I", "-S", str(_STAMPING)],
            stdin=reading,
            stdout=writing,
            stderr=subprocess.DEVNULL,
            env={},
            start_new_session=True,
        )
    finally:
        os.close(reading)
        os.close(writing)
    return stamper, stamped


def _open_what_is_private(paths: Iterator[Path]) -> None:
    """Let another user read what lies in a private folder of ours, and so gets no other reader."""
    for path in map(Path.resolve, paths):
        if not any(_is_private(folder) for folder in path.parents):
            continue
        path.chmod(_readable(path))
        for folder, folders, files in os.walk(path):
            for name in (*folders, *files):
                if not (inner := Path(folder, name)).is_symlink():
                    inner.chmod(_readable(inner))


def _is_private(folder: Path) -> bool:
    status = folder.stat()
    return status.st_uid == os.getuid() and not status.st_mode & 0o077


def _readable(path: Path) -> int:
    mode = stat.S_IMODE(path.stat().st_mode)
    runs = 0o055 if path.is_dir() or mode & stat.S_IXUSR else 0o044
    return mode | runs


class Conversation(ABC):
    """What a process says, taken as foreign words."""

    @abstractmethod
    def take(self, line: bytes) -> None:
        """Take one line, or raise where it says nothing known."""

    def hear(self, line: bytes) -> None:
        """Take one line; one that says nothing known is passed over."""
        with suppress(
            ValueError, KeyError, TypeError, AttributeError, OverflowError, IndexError,
            RecursionError,
        ):  # fmt: skip
            self.take(line)


class Steps:
    """So many steps of progress, whoever says more."""

    def __init__(self, step: ProgressStep, total: int) -> None:
        self._step, self._left = step, total

    def advance(self, amount: int) -> None:
        """Some more are done."""
        amount = min(max(amount, 0), self._left)
        self._left -= amount
        self._step.advance(amount)


class _Listener:
    """Reads what is said on the descriptor, and keeps the end of what is printed."""

    def __init__(
        self,
        process: subprocess.Popen[bytes],
        reading: int,
        hear: Callable[[bytes], None],
        stamper: subprocess.Popen[bytes] | None = None,
    ) -> None:
        self._process = process
        self._stamper = stamper
        self._reading = reading
        self._hear = hear
        self._said = b""
        self._printed = b""
        self._over_since = 0.0

    def listen(self, deadline: float) -> bool:
        """Until the process ends; whether its time was over first."""
        assert self._process.stdout is not None  # noqa: S101 - it was requested
        printed = self._process.stdout.fileno()
        with selectors.DefaultSelector() as selector:
            for descriptor in (self._reading, printed):
                os.set_blocking(descriptor, False)
                selector.register(descriptor, selectors.EVENT_READ)
            while time.monotonic() < deadline:
                over = self._process.poll() is not None
                for key, _ in selector.select(0.01 if over else _TICK):
                    if not self._take(key.fd):
                        selector.unregister(key.fd)
                if over and self._stamped_all():
                    self._drain(self._reading, printed)
                    return False
        return True

    def _stamped_all(self) -> bool:
        """Whether no line is on its way; who keeps the pipe open on purpose is not waited for."""
        if self._stamper is None:
            return True
        now = time.monotonic()
        self._over_since = self._over_since or now
        return self._stamper.poll() is not None or now > self._over_since + _GRACE_SECONDS

    def last_words(self) -> str:
        lines = self._printed.decode("utf-8", "replace").strip().splitlines()
        words = "".join(char for char in (lines or [""])[-1] if char.isprintable())
        return words[:200].rstrip(". ")

    def _take(self, descriptor: int) -> bool:
        try:
            piece = os.read(descriptor, 1 << 16)
        except BlockingIOError:
            return False
        if descriptor != self._reading:
            self._printed = (self._printed + piece)[-_OUTPUT_LIMIT:]
            return bool(piece)
        *lines, rest = (self._said + piece).split(b"\n")
        self._said = rest[-_LONGEST_LINE:]
        for line in lines:
            self._hear(line)
        return bool(piece)

    def _drain(self, *descriptors: int) -> None:
        """What is left in the pipes once everybody who could write is gone."""
        for descriptor in descriptors:
            while self._take(descriptor):
                pass


def _end(process: subprocess.Popen[bytes]) -> None:
    """End the launcher, which ends what it started; if it does not, end the whole group."""
    as_root = process.stdin is not None
    if process.stdin is not None:
        process.stdin.close()
    if process.poll() is None:
        if not as_root:
            process.send_signal(signal.SIGTERM)
        try:
            process.wait(_GRACE_OF_ROOT_SECONDS if as_root else _GRACE_SECONDS)
        except subprocess.TimeoutExpired:
            if as_root:
                # Not with the command `kill`: some versions of it take a group's number, which is
                # negative, for -1, and end every process of the machine.
                group = [sys.executable, "-I", "-S", "-c", _END_GROUP, str(process.pid)]
                subprocess.run([SUDO_COMMAND, "-n", "--", *group], check=False, capture_output=True)
            else:
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
