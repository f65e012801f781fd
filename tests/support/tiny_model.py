"""A server that starts at once and answers as `mlflow models serve` does: `MODEL PORT [HOST]`.

The model's file `behaviour.json` says how: `says` is the prediction of every row, `refuses` makes
it end before it is ready, `seconds` is how long an answer takes, `throws` lists values of x that
it cannot bear, `deaf` makes it listen to nobody.

Each answer has two headers: `X-Digest` is that of the model's files, as they were at the start;
`X-Checked` says whether somebody asked this very process what no client asks, as the smoke check
does.
"""

import hashlib
import json
import os
import signal
import sys
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize = 2**16  # head and body in one packet
    behaviour: dict = {}  # noqa: RUF012 - set once, before the server starts
    digest = ""
    checked = "no"

    def do_GET(self):
        self._answer(200 if self.path == "/ping" else 404, b"\n")

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        time.sleep(self.behaviour.get("seconds", 0))
        try:
            values = list(_values(json.loads(body)))
        except (KeyError, TypeError, ValueError) as error:
            Handler.checked = "yes"
            return self._answer(400, str(error).encode())
        if any(value in self.behaviour.get("throws", ()) for value in values):
            return self._answer(400, b"Traceback (most recent call last): ...")
        said = {"predictions": [self.behaviour["says"]] * len(values)}
        return self._answer(200, json.dumps(said).encode())

    def log_message(self, *_):
        pass

    def _answer(self, status, body):
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.send_header("X-Digest", self.digest)
        self.send_header("X-Checked", self.checked)
        self.end_headers()
        self.wfile.write(body)


def _values(asked):
    """The x of each row, as MLflow takes rows."""
    if "dataframe_split" in asked:
        split = asked["dataframe_split"]
        at = split["columns"].index("x")
        return [row[at] for row in split["data"]]
    return [row["x"] for row in asked["dataframe_records"]]


def _digest(folder):
    """As `sha256sum` of the sorted files would say; see cdml.models.digest."""
    whole = hashlib.sha256()
    for path in sorted(_files(folder)):
        content = hashlib.sha256(path.read_bytes()).hexdigest()
        whole.update(f"{content}  {path.relative_to(folder)}\n".encode())
    return f"sha256:{whole.hexdigest()}"


def _files(folder):
    """What a model's folder holds; a ConfigMap's links lead to hidden folders beside them."""
    for root, folders, names in os.walk(folder, followlinks=True):
        folders[:] = [name for name in folders if not name.startswith("..")]
        yield from (Path(root, name) for name in names if not name.startswith(".."))


def main(model, port, host="127.0.0.1"):
    signal.signal(signal.SIGTERM, signal.SIG_DFL if os.getpid() > 1 else lambda *_: sys.exit())
    Handler.digest = _digest(Path(model))
    Handler.behaviour = json.loads((Path(model) / "behaviour.json").read_text())
    if "refuses" in Handler.behaviour:
        sys.exit(f"ValueError: {Handler.behaviour['refuses']}")
    while Handler.behaviour.get("deaf"):
        time.sleep(60)
    ThreadingHTTPServer.request_queue_size = 128
    ThreadingHTTPServer((host, int(port)), Handler).serve_forever()


if __name__ == "__main__":
    main(*sys.argv[1:])
