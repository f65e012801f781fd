"""Files in S3 and in stores that speak its protocol, copied to this machine by this process.

The credentials are those of the environment, as every client of S3 finds them. What runs models
gets neither these variables nor an address.
"""

import fnmatch
import os
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cdml.adapters.tables.limits import DownloadLimits
from cdml.common.redaction import redact
from cdml.errors import InputError

if TYPE_CHECKING:
    from pyarrow.fs import FileInfo, S3FileSystem

S3 = ("s3", "s3a")
"""Schemes of these addresses."""
Choose = Callable[[Sequence[Path]], Sequence[Path]]
"""Says by the footers of Parquet files, as `copy_footer` makes them, which to copy."""
_BLOCK = 2**20
_CONNECTIONS = 16
_MAGIC = b"PAR1"
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
    from pyarrow.fs import FileSelector, FileType

    bucket, _, key = address.partition("://")[2].partition("/")
    deadline = time.monotonic() + limits.seconds
    try:
        store = _connect(bucket, limits)
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
                f"{shown} does not exist.", "Check the bucket, the key, and the region."
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
    except OSError as error:
        reason = redact(str(error).splitlines()[0], os.environ)[:300].rstrip(". ")
        raise InputError(
            f"{shown} cannot be read: {reason}.",
            "Give this step credentials that may read it, such as AWS_ACCESS_KEY_ID and"
            " AWS_SECRET_ACCESS_KEY, and AWS_REGION. Or download it in an earlier step and give its"
            " path.",
        ) from error
    rest = key.removeprefix(base).lstrip("/")
    return str(into / rest) if rest else str(into)


def _connect(bucket: str, limits: DownloadLimits) -> "S3FileSystem":
    from pyarrow.fs import AwsStandardS3RetryStrategy, S3FileSystem, resolve_s3_region

    variables = os.environ
    endpoint = variables.get("AWS_ENDPOINT_URL_S3") or variables.get("AWS_ENDPOINT_URL")
    region = variables.get("AWS_REGION") or variables.get("AWS_DEFAULT_REGION")
    if not endpoint and not region:
        region = resolve_s3_region(bucket)
    return S3FileSystem(
        endpoint_override=endpoint or None,
        region=region or None,
        connect_timeout=limits.silence,
        request_timeout=limits.silence,
        retry_strategy=AwsStandardS3RetryStrategy(max_attempts=3),
    )


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


def copy_footer(store: "S3FileSystem", info: "FileInfo", target: Path) -> None:
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
    store: "S3FileSystem",
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
