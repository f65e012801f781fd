"""The root action under a real runner, where neither it nor its configuration can be used."""

from pathlib import Path

import pytest
from act_runner import TOKEN, Repository
from world import World

from fakes.github_server import GitHubServer

pytestmark = pytest.mark.xdist_group("runner")

NUMBER = 7
MARKER = "<!-- cdml:report id=stale of=cdml.yaml run=1.1 state=told -->"


def test_no_older_verdict_stays_where_nothing_can_be_judged(tmp_path: Path, action: Path) -> None:
    """A push breaks the configuration, and the next one the interpreter too."""
    (tmp_path / "models" / "data").mkdir(parents=True)
    with GitHubServer(token=TOKEN) as github:
        repository = Repository(
            folder=tmp_path / "flights",
            action=action,
            cache=tmp_path / "cache",
            environment=dict(github.environment),
            secrets={"GITHUB_TOKEN": TOKEN, "MLFLOW_TRACKING_URI": "http://127.0.0.1:9"},
        ).create()
        here = World("stale", repository, github, "http://127.0.0.1:9", tmp_path / "models")
        here.begin()
        comment = github.add_comment(NUMBER, github.author, f"### ✅ Passed\n\n{MARKER}\n")
        repository.write("cdml.yaml", "version: 1\nmodel: renamed\n\tbroken: true\n")
        broken = here.gate(NUMBER, repository.commit("Break it"))

        assert 2 == broken.codes.get("gate/gate"), broken.log
        assert comment.body.startswith("### ⏸️ Not judged: the configuration of renamed")
        assert "line 3, is not YAML" in comment.body

        here.fill_in(python="/nowhere/python")
        unable = here.gate(NUMBER, repository.commit("Break that too"))

    assert not unable.succeeded
    assert comment.body.startswith("### ⏸️ Not judged: cdml could not be installed"), unable.log
    assert "is not an interpreter of Python 3.11 or newer" in comment.body
    assert f"run={repository.environment['GITHUB_RUN_ID']}.1 " in comment.body
    steps = [unable.steps[f"gate/{name}"] for name in ("install", "fallback")]
    assert ["failure", "success"] == steps
