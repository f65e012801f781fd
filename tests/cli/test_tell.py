"""What a command hands on is what its action declares."""

import re
from datetime import UTC, datetime
from pathlib import Path

import pytest
import yaml

from cdml.ci.code_host import PullRequest
from cdml.cli import output as tell
from cdml.errors import DeploymentFailed
from cdml.evidence import store
from cdml.evidence.schema import DecidingBound, ModelRef
from cdml.models.registry import ModelVersion
from cdml.pipeline import GateRun
from cdml.report.publish import Reported
from fakes.ci_run import FakeCiRun
from support.evidence_builders import (
    CHALLENGER,
    FAIL,
    INCONCLUSIVE,
    PASS,
    WARN,
    comparison,
    data,
    deployment,
    evaluation,
    log_loss,
)

ROOT = Path(__file__).parents[2]
VERSION = ModelVersion(name="flight-delays", version="3", digest=CHALLENGER, source="s")


def gated(data_=PASS, version=VERSION, **said):
    return GateRun(
        data=data(verdict=data_),
        evaluation=evaluation(),
        comparison=comparison(**said),
        version=version,
    )


def reported(output, verdict=PASS, address="https://github.test/7#issuecomment-1"):
    return Reported(
        verdict=verdict,
        headline="Passed",
        view=None,
        files={name: output / name for name in ("report.md", "report.html")},
        comment_url=address,
    )


@pytest.fixture
def output(tmp_path):
    (tmp_path / "report.md").touch()
    return tmp_path


@pytest.fixture
def told(output):
    """What a command hands on, its exit code kept aside."""

    def tells(how, found):
        ci_run = FakeCiRun()
        tells.code = how(ci_run, output, found)
        return ci_run.told

    return tells


UNTIL = datetime(2026, 5, 1, 12, 20, tzinfo=UTC)
COMMANDS = {
    "validate-data": (tell.print_stage, lambda _: data()),
    "evaluate-model": (tell.print_stage, lambda _: evaluation()),
    "compare-to-champion": (tell.print_stage, lambda _: comparison()),
    "gate": (tell.print_gate, lambda _: gated()),
    "report": (tell.print_report, reported),
    "deploy": (
        tell.print_deployment,
        lambda _: deployment(deployment_id="1001", parked_until=UNTIL),
    ),
    "rollback": (
        tell.print_deployment,
        lambda _: deployment(operation="rollback", deployment_id="1001"),
    ),
}
ACTIONS = [(command, command) for command in COMMANDS if command != "gate"]
ACTIONS += [("root", "gate"), ("root", "report")]


def declared(action):
    """The outputs of an action, each with the expression that makes it."""
    path = ROOT / "action.yml" if action == "root" else ROOT / "actions" / action / "action.yml"
    return {
        name: stated["value"]
        for name, stated in yaml.safe_load(path.read_text())["outputs"].items()
    }


@pytest.mark.parametrize(("action", "command"), ACTIONS)
def test_every_output_of_a_command_is_declared(action, command, told, output):
    how, made = COMMANDS[command]

    assert told(how, made(output)).keys() <= declared(action).keys()


@pytest.mark.parametrize(("action", "command"), ACTIONS)
def test_every_output_that_an_action_reads_of_its_command_is_set(action, command, told, output):
    how, made = COMMANDS[command]
    expressions = " ".join(declared(action).values())
    reads = set(re.findall(rf"steps\.{command}\.outputs\.([\w-]+)", expressions))
    handed_on = told(how, made(output))

    assert reads
    assert [] == [name for name in reads if not handed_on.get(name)]


@pytest.mark.parametrize("action", dict.fromkeys(action for action, _ in ACTIONS))
def test_every_output_of_an_action_is_read_of_one_of_its_commands(action):
    commands = "|".join(["isolation", *(command for of, command in ACTIONS if of == action)])

    for name, value in declared(action).items():
        assert re.search(rf"\bsteps\.({commands})\.outputs\.{name}\b", value), name


def test_values_are_those_of_the_evidence(told, output):
    common = {"verdict": "pass", "evidence": str(output), "report": str(output / "report.md")}
    model = {"version": "3", "digest": CHALLENGER}

    assert common == told(tell.print_stage, evaluation())
    assert common | model == told(tell.print_gate, gated())
    shipped = {"changed": "true", "deployment-id": "1001", "parked-until": ""}
    assert common | model | shipped == told(tell.print_deployment, deployment(deployment_id="1001"))
    parked = told(tell.print_deployment, deployment(parked_until=UNTIL))
    assert "2026-05-01T12:20:00+00:00" == parked["parked-until"]
    address = "https://github.test/7#issuecomment-1"
    assert common | {"comment-url": address} == told(tell.print_report, reported(output))


@pytest.mark.parametrize(
    ("pull", "expected"),
    [
        (None, "next: cdml deploy --model models:/flight-delays/5\n"),
        (
            PullRequest(number=7, head="a" * 40),
            (
                "next: merge pull request 7, and cdml deploy ships it\n"
                "      or by hand: cdml deploy --model models:/flight-delays/5\n"
            ),
        ),
    ],
)
def test_the_version_that_was_registered_is_printed_with_what_ships_it(
    output, capsys, pull, expected
):
    version = ModelRef(uri="models:/flight-delays/5", version="5", digest=CHALLENGER)

    tell.print_gate(FakeCiRun(pull=pull), output, gated(registered=version))

    assert f"registered: models:/flight-delays/5\n{expected}" in capsys.readouterr().out


def test_slices_that_passed_without_proof_are_named(output, capsys):
    crossing = DecidingBound(value=1, against=0.0031, confidence=0.95, lower=-1, upper=1)
    gates = [log_loss(slice={"carrier": name}, bound=crossing) for name in "ABCD"]

    tell.print_stage(FakeCiRun(), output, comparison(*gates))

    said = "no regression proven: Log loss for carrier A, Log loss for carrier B"
    assert f"{said}, Log loss for carrier C and 1 more\n" in capsys.readouterr().out


def test_what_there_is_not_is_empty_and_never_a_word(told, output):
    (output / "report.md").unlink()

    assert ("", "") == _of(told(tell.print_gate, gated(version=None)), "version", "report")
    assert ("", "false") == _of(
        told(tell.print_deployment, deployment(changed=False)), "deployment-id", "changed"
    )
    assert ("",) == _of(told(tell.print_report, reported(output, address=None)), "comment-url")


def _of(values, *names):
    return tuple(values[name] for name in names)


@pytest.mark.parametrize(("verdict", "code"), [(PASS, 0), (WARN, 0), (INCONCLUSIVE, 3), (FAIL, 1)])
def test_the_exit_code_is_the_verdicts(told, output, verdict, code):
    for how, found in (
        (tell.print_stage, data(verdict=verdict)),
        (tell.print_gate, gated(verdict)),
        (tell.print_report, reported(output, verdict)),
    ):
        assert verdict.value == told(how, found)["verdict"]
        assert code == told.code


def test_a_delivery_that_failed_hands_on_what_is_known_of_it(output):
    def undone():
        store.write_evidence(output, deployment(verdict=FAIL))
        raise DeploymentFailed("undone")

    ci_run, notified = FakeCiRun(), []
    with pytest.raises(DeploymentFailed), tell.hand_on_failure(ci_run, output, notified.append):
        undone()

    assert ["fail"] == [found.verdict for found in notified]
    assert "fail" == ci_run.told["verdict"]
    assert {"version", "digest", "changed", "deployment-id", "evidence"} <= set(ci_run.told)


@pytest.mark.parametrize("earlier", [True, False])
def test_a_delivery_that_left_nothing_hands_on_nothing_of_an_earlier_one(output, earlier):
    ci_run, notified = FakeCiRun(), []
    if earlier:
        store.write_evidence(output, deployment(verdict=PASS))
    with pytest.raises(DeploymentFailed), tell.hand_on_failure(ci_run, output, notified.append):
        raise DeploymentFailed("not begun")

    assert ({}, []) == (ci_run.told, notified)
