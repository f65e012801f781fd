"""Registries that are not read: an honest sentence, and what works."""

import pytest

from cdml.common.tls_errors import explain_tls_error
from cdml.config.registries import registry_problem


@pytest.mark.parametrize(
    "uri", ["sqlite:///mlflow.db", "https://mlflow.test", "http://h:5000/x", "folder:registry"]
)
def test_a_registry_that_is_read_is_no_complaint(uri):
    assert registry_problem(uri) is None


@pytest.mark.parametrize(
    ("uri", "told", "instead"),
    [
        ("databricks", "registry of Databricks is not supported", "--champion ./old"),
        ("databricks://profile", "registry of Databricks is not supported", "folder:registry"),
        ("databricks-uc", "Unity Catalog of Databricks is not supported", "folder:registry"),
        ("databricks-uc://profile", "Unity Catalog of Databricks", "folder:registry"),
        ("uc:http://127.0.0.1:8080", "Unity Catalog is not supported", "folder:registry"),
        ("azureml://eastus.api.azureml.ms/x", "Azure Machine Learning", "folder:registry"),
        ("mysql+pymysql://u:p@h/db", "through an MLflow server", "mlflow server"),
        ("postgresql://h/db", "through an MLflow server", "mlflow server"),
        ("file:///tmp/mlruns", "a folder of runs", "sqlite:///mlflow.db"),
        ("./mlruns", "a folder of runs", "sqlite:///mlflow.db"),
        ("mlruns", "a folder of runs", "sqlite:///mlflow.db"),
        ("s3://bucket/models", "no versions", "MLflow server"),
        ("foldr:registry", "did you mean 'folder'?", "Known: folder, http, https, sqlite"),
        ("ftp://x", "unknown registry 'ftp'", "Known: "),
    ],
)
def test_a_registry_that_is_not_read_is_told_with_what_works(uri, told, instead):
    found = registry_problem(uri)

    assert found is not None
    assert told in found
    assert instead in found
    assert ":p@" not in found


@pytest.mark.parametrize(
    "text",
    ["Connection refused", "Max retries exceeded with url: /x", "", "ssl.test is down"],
)
def test_what_is_about_something_else_is_no_trouble_with_a_certificate(text):
    assert explain_tls_error(text, "BUNDLE") is None
