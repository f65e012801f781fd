"""HAProxy's runtime API: what its servers do, and orders to them."""

import csv
import socket
import time
from collections.abc import Mapping
from dataclasses import dataclass

from cdml.common.suggest import describe_unknown
from cdml.common.time_budget import Budget
from cdml.errors import ConfigurationError, ServiceError

PATIENCE = 10.0
"""Seconds that a socket which is away is waited for, as while HAProxy is reloaded."""
_PAUSE = 0.1
_SECONDS = 5.0
_SERVERS = "show stat -1 4 -1"
"""All servers of all backends: requested by name, a frontend of that name would answer first."""
_FORBIDDEN = "Permission denied"


@dataclass(frozen=True, slots=True, kw_only=True)
class Server:
    """A server as HAProxy sees it now."""

    name: str
    host: str
    port: int
    weight: int  # traffic is split in proportion, among those that are up
    up: bool
    requests: int  # not answered yet
    backup: bool = False  # whether it only serves when no other does


class Runtime:
    """Speaks with one HAProxy at the path of a Unix socket, or at host:port.

    What only reads is sent again, within so many seconds, where the answer broke off. An order
    is sent once: whoever gave it looks at what came of it.
    """

    def __init__(self, endpoint: str, patience: float = PATIENCE) -> None:
        self._endpoint = endpoint
        self._patience = patience
        self.budget = Budget()

    def servers(self, backend: str) -> Mapping[str, Server]:
        """All servers of a backend by name.

        Raises:
            ConfigurationError: HAProxy has no such backend.
            ServiceError: HAProxy does not answer.
        """
        states = servers(self._read(_SERVERS), backend)
        if not states:
            backends = [name for name in self._read("show backend").split("\n")[1:] if name]
            if backend not in backends:
                raise ConfigurationError(
                    "deploy.target.backend: " + describe_unknown("backend", backend, backends)
                )
        return states

    def order(self, backend: str, *orders: tuple[str, str]) -> None:
        """Give orders to servers, all in one request; a pair is a name and, say, `weight 5`.

        HAProxy carries them out one after the other, and says nothing where all is well.

        Raises:
            ConfigurationError: HAProxy does not take orders from this socket.
            ServiceError: HAProxy does not answer, or refuses one of them.
        """
        reply = self._send(
            ";".join(f"set server {backend}/{name} {command}" for name, command in orders)
        )
        if _FORBIDDEN in reply:
            raise ConfigurationError(
                f"HAProxy accepts no commands at {self._endpoint}: {reply.strip()}.",
                "Its line in haproxy.cfg must end with `level admin`: `stats socket … level"
                " admin`.",
            )
        if reply.strip():
            raise ServiceError(
                f"HAProxy rejected a command to {backend}: {' '.join(reply.split())}"
            )

    def state(self, backend: str) -> str:
        """What HAProxy reads at its start from `server-state-file`, to go on as it is now."""
        return self._read(f"show servers state {backend}").rstrip("\n") + "\n"

    def _read(self, command: str) -> str:
        """A whole answer, which ends with an empty line.

        Raises:
            ServiceError: there was none within the patience.
        """
        deadline = time.monotonic() + min(self._patience, self.budget.left)
        while True:
            try:
                answer = self._send(command, deadline)
            except ServiceError:
                if time.monotonic() >= deadline:
                    raise
            else:
                if answer.endswith("\n\n"):
                    return answer
            if time.monotonic() >= deadline:
                raise ServiceError(
                    f"HAProxy's answer at {self._endpoint} to `{command}` broke off"
                    f"{self._waited()}.",
                    "cdml needs HAProxy 2.4 or newer.",
                )
            time.sleep(_PAUSE)

    def _send(self, command: str, deadline: float | None = None) -> str:
        """What is answered to one command, sent once to a socket that is there.

        Raises:
            ServiceError: nobody listens within the patience, or the answer was lost.
        """
        try:
            if deadline is None:
                deadline = time.monotonic() + min(self._patience, self.budget.left)
            with (
                self.budget.spending("HAProxy"),
                self._connected(deadline) as connection,
            ):
                connection.sendall(command.encode() + b"\n")
                parts = []
                while part := connection.recv(65536):
                    parts.append(part)
        except OSError as error:
            waited = "" if isinstance(error, PermissionError) else self._waited()
            raise ServiceError(
                f"HAProxy does not answer at {self._endpoint}{waited}: {error.strerror or error}.",
                "Check that it runs, and that this user may open its runtime socket (`stats"
                " socket`).",
            ) from error
        return b"".join(parts).decode(errors="replace")

    def _waited(self) -> str:
        return f" within {self._patience:g} s" if self._patience else ""

    def _connected(self, deadline: float) -> socket.socket:
        """Connect; nothing was said before that, so that it may be tried again."""
        while True:
            try:
                return self._connect()
            except PermissionError:
                raise
            except OSError:
                if time.monotonic() >= deadline:
                    raise
                time.sleep(_PAUSE)

    def _connect(self) -> socket.socket:
        if self._endpoint.startswith("/"):
            connection = socket.socket(socket.AF_UNIX)
            connection.settimeout(_SECONDS)
            try:
                connection.connect(self._endpoint)
            except BaseException:
                connection.close()
                raise
            return connection
        host, _, port = self._endpoint.rpartition(":")
        return socket.create_connection((host.strip("[]"), int(port)), _SECONDS)


def servers(statistics: str, backend: str) -> Mapping[str, Server]:
    """The servers of a backend in what `show stat` says.

    Raises:
        ServiceError: it is not what `show stat` says.
    """
    rows = csv.DictReader(statistics.removeprefix("# ").splitlines())
    try:
        return {row["svname"]: _server(row) for row in rows if row["pxname"] == backend}
    except (KeyError, TypeError, ValueError) as error:
        raise ServiceError(
            f"HAProxy's statistics cannot be read: {error!r}.",
            "cdml needs HAProxy 2.4 or newer, and a socket of `level admin`.",
        ) from error


def _server(row: Mapping[str, str]) -> Server:
    host, _, port = row["addr"].rpartition(":")
    return Server(
        name=row["svname"],
        host=host.strip("[]"),
        port=int(port),
        weight=int(row["uweight"]),
        up=row["status"].startswith(("UP", "no check")),
        requests=int(row["scur"]) + int(row["qcur"]),
        backup=row["bck"] == "1",
    )
