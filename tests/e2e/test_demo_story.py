"""The demo as a user runs it: real flights, real models, every command for real."""

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from cdml.common.verdict import Verdict
from cdml.evidence.schema import Comparison, DataEvidence, Evaluation
from cdml.evidence.store import read_evidence
from support.flights import SCRIPT

# Settings of a user's own that must not reach into the demo.
HOSTILE = {
    "CI": "true",
    "GITHUB_ACTIONS": "true",
    "MLFLOW_TRACKING_URI": "http://127.0.0.1:9",
    "CDML_GATE_DATA": "nowhere.parquet",
}


@dataclass(frozen=True)
class Told:
    folder: Path
    code: int
    lines: list[str]
    printed: str

    def evidence(self, name, kind):
        found = read_evidence(self.folder / ".cdml" / name, kind)
        assert found is not None
        return found


@pytest.fixture(scope="module")
def told(tmp_path_factory):
    folder = tmp_path_factory.mktemp("demo") / "story"
    done = subprocess.run(
        [sys.executable, str(SCRIPT), "--folder", str(folder)],
        env=os.environ | HOSTILE,
        capture_output=True,
        text=True,
        check=False,
    )
    return Told(
        folder=folder,
        code=done.returncode,
        lines=done.stdout.splitlines(),
        printed=done.stdout + done.stderr,
    )


def test_its_last_line_shows_the_champion_restored(told):
    assert 0 == told.code, told.printed
    assert told.lines[-1].startswith("The champion serves again: flight-delays version 1")


def test_one_canary_is_promoted_and_the_other_is_taken_back(told):
    deployed = [line for line in told.lines if line.startswith(("deploy: v", "cdml: v"))]

    assert "deploy: v2 serves production; before, v1 did." in deployed
    assert deployed[-1].startswith("cdml: v3 was not deployed: errors: ")
    assert deployed[-1].endswith("v2 serves production. v3 is quarantined.")


def test_every_place_it_names_is_there(told):
    for name in ("challenger", "worse", "leaking", "slice-breaker"):
        for report in ("report.md", "report.html"):
            assert (told.folder / ".cdml" / name / report).stat().st_size > 1000


def test_the_challenger_is_better_in_recall_and_proven_so(told):
    found = told.evidence("challenger", Comparison)

    gates = [gate for gate in found.gates if gate.metric == "recall" and gate.slice is None]
    assert [Verdict.PASS] == [gate.verdict for gate in gates]
    assert gates[0].bound.value > 0


def test_the_worse_one_is_refused_by_the_comparison(told):
    found = told.evidence("worse", Comparison)

    failed = {gate.metric for gate in found.gates if gate.slice is None and _failed(gate)}
    assert Verdict.FAIL == found.verdict
    assert {"roc_auc", "log_loss", "recall"} == failed


def test_the_leak_passes_every_figure_and_is_refused_by_the_data(told):
    data = told.evidence("leaking", DataEvidence)

    assert Verdict.PASS == told.evidence("leaking", Comparison).verdict
    assert Verdict.PASS == told.evidence("leaking", Evaluation).verdict
    failed = {check.name for check in data.checks if _failed(check)}
    assert {"known_after_outcome", "label_given_away"} == failed


def test_the_slice_breaker_is_refused_for_one_carrier_alone(told):
    found = told.evidence("slice-breaker", Comparison)

    failed = [(gate.metric, gate.slice) for gate in found.gates if _failed(gate)]
    assert [("log_loss", {"carrier": "HA"})] == failed
    assert Verdict.PASS == told.evidence("slice-breaker", Evaluation).verdict


def test_the_data_of_the_others_only_warns(told):
    for name in ("champion", "challenger", "worse", "slice-breaker"):
        assert Verdict.WARN == told.evidence(name, DataEvidence).verdict


def test_the_journal_tells_who_served(told):
    environment = {k: v for k, v in os.environ.items() if not k.startswith("GITHUB_")}
    config = str(told.folder / "cdml.yaml")
    done = subprocess.run(
        [sys.executable, "-m", "cdml", "history", "--format", "json", "--config", config],
        env=environment | {"CI": ""},
        capture_output=True,
        text=True,
        check=True,
    )

    assert "1" == json.loads(done.stdout)["current"]["version"]


def _failed(part):
    return part.verdict is Verdict.FAIL
