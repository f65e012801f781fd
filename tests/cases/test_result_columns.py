"""Whatever names and values an evaluation's columns have, `compare` reads them right or says so."""

import json
import random
from pathlib import Path

import pytest

from cdml.cli import run

INNER = {
    *("text", "n", "name", "k0", "l0", "h0", "s0", "o0", "t0", "x0", "now", "before", "wrong"),
    *("code", "found", "low", "value", "count", "a", "b", "c", "p", "e", "o", "place", "total"),
    *("key", "file", "relation", "challenger", "champion", "evaluation", "group", "order", "rows"),
}
"""Names that cdml's own queries use, or might."""
OPTIONS = ("--key", "case_id", "--trial", "try", "--by", "topic", "--metric", "passed")


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def write(**columns):
    """Two files of 60 cases with two trials; a column is a function of case and trial."""
    chance = random.Random(1)
    for name in ("old.jsonl", "new.jsonl"):
        with Path(name).open("w", encoding="utf-8") as file:
            for case in range(60):
                for trial in range(2):
                    record = {
                        "case_id": f"c{case}",
                        "try": trial,
                        "topic": ("billing", "Versand", "退款")[case % 3],
                        "passed": chance.random() < 0.7,
                        "error": "it broke" if chance.random() < 0.02 else None,
                    }
                    more = {column: value(case, trial) for column, value in columns.items()}
                    file.write(json.dumps(record | more) + "\n")


def compare(*arguments):
    return run(["compare", "old.jsonl", "new.jsonl", *arguments])


@pytest.mark.parametrize(
    "value",
    [
        lambda case, _: f"text {case}",
        lambda case, _: "uv"[case % 2],
        lambda case, trial: case - trial,
    ],
    ids=["texts", "categories", "numbers"],
)
def test_no_name_of_a_column_changes_the_verdict(capsys, value):
    write()
    expected = compare(*OPTIONS, "--max-regression", "0.3"), capsys.readouterr().out.split("\n\n")
    write(**dict.fromkeys(INNER, value))

    found = compare(*OPTIONS, "--max-regression", "0.3"), capsys.readouterr().out.split("\n\n")

    assert (expected[0], expected[1][0]) == (found[0], found[1][0])


def test_the_values_of_a_column_called_text_are_categories(capsys):
    write(text=lambda case, _: f"text {case}")

    assert 0 == compare("--by", "topic", "--format", "json")
    assert [{"topic": value} for value in ("Versand", "billing", "退款")] == sorted(
        (one["category"] for one in json.loads(capsys.readouterr().out)["categories"]),
        key=lambda one: one["topic"],
    )


def test_a_name_with_brackets_is_a_metric(capsys):
    write(**{"helpfulness (1-5)": lambda case, trial: 1 + (case + trial) % 5})

    assert 0 == compare("--metric", "helpfulness (1-5)")
    assert "mean(helpfulness (1-5))" in capsys.readouterr().out


def test_a_score_of_minus_one_is_pointed_out(capsys):
    write(score=lambda case, trial: -1 if case % 9 == trial else 0.5)

    compare()
    assert "The least score is -1, and counts as a score" in capsys.readouterr().out


def test_messages_name_the_files_of_the_user(capsys):
    write()
    lines = Path("new.jsonl").read_text("utf-8").splitlines()
    Path("new.jsonl").write_text("\n".join(lines[10:]), encoding="utf-8")

    assert 4 == compare("--max-regression", "0.3")
    assert "5 of 60 cases are only in old.jsonl" in capsys.readouterr().err


def test_labels_and_predictions_may_have_any_name_of_theirs(capsys):
    write(y_true=lambda case, _: case % 2, y_pred=lambda case, _: case % 3 % 2)
    for name in ("old.jsonl", "new.jsonl"):
        tries = [json.loads(line) for line in Path(name).read_text("utf-8").splitlines()][::2]
        lines = [{key: one[key] for key in ("case_id", "y_true", "y_pred")} for one in tries]
        Path(name).write_text("\n".join(map(json.dumps, lines)), encoding="utf-8")

    assert 0 == compare()
    assert "Accuracy 50.0 → 50.0 %" in capsys.readouterr().out
