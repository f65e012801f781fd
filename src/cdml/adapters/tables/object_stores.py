"""Files in object stores, copied to this machine by this process."""

import fnmatch
import os
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from textwrap import shorten
from typing import TYPE_CHECKING, Any

from cdml.adapters.tables.limits import DownloadLimits
from cdml.adapters.tables.store_clients import connect, needed
from cdml.common.redaction import redact
from cdml.errors import InputError

if TYPE_CHECKING:
    from pyarrow.fs import FileInfo, FileSystem

Choose = Callable[[Sequence[Path]], Sequence[Path]]
"""Says by the footers of Parquet files, as `copy_footer` makes them, which to copy."""
_BLOCK = 2**20
_CONNECTIONS = 16
_MAGIC = b"PAR1"
_REASON = 300
_TAIL = 2**16
"""Bytes at the end of a Parquet file in which its footer mostly is."""
_PATTERN = set("*?[")


def fetch_objects(
    address: str, shown: str, into: Path, limits: DownloadLimits, choose: Choose | None = None
) -> str:
    """Copy what an address names below a folder: an object, a pattern, or all Parquet files below.

    Of several Parquet files, those that `choose` leaves out are there with their footers only.

    Returns:
        The path of the copy: a file, a pattern, or a folder, as the address was.

    Raises:
        InputError: nothing is there, it cannot be read, or it is too large.
    """
    from pyarrow import ArrowException
    from pyarrow.fs import FileSelector, FileType

    deadline = time.monotonic() + limits.seconds
    try:
        place = connect(address, shown, limits)
        store, bucket, key = place.files, place.bucket, place.key
        if _PATTERN & set(key) or not key or key.endswith("/"):
            base = _fixed(key)
            found = store.get_file_info(
                FileSelector(f"{bucket}/{base}".rstrip("/"), recursive=True, allow_not_found=True)
            )
            files = [one for one in found if one.type == FileType.File and _fits(one, bucket, key)]
        else:
            base = key.rpartition("/")[0]
            info = store.get_file_info(f"{bucket}/{key}")
            if info.type == FileType.Directory:
                return fetch_objects(f"{address}/", shown, into, limits, choose)
            files = [info] if info.type == FileType.File else []
        if not files:
            raise InputError(
                f"{shown} does not exist.",
                "Check its bucket or container, its path, and the region.",
            )
        root = f"{bucket}/{base}".rstrip("/")
        targets = {into / os.path.relpath(one.path, root): one for one in files}
        if choose is not None and len(files) > 1 and all(map(_is_parquet, files)):
            with ThreadPoolExecutor(_CONNECTIONS) as pool:
                list(pool.map(lambda item: copy_footer(store, item[1], item[0]), targets.items()))
            targets = {path: targets[path] for path in choose(sorted(targets))}
        if sum(one.size for one in targets.values()) > limits.size:
            raise InputError(f"{shown} is larger than {limits.size / 2**30:g} GiB.")
        for target, one in targets.items():
            _copy(store, one, target, shown, deadline, limits)
    except (OSError, ArrowException) as error:  # Azure's client raises others
        reason = shorten(redact(str(error), os.environ), _REASON, placeholder=" …").rstrip(". ")
        raise InputError(f"{shown} cannot be read: {reason}.", needed(address)) from error
    rest = key.removeprefix(base).lstrip("/")
    return str(into / rest) if rest else str(into)


def _fixed(key: str) -> str:
    """The folders of a key before its first sign that stands for others."""
    parts: list[str] = []
    for part in key.split("/")[:-1]:
        if _PATTERN & set(part):
            break
        parts.append(part)
    return "/".join(parts)


def _fits(info: "FileInfo", bucket: str, key: str) -> bool:
    path = info.path.removeprefix(f"{bucket}/")
    if not _PATTERN & set(key):
        below = path.removeprefix(key)
        return path.endswith(".parquet") and all(part[0] not in "._" for part in below.split("/"))
    return path.count("/") == key.count("/") and fnmatch.fnmatchcase(path, key)


def _is_parquet(info: "FileInfo") -> bool:
    return str(info.path).endswith((".parquet", ".pq"))


def copy_footer(store: "FileSystem", info: "FileInfo", target: Path) -> None:
    """Make a file of the same size that has the footer of a Parquet file, and nothing before it."""
    target.parent.mkdir(parents=True, exist_ok=True)
    with store.open_input_file(info.path) as source, target.open("wb") as file:
        size = source.size()
        tail = source.read_at(min(size, _TAIL), max(0, size - _TAIL))
        needed = int.from_bytes(tail[-8:-4], "little") + 8
        if tail[-4:] == _MAGIC and len(tail) < needed <= size:
            tail = source.read_at(needed, size - needed)
        file.write(_MAGIC)
        file.seek(size - len(tail))
        file.write(tail)


def _copy(
    store: "FileSystem",
    info: "FileInfo",
    target: Path,
    shown: str,
    deadline: float,
    limits: DownloadLimits,
) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    size = 0
    with store.open_input_stream(info.path) as source, target.open("wb") as file:
        for block in _blocks(source):
            file.write(block)
            size += len(block)
            if time.monotonic() > deadline:
                raise InputError(f"{shown} took longer than {limits.seconds:g} s.")
    if size != info.size:
        raise InputError(
            f"{shown}: {info.base_name} ended after {size:,} of {info.size:,} bytes.",
            "Somebody may be writing it. Run the command again.",
        )


def _blocks(source: Any) -> Iterator[bytes]:
    while block := source.read(_BLOCK):
        yield block
