"""A registry is asked without MLflow, and answers as MLflow does, or not at all."""

import pytest

from cdml.adapters.registries.mlflow import MlflowRegistry
from cdml.adapters.registries.quick_look import may_have_version
from cdml.evidence.lineage import FINGERPRINT

TAG = (FINGERPRINT, "sha256:" + "a" * 64)
OTHER = (FINGERPRINT, "sha256:" + "b" * 64)


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    for name in ("MLFLOW_TRACKING_TOKEN", "http_proxy", "HTTP_PROXY"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture(params=["file", "server"])
def registry(request, tmp_path):
    """An address at which one version has the tag."""
    uri = "sqlite:///registry.db"
    if request.param == "server":
        uri = request.getfixturevalue("mlflow_address")
    model = tmp_path / "model"
    model.mkdir()
    (model / "MLmodel").write_text("flavors: {python_function: {loader_module: none}}\n")
    name = f"tagged-{request.param}"
    MlflowRegistry(uri, tmp_path).register(name, model, tags=dict([TAG]))
    return uri, name


def test_a_version_with_the_tag_is_found_and_no_other(registry, tmp_path):
    uri, name = registry

    assert [True, False, False] == [
        may_have_version(uri, tmp_path, {}, name, TAG),
        may_have_version(uri, tmp_path, {}, name, OTHER),
        may_have_version(uri, tmp_path, {}, "another-model", TAG),
    ]


@pytest.mark.parametrize(
    ("uri", "environment"),
    [
        ("sqlite:///none.db", {}),
        ("sqlite:///text.db", {}),
        ("http://127.0.0.1:9", {}),
        ("https://user:secret@127.0.0.1:9", {}),
        ("folder:registry", {}),
        ("databricks", {}),
    ],
)
def test_what_cannot_be_asked_may_have_one(tmp_path, uri, environment):
    (tmp_path / "text.db").write_text("no database")

    assert may_have_version(uri, tmp_path, environment, "flights", TAG)
    assert not (tmp_path / "none.db").exists()


def test_a_server_with_a_login_is_left_to_mlflow(mlflow_address, tmp_path):
    environment = {"MLFLOW_TRACKING_TOKEN": "secret"}

    assert not may_have_version(mlflow_address, tmp_path, {}, "flights", OTHER)
    assert may_have_version(mlflow_address, tmp_path, environment, "flights", OTHER)
