"""A command that fails leaves its error, and the report tells it in the error's own words."""

import json
import signal
import subprocess
import sys

import pytest

from cdml.cli import main, run
from cdml.evidence.failure import COMMANDS, FAILURES, Failure, outdated_commands, write_failure
from fakes.github_runner import TOKEN
from fakes.github_server import GitHubServer
from support.evidence_builders import BY
from support.scenarios import CONFIG, SCENARIOS, written
from support.step_builders import HEAD, Step

STAGES = {
    "validate-data": [],
    "evaluate-model": ["--model", "m"],
    "compare-to-champion": ["--challenger", "m"],
    "gate": ["--model", "m"],
    "deploy": [],
    "rollback": [],
    "monitor": [],
    "train-model": [],
}

OTHERS = {"deploy", "rollback", "monitor", "train-model"}
"""What judges no challenger, so that its error leaves the evidence of those that do."""


@pytest.fixture
def step(tmp_path, monkeypatch):
    with GitHubServer(token=TOKEN) as server:
        server.add_pull(7, HEAD)
        yield Step(server, tmp_path, monkeypatch)


def failed(command, **said):
    said = {"exit_code": 4, "message": "There is no such model.", "hint": "Name one.", **said}
    return Failure(command=command, produced=BY, **said)


def body(step):
    (comment,) = step.server.comments(7)
    return comment.body


@pytest.mark.parametrize("command", COMMANDS)
def test_an_error_is_evidence_with_its_sentence_code_and_line(step, command):
    (step.folder / "cdml.yaml").write_text("model: m\n\tx")
    written(step.folder / ".cdml", *SCENARIOS["pass"]())

    assert 2 == run([command, "--config", str(step.folder / "cdml.yaml"), *STAGES[command]])

    found = json.loads((step.folder / ".cdml" / f"{command}.error.json").read_text())
    assert (command, 2, 2) == (found["command"], found["exit_code"], found["line"])
    assert "is not YAML" in found["message"]
    assert str(step.folder / ".cdml") == step.outputs["evidence"]
    left = {path.name for path in (step.folder / ".cdml").iterdir()}
    assert "comparison.json" not in left or command in OTHERS | {"validate-data"}


@pytest.mark.parametrize("command", [*COMMANDS[:4]])
def test_the_comment_tells_it_once_in_words_of_what_was_run(step, command):
    write_failure(step.folder / ".cdml", failed(command))

    assert 3 == step.run()

    told = body(step)
    assert told.startswith(f"### ⏸️ Not judged: {command} stopped before there was a verdict")
    assert f"- <code>{command}</code>: There is no such model.\n  - Name one." in told
    assert 1 == told.count("There is no such model.")
    assert told.count("left no evidence") == (command == "evaluate-model") + 2 * (
        command == "compare-to-champion"
    )


def test_a_stage_that_fails_after_others_holds_what_they_found(step):
    written(step.folder / ".cdml", *SCENARIOS["pass"]()[:2])
    write_failure(step.folder / ".cdml", failed("compare-to-champion"))

    assert 3 == step.run()

    assert "was not fully judged; compare-to-champion stopped" in body(step)
    assert "| <code>roc&#95;auc</code> |" in body(step)


@pytest.mark.parametrize(
    ("code", "words"),
    [(None, "It was killed"), (130, "It was interrupted"), (70, "This is a bug in cdml")],
)
def test_a_crash_an_interruption_and_a_kill_are_told_as_that(step, code, words):
    write_failure(step.folder / ".cdml", failed("gate", exit_code=code, message="", hint=""))

    step.run()

    assert words in body(step)


@pytest.mark.parametrize("name", FAILURES)
def test_what_is_no_error_is_no_evidence(step, name):
    (step.folder / ".cdml").mkdir()
    (step.folder / ".cdml" / name).write_text('{"schema": "cdml.error/1", "verdict": "pass"}')

    assert 4 == step.run()

    assert "the evidence of the new flight-delays cannot be used" in body(step)


def test_a_failed_delivery_is_told_and_one_that_told_itself_is_not_told_twice(step):
    written(step.folder / ".cdml", *SCENARIOS["deployed"]())
    write_failure(step.folder / ".cdml", failed("deploy"))

    assert 3 == step.run()

    assert "There is no such model." in body(step)


@pytest.mark.parametrize(
    ("error", "code"),
    [(KeyboardInterrupt(), 130), (ZeroDivisionError("x"), 70), (RecursionError(), 4)],
)
def test_every_way_to_end_is_recorded(tmp_path, monkeypatch, error, code):
    def fails(*_, **__):
        raise error

    monkeypatch.setattr(main.cli.commands["gate"], "callback", fails)
    assert code == run(["gate", "--config", str(tmp_path / "cdml.yaml")])

    found = json.loads((tmp_path / ".cdml" / "gate.error.json").read_text())
    assert code == found["exit_code"]


def test_a_command_that_ends_with_a_verdict_leaves_no_error(tmp_path, monkeypatch):
    for command in COMMANDS:
        write_failure(tmp_path / ".cdml", failed(command))
    monkeypatch.setattr(main.cli.commands["gate"], "callback", lambda *_, **__: 1)

    assert 1 == run(["gate", "--config", str(tmp_path / "cdml.yaml")])
    assert {f"{command}.error.json" for command in OTHERS} == {
        path.name for path in (tmp_path / ".cdml").iterdir()
    }
    assert "gate" in outdated_commands("validate-data")


def test_a_command_that_is_killed_leaves_that_it_was(tmp_path):
    program = (
        "import os, signal; from cdml.cli import cli, run\n"
        "cli.commands['gate'].callback = lambda **_: os.kill(os.getpid(), signal.SIGKILL)\n"
        "run(['gate'])"
    )
    done = subprocess.run([sys.executable, "-c", program], cwd=tmp_path, check=False)

    assert -signal.SIGKILL == done.returncode
    found = json.loads((tmp_path / ".cdml" / "gate.error.json").read_text())
    assert found["exit_code"] is None


def test_no_folder_is_made_for_a_configuration_that_is_not_there(tmp_path):
    assert 2 == run(["validate-data", "--config", str(tmp_path / "no" / "cdml.yaml")])
    assert [] == list(tmp_path.iterdir())


def test_a_folder_that_cannot_be_written_is_told_by_the_command(tmp_path, capsys):
    (tmp_path / "cdml.yaml").write_text(CONFIG)
    (tmp_path / ".cdml").write_text("a file")

    assert 4 == run(["validate-data", "--config", str(tmp_path / "cdml.yaml")])
    assert ".cdml" in capsys.readouterr().err


def test_every_command_that_judges_or_delivers_records_its_error():
    others = {"report", "history", "init", "schema"}

    assert set(COMMANDS) <= set(main.cli.commands) - others
