"""Clients of object stores, with the credentials of the environment, as every client finds them.

What runs models gets neither these variables nor an address.
"""

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from cdml.adapters.tables.limits import DownloadLimits
from cdml.errors import InputError

if TYPE_CHECKING:
    from pyarrow.fs import FileSystem

_GS_RETRIES = 10
"""Seconds; without credentials every request is repeated until then."""
_AZURE_ACCOUNT = "AZURE_STORAGE_ACCOUNT_NAME"
_CONNECTION_STRING = "AZURE_STORAGE_CONNECTION_STRING"
_ACCESS_KEY = "AZURE_STORAGE_ACCESS_KEY"
_SAS_TOKEN = "AZURE_STORAGE_SAS_TOKEN"  # noqa: S105 - the name of a variable


@dataclass(frozen=True, slots=True)
class ObjectStore:
    """Files below `bucket`, of which `key` is the one, the folder or the pattern in question."""

    files: "FileSystem"
    bucket: str
    key: str


@dataclass(frozen=True, slots=True)
class _Kind:
    connect: Callable[[str, DownloadLimits], ObjectStore]
    credentials: str


def connect(address: str, shown: str, limits: DownloadLimits) -> ObjectStore:
    """Connect to the store of an address of one of `SCHEMES`. Nothing is read yet.

    Raises:
        InputError: the address or the credentials are incomplete.
    """
    try:
        return _kind(address).connect(address, limits)
    except ValueError as error:
        raise InputError(f"{shown} cannot be read: {error}.", needed(address)) from error
    except ImportError as error:
        raise InputError(
            f"{shown} cannot be read: the installed pyarrow was built without this store.",
            "Install pyarrow from a wheel, or download the data in an earlier step.",
        ) from error


def needed(address: str) -> str:
    """Which credentials may be missing for an address."""
    return (
        f"Give this step credentials that may read it, such as {_kind(address).credentials}. Or"
        " download it in an earlier step and give its path."
    )


def _kind(address: str) -> _Kind:
    return _KINDS[address.partition("://")[0]]


def _s3(address: str, limits: DownloadLimits) -> ObjectStore:
    from pyarrow.fs import AwsStandardS3RetryStrategy, S3FileSystem, resolve_s3_region

    bucket, _, key = address.partition("://")[2].partition("/")
    variables = os.environ
    endpoint = variables.get("AWS_ENDPOINT_URL_S3") or variables.get("AWS_ENDPOINT_URL")
    region = variables.get("AWS_REGION") or variables.get("AWS_DEFAULT_REGION")
    if not endpoint and not region:
        region = resolve_s3_region(bucket)
    files = S3FileSystem(
        endpoint_override=endpoint or None,
        region=region or None,
        connect_timeout=limits.silence,
        request_timeout=limits.silence,
        retry_strategy=AwsStandardS3RetryStrategy(max_attempts=3),
    )
    return ObjectStore(files, bucket, key)


def _gs(address: str, limits: DownloadLimits) -> ObjectStore:
    from pyarrow.fs import GcsFileSystem

    bucket, _, key = address.partition("://")[2].partition("/")
    emulator = os.environ.get("STORAGE_EMULATOR_HOST", "")
    at = urlsplit(emulator if "://" in emulator or not emulator else f"http://{emulator}")
    files = GcsFileSystem(
        anonymous=bool(emulator),
        endpoint_override=at.netloc or None,
        scheme=at.scheme or None,
        retry_time_limit=timedelta(seconds=min(limits.silence, _GS_RETRIES)),
    )
    return ObjectStore(files, bucket, key)


def _azure(address: str, limits: DownloadLimits) -> ObjectStore:
    """The container is `container@account.…` in the address, or the account is in a variable."""
    from pyarrow.fs import AzureFileSystem

    del limits  # Azure's client has its own
    place, _, key = address.partition("://")[2].partition("/")
    container, _, host = place.partition("@")
    variables = os.environ
    given = _settings(variables.get(_CONNECTION_STRING, ""))
    named = host.partition(".")[0]
    account = named or given.get("accountname") or variables.get(_AZURE_ACCOUNT)
    if not account:
        raise ValueError(
            "it names no storage account; write container@account.dfs.core.windows.net, or set"
            f" {_AZURE_ACCOUNT}"
        )
    if given.get("accountname", account) != account:
        raise ValueError(
            f"{_CONNECTION_STRING} is of the account {given['accountname']}, the address of"
            f" {account}"
        )
    key_or_token = {
        "account_key": given.get("accountkey") or variables.get(_ACCESS_KEY),
        "sas_token": given.get("sharedaccesssignature") or variables.get(_SAS_TOKEN),
    }
    endpoint = urlsplit(given.get("blobendpoint", ""))
    places = {
        f"{service}_storage_{part}": value
        for service in ("blob", "dfs")
        for part, value in (("authority", endpoint.netloc), ("scheme", endpoint.scheme))
        if value and not endpoint.netloc.startswith(f"{account}.")
    }
    [*chosen] = [(name, value) for name, value in key_or_token.items() if value][:1]
    return ObjectStore(AzureFileSystem(account, **dict(chosen), **places), container, key)


def _settings(connection_string: str) -> Mapping[str, str]:
    parts = (part.partition("=") for part in connection_string.split(";"))
    return {name.strip().lower(): value.strip() for name, _, value in parts if value}


_KINDS: Mapping[str, _Kind] = {
    **dict.fromkeys(
        ("s3", "s3a"), _Kind(_s3, "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, and AWS_REGION")
    ),
    **dict.fromkeys(
        ("gs", "gcs"), _Kind(_gs, "GOOGLE_APPLICATION_CREDENTIALS, or a role of the runner")
    ),
    **dict.fromkeys(
        ("abfs", "abfss", "az", "wasb", "wasbs"),
        _Kind(_azure, f"{_CONNECTION_STRING} or {_ACCESS_KEY}, or a role of the runner"),
    ),
}
SCHEMES = tuple(_KINDS)
"""Of the addresses that can be read."""
