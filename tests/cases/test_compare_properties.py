"""What must not change the answer of `cdml compare`, and what it must notice."""

import json
import random
from pathlib import Path

import pytest

from cdml.cli import run

CASES = 120


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def records(seed, right=0.7):
    draw = random.Random(seed)
    for case in range(CASES):
        for trial in range(2):
            yield {
                "case_id": f"q{case}",
                "trial": trial,
                "topic": "ab"[case % 2],
                "passed": draw.random() < right,
                "quality": draw.random(),
                "cost": draw.random(),
            }


def write(name, lines):
    Path(name).write_text("".join(f"{json.dumps(line)}\n" for line in lines))


def answer(change=list, *arguments, capsys):
    for name, seed in (("old.jsonl", 1), ("new.jsonl", 2)):
        write(name, change(list(records(seed))))
    assert 0 == run(["compare", "old.jsonl", "new.jsonl", "--format", "json", *arguments])
    return json.loads(capsys.readouterr().out)


def figures(found):
    first = found["metrics"][0]
    categories = [[one["old"], one["new"], one["interval"]] for one in found["categories"]]
    return [first["old"], first["new"], first["interval"], found["needed"], categories]


def shuffled(lines):
    random.Random(3).shuffle(lines)
    return lines


def turned(lines):
    return [dict(reversed(line.items())) for line in lines]


def doubled(name):
    return lambda lines: [{**line, f"{name}_copy": line[name]} for line in lines]


@pytest.mark.parametrize(
    "change",
    [shuffled, turned, *map(doubled, ["passed", "quality", "cost", "case_id", "trial"])],
    ids=["rows", "columns", "passed", "quality", "cost", "case_id", "trial"],
)
def test_order_and_copies_of_columns_change_no_figure(change, capsys):
    assert figures(answer(capsys=capsys)) == figures(answer(change, capsys=capsys))


@pytest.mark.parametrize(
    "names",
    [
        {"case_id": "exampleId", "trial": "epoch", "topic": "category", "passed": "success"},
        {"case_id": "id", "trial": "seed", "topic": "segment", "passed": "is_correct"},
        {"case_id": "k0", "trial": "a1", "topic": "b2", "passed": "c3"},
    ],
    ids=["camel case", "other words", "no words"],
)
def test_names_of_columns_change_no_figure(names, capsys):
    def renamed(lines):
        return [{names.get(name, name): value for name, value in line.items()} for line in lines]

    told = ["--key", names["case_id"], "--trial", names["trial"], "--by", names["topic"],
            "--metric", names["passed"]]  # fmt: skip
    before = figures(answer(capsys=capsys))

    assert before == figures(answer(renamed, *told, capsys=capsys))
    if names["case_id"] != "k0":
        assert before == figures(answer(renamed, capsys=capsys))


def predictions(name, right):
    draw = random.Random(right)
    lines = []
    for case in range(CASES):
        label = "xyz"[case % 3]
        predicted = label if draw.random() < right else "other"
        lines.append({"id": f"q{case}", "expected": label, "pred": predicted})
    write(name, lines)


def test_predictions_that_are_never_wrong_are_pointed_out(capsys):
    predictions("old.jsonl", 0.7)
    for right, noticed in ((0.8, False), (1.0, True)):
        predictions("new.jsonl", right)
        assert 0 == run(["compare", "old.jsonl", "new.jsonl"])
        told = capsys.readouterr().out
        assert noticed == ("pred equals expected in every case of the new file" in told), told


@pytest.mark.parametrize("place", ["rows", "old", "new"])
def test_label_and_slices_are_joined_from_each_of_three_files(place):
    """Of the gate: data.evaluation or either file of results."""
    parts = {"rows": [], "old": [], "new": []}
    for case in range(CASES):
        about = {"expected": "xyz"[case % 3], "topic": "ab"[case % 2]}
        parts["rows"].append({"id": f"q{case}"})
        parts["old"].append({"id": f"q{case}", "prediction": "x"})
        parts["new"].append({"id": f"q{case}", "prediction": "xyz"[case % 3]})
        parts[place][-1] |= about
    for name, lines in parts.items():
        write(f"{name}.jsonl", lines)
    Path("cdml.yaml").write_text(
        "version: 1\nmodel: bot\ndata: {evaluation: rows.jsonl, key: [id], label: expected,"
        " slices: [topic]}\ngates: [{metric: accuracy, max_regression: 0.05}]\n"
    )
    command = ["compare-to-champion", "--challenger", "new.jsonl", "--champion", "old.jsonl"]

    assert 0 == run(command)
    gates = json.loads(Path(".cdml/comparison.json").read_text())["gates"]
    assert {"a", "b"} == {gate["slice"]["topic"] for gate in gates if gate["slice"]}
    assert [1.0] == [gate["challenger"] for gate in gates if not gate["slice"]]
