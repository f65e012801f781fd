"""Deploys by canary with real models, real HAProxy and real requests, by the command line."""

import sys
import time
from pathlib import Path

import pytest

from support.canary_story import OVERRIDES, ROWS, CanaryStory
from support.haproxy import Haproxy
from support.request_load import Load

SERVE = ["mlflow", "models", "serve", "-m", "{model}", "-h", "127.0.0.1", "-p", "{port}"]
START = [
    *("env", f"PATH={Path(sys.executable).parent}:/usr/bin:/bin", "UVICORN_ACCESS_LOG=false"),
    *(*SERVE, "--env-manager", "local"),
]


class Story(CanaryStory):
    """Behind an HAProxy at a port of its own."""

    def __init__(self, folder):
        self.haproxy = Haproxy(checks="inter 1s fall 3")
        traffic = {"type": "haproxy", "path": str(self.haproxy.folder / "requests.sock")}
        target = {**self.haproxy.settings, "start": START, "ready": "3m"}
        super().__init__(folder, target, traffic)


@pytest.fixture(scope="module")
def story(tmp_path_factory):
    story = Story(tmp_path_factory.mktemp("canary"))
    story.haproxy.start()
    try:
        story.judged("first")
        story.cdml("deploy", "--model", "1")
        yield story
    finally:
        story.haproxy.stop()


@pytest.mark.parametrize(("name", "reason"), [("throws", "errors:"), ("slow", "latency over")])
def test_a_bad_canary_is_taken_back_by_the_judge(story, name, reason):
    version = story.judged(name)
    with Load(story.haproxy.port, ROWS) as load:
        told = story.cdml("deploy", "--model", version, *OVERRIDES, expected=6)

    assert f"rollback, {reason}" in story.looks[-1]
    assert "requests a minute" in told, "how long it is expected to take"
    assert [25, 50] == story.shares
    assert {100, 0} == {server.weight for server in story.haproxy._servers().values()}
    assert {200} >= {answer for answer in load.answers if answer != 400}, "none is lost by us"
    refused = story.cdml("deploy", "--model", version, *OVERRIDES, expected=4)
    assert "quarantined" in refused


def test_a_good_canary_takes_over_without_a_lost_request(story):
    version = story.judged("good")
    with Load(story.haproxy.port, ROWS) as load:
        story.cdml("deploy", "--model", version, *OVERRIDES)

    assert "promote, no worse than tolerated" in story.looks[-1]
    assert [25, 50, 100] == story.shares
    assert {200} == set(load.answers)
    assert f"v{version} serves production" in story.evidence["reason"]


def test_a_rollback_gives_all_traffic_back_without_a_lost_request(story):
    with Load(story.haproxy.port, ROWS) as load:
        told = story.cdml("rollback", "--reason", "the story goes back")
        time.sleep(1)

    assert "v1 serves production again" in told
    assert {200} == set(load.answers)
    assert {100, 0} == {server.weight for server in story.haproxy._servers().values()}
