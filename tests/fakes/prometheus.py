"""A Prometheus server that knows a few counters: range vectors of instant queries, no functions.

`serve` counts a request, as a process would that is scraped after each; `answers` overrides what
is told, so that a proxy or a broken server can be played.
"""

import json
import re
import threading
from collections import defaultdict
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlparse

ENDS = ("0.01", "0.1", "+Inf")
QUERY = re.compile(r"(\w+)\[(\d+)s\]")


class FakePrometheus:
    def __init__(self):
        self.series = defaultdict(list)  # (name, slot, le) to (time, value)
        self.broken = []
        self.answer = None
        self.headers = []

    def serve(self, slot, at, *, status=200, ms=10.0):
        self.count("requests_total", slot, at)
        if status >= 400:
            self.count("errors_total", slot, at)
            return
        for le in ENDS:
            self.count("seconds_bucket", slot, at, le=le, by=ms / 1000 <= float(le))

    def count(self, name, slot, at, *, le=None, by=1):
        samples = self.series[name, slot, le]
        samples.append((at.timestamp(), (samples[-1][1] if samples else 0) + by))

    def reset(self):
        """All processes begin anew."""
        for samples in self.series.values():
            samples.append((samples[-1][0], 0))

    def query(self, text, time):
        found = QUERY.fullmatch(text)
        if not found:
            return 400, {"status": "error", "errorType": "bad_data", "error": "parse error"}
        name, seconds = found[1], int(found[2])
        result = [
            {
                "metric": {"slot": slot, **({"le": le} if le else {})},
                "values": [[at, str(v)] for at, v in samples if time - seconds < at <= time],
            }
            for (known, slot, le), samples in self.series.items()
            if known == name
        ]
        result = [series for series in result if series["values"]]
        if name == "requests_total":
            result += self.broken
        return 200, {"status": "success", "data": {"resultType": "matrix", "result": result}}


@contextmanager
def served(prometheus):
    """Give its address while it answers on a free loopback port."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            prometheus.headers.append(dict(self.headers))
            asked = parse_qs(urlparse(self.path).query)
            status, body = prometheus.answer or prometheus.query(
                asked["query"][0], float(asked["time"][0])
            )
            payload = body if isinstance(body, bytes) else json.dumps(body).encode()
            self.send_response(status)
            self.end_headers()
            self.wfile.write(payload)

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
