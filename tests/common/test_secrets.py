"""What a CI system masks in its log is taken out of what is shown elsewhere."""

import os
import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cdml.adapters.journals.git_objects import Git
from cdml.adapters.scoring.package_index import uv_environment
from cdml.adapters.scoring.sandbox import environment
from cdml.adapters.targets.haproxy.model_servers import _inherited
from cdml.common.redaction import redact, without_journal_keys


@pytest.mark.parametrize(
    "name",
    ["MLFLOW_TRACKING_TOKEN", "DB_PASSWORD", "aws_secret_access_key", "API_KEY", "PGPASSWORD"],
)
def test_the_value_of_a_variable_that_is_named_like_a_secret_is_hidden(name):
    assert "401 for ***." == redact("401 for hunter2-hunter2.", {name: "hunter2-hunter2"})


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("https://me:pass@host/x is down", "https://***@host/x is down"),
        ("GET https://s3/x?X-Amz-Signature=abc&a=1", "GET https://s3/x?X-Amz-Signature=***&a=1"),
        ("sent Authorization: Bearer abcdef123456", "sent Authorization: Bearer ***"),
    ],
)
def test_credentials_of_addresses_and_headers_are_hidden(text, shown):
    assert shown == redact(text, {})


def test_places_and_ordinary_variables_stay_readable():
    variables = {"PWD": "/home/me", "OLDPWD": "/home/me", "MODEL": "flights", "KEY_PATH": "/k.pem"}

    assert "/home/me/flights /k.pem" == redact("/home/me/flights /k.pem", variables)


LETTERS = st.text(string.ascii_letters, min_size=5)


@pytest.mark.heavy
@given(LETTERS, st.text(), st.text())
def test_a_secret_never_survives_whatever_is_around_it(secret, before, after):
    assert secret not in redact(f"{before}{secret}{after}", {"TOKEN": secret})


def test_the_keys_of_the_journal_are_shown_nowhere_and_handed_to_nobody():
    variables = {
        "PATH": "/bin",
        "CDML_JOURNAL_KEY": "CANARY-newest",
        "CDML_JOURNAL_KEY_PREVIOUS": "CANARY-previous",
    }

    assert {"PATH": "/bin"} == without_journal_keys(variables)
    assert "*** ***" == redact("CANARY-newest CANARY-previous", variables)


def test_no_program_that_is_started_is_given_the_keys_of_the_journal(monkeypatch, tmp_path):
    for name in ("CDML_JOURNAL_KEY", "CDML_JOURNAL_KEY_PREVIOUS"):
        monkeypatch.setenv(name, "CANARY" * 6)

    given = (
        environment(tmp_path),
        _inherited(os.environ),
        uv_environment(os.environ),
        Git(tmp_path, os.environ)._environment(),
    )

    assert all("PATH" in one for one in given)
    assert "CANARY" not in str(given)
