"""`cdml deploy` in the run of a push, on the command line, beside a GitHub."""

import json
import re
import subprocess

import pytest

from cdml.adapters.registries.folder import FolderRegistry
from cdml.cli import run
from fakes.github_server import GitHubServer
from support.models import plain

BEFORE, FIRST, SECOND = ("1" * 40, "2" * 40, "3" * 40)
HEADS = {11: "a" * 40, 12: "b" * 40}
CONFIG = """\
version: 1
model: flights
registry: {uri: "folder:registry"}
data: {evaluation: rows.parquet, key: [id], label: late, positive: true}
gates: [{metric: accuracy, at_least: 0.6}]
"""


@pytest.fixture
def github(tmp_path, monkeypatch):
    """A push that brought two pull requests at once."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("CI", raising=False)
    subprocess.run(["git", "init", "-q", tmp_path], check=True)
    (tmp_path / "cdml.yaml").write_text(CONFIG)
    event = {"before": BEFORE, "after": SECOND, "forced": False, "commits": [{"id": SECOND}]}
    (tmp_path / "event.json").write_text(json.dumps(event))
    with GitHubServer() as server:
        server.add_commits(BEFORE, FIRST, SECOND)
        server.add_pull(11, HEADS[11], merged_as=FIRST)
        server.add_pull(12, HEADS[12], merged_as=SECOND)
        for name, value in {
            **server.environment,
            "GITHUB_ACTIONS": "true",
            "GITHUB_EVENT_NAME": "push",
            "GITHUB_EVENT_PATH": str(tmp_path / "event.json"),
            "GITHUB_OUTPUT": str(tmp_path / "output"),
            "GITHUB_REF": "refs/heads/main",
            "GITHUB_SHA": SECOND,
            "GITHUB_TOKEN": "made-up",
        }.items():
            monkeypatch.setenv(name, value)
        yield server


def test_a_merge_without_a_gate_is_a_success(github, tmp_path, capsys):
    assert 0 == run(["deploy"])
    assert "Nothing to deploy: no gate of flights ran" in capsys.readouterr().out
    assert re.search(
        r"^changed<<(\w+)\nfalse\n\1$", (tmp_path / "output").read_text(), re.MULTILINE
    )
    assert [] == github.deployments


def test_a_gate_that_failed_on_either_is_not(github, capsys):
    github.add_check(HEADS[11], "Gate", conclusion="failure")

    assert 4 == run(["deploy"])
    assert "pull request #11, but a gate ran (Gate: failure)" in capsys.readouterr().err


@pytest.mark.parametrize("asked", ["/compare/", "/pulls", "/check-runs", "/issues/11/comments"])
def test_an_answer_that_cannot_be_had_is_not_taken_for_no(github, asked):
    github.fail(path=asked, status=403, body='{"message": "Forbidden"}', times=99)

    assert 5 == run(["deploy"])


@pytest.mark.parametrize("number", HEADS)
def test_the_version_of_either_is_found(github, tmp_path, number, capsys):
    del github
    tags = {"cdml.pull_request": str(number), "cdml.commit": HEADS[number]}
    registry = FolderRegistry(uri="folder:registry", folder=tmp_path)
    registry.register("flights", plain(tmp_path / "model"), tags=tags)

    assert 4 == run(["deploy", "--dry-run"])
    assert "no-evidence" in capsys.readouterr().err  # it was found, and nobody judged it
