"""The servers of a target's slots: started so that they outlive the job, known by what they run.

CI runners end what a job leaves behind: by process group, or by variables of theirs that they
find in a process's environment. So a server gets its own session and few variables, none
of them a token. One of those, `CDML_SERVER`, marks it and its children as the slot's, and is
how they are found again, also by a run that comes after one that was killed.
"""

import http.client
import os
import re
import signal
import subprocess
import time
from collections.abc import Callable, Mapping
from pathlib import Path

from cdml.adapters.targets.haproxy import listeners
from cdml.adapters.targets.haproxy.runtime_api import Server
from cdml.adapters.targets.haproxy.slots import Held, SlotFolder
from cdml.config.targets import HaproxySettings
from cdml.delivery.target import ServerAnswer
from cdml.errors import CdmlError, ConfigurationError, InputError, ServiceError
from cdml.journal.records import Release
from cdml.models.digest import model_digest

MARK = "CDML_SERVER"
_INHERITED = re.compile(
    "PATH|HOME|USER|LOGNAME|SHELL|TMPDIR|TZ|LANG|LC_.*|VIRTUAL_ENV|OMP_NUM_THREADS|XDG_.*"
    "|DBUS_SESSION_BUS_ADDRESS|SSL_CERT_FILE|SSL_CERT_DIR|REQUESTS_CA_BUNDLE"
    "|(https?|no)_proxy|(HTTPS?|NO)_PROXY"
)
_TO_END = 10.0
_COMMAND = 60.0
_PAUSE = 0.05
_PING = 2.0
_LARGEST = 64 * 2**20
_LOG_TAIL = 600


class ModelServers:
    """Starts, stops and identifies the servers of the slots; `models` gives a digest's folder."""

    def __init__(
        self, settings: HaproxySettings, slots: SlotFolder, models: Callable[[str], Path]
    ) -> None:
        self._settings = settings
        self._slots = slots
        self._models = models
        self._begun: dict[str, subprocess.Popen[bytes]] = {}

    def proves(self, server: Server, held: Held) -> bool:
        """Whether it is what the slot was given that listens there, and nothing else.

        It is the socket that was there when the server was found ready; or that of a process
        that was started for this digest in this slot (a unit was restarted), if the folder it
        runs from still has that digest.
        """
        listener = self.listener(server)
        if listener is None or listener == held.listener:
            return listener is not None
        if not self._started_for(held.digest, listener, self._processes(server.name)):
            return False
        try:
            return model_digest(self._models(held.digest)) == held.digest
        except InputError:
            return False

    def listener(self, server: Server) -> str | None:
        """Identity of the socket that listens in a slot, or None."""
        return listeners.listener(server.host, server.port)

    def is_foreign(self, server: Server) -> bool:
        """Whether something listens in a slot that was not started for it from here."""
        return listeners.is_port_taken(server.host, server.port) and not self._processes(
            server.name
        )

    def start(self, server: Server, release: Release) -> str:
        """Start a server in an empty slot; the identity of its socket once it is ready.

        Raises:
            InputError: it ended, or was not ready in time.
            ServiceError: the port is taken.
        """
        if listeners.is_port_taken(server.host, server.port):
            raise address_taken(server)
        variables = self._variables(server, release)
        lines = "".join(f"{name}={value}\n" for name, value in variables.items())
        self._slots.write(self._variables_file(server.name).name, lines)
        log = self._slots.folder / f"{server.name}.log"
        try:
            with log.open("wb") as output:
                process = subprocess.Popen(
                    self._words(self._settings.start, variables),
                    cwd=self._slots.folder,
                    env={**_inherited(os.environ), **variables},
                    stdin=subprocess.DEVNULL,
                    stdout=output,
                    stderr=subprocess.STDOUT,
                    start_new_session=True,
                )
        except OSError as error:
            raise ConfigurationError(f"deploy.target.start cannot be run: {error}.") from error
        self._begun[server.name] = process
        return self._ready(server, release, process, log)

    def stop(self, server: Server) -> None:
        """End what runs in a slot, if anything does.

        Raises:
            ServiceError: it does not end, or the port is taken by something else.
        """
        if self._settings.stop is not None:
            self._run(self._settings.stop, server)
        ended = self._settings.stop is not None
        for end in (signal.SIGTERM, signal.SIGKILL):
            if processes := self._processes(server.name):
                ended = True
                _send(end, processes)
                _wait(lambda: not self._processes(server.name), _TO_END)
        if begun := self._begun.pop(server.name, None):
            ended = _reap(begun) or ended
        _wait(
            lambda: not listeners.is_port_taken(server.host, server.port), _TO_END if ended else 0
        )
        if listeners.is_port_taken(server.host, server.port):
            raise address_taken(server)
        self._variables_file(server.name).unlink(missing_ok=True)  # no unit starts it at boot

    def send_request(
        self, server: Server, method: str, path: str, body: bytes, timeout: float
    ) -> ServerAnswer:
        """Send one request to a server, past HAProxy.

        Raises:
            ServiceError: it did not answer in time.
        """
        began = time.monotonic()
        connection = http.client.HTTPConnection(server.host, server.port, timeout=timeout)
        try:
            connection.request(method, path, body, {"Content-Type": "application/json"})
            response = connection.getresponse()
            content = response.read(_LARGEST)
        except (OSError, http.client.HTTPException) as error:
            raise ServiceError(
                f"the server of slot {server.name} at {server.host}:{server.port} does not"
                f" answer: {str(error) or type(error).__name__}."
            ) from error
        finally:
            connection.close()
        return ServerAnswer(status=response.status, body=content, seconds=time.monotonic() - began)

    def answers(self, server: Server) -> bool:
        """Whether a server says that it is ready."""
        try:
            return (
                self.send_request(server, "GET", "/ping", b"", _PING).status == http.HTTPStatus.OK
            )
        except ServiceError:
            return False

    def _ready(
        self, server: Server, release: Release, process: subprocess.Popen[bytes], log: Path
    ) -> str:
        deadline = time.monotonic() + self._settings.ready
        while time.monotonic() < deadline:
            if process.poll():
                raise InputError(
                    f"the server of v{release.version} ended with exit code"
                    f" {process.returncode}: {_last_words(log)}",
                    f"Its output is in {log}.",
                )
            listener = self.listener(server)
            if listener is not None and self.answers(server):
                marked = self._processes(server.name)
                if self._started_for(release.digest, listener, marked):
                    return listener
                if not marked and self._settings.stop is None:
                    raise ConfigurationError(
                        "deploy.target.start hands the server to another program (a unit?), and"
                        " deploy.target.stop is not set."
                    )
                if not marked:
                    return listener
                # A server of an operation that was replaced was quicker; ours ends by itself.
            time.sleep(_PAUSE)
        raise InputError(
            f"the server of v{release.version} did not answer /ping at"
            f" {server.host}:{server.port} within {self._settings.ready:g} s:"
            f" {_last_words(log)}",
            f"Its output is in {log}. Raise deploy.target.ready if it needs more time.",
        )

    def _started_for(
        self, digest: str, listener: str, processes: Mapping[int, Mapping[str, str]]
    ) -> bool:
        """Whether a socket is held by a process that was started to serve this digest."""
        return any(
            variables.get("CDML_DIGEST") == digest
            and variables.get("CDML_MODEL") == str(self._models(digest))
            and listeners.holds_socket(process, listener)
            for process, variables in processes.items()
        )

    def _run(self, command: tuple[str, ...], server: Server) -> None:
        words = self._words(command, {"CDML_SLOT": server.name, "CDML_PORT": str(server.port)})
        problem: object = ""
        try:
            done = subprocess.run(
                words,
                cwd=self._slots.folder,
                env=_inherited(os.environ),
                stdin=subprocess.DEVNULL,
                capture_output=True,
                timeout=_COMMAND,
                check=False,
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            problem = error
        else:
            output = done.stderr.decode(errors="replace")[-_LOG_TAIL:].strip()
            problem = f"exit code {done.returncode}: {output}" if done.returncode else ""
        if problem:
            raise ServiceError(f"deploy.target.stop failed for slot {server.name}: {problem}")

    def _processes(self, slot: str) -> Mapping[int, Mapping[str, str]]:
        return listeners.processes_with_variable(MARK, self._mark(slot))

    def _variables_file(self, slot: str) -> Path:
        return self._slots.folder / f"{slot}.env"

    def _mark(self, slot: str) -> str:
        return str(self._slots.folder / slot)

    def _variables(self, server: Server, release: Release) -> dict[str, str]:
        return {
            MARK: self._mark(server.name),
            "CDML_SLOT": server.name,
            "CDML_PORT": str(server.port),
            "CDML_OWNER": self._slots.owner,
            "CDML_VERSION": release.version,
            "CDML_DIGEST": release.digest,
            "CDML_SOURCE": release.source,
            "CDML_MODEL": str(self._models(release.digest)),
        }

    @staticmethod
    def _words(command: tuple[str, ...], variables: Mapping[str, str]) -> list[str]:
        def value(match: re.Match[str]) -> str:
            return variables.get(f"CDML_{match[1].upper()}", "")

        return [re.sub(r"\{(\w+)\}", value, word) for word in command]


def _inherited(variables: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in variables.items() if _INHERITED.fullmatch(name)}


def _send(number: signal.Signals, processes: Mapping[int, object]) -> None:
    for process in processes:
        try:
            os.kill(process, number)
        except ProcessLookupError:
            continue


def _reap(begun: subprocess.Popen[bytes]) -> bool:
    """End a child of ours that took the mark away; whether there was something to end."""
    alive = begun.poll() is None
    if alive:
        os.killpg(begun.pid, signal.SIGKILL)
    begun.wait()
    return alive


def _wait(done: Callable[[], bool], seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while not done() and time.monotonic() < deadline:
        time.sleep(_PAUSE)


def _last_words(log: Path) -> str:
    try:
        text = log.read_bytes()[-_LOG_TAIL:].decode(errors="replace")
    except OSError:
        return "its log is gone."
    words = re.sub(r"[\x00-\x1f\x7f\s]+", " ", text).strip()
    return words or "it said nothing."


def address_taken(server: Server) -> CdmlError:
    """That a slot's port belongs to somebody else, who may well serve."""
    account = listeners.account(server.host, server.port)
    whose = f", but the account {account}" if account else ""
    return ServiceError(
        f"port {server.port} of slot {server.name} is in use by a process that cdml did not"
        f" start from here{whose}.",
        f"Find it with `ss -ltnp 'sport = :{server.port}'`. Deploy with the account and the"
        " deploy.target.state that started it, or give the slot another port.",
    )
