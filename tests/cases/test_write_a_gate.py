"""`cdml compare --write cdml.yaml`: the gate of what was just compared, at once."""

import json
import random
import re
from pathlib import Path

import pytest
import yaml

from cdml.cli import run
from support.result_files import FORMATS, Case

pytestmark = pytest.mark.long

CASES = 200


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def write(name, seed, *, gain=0.0, trials=2, **more):
    draw = random.Random(seed)
    with Path(name).open("w", encoding="utf-8") as file:
        for case in range(CASES):
            for trial in range(trials):
                passed = draw.random() < 0.6 + gain
                record = {"case_id": f"q{case}", "trial": trial, "topic": "ab"[case % 2]}
                record |= {"passed": passed, "cost": draw.random(), "judge_error": None, **more}
                file.write(f"{json.dumps(record)}\n")


def gates():
    return json.loads(Path(".cdml/comparison.json").read_text("utf-8"))["gates"]


GATE = ["gate", "--predictions", "new.jsonl", "--champion", "old.jsonl"]


@pytest.mark.parametrize(("gain", "code"), [(0.3, 0), (-0.4, 1), (0.0, 3)])
@pytest.mark.parametrize("margin", [["--max-regression", "0.01"], []], ids=["margin", "none"])
def test_the_gate_judges_as_the_comparison_did(margin, gain, code, capsys):
    write("old.jsonl", 1)
    write("new.jsonl", 2, gain=gain)
    told = run(["compare", "old.jsonl", "new.jsonl", *margin, "--write", "cdml.yaml",
                "--format", "json"])  # fmt: skip
    shown = json.loads(capsys.readouterr().out)

    assert told == (code if margin else 0)
    assert code == run(GATE)
    overall = next(gate for gate in gates() if gate["slice"] is None)
    interval = shown["metrics"][0]["interval"]
    assert [interval[end] for end in ("low", "high")] == pytest.approx(
        [overall["difference"][end] for end in ("low", "high")], abs=1e-6
    )
    assert {"a", "b"} == {gate["slice"]["topic"] for gate in gates() if gate["slice"]}


def test_without_a_margin_equal_results_do_not_pass():
    write("old.jsonl", 1)
    write("new.jsonl", 1)
    run(["compare", "old.jsonl", "new.jsonl", "--write", "cdml.yaml"])

    text = Path("cdml.yaml").read_text("utf-8")
    assert "max_regression: 0}" in text
    assert "Replace it" in text
    assert 0 != run(GATE)


def test_every_line_is_explained():
    write("old.jsonl", 1)
    write("new.jsonl", 2)
    run(["compare", "old.jsonl", "new.jsonl", "--write", "cdml.yaml"])

    before = ""
    for line in Path("cdml.yaml").read_text("utf-8").splitlines():
        is_key = re.match(r" *[a-z_]+: .|  - ", line)
        assert not is_key or before.lstrip().startswith("#"), line
        before = line


def test_no_file_is_overwritten_unless_the_user_forces_it(capsys):
    write("old.jsonl", 1)
    write("new.jsonl", 2)
    Path("cdml.yaml").write_text("mine")
    command = ["compare", "old.jsonl", "new.jsonl", "--write", "cdml.yaml"]

    assert 2 == run(command)
    assert "--force" in capsys.readouterr().err
    assert "mine" == Path("cdml.yaml").read_text()
    assert 0 == run([*command, "--force"])
    assert Path("cdml.yaml").read_text().startswith("# yaml-language-server")


@pytest.mark.parametrize("form", FORMATS, ids=lambda form: form.file)
def test_files_of_tools_get_a_gate(form):
    def results(seed, gain):
        draw = random.Random(seed)
        folder = Path(f"at {gain}")
        folder.mkdir()
        cases = [Case(f"q{n}", score=float(draw.random() < 0.5 + gain)) for n in range(CASES)]
        return str(form.write(folder / form.file, cases))

    old, new = results(1, 0.0), results(2, 0.3)
    compare = ["compare", "--metric", "quality", "--max-regression", "0.05"]
    assert 0 == run([*compare, old, new, "--write", "cdml.yaml"])
    command = re.search(r"cdml (gate .*)", Path("cdml.yaml").read_text("utf-8"))[1]

    assert 0 == run(["gate", "--predictions", new, "--champion", old])
    assert "'at 0.3" in command
    assert 1 == run(["gate", "--predictions", old, "--champion", new])


NAMES = ["yes", "a: b", "passed #1", "été", "x, y", '"q"', "[a]", "no (1-5)", "12"]


@pytest.mark.parametrize("name", NAMES)
def test_columns_of_any_name_are_written_so_that_they_are_read(name):
    for file, seed, gain in (("old.jsonl", 1, 0.0), ("new.jsonl", 2, 0.3)):
        write(file, seed, gain=gain)
        lines = [json.loads(line) for line in Path(file).read_text("utf-8").splitlines()]
        renamed = [{name if key == "passed" else key: value for key, value in one.items()}
                   for one in lines]  # fmt: skip
        Path(file).write_text("".join(f"{json.dumps(one)}\n" for one in renamed))
    found = run(["compare", "old.jsonl", "new.jsonl", "--metric", name, "--max-regression", "0.1",
                 "--write", "cdml.yaml"])  # fmt: skip

    assert 0 == found
    assert 0 == run(GATE)
    written = yaml.safe_load(Path("cdml.yaml").read_text("utf-8"))
    assert [f"rate({name})"] == [gate["metric"] for gate in written["gates"]]


def test_words_and_an_answer_column_of_another_name_go_into_the_gate():
    draw = random.Random(1)
    for file, right in (("old.csv", 0.5), ("new.csv", 0.9)):
        lines = ["id,expected,pred,outcome,judge_error,grader_error"]
        for n in range(CASES):
            label = "xyz"[n % 3]
            answer = label if draw.random() < right else "q"
            lines.append(f"q{n},{label},{answer},{'pass' if answer == label else 'fail'},,")
        Path(file).write_text("\n".join(lines))
    gate = ["gate", "--predictions", "new.csv", "--champion", "old.csv"]
    compare = ["compare", "old.csv", "new.csv", "--max-regression", "0.05", "--write", "cdml.yaml"]

    assert 0 == run([*compare, "--metric", "outcome"])
    assert 0 == run(gate)
    [outcome] = [one for one in gates() if one["slice"] is None and "outcome" in one["metric"]]
    for name in ("old.csv", "new.csv"):
        text = Path(name).read_text().replace("outcome", "note").replace("pass", "n")
        Path(name).write_text(text.replace("fail", "m"))
    assert 0 == run([*compare, "--force"])
    assert 0 == run(gate)
    [accuracy] = [one for one in gates() if one["metric"] == "accuracy"]
    assert outcome["challenger"] == pytest.approx(accuracy["challenger"])
