"""What every source of traffic promises, and its fake."""

import json
import socket
import time
from datetime import timedelta

import pytest

from cdml.adapters.traffic.haproxy_log import HAProxyTraffic
from cdml.adapters.traffic.jsonl import JsonlTraffic
from cdml.delivery.traffic import ServerLabels
from fakes.prometheus import FakePrometheus, served
from fakes.traffic import FakeTraffic
from support.canary_scenarios import BEGIN, MINUTE
from support.traffic_sources import counters, records

SLOTS = ServerLabels(champion="slot1", challenger="slot2")


def line(slot, at, *, status=200, ms=10.0):
    record = {"at_ms": at.timestamp() * 1000, "slot": slot, "status": status, "ms": ms}
    return json.dumps(record).encode() + b"\n"


class File:
    def __init__(self, folder):
        self.path = folder / "requests.jsonl"
        self.path.touch()
        self.traffic = records(JsonlTraffic, self.path)

    def write(self, text):
        with self.path.open("ab") as file:
            file.write(text)

    def serve(self, *of, **words):
        self.write(line(*of, **words))

    def garble(self):
        self.write(b"what is this\n")


class Socket:
    def __init__(self, folder):
        self.path = folder / "s"
        self.traffic = records(HAProxyTraffic, self.path)
        self.sender = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)

    def write(self, datagram):
        self.sender.sendto(datagram, str(self.path))

    def serve(self, *of, **words):
        self.write(line(*of, **words))

    def garble(self):
        self.write(b"what is this")


class Fake:
    def __init__(self):
        self.traffic = FakeTraffic()
        self.serve = self.traffic.serve

    def garble(self):
        self.traffic.garbage += 1


class Asked:
    def __init__(self, prometheus, url):
        self.traffic = counters(url)
        self.prometheus = prometheus
        self.serve = prometheus.serve

    def garble(self):
        self.prometheus.broken = [{"metric": {"slot": "slot1"}, "values": [[0, "NaN"]]}]


@pytest.fixture(params=["fake", "jsonl", "haproxy", "prometheus"])
def source(request, tmp_path):
    if request.param == "prometheus":
        prometheus = FakePrometheus()
        with served(prometheus) as url:
            made = Asked(prometheus, url)
            yield made
            made.traffic.close()
        return
    made = {"fake": Fake, "jsonl": File, "haproxy": Socket}[request.param](
        *([] if request.param == "fake" else [tmp_path])
    )
    yield made
    made.traffic.close()
    if request.param == "haproxy":
        made.sender.close()


def read(source, minute=0, slots=SLOTS):
    """What is known of a minute; what a socket was sent needs a moment to arrive."""
    if isinstance(source, Socket):
        time.sleep(0.05)
    since = BEGIN + minute * MINUTE
    return source.traffic.window(since, since + MINUTE, slots)


def at(seconds):
    return BEGIN + timedelta(seconds=seconds)


def test_without_records_nothing_was_answered(source):
    window = read(source)

    assert (0, 0, 0) == (window.requests, window.elsewhere, window.unreadable)


def test_requests_and_errors_are_counted_by_server(source):
    for second, slot, status in [
        (1, "slot1", 200),
        (2, "slot1", 500),
        (3, "slot2", 400),
        (4, "slot2", 404),
        (5, "slot2", 200),
        (6, "slot3", 200),
    ]:
        source.serve(slot, at(second), status=status)
    window = read(source)

    assert (2, 1) == (window.champion.requests, window.champion.errors)
    assert (3, 2) == (window.challenger.requests, window.challenger.errors)
    assert (1, 0) == (window.elsewhere, window.unreadable)


def test_latencies_are_of_what_was_answered_well(source):
    for ms in (5, 8, 50, 500):
        source.serve("slot2", at(1), ms=ms)
    source.serve("slot2", at(2), status=500, ms=9_000)
    latencies = read(source).challenger.latencies

    assert (4, 2, 1) == (latencies.requests, latencies.above(10), latencies.above(100))


def test_each_window_has_its_own(source):
    for second in (1, 59, 61, 62, 119, 200):
        source.serve("slot2", at(second))

    assert [2, 3, 0, 1] == [read(source, minute).requests for minute in range(4)]


def test_what_was_before_the_first_window_is_left_out(source):
    for second in (-200, -1, 1):
        source.serve("slot1", at(second))

    assert 1 == read(source).requests


def test_what_was_between_two_windows_is_left_out(source):
    read(source)
    for second in (61, 90, 121):
        source.serve("slot1", at(second))

    assert 1 == read(source, 2).requests


def test_which_server_is_the_champion_is_said_when_asked(source):
    source.serve("slot2", at(1))
    window = read(source, slots=ServerLabels(champion="slot2", challenger="slot1"))

    assert (1, 0) == (window.champion.requests, window.challenger.requests)


def test_what_cannot_be_read_is_counted(source):
    source.garble()
    source.serve("slot2", at(1))
    window = read(source)

    assert (1, 1) == (window.requests, window.unreadable)
