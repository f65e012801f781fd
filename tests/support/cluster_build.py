"""The programs of a real cluster, built from `tests/cluster` while other tests run."""

import fcntl
import os
import shlex
import shutil
import signal
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path

import pytest

SOURCES = Path(__file__).parents[1] / "cluster"
FOLDER = Path(sys.prefix) / "cluster"
LOG = FOLDER / "build.log"
_LOCK = FOLDER / "lock"
_LOCKED = [Path(__file__).parents[2] / f"requirements/{name}.txt" for name in ("cluster", "kserve")]
_IN_CI = os.environ.get("CI") == "true"  # before tests forget what runs them
_UV = Path(sys.executable).with_name("uv")
CLUSTER, KSERVE = "cluster", "kserve"
_SCRIPTS = {
    CLUSTER: (SOURCES / "build.sh", FOLDER, _UV),
    KSERVE: (SOURCES / "kserve/build.sh", FOLDER, _UV),
}
"""What builds each part, in this order."""


class BackgroundBuild:
    """A build that starts with the session. What it leaves undone, `programs` does."""

    process = None

    def start(self, parts):
        if cannot_build() or all(map(_is_built, parts)):
            return
        with _locked() as lock:
            if lock is not None:
                self.process = _build(parts, lock)

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


def programs(part=CLUSTER):
    """The folder with `etcd`, `kube-apiserver` and the others, and with KServe's manager."""
    if why := cannot_build():
        leave_out(f"the programs of {part}: {why}")
    while not _is_built(part):
        with _locked() as lock:
            if lock is not None:
                _build([part], lock).wait()
                assert _is_built(part), LOG.read_text()[-2000:]
        time.sleep(0.5)
    return FOLDER


def leave_out(why):
    """Skip a test that this machine cannot run; in CI, where every test runs, it fails."""
    if _IN_CI:
        pytest.fail(f"{why}, and CI runs every test")
    pytest.skip(f"left out: {why}")


def _is_built(part):
    newest = max(one.stat().st_mtime for one in (*SOURCES.rglob("*"), *_LOCKED))
    return _stamp(part).exists() and _stamp(part).stat().st_mtime > newest


def _stamp(part):
    return FOLDER / f"{part}.built"


def _build(parts, lock):
    """The process that builds parts. It has the lock until it ends, and ends with its parent."""
    commands = []
    for part, script in _SCRIPTS.items():
        if part in parts and not _is_built(part):
            commands += [("nice", "-n", "19", *script), ("touch", _stamp(part))]
    build = " && ".join(shlex.join(map(str, one)) for one in commands)
    with LOG.open("w") as log:
        return subprocess.Popen(
            ["bash", "-c", f"exec 3<&0; (read -r <&3; kill 0) & {build}; kill 0"],
            stdin=subprocess.PIPE,
            stdout=log,
            stderr=log,
            pass_fds=[lock.fileno()],
            start_new_session=True,
        )


@contextmanager
def _locked():
    """The lock of the folder; None where it is taken."""
    FOLDER.mkdir(exist_ok=True)
    with _LOCK.open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield None
        else:
            yield lock
