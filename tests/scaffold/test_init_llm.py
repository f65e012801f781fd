"""`cdml init --llm`: files that judge an application's results at once."""

import json
import random
import subprocess
from pathlib import Path

import pytest
import yaml

from cdml.cli import run
from cdml.config import load
from cdml.scaffold.init_llm import init_llm


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def results(path, share, seed):
    draw = random.Random(seed)
    lines = ({"case_id": f"q{n}", "passed": draw.random() < share} for n in range(200))
    Path(path).write_text("".join(f"{json.dumps(line)}\n" for line in lines))


def steps(path):
    jobs = yaml.safe_load(Path(path).read_text("utf-8"))["jobs"]
    return {step.get("name") or step.get("id"): step for step in jobs["gate"]["steps"]}


def test_the_configuration_judges_results_at_once():
    assert 0 == run(["init", "--llm"])
    results("results.jsonl", 0.9, 1)
    results("old.jsonl", 0.6, 2)

    assert 0 == run(["gate", "--predictions", "results.jsonl", "--champion", "old.jsonl"])
    results("results.jsonl", 0.3, 1)
    assert 1 == run(["gate", "--predictions", "results.jsonl", "--champion", "old.jsonl"])


def test_a_gate_that_nothing_can_decide_says_why(capsys):
    run(["init", "--llm"])
    results("results.jsonl", 0.9, 1)

    assert 3 == run(["gate", "--predictions", "results.jsonl", "--champion", "none"])
    assert "There is no champion to compare with" in capsys.readouterr().out


@pytest.mark.parametrize("options", [[], ["--llm"]])
def test_the_last_line_says_what_comes_next(options, capsys):
    run(["init", *options])

    assert "\nnext: " in capsys.readouterr().out


def test_nothing_is_overwritten_and_no_deployment_is_written(capsys):
    Path("cdml.yaml").write_text("mine")

    assert 2 == run(["init", "--llm"])
    assert "--force" in capsys.readouterr().err
    assert ["cdml.yaml"] == [path.name for path in Path().iterdir()]
    assert 0 == run(["init", "--llm", "--force"])
    names = {path.name for path in Path(".github/workflows").iterdir()}
    assert {"cdml-gate.yml", "cdml-fork-report.yml"} == names


@pytest.mark.parametrize("option", [["--data", "rows.csv"], ["--target", "haproxy"]])
def test_options_that_only_a_model_has_are_refused(option):
    assert 2 == run(["init", "--llm", *option])
    assert [] == list(Path().iterdir())


def test_the_application_of_a_folder_has_paths_of_its_own():
    subprocess.run(["git", "init", "-q", "."], check=True)
    Path("apps/my bot").mkdir(parents=True)
    init_llm(Path("apps/my bot"))
    here = steps(".github/workflows/cdml-gate-apps-my-bot.yml")

    gate = here["gate"]["with"]
    evaluations = (here[f"Evaluate the {which} version"] for which in ("new", "old"))
    folders = [step["working-directory"] for step in evaluations]
    assert ["apps/my bot", "base/apps/my bot"] == folders
    champion = (Path(gate["config"]).parent / gate["champion"]).resolve()
    assert Path("base/apps/my bot/results.jsonl").resolve() == champion
    assert load(Path("apps/my bot/cdml.yaml"), targets=["registry"]).config.model == "my-app"


def test_an_application_is_called_as_its_folder():
    subprocess.run(["git", "init", "-q", "."], check=True)
    Path("bot").mkdir()
    init_llm(Path("bot"))

    assert "bot" == load(Path("bot/cdml.yaml"), targets=["registry"]).config.model
