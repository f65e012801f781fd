"""Records of requests that HAProxy sends to a Unix datagram socket, as JSON lines.

The log-format line is in docs/rollouts.md. HAProxy neither waits nor sends again: what comes while
nobody listens, or faster than it is read, is lost, of both servers alike. The kernel holds few
datagrams, so a thread takes them as they come.
"""

import socket
import stat
import threading
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path

from cdml.adapters.traffic.records import LONGEST, RecordBuffer
from cdml.config.traffic import RecordSettings
from cdml.delivery.canary.traffic import Window
from cdml.delivery.traffic import ServerLabels
from cdml.errors import ConfigurationError

_PATIENCE = 0.2
"""Seconds between two looks at whether to stop."""


class HAProxyTraffic:
    """Listens, from when it is made until it is closed, at a socket that it makes.

    HAProxy's user has to be among those who may write to it by its `mode`.

    Raises:
        ConfigurationError: there cannot be such a socket, or somebody else listens at it.
    """

    def __init__(
        self,
        settings: RecordSettings,
        *,
        locate: Callable[[str], str],
        variables: Mapping[str, str],
        mode: int = 0o660,
    ) -> None:
        del variables
        self._path = Path(locate(settings.path))
        self._inbox = RecordBuffer()
        self._lock = threading.Lock()
        self._closed = threading.Event()
        self._since = datetime.now(UTC)
        self._socket = _listen(self._path, mode)
        self._thread = threading.Thread(target=self._receive, daemon=True)
        self._thread.start()

    def window(self, since: datetime, until: datetime, slots: ServerLabels) -> Window:
        """See the port; a window cannot begin before this process listened."""
        start = max(since, self._since) if self._since < until else since
        with self._lock:
            return self._inbox.take(start, until, slots)

    def close(self) -> None:
        """See the port."""
        self._closed.set()
        self._thread.join()
        self._socket.close()
        self._path.unlink(missing_ok=True)

    def _receive(self) -> None:
        while not self._closed.is_set():
            try:
                datagram = self._socket.recv(LONGEST)
            except TimeoutError:
                continue
            with self._lock:
                self._inbox.put([line for line in datagram.splitlines() if line.strip()])


def _listen(path: Path, mode: int) -> socket.socket:
    made = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    try:
        _clear(path, made)
        made.bind(str(path))
        path.chmod(mode)
    except OSError as error:
        made.close()
        why = error.strerror or error
        raise ConfigurationError(
            f"cdml cannot receive HAProxy's log at {path}: {why}.",
            "Use a socket in a writable folder, at which no other process listens.",
        ) from error
    made.settimeout(_PATIENCE)
    return made


def _clear(path: Path, probe: socket.socket) -> None:
    """Take away a socket that a process left behind when it died.

    Raises:
        OSError: somebody listens at it, or it is something else.
    """
    try:
        is_socket = stat.S_ISSOCK(path.lstat().st_mode)
    except FileNotFoundError:
        return
    if not is_socket:
        raise FileExistsError(None, "a file that is not a socket is there")
    try:
        probe.connect(str(path))
    except ConnectionRefusedError:
        path.unlink()
    else:
        raise FileExistsError(None, "another process listens there")
