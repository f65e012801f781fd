"""The demo: which commands it runs, and what it makes of their answers."""

import os
from datetime import UTC, datetime
from pathlib import Path

import pytest

from cdml.common.verdict import Verdict
from cdml.errors import ConfigurationError, InputError
from cdml.evidence.schema import Deployment, Producer, Served
from cdml.evidence.store import write_evidence
from fakes.execute import FakeExecute, Played
from fakes.progress import FakeProgress
from support.flights import MADE_BY_DEMO, canaries, demo

REFUSED = ("worse", "leaking", "slice-breaker")


def served(version):
    return Served(version=version, digest=f"sha256:{version * 64}")


ROLLED_BACK = Deployment(
    verdict=Verdict.PASS,
    produced=Producer(tool="0", commit=None, time=datetime(2026, 1, 1, tzinfo=UTC)),
    operation="rollback",
    model="flight-delays",
    environment="production",
    target="registry",
    from_=served("2"),
    to=served("1"),
    steps=(),
    journal=None,
)


class Stage:
    """Everything the demo asks of the world, played."""

    def __init__(self, folder):
        self.folder = folder
        self.commands = []
        self.execute = FakeExecute(self.played)
        self.said = []
        self.seen = {}
        self.codes = dict.fromkeys(REFUSED, 1)
        self.restored = ROLLED_BACK
        self.canaries = ["The second is better", "a line"]

    def invoke(self, arguments):
        self.commands.append(arguments)
        self.seen |= os.environ
        if arguments[0] == "rollback" and self.restored is not None:
            write_evidence(self.folder / ".cdml" / "rollback", self.restored)
        return self.code(arguments) if arguments[0] in ("gate", "report") else 0

    def code(self, arguments):
        return self.codes.get(Path(arguments[arguments.index("--output-dir") + 1]).name, 0)

    def played(self, command):
        if "start" in command:
            return Played(lines=self.canaries)
        if "gate" not in command:
            return Played(lines=["a line"])
        arguments = list(command[command.index("gate") :])
        self.commands.append(arguments)
        return Played(lines=["a line"], code=self.code(arguments))

    def play(self):
        return demo(
            self.folder,
            invoke=self.invoke,
            execute=self.execute,
            say=self.said.append,
            progress=FakeProgress(),
        )


@pytest.fixture
def stage(tmp_path):
    return Stage(tmp_path / "demo")


def verbs(stage):
    return [command[0] for command in stage.commands]


def test_every_step_of_the_story_is_a_command_of_the_actions(stage):
    stage.play()

    assert ["gate", "deploy"] == verbs(stage)[:2]
    assert ["gate"] * 4 + ["report"] * 4 == sorted(verbs(stage)[2:-3])
    assert ["deploy", "rollback", "history"] == verbs(stage)[-3:]


def test_every_command_reads_the_configuration_of_the_demo(stage):
    stage.play()

    for command in stage.commands:
        if "--config" in command:
            assert str(stage.folder / "cdml.yaml") == command[command.index("--config") + 1]
    flights = {
        folder.resolve() for command, folder in stage.execute.programs if "bash" not in command
    }
    assert {stage.folder.resolve()} == flights
    assert (stage.folder / "cdml.yaml").is_file()
    assert (stage.folder / "contracts" / "flights.odcs.yaml").is_file()


def test_a_story_as_it_should_be_ends_with_the_champion_restored(stage):
    assert 0 == stage.play()
    assert "The champion serves again: flight-delays version 1" in stage.said[-1]


def test_the_canaries_have_their_chapter_after_the_rollback(stage, monkeypatch):
    monkeypatch.setattr("flights_demo.has_haproxy", lambda: True)
    stage.play()

    rollback = next(at for at, line in enumerate(stage.said) if "cdml rollback" in line)
    assert rollback < stage.said.index("The second is better")
    assert "a line" not in stage.said[rollback:]


def test_the_canaries_are_ended_even_where_they_went_wrong(tmp_path):
    example = tmp_path / "vm"
    example.mkdir()
    said, asked = [], []

    def execute(command, folder, *, expected=0):
        del folder, expected
        asked.append(command[-1])
        yield "The second is better"
        yield "  stage: haproxy"
        if command[-1] == "start":
            raise InputError("it did not go as it should.")

    with pytest.raises(InputError):
        canaries(example, execute, said.append)

    assert ["The second is better"] == said
    assert ["start", "stop"] == asked


@pytest.mark.parametrize("name", REFUSED)
def test_a_model_that_should_be_refused_and_is_not_ends_the_demo(stage, name):
    stage.codes[name] = 0

    with pytest.raises(InputError, match="exit code 0"):
        stage.play()
    assert "deploy" not in verbs(stage)[2:]


def test_a_challenger_that_is_held_ends_the_demo(stage):
    stage.codes["challenger"] = 3

    with pytest.raises(InputError, match="exit code 3"):
        stage.play()


def test_a_champion_that_is_held_fails_the_demo(stage):
    stage.codes["champion"] = 3

    assert 1 == stage.play()
    assert "`cdml gate` ended with exit code 3, not 0" in stage.said[-1]


def test_a_rollback_that_left_no_evidence_fails_the_demo(stage):
    stage.restored = None

    assert 1 == stage.play()


def test_a_rollback_to_another_version_fails_the_demo(stage):
    stage.restored = ROLLED_BACK.model_copy(update={"to": served("2")})

    assert 1 == stage.play()


def test_the_commands_see_nothing_of_ci_github_or_a_registry_of_the_users(stage, monkeypatch):
    elsewhere = {"CI", "GITHUB_ACTIONS", "GITHUB_TOKEN", "MLFLOW_TRACKING_URI", "CDML_GATE_DATA"}
    for name in elsewhere:
        monkeypatch.setenv(name, "set")

    stage.play()

    assert set() == elsewhere & set(stage.seen)
    assert elsewhere <= set(os.environ)


def test_an_earlier_demo_is_taken_away(stage):
    stage.folder.mkdir()
    (stage.folder / MADE_BY_DEMO).touch()
    (stage.folder / "mlflow.db").touch()

    stage.play()

    assert not (stage.folder / "mlflow.db").exists()


def test_files_that_no_demo_made_are_not_touched(stage):
    stage.folder.mkdir()
    (stage.folder / "thesis.tex").write_text("mine", encoding="utf-8")

    with pytest.raises(ConfigurationError, match="no demo made"):
        stage.play()

    assert ["thesis.tex"] == [path.name for path in stage.folder.iterdir()]


def test_it_says_where_the_time_went_and_where_to_look(stage):
    stage.play()

    text = "\n".join(stage.said)
    assert "Where the time went" in text
    for name in ("challenger", *REFUSED):
        assert str(stage.folder / ".cdml" / name / "comment.md") in text
