"""Two real `mlflow models serve` behind a real HAProxy, with traffic all the while."""

import http.client
import json
import sys
import threading
import time
from pathlib import Path

import pytest

import models
from cdml.core.journal import Release
from cdml.core.rollout import serves
from cdml.core.smoke import Limits, case_of_rows, passed
from cdml.flows.smoke import smoke
from places import HaproxyPlace

BODY = json.dumps({"dataframe_split": {"columns": ["x", "y"], "data": [[1.0, 2.0]]}}).encode()
A_SECOND = 80
CLIENTS = 4
SERVE = ["mlflow", "models", "serve", "-m", "{model}", "-h", "127.0.0.1", "-p", "{port}"]
START = [
    *("env", f"PATH={Path(sys.executable).parent}:/usr/bin:/bin", "UVICORN_ACCESS_LOG=false"),
    *(*SERVE, "--env-manager", "local"),
]


class Load:
    """Clients that ask at a steady pace and note what became of each request."""

    def __init__(self, port):
        self.answers = []
        self._port = port
        self._over = threading.Event()
        self._clients = [threading.Thread(target=self._ask) for _ in range(CLIENTS)]

    def __enter__(self):
        for client in self._clients:
            client.start()
        return self

    def __exit__(self, *_):
        self._over.set()
        for client in self._clients:
            client.join(30)

    @property
    def failures(self):
        return [answer for answer in self.answers if answer[0] != 200]

    def _ask(self):
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=20)
        due = time.monotonic()
        while not self._over.wait(max(0, due - time.monotonic())):
            due += CLIENTS / A_SECOND
            try:
                connection.request(
                    "POST", "/invocations", BODY, {"Content-Type": "application/json"}
                )
                response = connection.getresponse()
                self.answers.append((response.status, response.read()))
            except (OSError, http.client.HTTPException) as error:
                self.answers.append((None, repr(error)))
                connection.close()
        connection.close()


def release(place, folder):
    known = place.registry.register("flights", folder, tags={})
    return Release(version=known.version, digest=known.digest, source=known.source)


def weights(place):
    return {name: server.weight for name, server in place.target._backend.servers().items()}


@pytest.fixture
def place(tmp_path):
    with HaproxyPlace(tmp_path, behaviour=(), start=START, ready="3m") as place:
        yield place


def test_no_request_is_lost_while_traffic_moves_forward_and_back(place, tmp_path, record_property):
    first = release(place, models.classifier(tmp_path / "A"))
    second = release(place, models.classifier(tmp_path / "B", features=("y", "x")))
    target = place.target
    target.switch(first, fence=1)
    seen, seconds = [], {}
    with Load(place.haproxy.port) as load:
        target.stage(second, fence=2)
        rows = [{"x": 1.0, "y": 2.0}, {"x": -1.0, "y": -2.0}]
        checks = smoke(
            target,
            second,
            [case_of_rows(rows, [(True, False)], name="2 rows")],
            Limits(latency_ms=2000),
        )
        assert passed(checks), checks
        for percent in (5, 25, 50, 100):
            target.shift(second, percent, fence=2)
            seen.append(weights(place))
            time.sleep(1)
        for fence, to, name in ((3, first, "back"), (4, second, "forward")):
            began = time.monotonic()
            target.switch(to, fence=fence)
            seconds[name] = time.monotonic() - began
            seen.append(weights(place))
            assert serves(target.observe(), to)
            time.sleep(1)
        target.retire(fence=4)
        time.sleep(1)

    record_property("seconds to switch, and requests", [seconds, len(load.answers)])
    assert [] == load.failures
    assert len(load.answers) > 3 * A_SECOND
    assert [5, 25, 50, 100, 0, 100] == [one["green"] for one in seen]
    assert all(100 == sum(one.values()) for one in seen)
    assert max(seconds.values()) <= 1
    assert target.observe().beside is None
