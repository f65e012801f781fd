"""A rollback over HTTP, beside a script that sends the same calls and checks nothing.

Both are whole processes that talk to one real `mlflow server`. Ours also reads and writes the
journal in git, compares the version with it, and looks at what serves afterwards.
"""

import subprocess
import sys
import tempfile
import threading
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from measure import ROOT, Row, usage

sys.path.insert(0, str(ROOT / "tests"))

from support.servers import mlflow_server

TIMES = 5
CONFIG = """
version: 1
model: bench
registry: {{uri: "{uri}"}}
data: {{evaluation: rows.parquet, key: [id], label: late, positive: true}}
gates: [{{metric: roc_auc, at_least: 0.8}}]
"""
REGISTER = """
import sys
from mlflow import MlflowClient
client = MlflowClient(sys.argv[1])
client.create_registered_model("bench")
for number in ("1", "2"):
    run = client.create_run(client.get_experiment_by_name("Default").experiment_id)
    client.log_text(run.info.run_id, f"name: {number}", "model/MLmodel")
    client.create_model_version("bench", f"{run.info.artifact_uri}/model", run.info.run_id)
"""
BARE = """
import sys
from mlflow import MlflowClient
client = MlflowClient(sys.argv[1])
serving = client.get_model_version_by_alias("bench", "champion").version
client.get_model_version("bench", "1")
client.set_registered_model_alias("bench", "previous_champion", serving)
client.set_registered_model_alias("bench", "champion", "1")
assert client.get_model_version_by_alias("bench", "champion").version == "1"
"""


def rows() -> Iterator[Row]:
    with tempfile.TemporaryDirectory(prefix="cdml-bench-") as name:
        folder = Path(name)
        with mlflow_server(folder / "server") as uri:
            _python(REGISTER, uri)
            _git(folder, "init", "--quiet")
            _deploy(folder, uri, "1")
            ours, bare = [], []
            for _ in range(TIMES):
                _deploy(folder, uri, "2")
                ours.append(usage(_rollback(folder, uri)).seconds)
                _deploy(folder, uri, "2")
                bare.append(usage([sys.executable, "-c", BARE, uri]).seconds)
                _cdml(folder, uri, "rollback", "--to", "1", "--reason", "bench")
            with _counted(uri) as (address, calls):
                _deploy(folder, uri, "2")
                _cdml(folder, address, "rollback", "--reason", "bench")
    took, took_bare = sorted(ours)[TIMES // 2], sorted(bare)[TIMES // 2]
    yield Row(
        "`cdml rollback` over HTTP / the bare calls",
        f"{took / took_bare:.2f} × ({took:.2f} s / {took_bare:.2f} s)",
        "≤ 1.5 ×",
        took / took_bare <= 1.5,
    )
    yield Row("registry calls of the rollback", str(len(calls)), "≤ 8", len(calls) <= 8)


def _configured(folder: Path, uri: str) -> list[str]:
    (folder / "cdml.yaml").write_text(CONFIG.format(uri=uri))
    return [sys.executable, "-m", "cdml"]


def _rollback(folder: Path, uri: str) -> list[str]:
    command = [*_configured(folder, uri), "rollback", "--reason", "bench"]
    return [*command, "--config", str(folder / "cdml.yaml")]


def _cdml(folder: Path, uri: str, *arguments: str) -> None:
    command = [*_configured(folder, uri), *arguments, "--config", str(folder / "cdml.yaml")]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=folder)
    if done.returncode:
        raise RuntimeError(done.stdout + done.stderr)


def _deploy(folder: Path, uri: str, version: str) -> None:
    overrides = ("--override", "no-evidence,quarantined", "--reason", "bench")
    _cdml(folder, uri, "deploy", "--model", version, *overrides)


def _python(program: str, *arguments: str) -> None:
    subprocess.run([sys.executable, "-c", program, *arguments], check=True, capture_output=True)


def _git(folder: Path, *arguments: str) -> None:
    subprocess.run(["git", *arguments], check=True, cwd=folder)


@contextmanager
def _counted(uri: str) -> Iterator[tuple[str, list[str]]]:
    """An address that passes every call on, and the calls."""
    calls: list[str] = []

    class Proxy(BaseHTTPRequestHandler):
        def _pass_on(self) -> None:
            calls.append(f"{self.command} {self.path}")
            body = self.rfile.read(int(self.headers.get("Content-Length", 0))) or None
            asked = urllib.request.Request(uri + self.path, body, method=self.command)  # noqa: S310 - our own server
            asked.add_header("Content-Type", "application/json")
            with urllib.request.urlopen(asked) as answer:  # noqa: S310 - our own server
                content = answer.read()
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def do_GET(self) -> None:
            self._pass_on()

        def do_POST(self) -> None:
            self._pass_on()

        def log_message(self, *_: object) -> None:
            """Quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Proxy)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", calls
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
