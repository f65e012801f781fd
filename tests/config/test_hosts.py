"""In CI credentials go only to hosts that the workflow names."""

import pytest

from cdml.config import load
from cdml.errors import ConfigurationError

TEXT = """\
version: 1
model: m
registry: {{uri: "{registry}"}}
data: {{evaluation: "{data}", key: [id], label: y, positive: true}}
gates: [{{metric: roc_auc, at_least: 0.5}}]
deploy: {{notify: {notify}}}
"""
NAMED = {"CI": "true", "MLFLOW_TRACKING_URI": "https://registry.test/mlflow"}
TOKEN = {**NAMED, "MLFLOW_TRACKING_TOKEN": "hidden-token"}


@pytest.fixture
def read(tmp_path):
    def loaded(variables, *, registry="https://registry.test", data="rows.parquet", notify="{}"):
        path = tmp_path / "cdml.yaml"
        path.write_text(TEXT.format(registry=registry, data=data, notify=notify))
        return load(path, targets=["registry"], environment={"HOME": str(tmp_path), **variables})

    return loaded


def refused(read, variables, host, **words):
    with pytest.raises(ConfigurationError) as caught:
        read(variables, **words)
    assert f"allow-hosts: {host}" in str(caught.value)
    assert "hidden" not in str(caught.value)


@pytest.mark.parametrize(
    "credential",
    [
        "MLFLOW_TRACKING_TOKEN",
        "MLFLOW_TRACKING_USERNAME",
        "MLFLOW_TRACKING_AWS_SIGV4",
        "MLFLOW_TRACKING_CLIENT_CERT_PATH",
    ],
)
def test_the_registrys_credentials_go_to_no_host_but_the_workflows(read, credential):
    variables = {**NAMED, credential: "hidden"}

    refused(read, variables, "elsewhere.test", registry="https://elsewhere.test")
    assert read(variables)


@pytest.mark.parametrize(
    ("address", "host"),
    [
        ("http://registry.test", "registry.test"),
        ("https://registry.test:8443", "registry.test"),
        ("https://registry.test@elsewhere.test", "elsewhere.test"),
        ("https://registry.test.elsewhere.test", "registry.test.elsewhere.test"),
        ("HTTPS://ELSEWHERE.test", "elsewhere.test"),
        ("http+x://elsewhere.test", "elsewhere.test"),
    ],
)
def test_another_port_scheme_user_or_suffix_is_another_host(read, address, host):
    refused(read, TOKEN, host, registry=address)


@pytest.mark.parametrize(
    "address", ["https://elsewhere.test\\\\@registry.test", "https:elsewhere.test", "https://"]
)
def test_a_host_that_readers_could_understand_differently_is_refused(read, address):
    with pytest.raises(ConfigurationError, match="its host is ambiguous"):
        read(TOKEN, registry=address)


@pytest.mark.parametrize("listed", ["elsewhere.test", "x.test, elsewhere.test:443"])
def test_a_host_that_the_workflow_lists_is_one(read, listed):
    assert read({**TOKEN, "CDML_ALLOW_HOSTS": listed}, registry="https://elsewhere.test")


def test_a_file_of_passwords_is_a_credential(read, tmp_path):
    (tmp_path / ".netrc").write_text("default login me password hidden")

    refused(read, NAMED, "elsewhere.test", registry="https://elsewhere.test")


@pytest.mark.parametrize(
    "address",
    ["https://elsewhere.test/${KEY}.parquet", "https://${KEY}.elsewhere.test/x.parquet",
     "https://${KEY}@elsewhere.test/x.parquet", "postgresql://u:${KEY}@elsewhere.test/d#t"],
)  # fmt: skip
def test_a_value_of_a_variable_goes_to_no_host_but_the_workflows(read, address):
    variables = {**NAMED, "KEY": "hidden", "CDML_ENV_ALLOW": "KEY"}

    host = "${KEY}.elsewhere.test" if "//${KEY}." in address else "elsewhere.test"
    refused(read, variables, host, data=address)


def test_a_variable_that_is_an_address_names_its_host(read):
    variables = {**NAMED, "ROWS": "https://data.test/d", "CDML_ENV_ALLOW": "ROWS"}

    assert read(variables, data="${ROWS}/x.parquet")
    elsewhere = "https://elsewhere.test/?from=${ROWS}&as=x.parquet"
    refused(read, variables, "elsewhere.test", data=elsewhere)


@pytest.mark.parametrize(
    "address",
    [
        "postgresql://elsewhere.test/d#t",
        "trino://elsewhere.test/c#t",
        "spark://elsewhere.test#t",
    ],
)
def test_a_database_is_asked_with_the_jobs_credentials(read, address):
    refused(read, NAMED, "elsewhere.test", data=address)


def test_spark_on_this_machine_asks_no_host(read):
    assert read(NAMED, data="spark://local#/rows.parquet")


@pytest.mark.parametrize(
    "address", ["postgresql:///d?host=elsewhere.test#t", "s3://b/x.parquet?s3_endpoint=e.test"]
)
def test_a_driver_is_not_led_elsewhere_by_a_parameter(read, address):
    with pytest.raises(ConfigurationError, match="its host is ambiguous"):
        read({**NAMED, "CDML_ALLOW_HOSTS": "b"}, data=address)


def test_what_the_secret_signs_goes_to_a_host_that_is_named(read):
    variables = {**NAMED, "KEY": "hidden", "CDML_ENV_ALLOW": "KEY"}
    notify = '{webhook: "https://elsewhere.test/x", secret: "${KEY}"}'

    refused(read, variables, "elsewhere.test", notify=notify)


@pytest.mark.parametrize("data", ["https://data.test/x.parquet", "s3://bucket/x.parquet"])
def test_what_takes_nothing_along_may_lie_anywhere(read, data):
    assert read(TOKEN, data=data)
    assert read(NAMED, registry="https://elsewhere.test")


def test_in_a_terminal_its_user_says_where_to(read):
    variables = {"MLFLOW_TRACKING_TOKEN": "hidden", "KEY": "hidden"}

    assert read(variables, registry="https://elsewhere.test", data="https://e.test/${KEY}.parquet")
