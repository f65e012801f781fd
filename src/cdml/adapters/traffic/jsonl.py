"""Records of requests in a file that somebody writes, one JSON object a line."""

import os
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from pathlib import Path
from typing import BinaryIO

from cdml.adapters.traffic.records import RecordBuffer
from cdml.config.traffic import RecordSettings
from cdml.delivery.canary.traffic import Window
from cdml.delivery.traffic import ServerLabels
from cdml.errors import InputError, ServiceError


class JsonlTraffic:
    """Reads on where it stopped; a file that was rotated or cut is read from its beginning."""

    def __init__(
        self,
        settings: RecordSettings,
        *,
        locate: Callable[[str], str],
        variables: Mapping[str, str],
    ) -> None:
        del variables
        self._path = Path(locate(settings.path))
        self._file: BinaryIO | None = None
        self._rest = b""
        self._inbox = RecordBuffer()

    def window(self, since: datetime, until: datetime, slots: ServerLabels) -> Window:
        """See the port."""
        try:
            self._inbox.put(self._lines())
        except FileNotFoundError as error:
            raise InputError(
                f"the file of request records {self._path} does not exist.",
                "Check where the load balancer or the server writes its records.",
            ) from error
        except OSError as error:
            raise ServiceError(f"{self._path} cannot be read: {error.strerror}.") from error
        return self._inbox.take(since, until, slots)

    def close(self) -> None:
        """See the port."""
        if self._file is not None:
            self._file.close()
            self._file = None

    def _lines(self) -> Iterator[bytes]:
        if self._file is not None:
            yield from self._more(self._file)
            if self._goes_on(self._file):
                return
            self.close()
        self._rest = b""
        self._file = self._path.open("rb")
        yield from self._more(self._file)

    def _goes_on(self, file: BinaryIO) -> bool:
        """Whether the path still leads to this file, and nothing was cut off."""
        try:
            there = self._path.stat()
        except FileNotFoundError:
            return True  # moved away, and the next one is not begun yet
        return os.path.samestat(there, os.fstat(file.fileno())) and there.st_size >= file.tell()

    def _more(self, file: BinaryIO) -> Iterator[bytes]:
        """Whole lines; what follows the last end of line is still being written."""
        for line in file:
            line_text = self._rest + line
            self._rest = b"" if line_text.endswith(b"\n") else line_text
            if not self._rest and line_text.strip():
                yield line_text
