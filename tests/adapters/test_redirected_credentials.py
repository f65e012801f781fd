"""A host that is named may lead elsewhere; the credentials stay behind."""

from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import pytest

from cdml.adapters.registries.mlflow import MlflowRegistry
from cdml.adapters.tables.duckdb_tables import DuckTables
from cdml.adapters.webhook import HttpWebhook
from cdml.delivery.traffic import ServerLabels
from cdml.errors import CdmlError
from support.traffic_sources import counters

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
SECRET = "hidden-credential"


@contextmanager
def serving(seen, to=""):
    """A server that notes the headers of each request, and leads elsewhere or finds nothing."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            seen.append((self.path, str(self.headers)))
            self.send_response(307 if to else 404)
            if to:
                self.send_header("Location", to + self.path)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def do_POST(self):
            self.rfile.read(int(self.headers.get("Content-Length") or 0))
            self.do_GET()

        def log_message(self, *said):
            del said

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    try:
        yield f"127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()


def data(host, _):
    DuckTables().open(f"http://me:{SECRET}@{host}/rows.parquet")


def webhook(host, _):
    HttpWebhook().post(f"http://{host}/hook", b"{}", {"X-CDML-Signature-256": SECRET})


def traffic(host, _):
    asked = counters(f"http://{host}", SECRET)
    asked.window(NOON, NOON + timedelta(minutes=1), ServerLabels(champion="a", challenger="b"))


def registry(host, folder):
    MlflowRegistry(f"http://{host}", folder).champion("m", "champion")


@pytest.mark.parametrize("ask", [data, webhook, traffic, registry])
def test_a_redirection_to_another_host_takes_no_credentials_along(ask, tmp_path, monkeypatch):
    monkeypatch.setenv("MLFLOW_TRACKING_TOKEN", SECRET)
    elsewhere, named = [], []
    with (
        serving(elsewhere) as other,
        serving(named, to=f"http://{other}") as host,
        suppress(CdmlError),
    ):
        ask(host, tmp_path)

    assert named
    assert not [headers for _, headers in elsewhere if SECRET in headers or "Basic" in headers]
