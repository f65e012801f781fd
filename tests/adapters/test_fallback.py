"""What tells that cdml could not be installed needs nothing but Python, and finds our comments."""

import ast
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from cdml.adapters.ci.report_marker import Marker, State
from cdml.evidence.failure import Failure
from fakes.github_runner import HEAD, TOKEN, on_github

ROOT = Path(__file__).parents[2]
SCRIPT = ROOT / "actions" / "fallback.py"
PASSED = "### ✅ Passed: it may replace the champion"


@pytest.fixture
def fallback(server, tmp_path):
    """Run it in a step of run 101, as the action does where the installation failed."""
    event = tmp_path / "event.json"
    event.write_text(json.dumps({"pull_request": {"number": 7, "head": {"sha": HEAD}}}))
    (tmp_path / "cdml.yaml").write_text("version: 1\nmodel: flights\n\tbroken")

    def runs(command="gate", **variables):
        environment = {
            "PATH": os.environ["PATH"],
            **server.environment,
            "GITHUB_EVENT_PATH": str(event),
            "GITHUB_STEP_SUMMARY": str(tmp_path / "summary.md"),
            "GITHUB_OUTPUT": str(tmp_path / "output"),
            "GITHUB_WORKSPACE": str(tmp_path),
            "GITHUB_RUN_ID": "101",
            "GITHUB_RUN_ATTEMPT": "1",
            "CDML_INSTALL_ERROR": "pip could not install uv; <b>@you</b>",
            "CDML_GITHUB_TOKEN": TOKEN,
            **variables,
        }
        script = SCRIPT.with_suffix(".sh")
        return subprocess.run(
            ["bash", script, command],
            cwd=tmp_path,
            env=environment,
            capture_output=True,
            text=True,
            check=True,
        ).stdout

    return runs


def commented(server, tmp_path, report_id="flights", config=None, run="100"):
    where = None if config is None else tmp_path / config
    variables = {"GITHUB_WORKSPACE": str(tmp_path), "GITHUB_RUN_ID": run}
    github = on_github(server, tmp_path, **variables)
    github.comment(7, report_id, PASSED, config=where)
    return server.comments(7)[-1]


def test_it_takes_an_older_verdict_away(server, tmp_path, fallback):
    for number in range(130):
        server.add_comment(7, f"somebody-{number}", "I think so too.")
    comment = commented(server, tmp_path, "renamed-since", "cdml.yaml")

    assert "" == fallback()

    assert comment.body.startswith("### ⏸️ Not judged: cdml could not be installed on the runner")
    assert "pip could not install uv" in comment.body
    assert not re.search("<b>|@you", comment.body)
    found = Marker.parse(comment.body)
    assert ("renamed-since", "cdml.yaml", (101, 1), State.REPORTED) == (
        found.id,
        found.source,
        found.run,
        found.state,
    )
    assert "Not judged" in (tmp_path / "summary.md").read_text()


def test_others_newer_ones_and_other_reports_stay(server, tmp_path, fallback):
    mine = commented(server, tmp_path)
    newer = commented(server, tmp_path, "newer", "cdml.yaml", run="102")
    other = commented(server, tmp_path, "b", "b/cdml.yaml")
    forged = server.add_comment(7, "somebody", mine.body)

    fallback()

    assert "Not judged" in mine.body
    assert all(PASSED in one.body for one in (newer, other, forged))


def test_an_id_of_the_workflow_is_found_whole(server, tmp_path, fallback):
    named = [commented(server, tmp_path, name) for name in ("non prod", "prod")]

    fallback(CDML_REPORT_ID="prod")

    assert [False, True] == ["Not judged" in one.body for one in named]


@pytest.mark.parametrize(
    "variables", [{"CDML_COMMENT_MODE": "off"}, {"CDML_GITHUB_TOKEN": ""}], ids=str
)
def test_nothing_is_commented_where_nothing_is_to_be(server, tmp_path, fallback, variables):
    comment = commented(server, tmp_path)

    fallback(**variables)

    assert PASSED in comment.body
    assert "Not judged" in (tmp_path / "summary.md").read_text()


def test_a_push_is_told_on_the_open_pull_request_of_its_commit(server, tmp_path, fallback):
    comment = commented(server, tmp_path)
    (tmp_path / "event.json").write_text("{}")
    head = server.state.pulls[7].head

    fallback(GITHUB_EVENT_NAME="push", GITHUB_SHA=head)

    assert "Not judged" in comment.body


def test_what_is_refused_is_a_warning(server, tmp_path, fallback):
    commented(server, tmp_path)
    server.permissions = dict.fromkeys(server.permissions, "read")

    assert "::warning title=cdml::An older comment could not" in fallback()


@pytest.mark.parametrize("command", ["gate", "validate-data", "evaluate-model"])
def test_a_stage_leaves_the_error_as_evidence(tmp_path, fallback, command):
    fallback(command, CDML_OUTPUT_DIR="left")

    left = (tmp_path / "left" / f"{command}.error.json").read_text()
    failure = Failure.model_validate_json(left)
    assert (command, 5, HEAD) == (failure.command, failure.exit_code, failure.produced.commit)
    assert "evidence=left\n" == (tmp_path / "output").read_text()


def test_it_is_what_the_oldest_python_understands():
    source = SCRIPT.read_text()
    tree = ast.parse(source, feature_version=(3, 8))

    imported = {
        name.partition(".")[0]
        for node in ast.walk(tree)
        if isinstance(node, ast.Import | ast.ImportFrom)
        for name in (
            [node.module] if isinstance(node, ast.ImportFrom) else [a.name for a in node.names]
        )
    }
    assert imported <= sys.stdlib_module_names
    assert not re.search(r"\.(removeprefix|removesuffix|is_relative_to)\(", source)


@pytest.mark.parametrize(
    ("command", "said"),
    [
        ("deploy", "Nothing was deployed: what served still does."),
        ("rollback", "Nothing was rolled back: what served still does."),
    ],
)
def test_a_delivery_leaves_the_comment_and_no_older_deployment(
    server, tmp_path, fallback, command, said
):
    comment = commented(server, tmp_path)
    folder = tmp_path / ".cdml"
    folder.mkdir(exist_ok=True)
    (folder / "deployment.json").write_text("{}")

    assert f"::error title=cdml::{said}" in fallback(command)

    assert comment.body.startswith(PASSED)
    assert not (folder / "deployment.json").exists()
    left = json.loads((folder / f"{command}.error.json").read_text())
    assert (command, 5) == (left["command"], left["exit_code"])
    assert said in left["message"]
    assert said in (tmp_path / "summary.md").read_text()
