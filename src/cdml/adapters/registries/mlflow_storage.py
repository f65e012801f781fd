"""Where MLflow keeps files when its server does not pass them on, and what can go wrong there."""

import re
import urllib.parse
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

from mlflow.exceptions import MlflowException

from cdml.adapters.registries.mlflow_client import public
from cdml.common.tls_errors import explain_tls_error
from cdml.errors import CdmlError, ConfigurationError, InputError, ServiceError


@dataclass(frozen=True, slots=True, kw_only=True)
class Store:
    """A kind of storage that a server's artifacts may lie in, and the package MLflow reads it with.

    `extra` is cdml's that brings the package, and the value of the actions' `storage`; `hint` says
    what access takes.
    """

    name: str
    package: str = ""
    extra: str = ""
    hint: str


_S3 = Store(
    name="S3",
    package="boto3",
    extra="s3",
    hint="Set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or use a role, with permission to"
    " read and write there. Set MLFLOW_S3_ENDPOINT_URL if the storage is not Amazon's.",
)
_BLOBS = Store(
    name="Azure's storage",
    package="azure-storage-file-datalake",
    extra="abfss",
    hint="Set AZURE_STORAGE_CONNECTION_STRING or AZURE_STORAGE_ACCESS_KEY, or use a signed-in"
    " identity, with permission to read and write there.",
)
_HDFS = Store(name="HDFS", hint="It needs pyarrow, Java and Hadoop's libhdfs on this machine.")
_PASSED_ON = (
    "Or have the registry's server pass the files on: start it with `--serve-artifacts"
    " --artifacts-destination …`."
)
STORES: Mapping[str, Store] = {
    **dict.fromkeys(("s3", "r2", "b2"), _S3),
    "gs": Store(
        name="Google Cloud Storage",
        package="google-cloud-storage",
        extra="gs",
        hint="Set GOOGLE_APPLICATION_CREDENTIALS, or use a signed-in identity, with permission"
        " to read and write there.",
    ),
    **dict.fromkeys(("abfss", "wasbs", "wasb"), _BLOBS),
    **dict.fromkeys(("hdfs", "viewfs"), _HDFS),
    "dbfs": Store(
        name="Databricks",
        hint="Set DATABRICKS_HOST and DATABRICKS_TOKEN. cdml is not tested with Databricks.",
    ),
    "ftp": Store(name="an FTP server", hint="Check its address, the account and the network."),
    "sftp": Store(
        name="an SFTP server",
        package="pysftp",
        hint="Check its address, the key and the network.",
    ),
}
"""Storage by the scheme of its addresses."""
_OURS = ("", "file", "http", "https", "mlflow-artifacts")
"""Schemes of files that lie next to the registry, or that its server passes on."""
_HEADING = "The following failures occurred"
_ABSENT = re.compile(r"\b404\b|NoSuchKey|(Blob|Path|Resource)NotFound")
_NO_PLACE = re.compile(
    r"NoSuchBucket|(Container|Filesystem)NotFound|bucket does not exist", re.IGNORECASE
)


@contextmanager
def stored_at(address: str, absent: str = "") -> Iterator[None]:
    """The boundary around the storage that holds a model or its evidence.

    Raises:
        ConfigurationError: what MLflow reads the storage with is not installed.
        InputError: the files are not there, and `absent` says what to tell then.
        ServiceError: the storage refuses, or does not answer.
    """
    scheme = urllib.parse.urlsplit(address).scheme.lower()
    if scheme in _OURS:
        yield
        return
    store = STORES.get(scheme, Store(name=f"{scheme}:// storage", hint=""))
    masked = public(address)
    try:
        yield
    except CdmlError:
        raise
    except ImportError as error:
        raise _not_installed(store, masked, error) from error
    except MlflowException as error:
        if "Could not find a registered artifact repository" in str(error):
            raise ConfigurationError(
                f"the files are at {masked}, a kind of storage that MLflow does not support here.",
                _PASSED_ON,
            ) from error
        raise _failed(store, masked, error, absent) from error
    except Exception as error:  # each client has its own errors; none is ours
        raise _failed(store, masked, error, absent) from error


def _not_installed(store: Store, masked: str, error: Exception) -> ConfigurationError:
    lacks = (
        f"reading them needs the package {store.package}, which is not installed"
        if store.package
        else f"MLflow cannot read them here ({_reason(error)})"
    )
    gets = (
        f"Set `storage: {store.extra}` in the action. If `python:` names an interpreter,"
        f" install cdml there with its {store.extra} extra."
        if store.extra
        else f"Set `python:` to an interpreter that can. {store.hint}"
    )
    return ConfigurationError(
        f"the files are in {store.name} at {masked}; {lacks}.", f"{gets} {_PASSED_ON}"
    )


def _failed(store: Store, masked: str, error: Exception, absent: str) -> CdmlError:
    reason = _reason(error)
    if absent and _ABSENT.search(reason) and not _NO_PLACE.search(reason):
        return InputError(absent, f"Check {masked}.")
    tls = explain_tls_error(str(error), "AWS_CA_BUNDLE or REQUESTS_CA_BUNDLE")
    if tls is not None:
        return ServiceError(f"the server of {store.name} at {masked} {tls.description}.", tls.hint)
    return ServiceError(
        f"the files at {masked} cannot be read or written: {reason}.", store.hint or _PASSED_ON
    )


def _reason(error: Exception) -> str:
    """What an exception says, on one line: MLflow puts headings above that of a single file."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip(" #")]
    message = lines[-1 if _HEADING in str(error) else 0] if lines else type(error).__name__
    return public(message)[:300].rstrip(". ")
