"""Two real `mlflow models serve` behind a real HAProxy, with traffic all the while."""

import sys
import time
from pathlib import Path

import pytest

from cdml.delivery.checks.smoke import run_smoke_test
from cdml.delivery.checks.smoke_cases import SmokeTolerances, all_passed, case_of_rows
from cdml.delivery.rollout.state_machine import serves
from cdml.journal.records import Release
from support import models
from support.paths import HaproxyPlace
from support.request_load import Load

A_SECOND = 80
SERVE = ["mlflow", "models", "serve", "-m", "{model}", "-h", "127.0.0.1", "-p", "{port}"]
START = [
    *("env", f"PATH={Path(sys.executable).parent}:/usr/bin:/bin", "UVICORN_ACCESS_LOG=false"),
    *(*SERVE, "--env-manager", "local"),
]


def release(place, folder):
    known = place.registry.register("flights", folder, tags={})
    return Release(version=known.version, digest=known.digest, source=known.source)


def weights(place):
    return {name: server.weight for name, server in place.target._backend.servers().items()}


def processes(place):
    """What runs in each slot: a switch to a warm server starts and ends nothing."""
    return {slot: place.haproxy.processes(slot) for slot in place.haproxy.slots}


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
    with Load(place.haproxy.port, [[1.0, 2.0]], a_second=A_SECOND, clients=4) as load:
        target.stage(second, fence=2)
        rows = [{"x": 1.0, "y": 2.0}, {"x": -1.0, "y": -2.0}]
        checks = run_smoke_test(
            target,
            second,
            [case_of_rows(rows, [(True, False)], name="2 rows")],
            SmokeTolerances(latency_ms=60_000),
        )
        assert all_passed(checks), checks
        for percent in (5, 25, 50, 100):
            target.shift(second, percent, fence=2)
            seen.append(weights(place))
            load.go_on()
        warm = processes(place)
        for fence, to, name in ((3, first, "back"), (4, second, "forward")):
            began = time.monotonic()
            target.switch(to, fence=fence)
            seconds[name] = time.monotonic() - began
            seen.append(weights(place))
            assert serves(target.observe(), to)
            assert warm == processes(place)
            load.go_on()
        target.retire(fence=4)
        load.go_on()

    record_property("seconds to switch, and requests", [seconds, len(load.answers)])
    assert {200} == set(load.answers)
    assert [5, 25, 50, 100, 0, 100] == [one["green"] for one in seen]
    assert all(100 == sum(one.values()) for one in seen)
    assert target.observe().standby is None
