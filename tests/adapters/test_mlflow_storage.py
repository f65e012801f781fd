"""Models whose files lie in an object store, and what is told where they cannot be had."""

import sys

import pytest
from mlflow import MlflowClient

from cdml.adapters.registries.mlflow import MlflowRegistry
from cdml.adapters.registries.mlflow_storage import STORES, stored_at
from cdml.errors import ConfigurationError, InputError, ServiceError
from cdml.models.digest import model_digest
from fakes.s3_server import S3Server
from support.models import plain
from support.servers import free_port

CLIENTS = ("boto3", "google.cloud", "google.cloud.storage", "azure", "azure.storage", "pysftp")
MODEL = b"flavors: {}\n"


@pytest.fixture
def s3(monkeypatch):
    with S3Server("models") as server:
        monkeypatch.setenv("MLFLOW_S3_ENDPOINT_URL", server.address)
        monkeypatch.setenv("AWS_ACCESS_KEY_ID", "made-up")
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "made-up")
        monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
        monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
        yield server


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("registry")


@pytest.fixture(scope="module")
def registry(folder):
    """One for all tests, which keep apart by the names of their models."""
    return MlflowRegistry("sqlite:///mlflow.db", folder)


@pytest.fixture
def client(folder, registry):
    del registry
    address = f"sqlite:///{folder / 'mlflow.db'}"
    return MlflowClient(address, address)


@pytest.fixture
def lying_at(client, registry, tmp_path):
    """Fetch a version whose files are said to lie at an address."""

    def fetch(address):
        name = f"m{len(client.search_registered_models())}"
        client.create_registered_model(name)
        client.create_model_version(name, address)
        return registry.fetch(f"models:/{name}/1", tmp_path / "fetched")

    return fetch


@pytest.fixture
def bare(monkeypatch):
    """An interpreter without the client of any store."""
    for name in CLIENTS:
        monkeypatch.setitem(sys.modules, name, None)


def test_a_model_in_s3_is_fetched_registered_and_kept_with_its_evidence(
    s3, registry, client, tmp_path
):
    client.create_experiment("flights", artifact_location="s3://models/root")
    model = plain(tmp_path / "model")

    version = registry.register("flights", model, tags={})
    (tmp_path / "data.json").write_text("{}")
    registry.log_evidence(version, [tmp_path / "data.json"])

    assert version.source.startswith("s3://models/root/")
    assert any(key.endswith("MLmodel") for key in s3.objects["models"])
    fetched = registry.fetch("models:/flights/1", tmp_path / "fetched")
    assert model_digest(model) == model_digest(fetched)
    kept = registry.evidence(registry.version("flights", "1"), tmp_path / "kept")
    assert "{}" == (kept / "data.json").read_text()


def test_a_bucket_that_is_not_there_is_a_failed_service(s3, lying_at):
    with pytest.raises(ServiceError, match="bucket does not exist") as told:
        lying_at("s3://elsewhere/model")

    assert "AWS_ACCESS_KEY_ID" in told.value.hint
    assert s3.address not in told.value.hint


def test_a_bucket_that_may_not_be_read_is_a_failed_service(s3, lying_at):
    s3.denies = True

    with pytest.raises(ServiceError, match=r"s3://models/model.*(Access Denied|403)"):
        lying_at("s3://models/model")


def test_files_that_are_gone_are_an_input_error(s3, lying_at):
    with pytest.raises(InputError, match=r"models:/m\d+/1 are gone") as told:
        lying_at("s3://models/model")

    assert "s3://models/model" in told.value.hint
    assert {} == s3.objects["models"]


@pytest.mark.parametrize("endpoint", ["http://127.0.0.1:{port}", "nonsense", "https://"])
def test_an_endpoint_that_does_not_answer_is_a_failed_service(s3, lying_at, monkeypatch, endpoint):
    monkeypatch.setenv("MLFLOW_S3_ENDPOINT_URL", endpoint.format(port=free_port()))

    with pytest.raises(ServiceError) as told:
        lying_at("s3://models/model")

    assert "MLFLOW_S3_ENDPOINT_URL" in told.value.hint
    assert s3.objects == {"models": {}}


@pytest.mark.parametrize(
    ("address", "package", "storage"),
    [
        ("s3://models/model", "boto3", "s3"),
        ("r2://models@account.r2.cloudflarestorage.com/model", "boto3", "s3"),
        ("b2://models@s3.us.backblazeb2.com/model", "boto3", "s3"),
        ("gs://models/model", "google-cloud-storage", "gs"),
        ("wasbs://box@account.blob.core.windows.net/m", "azure-storage-file-datalake", "abfss"),
        ("abfss://box@account.dfs.core.windows.net/m", "azure-storage-file-datalake", "abfss"),
    ],
)
@pytest.mark.usefixtures("bare")
def test_a_client_that_is_not_installed_is_named(lying_at, address, package, storage):
    with pytest.raises(ConfigurationError) as told:
        lying_at(address)

    assert address in told.value.message
    assert f"the package {package}, which is not installed" in told.value.message
    assert f"`storage: {storage}`" in told.value.hint
    assert "--serve-artifacts" in told.value.hint


@pytest.mark.parametrize(
    "address",
    [
        "hdfs://node:9000/model",
        "viewfs://node/model",
        "dbfs:/models/m",
        "ftp://me:hidden@127.0.0.1:1/model",
        "sftp://me:hidden@127.0.0.1:1/model",
        "oss://models/model",
    ],
)
@pytest.mark.usefixtures("bare")
def test_a_storage_that_has_no_client_here_is_told_in_a_sentence(lying_at, address):
    with pytest.raises((ConfigurationError, ServiceError)) as told:
        lying_at(address)

    assert address.partition("://")[0] in told.value.message
    assert told.value.hint
    assert "hidden" not in told.value.message + told.value.hint


@pytest.mark.parametrize(
    "trouble",
    [Exception("no such thing"), ValueError("not base64"), KeyError("account"), EOFError()],
)
@pytest.mark.parametrize("scheme", STORES)
def test_whatever_a_client_raises_is_told_as_the_storages(scheme, trouble):
    with pytest.raises(ServiceError, match=rf"{scheme}://models/m cannot be read"):  # noqa: SIM117
        with stored_at(f"{scheme}://models/m"):
            raise trouble


@pytest.mark.parametrize("address", ["/models/m", "file:///models/m", "mlflow-artifacts:/m"])
def test_what_lies_beside_the_registry_is_no_matter_of_a_storage(address):
    with pytest.raises(ValueError, match="a bug"), stored_at(address):
        raise ValueError("a bug")


def test_a_certificate_of_the_storage_is_told_as_that():
    told = "SSL validation failed for https://s3.test [SSL: CERTIFICATE_VERIFY_FAILED] certificate"
    with pytest.raises(ServiceError, match="does not trust") as caught, stored_at("s3://models/m"):
        raise OSError(f"{told} verify failed: self-signed certificate (_ssl.c:1006)")

    assert "AWS_CA_BUNDLE" in caught.value.hint
