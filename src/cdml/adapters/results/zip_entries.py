"""Entries of zip archives that are packed by Zstandard, which Python reads from 3.14 on."""

import json
import struct
import zipfile
from pathlib import Path
from typing import Any

from cdml.errors import InputError

_ZSTANDARD = 93
_HEADER = struct.Struct("<26xHH")
"""A local header, as far as the lengths of its name and its extra field (APPNOTE 4.3.7)."""
_LARGEST = 2**31
"""Bytes that one entry may unpack to."""


class ZipEntries:
    """The JSON files in an archive.

    Raises:
        InputError: it is damaged.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        try:
            with zipfile.ZipFile(path) as archive:
                self._entries = {entry.filename: entry for entry in archive.infolist()}
        except (OSError, zipfile.BadZipFile) as error:
            raise InputError(
                f"{path.name} cannot be read: {error}.",
                "The file may be cut off, or the evaluation is still running.",
            ) from error

    def names(self) -> tuple[str, ...]:
        return tuple(self._entries)

    def read(self, name: str) -> Any:
        """The value of an entry; None where there is none of that name."""
        entry = self._entries.get(name)
        if entry is None:
            return None
        if entry.file_size > _LARGEST:
            raise InputError(f"{self._path.name}: {name} unpacks to more than 2 GiB.")
        try:
            return json.loads(self._unpacked(entry))
        except (OSError, ValueError, RecursionError, zipfile.BadZipFile, struct.error) as error:
            raise InputError(
                f"{self._path.name}: {name} cannot be read: {error}.", "The file may be damaged."
            ) from error

    def _unpacked(self, entry: zipfile.ZipInfo) -> bytes:
        if entry.compress_type != _ZSTANDARD:
            with zipfile.ZipFile(self._path) as archive:
                return archive.read(entry)
        import pyarrow as pa

        with self._path.open("rb") as file:
            file.seek(entry.header_offset)
            name, extra = _HEADER.unpack(file.read(_HEADER.size))
            file.seek(name + extra, 1)
            packed = file.read(entry.compress_size)
        with pa.CompressedInputStream(pa.BufferReader(packed), "zstd") as stream:
            unpacked: bytes = stream.read(entry.file_size)
        return unpacked
