"""What each source of traffic has to live with."""

import json
import math
from datetime import timedelta

import pytest

from cdml.adapters.traffic.haproxy_log import HAProxyTraffic
from cdml.adapters.traffic.jsonl import JsonlTraffic
from cdml.adapters.traffic.records import parse_record
from cdml.delivery.traffic import ServerLabels
from cdml.errors import ConfigurationError, InputError, ServiceError
from fakes.prometheus import FakePrometheus, served
from support.canary_scenarios import BEGIN, MINUTE
from support.traffic_sources import counters, records

SLOTS = ServerLabels(champion="slot1", challenger="slot2")
GOOD = {"at_ms": BEGIN.timestamp() * 1000 + 1, "slot": "slot1", "status": 200, "ms": 3}


def first(traffic):
    return traffic.window(BEGIN, BEGIN + MINUTE, SLOTS)


def line(**words):
    return json.dumps({**GOOD, **words}).encode()


@pytest.mark.parametrize(
    ("words", "failed"),
    [
        ({}, False),
        ({"status": 302, "ended": "--"}, False),
        ({"status": 400}, True),
        ({"status": 503, "ms": -1}, True),
        ({"status": -1, "ms": None, "ended": "CH"}, True),
        ({"status": 200, "ended": "SD"}, True),
        ({"status": 200, "ended": "CD"}, False),
        ({"valid": False}, True),
        ({"valid": "0"}, True),
        ({"valid": "1"}, False),
        ({"valid": "", "more": [1]}, False),
    ],
)
def test_what_is_a_failed_request(words, failed):
    assert failed == parse_record(line(**words)).failed


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"{",
        b"[]",
        b"null",
        b'{"at_ms": 1}',
        b"\xff\xfe{\x00",
        b"{" * 100_000,
        b'{"a":' * 10_000,
        line(status="200"),
        line(status=True),
        line(status=99_999),
        line(slot=None),
        line(slot=["slot1"]),
        line(ms=math.nan),
        line(ms="3"),
        line(at_ms=math.inf),
        line(at_ms=-1),
        line(at_ms=None),
        line(valid=[]),
        line(valid="yes"),
        line(ended=1),
        line(more="x" * 70_000),
    ],
)
def test_a_line_that_is_no_record_is_unreadable(text):
    assert parse_record(text) is None


def test_what_a_syslog_daemon_writes_before_a_record_is_skipped():
    assert parse_record(b"<134>May  1 12:00:00 vm haproxy[7]: " + line()).slot == "slot1"


def test_a_line_that_is_still_being_written_is_read_when_it_is_whole(tmp_path):
    path = tmp_path / "requests"
    path.write_bytes(line() + b"\n" + line()[:20])
    traffic = records(JsonlTraffic, path)
    before = first(traffic)
    with path.open("ab") as file:
        file.write(line()[20:] + b"\n")
    after = traffic.window(BEGIN + MINUTE, BEGIN + 2 * MINUTE, SLOTS)
    traffic.close()

    assert [(1, 0), (1, 0)] == [(one.requests, one.unreadable) for one in (before, after)]


@pytest.mark.parametrize("way", ["renamed", "emptied", "gone for a while"])
def test_a_file_that_is_rotated_is_read_to_its_end_and_from_its_beginning(tmp_path, way):
    path = tmp_path / "requests"
    path.write_bytes((line() + b"\n") * 3)
    traffic = records(JsonlTraffic, path)
    before = first(traffic).requests
    if way == "emptied":
        path.write_bytes(line() + b"\n")
    else:
        with path.open("ab") as file:
            file.write(line() + b"\n")
        path.rename(tmp_path / "requests.1")
        if way == "renamed":
            path.write_bytes((line() + b"\n") * 4)
    after = traffic.window(BEGIN + MINUTE, BEGIN + 2 * MINUTE, SLOTS).requests
    traffic.close()

    assert (3, {"renamed": 5, "emptied": 1, "gone for a while": 1}[way]) == (before, after)


def test_a_file_that_is_not_there_or_cannot_be_read_says_so(tmp_path):
    with pytest.raises(InputError, match="file of request records"):
        first(records(JsonlTraffic, tmp_path / "none"))
    with pytest.raises(ServiceError, match="cannot be read"):
        first(records(JsonlTraffic, tmp_path))


def test_a_record_from_the_future_hides_no_other(tmp_path):
    path = tmp_path / "requests"
    path.write_bytes(b"\n".join([b"?", line(at_ms=1e15), line(), b"?", b"?", line(), b""]))
    traffic = records(JsonlTraffic, path)
    window = first(traffic)
    traffic.close()

    assert (2, 3) == (window.requests, window.unreadable)


def test_a_socket_that_a_dead_process_left_behind_is_taken(tmp_path):
    path = tmp_path / "s"
    left = records(HAProxyTraffic, path)
    with pytest.raises(ConfigurationError, match="another process listens"):
        records(HAProxyTraffic, path)
    left._closed.set()
    left._thread.join()
    left._socket.close()  # as when it is killed: the file stays

    records(HAProxyTraffic, path).close()
    assert not path.exists()


def test_where_no_socket_can_be_made_it_says_so(tmp_path):
    (tmp_path / "file").touch()

    for path in (tmp_path / "file", tmp_path / "no" / "s", tmp_path / ("s" * 200)):
        with pytest.raises(ConfigurationError, match="cannot receive HAProxy's log"):
            records(HAProxyTraffic, path)
    assert (tmp_path / "file").exists()


@pytest.fixture
def prometheus():
    fake = FakePrometheus()
    with served(fake) as url:
        fake.traffic = counters(url, "secret")
        yield fake
        fake.traffic.close()


def test_counters_that_begin_anew_lose_nothing(prometheus):
    for second in (-5, 5, 10):
        prometheus.serve("slot2", BEGIN + timedelta(seconds=second))
    prometheus.reset()
    for second in (20, 30, 40):
        prometheus.serve("slot2", BEGIN + timedelta(seconds=second), status=500)
    answers = first(prometheus.traffic).challenger

    assert (5, 3, 2) == (answers.requests, answers.errors, answers.latencies.requests)


def test_the_token_is_sent_and_never_shown(prometheus):
    first(prometheus.traffic)

    assert "Bearer secret" == prometheus.headers[0]["Authorization"]
    assert "secret" not in repr(prometheus.traffic)


@pytest.mark.parametrize(
    ("answer", "error", "match"),
    [
        ((400, {"status": "error"}), ConfigurationError, "cannot parse the query requests"),
        ((401, b""), ServiceError, "rejects the token"),
        ((503, b"down"), ServiceError, "not Prometheus"),
        ((200, b"<html>"), ServiceError, "not Prometheus"),
        ((200, b"[" * 100_000), ServiceError, "not Prometheus"),
        ((200, []), ServiceError, "not Prometheus"),
        ((200, {"data": {"resultType": "matrix", "result": {}}}), ServiceError, "not Prometheus"),
        ((200, {"data": {"resultType": "vector", "result": []}}), ServiceError, "not Prometheus"),
    ],
)
def test_an_answer_that_is_none_is_an_error(prometheus, answer, error, match):
    prometheus.answer = answer

    with pytest.raises(error, match=match):
        first(prometheus.traffic)


def test_a_server_that_is_not_there_is_an_error():
    with pytest.raises(ServiceError, match="did not answer"):
        first(counters("http://127.0.0.1:9"))


@pytest.mark.parametrize(
    "series",
    [
        None,
        {},
        {"metric": [], "values": []},
        {"metric": {}, "values": [[0]]},
        {"metric": {}, "values": [[0, "-1"]]},
        {"metric": {}, "values": [[0, "NaN"]]},
        {"metric": {}, "values": [[0, "+Inf"]]},
        {"metric": {}, "values": {"a": 1}},
    ],
)
def test_a_series_that_is_none_is_unreadable(prometheus, series):
    prometheus.broken = [series]

    assert 1 == first(prometheus.traffic).unreadable


def test_buckets_are_put_in_order_and_those_of_no_end_are_unreadable(prometheus):
    for le in ("NaN", "-1", "x", "0.1", "1e-1", "0.01"):
        prometheus.count("seconds_bucket", "slot2", BEGIN + timedelta(seconds=1), le=le)
    window = first(prometheus.traffic)

    assert (3, (10.0, 100.0), (1, 1)) == (
        window.unreadable,
        window.challenger.latencies.upper_ms,
        window.challenger.latencies.counts,
    )


def test_buckets_in_milliseconds_are_what_envoy_and_istio_count():
    fake = FakePrometheus()
    with served(fake) as url:
        source = counters(url, latency_unit="ms")
        for le in ("25", "50"):
            fake.count("seconds_bucket", "slot2", BEGIN + timedelta(seconds=1), le=le)

        assert (25.0, 50.0) == first(source).challenger.latencies.upper_ms
