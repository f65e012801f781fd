"""Real servers on free loopback ports, for as long as a test session lasts."""

import itertools
import os
import random
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from contextlib import contextmanager, suppress
from pathlib import Path

_FIRST, _LAST = 10_000, 30_000
"""Below the ports that the system gives to connections: one of these could have it first."""
_SHARES = 4


def free_port():
    """A port that nobody listens on, and that this process does not give again for long.

    Its server listens later, so two test processes must not choose alike: each has a share of
    the ports, and takes them in turn.
    """
    while True:
        port = next(_PORTS)
        with socket.socket() as probe, suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port


def _turns():
    size = (_LAST - _FIRST) // _SHARES
    share = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw")) % _SHARES
    start = random.SystemRandom().randrange(size)  # Hypothesis seeds the other
    return itertools.cycle(_FIRST + share * size + (start + step) % size for step in range(size))


_PORTS = _turns()


@contextmanager
def mlflow_server(folder: Path, *, arguments=(), environment=None, patience=600):
    """A real `mlflow server` with its files in `folder`; gives its address.

    The address is http://127.0.0.1:PORT; artifacts are served by the server itself, so that a
    client needs nothing but the address.
    """
    port = free_port()
    folder.mkdir(parents=True, exist_ok=True)
    log = (folder / "server.log").open("w+")
    process = subprocess.Popen(
        [
            *(sys.executable, "-m", "mlflow", "server", "--host", "127.0.0.1"),
            *("--port", str(port), "--workers", "1"),
            *("--backend-store-uri", f"sqlite:///{folder / 'mlflow.db'}"),
            *("--artifacts-destination", str(folder / "artifacts")),
            *arguments,
        ],
        cwd=folder,
        env=_environment(environment),
        stdout=log,
        stderr=subprocess.STDOUT,
        start_new_session=True,
    )
    address = f"http://127.0.0.1:{port}"
    try:
        _wait(process, f"{address}/health", log, patience)
        yield address
    finally:
        os.killpg(process.pid, signal.SIGTERM)
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
        log.close()


def _environment(more):
    """The machine's environment, without what would slow the start or change the server."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if name != "PYTHONDONTWRITEBYTECODE" and not name.startswith("MLFLOW_")
    }
    usual = {"OMP_NUM_THREADS": "1", "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"}
    return {**kept, **usual, **(more or {})}


def _wait(process, health, log, patience):
    deadline = time.monotonic() + patience
    while time.monotonic() < deadline:
        if process.poll() is not None:
            break
        try:
            with urllib.request.urlopen(health, timeout=2):  # noqa: S310 - our own loopback server
                return
        except (urllib.error.URLError, OSError):
            time.sleep(0.2)
    log.seek(0)
    raise RuntimeError(f"mlflow server did not start:\n{log.read()[-2000:]}")
