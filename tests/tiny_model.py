"""A server that starts at once and answers as `mlflow models serve` does: `MODEL PORT`.

The model's file `behaviour.json` says how: `says` is the prediction of every row, `refuses` makes
it end before it is ready, `seconds` is how long an answer takes, `throws` lists values of x that
it cannot bear.
"""

import json
import sys
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    behaviour: dict = {}  # noqa: RUF012 - set once, before the server starts

    def do_GET(self):
        self._answer(200 if self.path == "/ping" else 404, b"\n")

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        time.sleep(self.behaviour.get("seconds", 0))
        try:
            values = [row["x"] for row in json.loads(body)["dataframe_records"]]
        except (KeyError, TypeError, ValueError) as error:
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
        self.end_headers()
        self.wfile.write(body)


def main(model, port):
    Handler.behaviour = json.loads((Path(model) / "behaviour.json").read_text())
    if "refuses" in Handler.behaviour:
        sys.exit(f"ValueError: {Handler.behaviour['refuses']}")
    ThreadingHTTPServer.request_queue_size = 128
    ThreadingHTTPServer(("127.0.0.1", int(port)), Handler).serve_forever()


if __name__ == "__main__":
    main(*sys.argv[1:])
