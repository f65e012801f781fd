"""Which proxy and which authority of the job's environment our requests and builds heed."""

from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import pytest

from cdml.adapters.ci.github.actions_run import GitHubActionsRun
from cdml.adapters.registries.mlflow import MlflowRegistry
from cdml.adapters.scoring.package_index import public_environment, uv_environment
from cdml.adapters.scoring.sandbox import environment
from cdml.adapters.webhook import HttpWebhook
from cdml.errors import ServiceError

SECRET = "hidden-credential"


@contextmanager
def proxy(seen):
    """Notes what is asked of it, and leads nowhere."""

    class Handler(BaseHTTPRequestHandler):
        def do_CONNECT(self):
            seen.append((self.path, str(self.headers)))
            self.send_error(403)

        def log_message(self, *said):
            del said

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()


def webhook(_):
    HttpWebhook().post("https://host.test/hook", b"{}", {"X-CDML-Signature-256": SECRET})


def github(folder):
    told = {
        "GITHUB_SERVER_URL": "https://host.test",
        "GITHUB_API_URL": "https://host.test/api",
        "GITHUB_REPOSITORY": "octo-org/flights",
        "GITHUB_RUN_ID": "1",
        "GITHUB_TOKEN": SECRET,
    }
    run = GitHubActionsRun(environment=told, folder=folder, pace=0.001)
    run.is_over("https://host.test/octo-org/flights/actions/runs/2")


def registry(folder):
    MlflowRegistry("https://host.test", folder).version("m", "1")


@pytest.fixture
def job(monkeypatch):
    """The variables of a job that names a proxy."""
    for name in ("NO_PROXY", "ALL_PROXY", "HTTP_PROXY", "HTTPS_PROXY"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)
    monkeypatch.setenv("MLFLOW_TRACKING_TOKEN", SECRET)
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    return monkeypatch


@pytest.mark.parametrize("ask", [webhook, github, registry])
def test_a_proxy_of_the_job_learns_the_host_and_no_credential(job, tmp_path, ask):
    seen = []
    with proxy(seen) as address:
        job.setenv("HTTPS_PROXY", address)
        with pytest.raises(ServiceError):
            ask(tmp_path)

    assert {"host.test:443"} == {place for place, _ in seen}
    assert SECRET not in str(seen)


@pytest.mark.parametrize("ask", [webhook, github, registry])
def test_a_host_that_no_proxy_is_for_is_asked_directly(job, tmp_path, ask):
    seen = []
    with proxy(seen) as address:
        job.setenv("HTTPS_PROXY", address)
        job.setenv("NO_PROXY", "host.test")
        with pytest.raises(ServiceError):
            ask(tmp_path)

    assert [] == seen


def test_the_installer_has_proxy_and_authority_a_build_no_password_and_a_model_neither(tmp_path):
    authority = tmp_path / "authority.pem"
    authority.touch()
    job = {
        "HTTPS_PROXY": f"http://me:{SECRET}@proxy.test:8080",
        "NO_PROXY": "localhost",
        "SSL_CERT_FILE": str(authority),
    }

    installer = uv_environment(job)
    build, files = public_environment(installer, tmp_path)

    assert job["HTTPS_PROXY"] == installer["HTTPS_PROXY"]
    assert str(authority) == installer["SSL_CERT_FILE"] == build["SSL_CERT_FILE"]
    assert ("http://proxy.test:8080", "localhost") == (build["HTTPS_PROXY"], build["NO_PROXY"])
    assert authority in files
    assert not environment(tmp_path).keys() & job.keys()
