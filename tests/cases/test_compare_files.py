"""The first minute: `cdml compare OLD NEW`, without a configuration."""

import json
import math
from pathlib import Path

import numpy as np
import pytest

from cdml.cli import run

CASES, TRIALS = 200, 3
CHANCE = np.random.default_rng(0).beta(4, 1.3, CASES)


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def write(name, seed, *, loss=0.0, errors=0.0, cases=CASES, trials=TRIALS, **more):
    random = np.random.default_rng(seed)
    with Path(name).open("w", encoding="utf-8") as file:
        for case in range(cases):
            for trial in range(trials):
                failed = random.random() < errors
                passed = None if failed else bool(random.random() < CHANCE[case] - loss)
                record = {
                    "case_id": f"c{case:03d}",
                    "trial": trial,
                    "category": "safety" if case % 5 == 0 else "general",
                    "passed": passed,
                    "cost": float(random.gamma(2, 0.001)),
                    "error": "the judge timed out" if failed else None,
                    **more,
                }
                file.write(json.dumps(record) + "\n")


def compare(*arguments, capsys):
    code = run(["compare", "old.jsonl", "new.jsonl", *arguments])
    printed = capsys.readouterr()
    return code, printed.out, printed.err


def document(*arguments, capsys):
    code, out, _ = compare("--format", "json", *arguments, capsys=capsys)
    return code, json.loads(out)


def test_two_files_are_enough(capsys):
    write("old.jsonl", 1)
    write("new.jsonl", 2)

    code, out, _ = compare(capsys=capsys)

    assert 0 == code
    assert out.startswith("Pass rate ")
    for part in ("could be up to", "No margin was given", "200 cases can see", "key: case_id"):
        assert part in out
    assert "no worse" not in out
    assert [] == [path.name for path in Path().iterdir() if path.suffix != ".jsonl"]


@pytest.mark.parametrize(
    ("loss", "code", "verdict"), [(-0.2, 0, "pass"), (0.5, 1, "fail"), (0.05, 3, "inconclusive")]
)
def test_a_margin_turns_it_into_a_verdict(capsys, loss, code, verdict):
    write("old.jsonl", 1)
    write("new.jsonl", 2, loss=loss)

    found, content = document("--max-regression", "0.05", capsys=capsys)

    assert (code, verdict) == (found, content["verdict"])


def test_the_case_is_the_unit(capsys):
    write("old.jsonl", 1)
    write("new.jsonl", 2, trials=1)

    _, content = document(capsys=capsys)
    [metric] = content["metrics"]
    rates = []
    for name in ("old.jsonl", "new.jsonl"):
        records = [json.loads(line) for line in Path(name).read_text("utf-8").splitlines()]
        by_case = {}
        for record in records:
            by_case.setdefault(record["case_id"], []).append(record["passed"])
        rates.append(math.fsum(sum(one) / len(one) for one in by_case.values()) / len(by_case))
    assert CASES == metric["cases"]
    assert pytest.approx(rates) == [metric["old"], metric["new"]]


def test_what_could_not_be_measured_is_no_wrong_answer_and_holds_a_verdict(capsys):
    write("old.jsonl", 1)
    write("new.jsonl", 1, errors=0.2)

    code, content = document("--max-regression", "0.2", capsys=capsys)

    assert (3, "inconclusive") == (code, content["verdict"])
    assert content["metrics"][0]["new"] > 0.6
    assert "could not be measured" in content["reason"]


def test_a_score_that_is_missing_without_an_error_is_refused(capsys):
    write("old.jsonl", 1, trials=1)
    write("new.jsonl", 2, trials=1)
    text = Path("new.jsonl").read_text("utf-8")
    Path("new.jsonl").write_text(text.replace("true", "null", 1), encoding="utf-8")

    code, _, err = compare(capsys=capsys)

    assert 4 == code
    assert "rate(passed)" in err


def test_cases_of_one_file_are_named_and_refused_by_a_gate(capsys):
    write("old.jsonl", 1)
    write("new.jsonl", 2, cases=CASES - 2)

    code, out, _ = compare(capsys=capsys)
    assert 0 == code
    assert "c198, c199" in out
    code, _, err = compare("--max-regression", "0.1", capsys=capsys)
    assert 4 == code
    assert "c198, c199" in err


def test_no_common_case_is_an_error(capsys):
    write("old.jsonl", 1)
    write("new.jsonl", 2)
    text = Path("new.jsonl").read_text("utf-8")
    Path("new.jsonl").write_text(text.replace('"c', '"d'), encoding="utf-8")

    code, _, err = compare(capsys=capsys)

    assert 4 == code
    assert err


@pytest.mark.parametrize("form", ["markdown", "text"])
def test_names_from_the_files_cannot_write_markup(capsys, form):
    write("old.jsonl", 1, **{"<img src=x> `a` | b": 0.5})
    write("new.jsonl", 2, **{"<img src=x> `a` | b": 0.25})

    code, out, _ = compare("--format", form, capsys=capsys)

    assert 0 == code
    assert form == "text" or "<img" not in out


def test_markdown_has_an_empty_line_before_each_table_and_after_the_verdict(capsys):
    write("old.jsonl", 1)
    write("new.jsonl", 2, score=0.1)

    _, out, _ = compare("--format", "markdown", "--max-regression", "0.01", capsys=capsys)

    lines = out.splitlines()
    tables = [
        n for n, line in enumerate(lines) if line.startswith("|") and lines[n + 1][:4] == "|---"
    ]
    assert tables
    assert {""} == {lines[n - 1] for n in tables}
    assert "" == lines[1]


@pytest.mark.parametrize(
    "arguments",
    [
        ["--max-regression", "a lot"],
        ["--metric", "no_such_column"],
        ["--select", "nothing"],
        ["--reader", "no_such_tool"],
    ],
)
def test_what_the_user_mistypes_is_said(capsys, arguments):
    write("old.jsonl", 1)
    write("new.jsonl", 2)

    code, _, err = compare(*arguments, capsys=capsys)

    assert 2 == code
    assert arguments[1].split("=")[0] in err


def test_a_broken_line_is_named(capsys):
    write("old.jsonl", 1)
    write("new.jsonl", 2)
    with Path("new.jsonl").open("a", encoding="utf-8") as file:
        file.write('{"case_id": "c1", \n')

    code, _, err = compare(capsys=capsys)

    assert 4 == code
    assert "new.jsonl" in err
    assert "601" in err


def test_the_files_may_be_one_and_the_same(capsys):
    write("old.jsonl", 1)
    Path("new.jsonl").write_bytes(Path("old.jsonl").read_bytes())

    code, content = document("--max-regression", "0.05", capsys=capsys)

    assert (0, "pass", 0.0) == (code, content["verdict"], content["metrics"][0]["new"]
                                - content["metrics"][0]["old"])  # fmt: skip


def test_cases_that_neither_file_has_a_score_for_hold_a_verdict(capsys):
    for name in ("old.jsonl", "new.jsonl"):
        write(name, 1)
        records = [json.loads(line) for line in Path(name).read_text("utf-8").splitlines()]
        for record in records:
            record["passed"] = record["passed"] if record["case_id"] < "c100" else None
        Path(name).write_text("\n".join(map(json.dumps, records)), encoding="utf-8")

    code, content = document("--max-regression", "0.3", capsys=capsys)

    assert (3, 100) == (code, content["metrics"][0]["cases"])
    assert "100 of 200 cases" in content["reason"]
