"""Clients of services wait no longer than their command's budget, whatever a server asks for."""

import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from github import GithubException
from urllib3 import HTTPResponse

from cdml.adapters.ci.github.client import _patient
from cdml.adapters.registries.mlflow import MlflowRegistry
from cdml.adapters.webhook import HttpWebhook
from cdml.common.time_budget import Budget
from cdml.errors import ConfigurationError, ServiceError


@pytest.fixture
def never():
    """A server that answers every request with `ask again in an hour`."""
    asked = []

    class Never(BaseHTTPRequestHandler):
        def do_GET(self):
            asked.append(self.path)
            self.send_response(429)
            self.send_header("Retry-After", "3600")
            self.send_header("Content-Length", "0")
            self.end_headers()

        def do_POST(self):
            self.do_GET()

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Never)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}", asked
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.mark.parametrize(("asks", "most"), [(1, 6), (60, 360), (200, 400), (599, 599), (601, 0)])
def test_github_is_waited_for_within_the_budget(asks, most):
    watch = [0.0]
    retry = _patient(1.0, Budget(600, now=lambda: 0.0))
    budget = retry.budget = Budget(600, now=lambda: watch[0])
    answer = HTTPResponse(status=429, headers={"Retry-After": str(asks)})

    def wait():
        fewer = retry
        for _ in range(20):
            fewer = fewer.increment("GET", "/x", answer)
            watch[0] += max(asks, fewer.get_backoff_time())

    with budget.spending("GitHub"), pytest.raises(Exception) as no:  # noqa: PT011 - two kinds
        wait()
    assert isinstance(no.value, GithubException) or "too many" in str(no.value)
    assert most <= watch[0] <= 600


def test_a_registry_is_asked_again_soon_whatever_patience_it_asks_for(never, tmp_path):
    url, asked = never
    began = time.monotonic()
    with pytest.raises(ServiceError, match="does not answer"):
        MlflowRegistry(url, tmp_path).version("flights", "1")
    assert 3 == len(asked)
    assert time.monotonic() - began < 600


def test_a_registry_is_not_asked_where_nothing_is_left(never, tmp_path):
    url, asked = never
    registry = MlflowRegistry(url, tmp_path)
    registry.budget = Budget(0)
    for ask in (
        lambda: registry.version("flights", "1"),
        lambda: registry.set_alias("flights", "champion", "1"),
        lambda: registry.set_tags("flights", "1", {"a": "b"}),
    ):
        with pytest.raises(ServiceError, match="The registry was not called"):
            ask()
    assert [] == asked


def test_a_webhook_is_not_asked_where_nothing_is_left(never):
    url, asked = never
    webhook = HttpWebhook()
    webhook.budget = Budget(0)
    with pytest.raises(ServiceError, match="The webhook was not called"):
        webhook.post(url, b"{}", {})
    assert [] == asked


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("MLFLOW_HTTP_REQUEST_TIMEOUT", "soon"),
        ("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "a few"),
        ("MLFLOW_TRACKING_INSECURE_TLS", "perhaps"),
    ],
)
def test_an_odd_setting_of_mlflow_is_named(monkeypatch, tmp_path, name, value):
    monkeypatch.setenv(name, value)
    with pytest.raises(ConfigurationError, match=f"cannot read the value of {name}"):
        MlflowRegistry("http://127.0.0.1:9", tmp_path)
