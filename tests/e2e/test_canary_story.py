"""Deploys by canary with real models, real HAProxy and real requests, by the command line."""

import json
import re
import subprocess
import sys
import time
from pathlib import Path

import pytest
import yaml
from mlflow.models import infer_signature

from support import models
from support.haproxy import Haproxy
from support.request_load import Load

SERVE = ["mlflow", "models", "serve", "-m", "{model}", "-h", "127.0.0.1", "-p", "{port}"]
START = [
    *("env", f"PATH={Path(sys.executable).parent}:/usr/bin:/bin", "UVICORN_ACCESS_LOG=false"),
    *(*SERVE, "--env-manager", "local"),
]
HONEST = "return [0.9 if x + 0.5 * y > 0 else 0.1 for x, y in zip(frame['x'], frame['y'])]"
PREDICTS = {
    "first": HONEST,
    "good": f"frame = frame.astype(float)\n{HONEST}",
    # Rows it was never judged on: the gate cannot know.
    "throws": f"if (frame['x'] > 90).any(): raise ValueError('no such x')\n{HONEST}",
    "slow": f"import time\nif (frame['x'] > 90).any(): time.sleep(2.5)\n{HONEST}",
}
ROWS = [[1.0, 2.0], [-1.0, 0.5], [0.2, -3.0], [99.0, 1.0]]
"""What clients ask; the last one is a kind of row that was not in the evaluation."""
OVERRIDES = ("--override", "champion-moved", "--reason", "the story needs it")


class Story:
    """A repository with a configuration, a registry, and HAProxy at a port of its own."""

    def __init__(self, folder):
        self.folder = folder
        self.haproxy = Haproxy(checks="inter 1s fall 3")
        models.parquet(folder, models.rows(1000))
        (folder / "models").mkdir()
        asked = infer_signature(models.rows()[["x", "y"]])
        for name, predict in PREDICTS.items():
            models.written(folder / "models" / name, predict, signature=asked)
        target = {**self.haproxy.settings, "start": START, "ready": "3m"}
        canary = {
            "steps": [25, 50, 100], "every": "2s", "timeout": "4m", "latency_limit_ms": 1500,
            "tolerated_error_rate": 0.02,
            "traffic": {"type": "haproxy", "path": str(self.haproxy.folder / "requests.sock")},
        }  # fmt: skip
        config = {
            "version": 1, "model": "risk", "registry": {"uri": "folder:registry"},
            "data": {"evaluation": "rows.parquet", "key": ["id"], "label": "late",
                     "positive": True},
            "gates": [{"metric": "roc_auc", "at_least": 0.7}],
            "scoring": {"environment": "current"},
            "deploy": {"target": target, "canary": canary},
        }  # fmt: skip
        (folder / "cdml.yaml").write_text(yaml.safe_dump(config))
        subprocess.run(["git", "init", "-q", "--bare", "origin.git"], cwd=folder, check=True)
        subprocess.run(["git", "init", "-q"], cwd=folder, check=True)
        subprocess.run(["git", "remote", "add", "origin", "origin.git"], cwd=folder, check=True)

    def cdml(self, *arguments, expected=0):
        command = [sys.executable, "-m", "cdml", *arguments]
        done = subprocess.run(
            command, cwd=self.folder, capture_output=True, text=True, check=False, timeout=400
        )
        assert expected == done.returncode, done.stdout + done.stderr
        return done.stdout + done.stderr

    def judged(self, name):
        """Its version, once it has passed its gate."""
        gate = ("gate", "--model", f"models/{name}", "--register", "risk", "--champion", "none")
        self.cdml(*gate)
        return str(len(list((self.folder / "registry").rglob("MLmodel"))))

    @property
    def looks(self):
        """What the judge said, look by look."""
        return [step["detail"] for step in self.evidence["steps"] if step["name"] == "look"]

    @property
    def shares(self):
        """The shares that the last deploy gave the new version, in percent."""
        told = [step["detail"] for step in self.evidence["steps"] if step["name"] == "switch"]
        return [int(re.search(r"has (\d+) %", detail)[1]) for detail in told]

    @property
    def evidence(self):
        return json.loads((self.folder / ".cdml" / "deployment.json").read_text())


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


@pytest.mark.xdist_group("canary")
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


@pytest.mark.xdist_group("canary")
def test_a_good_canary_takes_over_without_a_lost_request(story):
    version = story.judged("good")
    with Load(story.haproxy.port, ROWS) as load:
        story.cdml("deploy", "--model", version, *OVERRIDES)

    assert "promote, no worse than tolerated" in story.looks[-1]
    assert [25, 50, 100] == story.shares
    assert {200} == set(load.answers)
    assert f"v{version} serves production" in story.evidence["reason"]


@pytest.mark.xdist_group("canary")
def test_a_rollback_gives_all_traffic_back_without_a_lost_request(story):
    with Load(story.haproxy.port, ROWS) as load:
        told = story.cdml("rollback", "--reason", "the story goes back")
        time.sleep(1)

    assert "v1 serves production again" in told
    assert {200} == set(load.answers)
    assert {100, 0} == {server.weight for server in story.haproxy._servers().values()}
