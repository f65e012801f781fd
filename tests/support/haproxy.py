"""A real HAProxy as examples/vm configures it, at ports of its own, and its model servers."""

import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from pathlib import Path

from support.servers import free_port

_PROGRAM = shutil.which("haproxy", path=f"{os.environ['PATH']}:/usr/sbin") or "haproxy"
TINY = Path(__file__).with_name("tiny_model.py")

EXAMPLE = Path(__file__).parents[2] / "examples" / "vm" / "haproxy.cfg"


class Haproxy:
    """One HAProxy; `remembers` lets it read the state that the target keeps for it.

    Without it, a restart gives both slots the weights of the configuration. `checks` is how
    HAProxy finds out that a server is down: servers that are slow need patience.
    """

    def __init__(self, *, remembers=False, checks="inter 100ms fall 2"):
        # Not pytest's folder: the path of a Unix socket has at most 107 bytes.
        self.folder = Path(tempfile.mkdtemp(prefix="cdml-h-"))
        self.state = self.folder / "state"
        self.socket = self.folder / "admin.sock"
        self.port, self.admin, blue, green = (free_port() for _ in range(4))
        self.slots = {"blue": blue, "green": green}
        self._process = None
        self._file = self.folder / "haproxy.cfg"
        self._file.write_text(self._configuration(remembers=remembers, checks=checks))

    def _configuration(self, *, remembers, checks):
        text = EXAMPLE.read_text()
        for old, new in {
            "global\n": f"global\n    stats socket 127.0.0.1:{self.admin} level admin\n",
            "127.0.0.1:8080\n": f"127.0.0.1:{self.port}\n",
            "127.0.0.1:5001\n": f"127.0.0.1:{self.slots['blue']}\n",
            "127.0.0.1:5002\n": f"127.0.0.1:{self.slots['green']}\n",
            "inter 1s fall 3": checks,
            "state-from-file global": f"state-from-file {'global' if remembers else 'none'}",
        }.items():
            assert old in text
            text = text.replace(old, new, 1)
        return text

    @property
    def settings(self):
        """`deploy.target` of cdml.yaml for it, with tiny servers."""
        return {
            "type": "haproxy",
            "socket": str(self.socket),
            "backend": "models",
            "start": [sys.executable, "-S", str(TINY), "{model}", "{port}"],
            "ready": "2m",
            "drain": "1m",
            "state": str(self.state),
        }

    def start(self):
        log = (self.folder / "haproxy.log").open("ab")
        self._process = subprocess.Popen(
            [_PROGRAM, "-f", str(self._file)],
            env={**os.environ, "CDML_RUN": str(self.folder)},
            stdout=log,
            stderr=log,
            stdin=subprocess.DEVNULL,
        )
        log.close()
        deadline = time.monotonic() + 120
        while not self._listens():
            if self._process.poll() is not None or time.monotonic() > deadline:
                self.end()
                raise RuntimeError((self.folder / "haproxy.log").read_text()[-2000:])
            time.sleep(0.02)

    def restart(self):
        self.end()
        self.start()

    def stop(self):
        self.end()
        for slot in self.slots:
            self.kill(slot)
        shutil.rmtree(self.folder)

    def processes(self, slot):
        """What runs in a slot, by the mark in its environment."""
        mark = f"CDML_SERVER={self.state / slot}".encode()
        found = []
        for entry in Path("/proc").glob("[0-9]*/environ"):
            try:
                variables = entry.read_bytes().split(b"\0")
            except OSError:
                continue
            if mark in variables:
                found.append(int(entry.parent.name))
        return found

    def kill(self, slot):
        """End what runs in a slot, as a crash does; its socket is closed then, too."""
        processes = self.processes(slot)
        for process in processes:
            with suppress(ProcessLookupError):
                os.kill(process, signal.SIGKILL)
        self._wait(lambda: all(map(_has_ended, processes)))

    def wait_until_up(self, slot):
        """Wait until a server that somebody started listens, and HAProxy has seen it.

        Seen often enough: what it saw before the server listened can still come out as down.
        """

        def listens():
            with socket.socket() as probe:
                return probe.connect_ex(("127.0.0.1", self.slots[slot])) == 0

        self._wait(listens)
        for _ in range(6):
            self._wait(lambda: self._servers()[slot].up)
            time.sleep(0.05)

    def wait_until_busy(self, slot):
        """Wait until a server has been given a request."""
        self._wait(lambda: self._servers()[slot].requests)

    def _wait(self, done):
        deadline = time.monotonic() + 120
        while not done():
            if time.monotonic() > deadline:
                raise RuntimeError("it did not happen")
            time.sleep(0.02)

    def _servers(self):
        from cdml.adapters.targets.haproxy.runtime_api import Runtime

        return Runtime(str(self.socket), patience=0).servers("models")

    def _listens(self):
        from cdml.errors import ServiceError

        try:
            return set(self._servers()) == set(self.slots)
        except ServiceError:
            return False

    def end(self):
        """Stop HAProxy, and leave the model servers alone."""
        if self._process is not None:
            self._process.terminate()
            try:
                self._process.wait(10)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
            self._process = None


def _has_ended(process):
    """Its environment is gone earlier, while its sockets still listen."""
    try:
        status = Path(f"/proc/{process}/stat").read_text()
    except OSError:
        return True
    return status.rpartition(")")[2].split()[0] in "ZX"
