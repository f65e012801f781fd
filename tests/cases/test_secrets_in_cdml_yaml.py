"""What one edited line of cdml.yaml does with the job's secrets: nothing."""

from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import pytest

from cdml.cli import run

TEXT = """\
version: 1
model: {model}
registry: {{uri: "{registry}"}}
data: {{evaluation: "{data}", key: [id], label: late, positive: true}}
gates: [{{metric: roc_auc, at_least: 0.5}}]
"""
SECRET = "CANARYvalue"


@contextmanager
def listening():
    """A server that answers 404, and what it was asked."""
    asked = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            asked.append(f"{self.path} {self.headers}")
            self.send_response(404)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *said):
            del said

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", asked
    finally:
        server.shutdown()
        server.server_close()


@pytest.fixture
def told(tmp_path, monkeypatch, capsys):
    """The exit code of a command, and all that it shows and leaves."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("CI", "true")
    monkeypatch.setenv("MLFLOW_TRACKING_TOKEN", SECRET)
    monkeypatch.setenv("CDML_GITHUB_TOKEN", SECRET)

    def run_with(*command, model="m", registry="folder:r", data="rows.parquet"):
        text = TEXT.format(model=model, registry=registry, data=data)
        (tmp_path / "cdml.yaml").write_text(text)
        code, said = run(list(command)), capsys.readouterr()
        left = [one.read_text() for one in (tmp_path / ".cdml").rglob("*") if one.is_file()]
        return code, "".join((said.out, said.err, *left))

    return run_with


def test_the_registrys_token_does_not_go_where_the_address_leads(told):
    with listening() as (address, asked):
        code, said = told("compare-to-champion", "--challenger", "x", registry=address)

    assert (2, []) == (code, asked)
    assert f"allow-hosts: {address.partition('//')[2].partition(':')[0]}" in said


def test_a_secret_does_not_become_part_of_an_address(told):
    with listening() as (address, asked):
        code, said = told("validate-data", data=f"{address}/${{MLFLOW_TRACKING_TOKEN}}/x.parquet")

    assert (2, [], False) == (code, asked, SECRET in said)


def test_the_name_of_a_model_is_no_variable(told):
    code, said = told("report", model='"${CDML_GITHUB_TOKEN}"')

    assert (2, False) == (code, "CANARY" in said)


def test_what_a_server_says_does_not_show_the_value_that_it_was_sent(told, monkeypatch):
    monkeypatch.setenv("CDML_ENV_ALLOW", "MLFLOW_TRACKING_TOKEN")
    monkeypatch.setenv("CDML_ALLOW_HOSTS", "127.0.0.1")
    with listening() as (address, asked):
        code, said = told("validate-data", data=f"{address}/${{MLFLOW_TRACKING_TOKEN}}/x.parquet")

    assert (4, 1, False) == (code, len(asked), SECRET in said)
    assert "/${MLFLOW_TRACKING_TOKEN}/x.parquet" in said
