"""A registry behind a certificate: trusted, or told why not."""

import pytest

from cdml.adapters.registries.mlflow import MlflowRegistry
from cdml.errors import ServiceError
from support.certificates import certificate, tls_server

pytestmark = pytest.mark.usefixtures("slept")
TRUST = ("MLFLOW_TRACKING_SERVER_CERT_PATH", "REQUESTS_CA_BUNDLE")


@pytest.fixture
def asked(tmp_path, monkeypatch):
    """What asking a registry with this certificate ends with; `trusted` is who is vouched for."""
    for name in (*TRUST, "CURL_CA_BUNDLE", "MLFLOW_TRACKING_INSECURE_TLS"):
        monkeypatch.delenv(name, raising=False)

    def ask(file, variable=TRUST[0], trusted=None):
        if trusted is not None:
            monkeypatch.setenv(variable, str(trusted))
        with tls_server(file) as port:
            registry = MlflowRegistry(f"https://localhost:{port}", tmp_path)
            with pytest.raises(ServiceError) as told:
                registry.champion("flights", "champion")
        return told.value

    return ask


def test_an_authority_that_is_not_known_is_told_with_the_variables_that_name_it(asked, tmp_path):
    told = asked(certificate(tmp_path))

    assert "has a certificate that this machine does not trust (self-signed" in told.message
    assert all(variable in told.hint for variable in TRUST)


@pytest.mark.parametrize("variable", TRUST)
def test_an_authority_that_is_named_is_trusted(asked, tmp_path, variable):
    own = certificate(tmp_path)

    assert "certificate" not in asked(own, variable, trusted=own).message


def test_a_certificate_that_expired_is_told_as_that(asked, tmp_path):
    own = certificate(tmp_path, begins=-9, ends=-1)
    told = asked(own, trusted=own)

    assert "an expired certificate (certificate has expired)" in told.message
    assert "Renew it" in told.hint


def test_a_certificate_of_tomorrow_is_told_as_that(asked, tmp_path):
    own = certificate(tmp_path, begins=1, ends=2)

    assert "not valid yet" in asked(own, trusted=own).message


def test_a_certificate_for_another_name_is_told_as_that(asked, tmp_path):
    own = certificate(tmp_path, name="mlflow.test")
    told = asked(own, trusted=own)

    assert "a certificate for another name" in told.message
    assert "localhost" in told.message


def test_a_server_without_tls_is_told_as_that(asked):
    told = asked(None)

    assert "could not agree on a TLS connection" in told.message
    assert "http://" in told.hint


def test_a_bundle_that_is_not_there_is_named(asked, tmp_path):
    told = asked(certificate(tmp_path), trusted=tmp_path / "nowhere.pem")

    assert "nowhere.pem" in told.message


def test_a_bundle_without_a_certificate_is_told(asked, tmp_path):
    empty = tmp_path / "empty.pem"
    empty.write_text("nothing")

    assert "certificate file is empty" in asked(certificate(tmp_path), trusted=empty).message
