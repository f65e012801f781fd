"""A real HAProxy with the configuration of docs/rollouts.md."""

import os
import re
import shutil
import socket
import subprocess
import threading
import time
from collections import Counter
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
import requests

from cdml.adapters.traffic.haproxy_log import HAProxyTraffic
from cdml.delivery.canary.judge import judge_canary
from cdml.delivery.canary.rules import CanaryTolerances
from cdml.delivery.canary.state import CanaryState, observe_window
from cdml.delivery.rollout.state_machine import Decision
from cdml.delivery.traffic import ServerLabels
from support.api_server import wait_until
from support.servers import free_port
from support.traffic_sources import records

HAPROXY = shutil.which("haproxy", path=f"{os.environ['PATH']}:/usr/sbin") or "haproxy"
DOCS = Path(__file__).parents[2] / "docs" / "rollouts.md"
SLOTS = ServerLabels(champion="slot1", challenger="slot2")
ANSWERS = {
    "/good": (200, b'{"predictions": [1, 2.5, "NaN and Infinity are words"]}'),
    "/nan": (200, b'{"predictions": [0.5, NaN]}'),
    "/infinite": (200, b'{"predictions": [{"x":-Infinity}]}'),
    "/raises": (400, b'{"error_code": "BAD_REQUEST"}'),
    "/crash": None,
    "/slow": (200, b'{"predictions": [1]}'),
}


@contextmanager
def model_server(port):
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self):
            self.rfile.read(int(self.headers["Content-Length"]))
            answer = ANSWERS[self.path.partition("?")[0]]
            if self.path == "/slow":
                time.sleep(0.12)
            if answer is None:  # an answer that is broken off
                self.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n{")
                self.close_connection = True
                return
            status, body = answer
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    yield
    server.shutdown()
    thread.join()
    server.server_close()


@contextmanager
def haproxy(folder, *, servers):
    """HAProxy as documented, at ports of its own; gives its address and the traffic it tells of."""
    text = re.search(r"```haproxy\n(.*?)```", DOCS.read_text(), re.DOTALL)[1]
    port = free_port()
    for old, new in {
        "/run/cdml/requests.sock": str(folder / "s"),
        "bind :8080": f"bind 127.0.0.1:{port}",
        "127.0.0.1:8001 weight 90": f"127.0.0.1:{servers[0]} weight 128",
        "127.0.0.1:8002 weight 10": f"127.0.0.1:{servers[1]} weight 128",
    }.items():
        assert old in text
        text = text.replace(old, new)
    (folder / "haproxy.cfg").write_text(text)
    traffic = records(HAProxyTraffic, folder / "s")
    process = subprocess.Popen(
        [HAPROXY, "-db", "-f", folder / "haproxy.cfg"], stderr=subprocess.DEVNULL
    )
    try:
        _warm_up(f"http://127.0.0.1:{port}", traffic)
        yield f"http://127.0.0.1:{port}", traffic
    finally:
        process.terminate()
        process.wait(10)
        traffic.close()


def _warm_up(address, traffic):
    """Wait until HAProxy listens, by requests whose records are not those of a test.

    Two, so that turns begin where they would have begun. A connection without a request would
    leave a record now and then.
    """
    wait_until(lambda: ask(address, "/good") != -1)
    ask(address, "/good")
    told(traffic, datetime.now(UTC), 2)


def ask(address, path):
    try:
        return requests.post(f"{address}{path}", data=b"{}", timeout=60).status_code
    except requests.RequestException:
        return -1


def wait_for(traffic, records):
    """HAProxy writes a record just after the answer that it is about."""
    wait_until(lambda: len(traffic._inbox._waiting) >= records)


def just_before():
    """A moment before now: HAProxy's clock has whole milliseconds, and may be behind ours."""
    return datetime.now(UTC) - timedelta(seconds=1)


def told(traffic, begin, records):
    wait_for(traffic, records)
    return traffic.window(begin, datetime.now(UTC) + timedelta(seconds=1), SLOTS)


@pytest.fixture
def balanced(tmp_path):
    ports = (free_port(), free_port())
    with (
        model_server(ports[0]),
        model_server(ports[1]),
        haproxy(tmp_path, servers=ports) as (address, traffic),
    ):
        yield address, traffic


def test_every_request_is_told_as_what_it_was(balanced):
    address, traffic = balanced
    begin = just_before()
    for path, status in [
        ("/good", 200),
        ('/good?q={"slot":"slot2"}%0A', 200),
        ("/nan", 200),
        ("/infinite", 200),
        ("/raises", 400),
        ("/crash", -1),
    ]:
        for _ in range(2):  # one each, as the balancer takes turns
            assert status == ask(address, path)
    window = told(traffic, begin, 12)

    assert 0 == window.unreadable
    for answers in (window.champion, window.challenger):
        assert (6, 4, 2) == (answers.requests, answers.errors, answers.latencies.requests)


def test_latencies_are_those_of_the_server(balanced):
    address, traffic = balanced
    begin = just_before()
    for _ in range(4):
        ask(address, "/slow")
        ask(address, "/slow")
    window = told(traffic, begin, 8)

    assert (4, 4) == (window.champion.latencies.above(100), window.challenger.latencies.above(100))
    assert window.champion.latencies.quantile(0.5) < 1_000


def test_a_burst_of_requests_loses_no_record(balanced):
    address, traffic = balanced
    begin = just_before()
    asked = Counter()

    def client():
        for _ in range(100):
            asked[ask(address, "/good")] += 1

    clients = [threading.Thread(target=client) for _ in range(4)]
    for one in clients:
        one.start()
    for one in clients:
        one.join()
    window = told(traffic, begin, 400)

    assert {200: 400} == asked
    assert (200, 200) == (window.champion.requests, window.challenger.requests)


def test_requests_that_no_server_got_and_no_http_are_told_apart(tmp_path):
    with haproxy(tmp_path, servers=(free_port(), free_port())) as (address, traffic):
        begin = just_before()
        statuses = [ask(address, "/good") for _ in range(2)]
        with socket.create_connection(("127.0.0.1", int(address.rpartition(":")[2]))) as raw:
            raw.sendall(b'\x00 this is no HTTP {"\r\n\r\n')
            raw.recv(1000)
        window = told(traffic, begin, 3)

    assert [503, 503] == statuses
    assert 0 == window.unreadable
    assert (2, 2) == (window.requests, window.champion.errors + window.challenger.errors)
    assert window.elsewhere >= 1


def test_a_model_that_raises_is_rolled_back_by_what_haproxy_tells(balanced):
    """Turns decide who gets which: the good ones the champion, the others the challenger."""
    address, traffic = balanced
    canary = CanaryState(rules=CanaryTolerances())
    for _ in range(4):
        begin = canary.until or just_before()
        for _ in range(10):
            ask(address, "/good")
            ask(address, "/raises")
        wait_for(traffic, 20)
        window = traffic.window(begin, datetime.now(UTC), SLOTS)
        canary = observe_window(canary, window, weight=0.5)
    judged = judge_canary(canary, elapsed_seconds=4)

    assert 80 == canary.requests
    assert Decision.ROLLBACK == judged.outcome
