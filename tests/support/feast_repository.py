"""A real Feast repository for tests: SQLite or Redis online, DuckDB or files offline."""

import os
import shutil
import subprocess
import time
from contextlib import contextmanager
from pathlib import Path

from cdml.adapters.features.feast import FeastStore
from cdml.adapters.scoring.environments import requirements_environment
from cdml.config.features import FeastSettings
from fakes.progress import FakeProgress
from support.servers import free_port

FILES = Path(__file__).with_name("feast")
SERVICE = "flight_delays"
SQLITE = "{type: sqlite, path: data/online.db}"


def interpreter() -> Path:
    """A Python with the packages of the tests' lock; built once on a machine."""
    return requirements_environment(FILES, FakeProgress())


def make_repository(folder: Path, *, online: str = SQLITE, offline: str = "duckdb") -> Path:
    """The definitions and their stores; nothing is applied."""
    folder.mkdir(parents=True)
    shutil.copy(FILES / "flights.py", folder)
    (folder / "feature_store.yaml").write_text(
        "project: flights\nregistry: data/registry.db\nprovider: local\n"
        f"online_store: {online}\noffline_store: {{type: {offline}}}\n"
        "entity_key_serialization_version: 3\n",
        encoding="utf-8",
    )
    return folder


def prepare(*folders: Path) -> None:
    """Apply and materialize them, as prepare.py says."""
    done = subprocess.run(
        [interpreter(), FILES / "prepare.py", *map(str, folders)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]


def store_of(folder: Path) -> FeastStore:
    """The store as cdml reads it."""
    settings = FeastSettings(repository=str(folder), python=str(interpreter()))
    return FeastStore(settings, locate=lambda path: path, variables=os.environ)


@contextmanager
def redis_server(folder: Path):
    """A real Redis on a free loopback port; gives its process and Feast's settings of it."""
    port = free_port()
    command = ["redis-server", "--port", str(port), "--bind", "127.0.0.1", "--save", ""]
    process = subprocess.Popen(
        [*command, "--dir", str(folder)], stdout=subprocess.DEVNULL, start_new_session=True
    )
    settings = f'{{type: redis, connection_string: "127.0.0.1:{port}"}}'
    try:
        for _ in range(600):
            ping = ["redis-cli", "-p", str(port), "ping"]
            if subprocess.run(ping, capture_output=True, check=False).stdout == b"PONG\n":
                break
            time.sleep(0.1)
        yield process, settings
    finally:
        process.terminate()
        process.wait()
