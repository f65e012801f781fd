"""How MLflow is reached, and what its failures mean."""

import logging
import math
import os
import re
import urllib.parse
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, nullcontext
from importlib.util import find_spec
from pathlib import Path

from mlflow import MlflowClient, environment_variables
from mlflow.entities import Run
from mlflow.exceptions import MlflowException, RestException

from cdml.common.addresses import Address, mask, reveal
from cdml.common.time_budget import Budget
from cdml.common.tls_errors import explain_tls_error
from cdml.errors import CdmlError, ConfigurationError, InputError, ServiceError
from cdml.journal.lease import seconds_left
from cdml.models.registry import Training

_RETRIES = "MLFLOW_HTTP_REQUEST_MAX_RETRIES"
_TIMEOUT = "MLFLOW_HTTP_REQUEST_TIMEOUT"
_MANNERS: Mapping[str, str] = {
    # MLflow's own defaults retry for minutes; a CI job wants to know.
    _RETRIES: "2",
    _TIMEOUT: "30",
    # A server may request any delay; calls are retried after 0 and 4 s, whatever it says.
    "MLFLOW_HTTP_RESPECT_RETRY_AFTER_HEADER": "false",
    "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
}
_BACKOFF = 15
"""Seconds that MLflow waits between its attempts, at most, with our number of them."""
_SQLITE_HEADER = b"SQLite format 3\x00"
_DENIED = {"PERMISSION_DENIED": "403", "UNAUTHENTICATED": "401", "CUSTOMER_UNAUTHORIZED": "401"}
_STORAGE = ("sqlalchemy", "botocore", "boto3", "google", "azure", "alembic", "sqlite3")


class Connection:
    """A client, and the address to tell people; a SQLite file may be relative to `folder`.

    Raises:
        ConfigurationError: the address cannot be used in this installation.
    """

    def __init__(self, uri: str, folder: Path) -> None:
        for name, value in _MANNERS.items():
            os.environ.setdefault(name, value)
        _check_settings()
        self.budget = Budget()
        for name in ("mlflow", "alembic", "azure"):
            logging.getLogger(name).setLevel(logging.ERROR)
        address = reveal(uri)
        self.file = _database(address, folder) if address.startswith("sqlite:") else None
        self.uri = f"sqlite:///{self.file}" if self.file else address
        written = isinstance(uri, Address) and uri.values
        self.shown = str(self.file) if self.file and not written else public(uri)
        self._written = uri
        with self.calls():
            self.client = MlflowClient(tracking_uri=self.uri, registry_uri=self.uri)

    @property
    def artifact_location(self) -> str | None:
        """Where new experiments keep files: next to the database; a server decides itself."""
        return (self.file.parent / "mlartifacts").as_uri() if self.file else None

    @contextmanager
    def calls(self, absent: str = "", *, transfers: bool = False) -> Iterator[None]:
        """The boundary around MLflow; `absent` is the sentence where something does not exist.

        Where files are moved, it takes as long as they are large: the time does not count as
        waiting.

        Raises:
            InputError: it does not exist, and `absent` says what to tell then.
            ServiceError: everything else that MLflow or the storage behind it complains about; or
                the command has waited for as long as it may.
        """
        waiting = nullcontext() if transfers else self.budget.spending("The registry")
        try:
            with waiting, _bounded(math.inf if transfers else self.budget.left):
                yield
        except CdmlError:
            raise
        except MlflowException as error:
            if absent and is_absent(error):
                raise InputError(absent, f"Check the registry at {self.shown}.") from error
            raise self._failed(error) from error
        except OSError as error:  # requests' exceptions are OSErrors
            raise self._failed(error) from error
        except Exception as error:
            if not type(error).__module__.startswith(_STORAGE):
                raise
            raise self._failed(error) from error

    def _failed(self, error: Exception) -> ServiceError:
        text = mask(first_line(error), self._written)
        status = _DENIED.get(getattr(error, "error_code", ""), "")
        if match := re.search(r"error code (401|403)|\b(401|403) Client Error", text):
            status = match[1] or match[2]
        if status == "401":
            return ServiceError(
                f"the registry at {self.shown} needs a login (401).",
                "Set MLFLOW_TRACKING_TOKEN, or MLFLOW_TRACKING_USERNAME and _PASSWORD.",
            )
        if status == "403":
            return ServiceError(
                f"the registry at {self.shown} denies access to this user (403): {text}.",
                "Give the token permission to read and edit this model and its experiment.",
            )
        tls = explain_tls_error(
            mask(str(error), self._written),
            "MLFLOW_TRACKING_SERVER_CERT_PATH or REQUESTS_CA_BUNDLE",
        )
        if tls is not None:
            return ServiceError(f"the registry at {self.shown} {tls.description}.", tls.hint)
        if re.search(r"failed with (timeout )?exception|Max retries exceeded", text):
            return ServiceError(
                f"the registry at {self.shown} does not answer.",
                "Check registry.uri in cdml.yaml, the network and the proxy.",
            )
        return ServiceError(f"the registry at {self.shown} failed: {text}.")


@contextmanager
def _bounded(budget: float) -> Iterator[None]:
    """Every attempt at a request, together, ends before the budget, or under a lock the lease."""
    lease = seconds_left()
    left = budget if lease is None else min(budget, lease)
    usual = int(os.environ.get(_TIMEOUT) or _MANNERS[_TIMEOUT])
    attempts = 1 + int(os.environ.get(_RETRIES) or _MANNERS[_RETRIES])
    bounded = {
        _TIMEOUT: str(
            max(1, min(usual, int((left - _BACKOFF) / attempts))) if left < math.inf else usual
        ),
        "MLFLOW_HTTP_RESPECT_RETRY_AFTER_HEADER": "false",  # a server could ask for any time
    }
    before = {name: os.environ.get(name) for name in bounded}
    os.environ.update(bounded)
    try:
        yield
    finally:
        for name, value in before.items():
            os.environ.pop(name, None)
            if value is not None:
                os.environ[name] = value


def _check_settings() -> None:
    """Refuse settings of MLflow that it could not read later on, in the middle of something."""
    odd = []
    for setting in vars(environment_variables).values():
        if isinstance(getattr(setting, "name", None), str) and setting.name in os.environ:
            try:
                setting.get()
            except ValueError:
                odd.append(setting.name)
    if odd:
        raise ConfigurationError(
            f"MLflow cannot read the value of {', '.join(sorted(odd))}.",
            "Unset it, or set it to a value of the type that MLflow documents.",
        )


def is_absent(error: MlflowException) -> bool:
    """Whether the registry itself says so in MLflow's words: other web servers answer 404, too."""
    if error.error_code == "RESOURCE_DOES_NOT_EXIST":
        return True
    alias = re.search(r"alias .* not found", str(error), re.IGNORECASE)
    return error.error_code == "INVALID_PARAMETER_VALUE" and alias is not None


def exists_already(error: MlflowException) -> bool:
    """Whether somebody else made it first."""
    return bool(error.error_code == "RESOURCE_ALREADY_EXISTS")


def first_line(error: Exception) -> str:
    """What an exception says, on one short line and without credentials."""
    text = error.json.get("message") if isinstance(error, RestException) else str(error)
    lines = str(text or type(error).__name__).strip().splitlines()
    return public(lines[0])[:300].rstrip(". ")


def public(text: str) -> str:
    """A text without its addresses' credentials; before an Azure, R2 or B2 @ stands a bucket."""
    user = r"(?P<place>\b(?:wasbs?|abfss?|r2|b2):)?//[^/@\s]+@"
    return re.sub(user, lambda match: match[0] if match["place"] else "//", text)


def _database(uri: str, folder: Path) -> Path:
    if find_spec("sqlalchemy") is None or find_spec("alembic") is None:
        raise ConfigurationError(
            f"the registry {uri} needs the full MLflow package, and only its core is installed.",
            "Install cdml with its ml extra, or set registry.uri to the address of a server.",
        )
    written = urllib.parse.unquote(uri.removeprefix("sqlite://").removeprefix("/"))
    if not written or "?" in written:
        raise ConfigurationError(
            f"{uri} names no file.", "Use an address such as sqlite:///mlflow.db."
        )
    file = (folder / written).resolve()
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        with file.open("ab"), file.open("rb") as content:
            header = content.read(len(_SQLITE_HEADER))
    except OSError as error:
        raise ServiceError(f"the registry's file {file} cannot be opened: {error}.") from error
    if header not in (b"", _SQLITE_HEADER):
        raise ConfigurationError(f"{file} is not an SQLite database.", "Check registry.uri.")
    return file


def read_training(run: Run) -> Training:
    """What a run says of its training; data that is named for anything else is left out."""
    named = run.inputs.dataset_inputs if run.inputs else ()
    return Training(
        parameters={str(name): str(value) for name, value in run.data.params.items()},
        data=tuple(
            f"{one.dataset.name} {one.dataset.digest}"
            for one in named
            if next(
                (str(tag.value) for tag in (one.tags or ()) if tag.key == "mlflow.data.context"), ""
            )
            in ("", "train", "training")
        ),
    )
