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

    printed = compare(*OPTIONS, "--max-regression", "0.3"), capsys.readouterr().out.split("\n\n")

    assert (expected[0], expected[1][0]) == (printed[0], printed[1][0])


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


def rewrite(name, **columns):
    """Set columns of a file to what a function of their record gives."""
    records = [json.loads(line) for line in Path(name).read_text("utf-8").splitlines()]
    lines = [json.dumps(one | {key: of(one) for key, of in columns.items()}) for one in records]
    Path(name).write_text("\n".join(lines), encoding="utf-8")


def test_a_score_on_another_scale_is_pointed_out(capsys):
    write(score=lambda case, _: case / 60, rating=lambda case, _: 1 + case % 5)
    rewrite("new.jsonl", score=lambda one: 100 * one["score"])
    compare()

    assert "score is at most 0.983333 in the old file and 98.3333 in the new" in (
        printed := capsys.readouterr().out
    )
    assert "rating is at most" not in printed

    rewrite("new.jsonl", rating=lambda one: 2 * one["rating"])
    compare()
    assert "rating is at most 5 in the old file and 10 in the new" in capsys.readouterr().out


def test_a_copy_of_the_old_results_is_pointed_out(capsys):
    write()
    assert 0 == compare()
    assert "Both files have the same content" not in capsys.readouterr().out

    Path("new.jsonl").write_bytes(Path("old.jsonl").read_bytes())
    assert 0 == compare()
    assert "Both files have the same content" in capsys.readouterr().out


SCALES = {
    "shares and percents": (lambda n: n / 60, lambda n: 100 * n / 60),
    "truth values and percents": (lambda n: n % 3 > 0, lambda n: 40.5 + n),
    "truth values and signs": (lambda n: n % 3 == 0, lambda n: 1 if n % 20 else -1),
    "two lengths of grades": (lambda n: 1 + n % 5, lambda n: 2 + 2 * (n % 5)),
    "smaller is better, in ms and in s": (lambda n: 100 + n, lambda n: (100 + n) / 1000),
}


@pytest.mark.parametrize("scales", SCALES)
def test_what_may_have_risen_by_its_scale_alone_never_passes(scales, capsys):
    old, new = SCALES[scales]
    name = "loss" if scales.startswith("smaller") else "score"
    write(error=lambda *_: None, **{name: lambda case, _: case})
    rewrite("old.jsonl", **{name: lambda one: old(one[name])})
    rewrite("new.jsonl", **{name: lambda one: new(one[name])})

    assert 3 == compare("--metric", name, "--max-regression", "50%")
    assert "Write both on one scale" in capsys.readouterr().out
    rewrite("old.jsonl", **{name: lambda one: one[name] * 1.0})
    Path("new.jsonl").write_bytes(Path("old.jsonl").read_bytes())
    assert 0 == compare("--metric", name, "--max-regression", "50%")


def test_a_score_without_a_value_in_one_file_is_not_compared(capsys):
    write(score=lambda case, _: case / 60)
    rewrite("new.jsonl", score=lambda _: None)

    assert 0 == compare()
    assert "score is not compared: it has no value in the new file." in capsys.readouterr().out
    assert 4 == compare("--metric", "score")
    assert "score has no value in the new file." in capsys.readouterr().err


@pytest.mark.parametrize("nothing", ["", "None", "null", "NaN", "false", None])
def test_an_error_that_says_nothing_is_none(capsys, nothing):
    write(error=lambda case, trial: "timeout" if (case, trial) == (3, 1) else nothing)

    assert 0 == compare()
    failed = "1 of 120 results of the challenger and 1 of 120 results of the champion could not be"
    assert f"{failed} measured (error)" in capsys.readouterr().out


@pytest.mark.parametrize("nothing", [{}, [], False, 0])
def test_an_empty_error_is_none(capsys, nothing):
    write(error=lambda *_: nothing)

    assert 0 == compare()
    assert "could not be measured" not in capsys.readouterr().out


def test_an_error_of_an_agents_tool_is_one_of_the_answer(capsys):
    write(tool_error=lambda case, _: case % 5 == 0, error=lambda *_: None)

    assert 0 == compare()
    printed = capsys.readouterr().out
    assert "tool_error (true or false, smaller is better)" in printed
    assert "could not be measured" not in printed


def test_figures_that_are_not_read_are_named(capsys):
    write(
        cost=lambda case, _: f"${case / 1000:.4f}",
        latency=lambda case, _: f"{case + 200}ms",
        total_tokens=lambda case, _: f"1,{case + 100}",
        punkte=lambda case, _: f"0,{case + 10}",
        metrics=lambda case, _: {"accuracy": case % 2 == 0},
        remark=lambda case, _: f"remark {case}",
    )

    assert 0 == compare()
    printed = capsys.readouterr().out
    assert "Not compared: metrics, because objects are not looked into" in printed
    (line,) = (one for one in printed.splitlines() if "texts and no numbers" in one)
    assert ["cost", "latency", "punkte", "total_tokens"] == sorted(
        part.split()[0] for part in line.partition("numbers: ")[2].split("), ")
    )


def test_a_list_inside_an_object_is_named(capsys):
    rows = [{"case_id": f"c{case}", "passed": True} for case in range(30)]
    for name in ("old.json", "new.json"):
        Path(name).write_text(json.dumps({"model": "m", "results": rows}), encoding="utf-8")

    assert 4 == run(["compare", "old.json", "new.json"])
    assert "jq .results old.json > results.json" in capsys.readouterr().err


def two_files(old, new):
    for name, records in (("old", old), ("new", new)):
        lines = (json.dumps(record) + "\n" for record in records)
        Path(f"{name}.jsonl").write_text("".join(lines), encoding="utf-8")


def test_cost_and_latency_are_compared_where_nothing_else_is(capsys):
    records = [{"id": f"q{case}", "latency_ms": 100 + case, "cost": 0.5} for case in range(60)]
    slower = [{**one, "latency_ms": one["latency_ms"] + 5 + i % 2} for i, one in enumerate(records)]
    two_files(records, slower)

    assert 0 == compare()

    printed = capsys.readouterr().out
    assert printed.startswith("Cost 0.500 → 0.500: no case differs (95 %).")
    assert "mean(latency_ms)" in printed
    assert "can see a change of 0." not in printed


def test_ids_of_two_types_are_named(capsys):
    two_files(
        [{"id": case, "passed": True} for case in range(60)],
        [{"id": f"{case}", "passed": True} for case in range(60)],
    )

    assert 4 == compare()

    assert "id (integer in the old file, string in the new)" in capsys.readouterr().err


def test_a_single_case_shows_nothing(capsys):
    two_files([{"id": "x", "passed": True}], [{"id": "x", "passed": False}])

    assert 0 == compare()

    assert "1 case cannot show any change" in capsys.readouterr().out
