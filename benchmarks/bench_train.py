"""`cdml train-model`: what it adds to the command, and how soon it finds unchanged inputs."""

import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from measure import ROOT, Row, Usage, usage

COMMAND = 5.0
ADDED, REUSE = 2.0, 5.0
CONFIG = f"""\
version: 1
model: flights
registry: {{{{uri: "{{uri}}"}}}}
data: {{{{evaluation: rows.parquet, key: [id], label: late, positive: true}}}}
gates: [{{{{metric: accuracy, at_least: 0.5}}}}]
training:
  command: [{sys.executable}, -S, train.py]
  inputs: [train.py]
  model: model/
  seed: 7
"""
TRAIN = f"""\
import pathlib, time
time.sleep({COMMAND})
folder = pathlib.Path("model")
folder.mkdir()
(folder / "MLmodel").write_text("flavors: {{python_function: {{loader_module: none}}}}\\n")
"""
REGISTER = """
import sys
from pathlib import Path
from cdml.adapters.registries.mlflow import MlflowRegistry
from cdml.evidence.lineage import FINGERPRINT, read_lineage
uri, folder = sys.argv[1], Path(sys.argv[2])
registry, evidence = MlflowRegistry(uri, folder), folder / ".cdml"
tags = {FINGERPRINT: read_lineage(evidence).fingerprint}
version = registry.register("flights", folder / "model", tags=tags)
registry.log_evidence(version, [evidence / "lineage.json"])
"""


def rows() -> Iterator[Row]:
    with tempfile.TemporaryDirectory(prefix="cdml-bench-") as name:
        folder = Path(name)
        yield from _with("an SQLite file", f"sqlite:///{folder}/mlflow.db", folder / "file")
        with _server(folder / "server") as address:
            yield from _with("a server", address, folder / "http")


def _with(kind: str, uri: str, folder: Path) -> Iterator[Row]:
    folder.mkdir()
    (folder / "cdml.yaml").write_text(CONFIG.format(uri=uri))
    (folder / "train.py").write_text(TRAIN)
    _train(folder)  # makes the tables of a new registry
    found = _train(folder, times=3)
    added = found.seconds - COMMAND
    yield Row(
        f"added to a command of {COMMAND:g} s, with {kind}",
        f"{added:.1f} s ({found.processor:.1f} s of a processor, most of it beside the command)",
        f"≤ {ADDED:g} s",
        added <= ADDED,
    )
    usage([sys.executable, "-c", REGISTER, uri, str(folder)])
    first, later = _train(folder), _train(folder, times=3)
    yield Row(
        f"unchanged inputs found, with {kind}",
        f"{later.seconds:.1f} s, first {first.seconds:.1f} s ({later.processor:.1f} s of a"
        " processor)",
        f"≤ {REUSE:g} s",
        max(first.seconds, later.seconds) <= REUSE,
    )


def _train(folder: Path, times: int = 1) -> Usage:
    where = ("--config", str(folder / "cdml.yaml"), "--output-dir", str(folder / ".cdml"))
    return usage([sys.executable, "-m", "cdml", "train-model", *where], times)


@contextmanager
def _server(folder: Path) -> Iterator[str]:
    folder.mkdir()
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [
        sys.executable, "-m", "mlflow", "server", "--port", str(port), "--workers", "1",
        "--backend-store-uri", f"sqlite:///{folder}/mlflow.db",
        "--artifacts-destination", str(folder / "artifacts"),
    ]  # fmt: skip
    quiet = subprocess.DEVNULL
    process = subprocess.Popen(command, cwd=ROOT, stdout=quiet, stderr=quiet)
    address = f"http://127.0.0.1:{port}"
    try:
        deadline = time.monotonic() + 300
        while time.monotonic() < deadline and process.poll() is None:
            with suppress(OSError), urllib.request.urlopen(f"{address}/health", timeout=5):  # noqa: S310 - our own
                break
            time.sleep(0.5)
        yield address
    finally:
        process.terminate()
        process.wait()
