"""The programs of a real cluster, built from `tests/cluster` while other tests run."""

import fcntl
import os
import shutil
import signal
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path

import pytest

SOURCES = Path(__file__).parents[1] / "cluster"
FOLDER = Path(sys.prefix) / "cluster"
LOG = FOLDER / "build.log"
_BUILT = FOLDER / "built"
_LOCK = FOLDER / "lock"
_LOCKED = Path(__file__).parents[2] / "requirements/cluster.txt"
_IN_CI = os.environ.get("CI") == "true"  # before tests forget what runs them
_UV = Path(sys.executable).with_name("uv")
_COMMAND = ["nice", "-n", "19", SOURCES / "build.sh", FOLDER, _UV]


class BackgroundBuild:
    """A build that starts with the session. What it leaves undone, `programs` does."""

    process = None

    def start(self):
        if cannot_build() or _is_built():
            return
        with _locked(fcntl.LOCK_NB) as lock:
            if lock is not None:
                self.process = _build(lock)

    def stop(self):
        if self.process is not None and self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGTERM)
            self.process.wait()


def cannot_build():
    """Why this machine cannot build them; empty where it can."""
    if sys.platform != "linux":
        return "a cluster needs Linux"
    path = f"{os.environ['PATH']}:/usr/local/go/bin"
    return "" if shutil.which("go", path=path) else "Go is not installed"


def programs():
    """The folder with `etcd`, `kube-apiserver` and the others."""
    if why := cannot_build():
        leave_out(why)
    with _locked() as lock:
        if not _is_built():
            _build(lock).wait()
        assert _is_built(), LOG.read_text()[-2000:]
    return FOLDER


def leave_out(why):
    """Skip a test that this machine cannot run; in CI, where every test runs, it fails."""
    if _IN_CI:
        pytest.fail(f"{why}, and CI runs every test")
    pytest.skip(f"left out: {why}")


def _is_built():
    newest = max(one.stat().st_mtime for one in (*SOURCES.rglob("*"), _LOCKED))
    return _BUILT.exists() and _BUILT.stat().st_mtime > newest


def _build(lock):
    """The process that builds. It has the lock until it ends, and ends with whoever started it."""
    with LOG.open("w") as log:
        return subprocess.Popen(
            [
                "bash",
                "-c",
                'exec 3<&0; (read -r <&3; kill 0) & "$@" && touch "$0"; kill 0',
                _BUILT,
                *_COMMAND,
            ],
            stdin=subprocess.PIPE,
            stdout=log,
            stderr=log,
            pass_fds=[lock.fileno()],
            start_new_session=True,
        )


@contextmanager
def _locked(how=0):
    """The lock of the folder; None where it is taken and `how` is not to wait."""
    FOLDER.mkdir(exist_ok=True)
    with _LOCK.open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | how)
        except BlockingIOError:
            yield None
        else:
            yield lock
