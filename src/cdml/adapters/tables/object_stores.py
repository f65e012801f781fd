"""Files in S3 and in stores that speak its protocol, copied to this machine by this process.

The credentials are those of the environment, as every client of S3 finds them. What runs models
gets neither these variables nor an address.
"""

import fnmatch
import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cdml.adapters.tables.limits import DownloadLimits
from cdml.common.redaction import redact
from cdml.errors import InputError

if TYPE_CHECKING:
    from pyarrow.fs import FileInfo, S3FileSystem

S3 = ("s3", "s3a")
"""Schemes of these addresses."""
_BLOCK = 2**20
_PATTERN = set("*?[")


def fetch_objects(address: str, shown: str, into: Path, limits: DownloadLimits) -> str:
    """Copy what an address names below a folder: an object, a pattern, or all Parquet files below.

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
                return fetch_objects(f"{address}/", shown, into, limits)
            files = [info] if info.type == FileType.File else []
        if not files:
            raise InputError(
                f"{shown} does not exist.", "Check the bucket, the key, and the region."
            )
        if sum(one.size for one in files) > limits.size:
            raise InputError(f"{shown} is larger than {limits.size / 2**30:g} GiB.")
        for one in files:
            target = into / os.path.relpath(one.path, f"{bucket}/{base}".rstrip("/"))
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
