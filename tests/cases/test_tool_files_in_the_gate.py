"""What evaluation tools write goes into the gate as it is, as it goes into `cdml compare`."""

import json
import random
from pathlib import Path

import pytest

from cdml.cli import run
from cdml.evidence.store import file_digest
from support.result_files import FORMATS, Case, promptfoo_result, write_promptfoo

CASES = 150


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def cases(seed, gain=0.0):
    draw = random.Random(seed)
    return [Case(f"q{n:03}", score=float(draw.random() < 0.5 + gain)) for n in range(CASES)]


def evidence(name):
    return json.loads(Path(f".cdml/{name}.json").read_text("utf-8"))


def configure(path, column, **keys):
    more = "".join(f", {name}: {value}" for name, value in keys.items())
    Path("cdml.yaml").write_text(
        f"version: 1\nmodel: bot\ndata: {{evaluation: {path}, key: [case]{more}}}\n"
        f"gates: [{{metric: mean({column}), max_regression: 0.05}}]\n"
    )


def write(form, seed, gain=0.0):
    folder = Path(f"at_{gain}")
    folder.mkdir()
    return str(form.write(folder / form.file, cases(seed, gain)))


def compared(old, new, capsys):
    assert 0 == run(["compare", old, new, "--metric", "quality", "--format", "json"])
    return json.loads(capsys.readouterr().out)["metrics"][0]


@pytest.mark.parametrize("form", FORMATS, ids=lambda form: form.file)
def test_every_tool_s_file_has_the_figures_that_compare_shows(form, capsys):
    old, new = write(form, 1), write(form, 2, gain=0.3)
    shown = compared(old, new, capsys)
    configure(new, "quality")

    assert 0 == run(["gate", "--predictions", new, "--champion", old])

    [gate] = evidence("comparison")["gates"]
    for side, figure in (("champion", "old"), ("challenger", "new")):
        assert shown[figure] == pytest.approx(gate[side])
    assert CASES == gate["rows"]
    assert file_digest(Path(new)) == evidence("data")["data"]["digest"]
    assert 1 == run(["gate", "--predictions", old, "--champion", new])


def test_a_folder_of_results_is_compared_step_by_step():
    form = next(one for one in FORMATS if one.reader == "lm-eval")
    old, new = (str(Path(write(form, seed, gain)).parent) for seed, gain in ((1, 0.0), (2, 0.3)))
    configure(f"{new}/{form.file}", "quality")

    assert 0 == run(["evaluate-model", "--predictions", new])
    assert 0 == run(["compare-to-champion", "--challenger", f"./{new}", "--champion", f"./{old}"])
    assert evidence("evaluation")["data"] == evidence("comparison")["data"]


def test_two_prompts_of_one_file_are_compared_by_a_selection(capsys):
    draw = random.Random(1)
    prompts = {"a": 0.9, "b": 0.2}
    results = [
        promptfoo_result(f"q{n}", passed=draw.random() < chance, promptIdx=at,
                         prompt={"raw": label, "label": label})
        for n in range(CASES)
        for at, (label, chance) in enumerate(prompts.items())
    ]  # fmt: skip
    write_promptfoo(Path("out.json"), results)
    configure("out.json", "success")
    gate = ["gate", "--predictions", "out.json", "--champion", "out.json"]

    assert 4 == run(gate)
    assert "--select" in capsys.readouterr().err
    for new, code in (("a", 0), ("b", 1)):
        old = "ab".replace(new, "")
        chosen = ["--select", f"new:prompt={new}", "--select", f"old:prompt={old}"]
        assert code == run([*gate, *chosen, "--reader", "promptfoo"])


def test_rows_of_a_table_are_selected(monkeypatch):
    lines = [
        {"case": n, "set": s, "good": s == "new"} for n in range(CASES) for s in ("old", "new")
    ]
    Path("all.jsonl").write_text("".join(f"{json.dumps(line)}\n" for line in lines))
    configure("all.jsonl", "good")
    gate = ["gate", "--predictions", "all.jsonl", "--champion", "all.jsonl"]
    monkeypatch.setenv("CDML_GATE_SELECT", "new:set=new\nold:set=old\n")

    assert 0 == run(gate)
    assert (1.0, 0.0) == tuple(
        evidence("comparison")["gates"][0][side] for side in ("challenger", "champion")
    )


@pytest.mark.parametrize("command", ["gate", "compare-to-champion", "evaluate-model"])
def test_a_file_of_another_tool_is_refused(command, capsys):
    write_promptfoo(Path("out.json"), [promptfoo_result("q1")])
    configure("out.json", "success")
    role = "--challenger" if command == "compare-to-champion" else "--predictions"
    others = [] if command == "evaluate-model" else ["--champion", "out.json"]

    assert 4 == run([command, role, "out.json", *others, "--reader", "deepeval"])
    assert "not a file of deepeval" in capsys.readouterr().err
