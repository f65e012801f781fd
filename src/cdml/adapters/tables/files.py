"""Which files a URI names; what is far away is fetched, with limits."""

import base64
import glob
import hashlib
import itertools
import time
import zlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import IO, TYPE_CHECKING
from urllib.parse import unquote, urlsplit

from cdml.adapters.tables.limits import DownloadLimits, Unpacking
from cdml.adapters.tables.object_stores import Choose, fetch_objects
from cdml.adapters.tables.store_clients import SCHEMES
from cdml.common.addresses import Address, mask, reveal
from cdml.errors import InputError
from cdml.evidence.store import file_digest

if TYPE_CHECKING:  # imported where something is fetched: most data lies on this machine
    import urllib.request
    from http.client import HTTPResponse

FORMATS = {
    **dict.fromkeys((".parquet", ".pq"), "parquet"),
    **dict.fromkeys((".csv", ".tsv"), "csv"),
    **dict.fromkeys((".json", ".jsonl", ".ndjson"), "json"),
}
OBJECT_STORES = ("adl", "r2", "oss")
"""Schemes of addresses in object stores that cdml does not read."""
_READABLE = "Use Parquet (.parquet), CSV (.csv, .csv.gz, .tsv) or JSON lines (.json, .jsonl)."
_BLOCK = 2**20


@dataclass(frozen=True, slots=True, kw_only=True)
class Files:
    """The files of one table, sorted; below `folder`, names such as `year=2013` hold columns."""

    uri: str
    paths: tuple[Path, ...]
    format: str
    folder: Path | None = None

    def look_through(self, limits: Unpacking) -> None:
        """Refuse (InputError) packed files that are cut off, or hold too much."""
        for path in self.paths:
            if path.suffix.lower() == ".gz":
                check_unpacked_size(path, limits)

    def state(self) -> str:
        """A digest of names, sizes and times of change, for files that need not be read whole."""
        states = ((str(path), path.stat().st_size, path.stat().st_mtime_ns) for path in self.paths)
        return f"sha256:{hashlib.sha256(repr(sorted(states)).encode()).hexdigest()}"

    def digest(self) -> str:
        """SHA-256 of the one file, or over the sorted SHA-256 of several."""
        digests = sorted(file_digest(path).removeprefix("sha256:") for path in self.paths)
        if len(digests) > 1:
            digests = [hashlib.sha256("\n".join(digests).encode()).hexdigest()]
        return f"sha256:{digests[0]}"


def find_files(uri: str, into: Path, limits: DownloadLimits, choose: Choose | None = None) -> Files:
    """The files of a path, glob, folder or file://; those of http(s):// and stores are copied.

    Of several Parquet files in a store, only the footers of those that `choose` leaves out are.

    Raises:
        InputError: there is nothing there, nothing that can be read, or too much of it.
    """
    address = reveal(uri)
    scheme = urlsplit(address).scheme if "://" in address else ""
    if scheme in ("http", "https"):
        masked = uri if isinstance(uri, Address) and uri.values else _without_secrets(address)
        path = _download(address, masked, into, limits)
        return Files(uri=masked, paths=(path,), format=_format(path))
    if scheme in SCHEMES:
        masked = str(uri)
        found = find_files(fetch_objects(address, masked, into, limits, choose), into, limits)
        return replace(found, uri=masked)
    if scheme in OBJECT_STORES:
        raise InputError(
            f"cdml cannot read data at {scheme}:// addresses yet.",
            "Download it in an earlier step and give its path, or use a presigned https:// URL.",
        )
    if scheme not in ("", "file"):
        raise InputError(
            f"cdml cannot read {scheme}:// addresses.",
            "Use a file, a glob, a folder of Parquet files, or an http(s), s3, gs or abfss URL.",
        )
    path = Path(unquote(urlsplit(address).path) if scheme else address)
    if path.is_dir():
        matches = [file for file in path.rglob("*.parquet") if not _hidden(file, path)]
        return _local(uri, matches, f"{uri} is a folder without Parquet files.", folder=path)
    if path.exists() or not glob.has_magic(str(path)):
        return _local(uri, [path] if path.exists() else [], f"{uri} does not exist.")
    matches = [Path(name) for name in glob.iglob(str(path), recursive=True)]  # noqa: PTH207 - absolute patterns
    matches = [file for file in matches if file.is_file()]
    return _local(uri, matches, f"no file matches {uri}.", folder=_fixed(path))


def _fixed(pattern: Path) -> Path:
    """The folder of a pattern before its first sign that stands for others."""
    plain = itertools.takewhile(lambda part: not glob.has_magic(part), pattern.parts[:-1])
    return Path(*plain)


def _hidden(file: Path, folder: Path) -> bool:
    """Files that engines write next to the data: `_temporary`, `.crc`."""
    return any(part[0] in "._" for part in file.relative_to(folder).parts)


def _local(uri: str, paths: Sequence[Path], nothing: str, *, folder: Path | None = None) -> Files:
    if not paths:
        raise InputError(nothing, "Paths are relative to the folder of cdml.yaml.")
    formats = {_format(path) for path in paths}
    if len(formats) > 1:
        raise InputError(f"{uri} mixes formats: {', '.join(sorted(formats))}.")
    for path in paths:
        try:
            with path.open("rb") as file:
                empty = not file.read(1)
        except OSError as error:
            raise InputError(f"{path} cannot be read: {error.strerror}.") from error
        if empty:
            raise InputError(f"{path} is empty (0 bytes).")
    return Files(uri=uri, paths=tuple(sorted(paths)), format=formats.pop(), folder=folder)


def _format(path: Path) -> str:
    suffixes = [suffix.lower() for suffix in path.suffixes if suffix.lower() != ".gz"]
    format_name = FORMATS.get(suffixes[-1]) if suffixes else None
    if format_name is None:
        raise InputError(f"{path.name} has an unsupported format.", _READABLE)
    return format_name


def _without_secrets(url: str) -> str:
    """An address without user, password and signed query."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{_host(url)}{parts.path}"


def _host(url: str) -> str:
    return urlsplit(url).netloc.rpartition("@")[2]


def _download(url: str, masked: str, into: Path, limits: DownloadLimits) -> Path:
    import urllib.error
    import urllib.request
    from http.client import HTTPException

    name = Path(unquote(urlsplit(url).path)).name or "data"
    target = into / name
    _format(target)
    try:
        with (
            urllib.request.urlopen(_request(url), timeout=limits.silence) as answer,  # noqa: S310 - only http(s) comes here
            target.open("wb") as file,
        ):
            _copy(answer, file, masked, limits)
    except (OSError, HTTPException, ValueError) as error:
        if isinstance(error, urllib.error.HTTPError):
            error.close()
        reason = getattr(error, "reason", None) or error
        raise InputError(
            f"{masked} cannot be fetched: {mask(str(reason), masked)}.",
            "Check the address, or download the file in an earlier step and give its path.",
        ) from error
    return target


def _request(url: str) -> "urllib.request.Request":
    """A request that says user and password in its header, and says them to nobody else."""
    import urllib.request

    parts = urlsplit(url)
    request = urllib.request.Request(parts._replace(netloc=_host(url)).geturl())  # noqa: S310 - as above
    if parts.username is not None:
        pair = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
        credentials = base64.b64encode(pair.encode()).decode()
        request.add_unredirected_header("Authorization", f"Basic {credentials}")
    return request


def _copy(source: "HTTPResponse", target: IO[bytes], masked: str, limits: DownloadLimits) -> None:
    deadline = time.monotonic() + limits.seconds
    size = 0
    while block := source.read1(_BLOCK):
        size += len(block)
        if size > limits.size:
            raise InputError(f"{masked} is larger than {limits.size / 2**30:g} GiB.")
        if time.monotonic() > deadline:
            raise InputError(f"{masked} took longer than {limits.seconds:g} s.")
        target.write(block)
    announced = source.headers.get("Content-Length")
    if announced is not None and int(announced) != size:
        raise InputError(f"{masked} ended after {size:,} of {int(announced):,} bytes.")
    if size == 0:
        raise InputError(f"{masked} is empty (0 bytes).")


_GZIP = 31  # zlib's window of 2^15 bytes, with gzip's header and checksum
_PACKED_BLOCK = 2**20
_FREE = 2**28  # what a file of any ratio may unpack to


def check_unpacked_size(path: Path, limits: Unpacking) -> None:
    """Unpack a file into nowhere; an InputError if it is cut off or damaged, or holds too much."""
    taken = made = 0
    unpacker = zlib.decompressobj(_GZIP)
    try:
        with path.open("rb") as file:
            while block := file.read(_PACKED_BLOCK):
                taken += len(block)
                while block:
                    made += len(unpacker.decompress(block, _PACKED_BLOCK))
                    _refuse_too_much(path, made, taken, limits)
                    block = unpacker.unconsumed_tail
                    if unpacker.eof:  # files packed one after the other are one file
                        block = unpacker.unused_data.lstrip(b"\0")
                        unpacker = zlib.decompressobj(_GZIP) if block else unpacker
        unpacker.flush()
    except zlib.error as error:
        raise InputError(
            f"{path.name} cannot be read: {error}.", "It may be incomplete or not gzip."
        ) from error
    if not unpacker.eof:
        raise InputError(f"{path.name} is cut off.", "Download or write it again.")


def _refuse_too_much(path: Path, made: int, taken: int, limits: Unpacking) -> None:
    if made > limits.size:
        raise InputError(f"{path.name} unpacks to more than {limits.size / 2**30:g} GiB.")
    if made > max(_FREE, limits.ratio * taken):
        raise InputError(
            f"{path.name} unpacks to more than {limits.ratio} times its size.",
            "It looks like a file made to fill the disk. If it is not, unpack it first.",
        )
