"""`cdml compare` on the files of evaluation tools, and on files that something is wrong with."""

import json
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest

from cdml.cli import run
from support.result_files import (
    FORMATS,
    Case,
    inspect_log,
    promptfoo_result,
    write_lines,
    write_promptfoo,
)

GOLDEN = Path(__file__).parents[1] / "golden/results"
TOOLS = {form.file: form for form in FORMATS}
CASES = 60


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def compare(capsys):
    """Compares two files; gives the exit code, the document and what is printed as an error."""

    def _compare(old, new, *arguments):
        code = run(["compare", str(old), str(new), "--format", "json", *arguments])
        printed = capsys.readouterr()
        return code, json.loads(printed.out or "null"), printed.err

    return _compare


@pytest.fixture
def refused(compare):
    """The sentence by which a comparison is refused as an input error."""

    def _refused(old, new, *arguments):
        code, document, error = compare(old, new, *arguments)
        assert (4, None) == (code, document)
        assert "Traceback" not in error
        return error

    return _refused


def means(document, name):
    """The old and the new value of a metric."""
    [metric] = [one for one in document["metrics"] if one["column"] == name]
    return pytest.approx((metric["old"], metric["new"]))


def table(name, rows):
    return write_lines(Path(name), rows)


def scored(count=CASES, **more):
    return [{"case_id": f"c{n}", "score": (n % 10) / 10, **more} for n in range(count)]


# One file that holds several systems


def select(name, old, new):
    return ["--select", f"old:{name}={old}", "--select", f"new:{name}={new}"]


def test_two_prompts_of_one_file_of_promptfoo(compare):
    file = GOLDEN / "promptfoo.json"
    code, document, _ = compare(file, file, *select("prompt", "perfect", "new"))

    assert 0 == code
    assert 5 == document["metrics"][0]["cases"]  # of six: a judge failed on one
    assert (1, 2 / 5) == means(document, "exact")


def test_two_providers_of_one_file_of_promptfoo(compare):
    results = [
        promptfoo_result(f"c{n}", provider={"id": name}, id=f"{name}{n}", passed=n % 10 < good)
        for n in range(CASES)
        for name, good in (("small", 5), ("large", 8))
    ]
    file = write_promptfoo(Path("out.json"), results)

    assert (0.5, 0.8) == means(
        compare(file, file, *select("provider", "small", "large"))[1], "score"
    )
    assert (0.8, 0.5) == means(
        compare(file, file, *select("provider", "large", "small"))[1], "score"
    )


def test_two_filters_of_one_file_of_lm_eval(compare):
    for file in (GOLDEN / "lm-eval", GOLDEN / "lm-eval/samples_sums.jsonl"):
        code, document, _ = compare(file, file, *select("filter", "last", "digits"))
        assert 0 == code
        assert (0, 2 / 6) == means(document, "exact_match")


def test_two_models_of_one_table(compare):
    rows = [
        {"case_id": f"c{n}", "model": name, "score": value + n % 2 / 10}
        for n in range(CASES)
        for name, value in (("a", 0.25), ("b", 0.5))
    ]
    file = table("rows.jsonl", rows)

    assert (0.3, 0.55) == means(compare(file, file, *select("model", "a", "b"))[1], "score")


@pytest.mark.parametrize("file", ["promptfoo.json", "lm-eval"])
def test_several_systems_without_a_selection_are_refused_with_the_option(refused, file):
    assert "--select" in refused(GOLDEN / file, GOLDEN / file)


# Errors of instruments


@pytest.mark.parametrize("file", [form.file for form in FORMATS if form.errors])
def test_what_an_instrument_failed_on_is_counted_named_and_no_zero(compare, file):
    write = TOOLS[file].write
    Path("old").mkdir()
    good = [Case(f"c{n:02}", 0.75 + n % 2 / 10) for n in range(CASES)]
    some = [Case(c.id, error="boom") if n < 6 else c for n, c in enumerate(good)]
    old, new = write(Path("old", file), good), write(Path(file), some)

    code, document, _ = compare(old, new, "--max-regression", "0.5")

    assert 3 == code
    assert "6 of 60" in document["reason"]
    assert "c00" in document["reason"]
    assert 54 == document["metrics"][0]["cases"]
    assert (0.8, 0.8) == means(document, "quality")
    assert 0 == compare(old, old, "--max-regression", "0.5")[0]


# What is wrong with a file: a sentence, and the exit code of an input error


def test_a_broken_line_is_named_by_its_file_and_number(refused):
    good = table("good.jsonl", scored())
    for name, text in (("cut.jsonl", '{"case_id": "c60", "sc'), ("word.jsonl", "Traceback")):
        broken = Path(name)
        broken.write_text(good.read_text() + text)
        assert f"{name}, line 61: not valid JSON" in refused(good, broken)


@pytest.mark.parametrize("file", ["out.json", "out.jsonl", "test_run.json", "samples_toy.jsonl"])
def test_a_broken_file_of_a_tool_is_named_with_its_line(refused, file):
    path = TOOLS[file].write(Path(file), [Case("c1"), Case("c2")])
    path.write_bytes(path.read_bytes()[:-30])

    error = refused(path, path)
    assert f"{file}, line " in error
    assert "not valid JSON" in error


def test_the_log_of_a_failed_run_is_called_that(refused):
    log = inspect_log([Case("c1", 1)], status="error", error={"message": "429"})
    Path("log.json").write_text(json.dumps(log))

    error = refused("log.json", "log.json")
    assert "log.json is the log of a run that did not succeed (status: error: 429)" in error
    assert "Run the evaluation again" in error


@pytest.mark.parametrize("file", TOOLS)
def test_a_case_that_occurs_twice_is_named(refused, file):
    path = TOOLS[file].write(Path(file), [Case("c1", 1.0), Case("c2", 0.5), Case("c1", 0.0)])

    assert "has the case c1" in refused(path, path)


def test_a_row_that_occurs_twice_is_counted(refused):
    good = table("good.jsonl", scored())
    twice = table("twice.jsonl", [*scored(), *scored(1)])

    error = refused(good, twice)
    assert "case_id is not unique" in error
    assert "60 different values in 61 rows" in error


def test_labels_that_differ_are_refused_where_they_are_given(refused, compare):
    def labelled(shift):
        return [
            {"case_id": f"c{n}", "passed": n % 3 > 0, "label": (n + shift) % 2, "prediction": 1}
            for n in range(CASES)
        ]

    old, new = table("old.jsonl", labelled(0)), table("new.jsonl", labelled(1))

    assert "label differs between the files" in refused(old, new, "--label", "label")
    code, document, _ = compare(old, new)
    assert 0 == code
    assert any("label is not used as the label" in note for note in document["notes"])


@pytest.mark.parametrize("name", ["new.jsonl", "new.csv", "new.parquet"])
def test_a_score_that_is_not_a_number_is_missing_and_no_zero(refused, compare, name):
    old = table("old.jsonl", scored())
    frame = pd.DataFrame(scored())
    frame.loc[frame["case_id"] == "c7", "score"] = float("nan")
    if name.endswith("jsonl"):
        table(name, frame.to_dict("records"))
    elif name.endswith("csv"):
        frame.to_csv(name, index=False)
    else:
        frame.to_parquet(name, index=False)

    assert "no score on 1 of the cases" in refused(old, name)
    code, document, _ = compare(name, name)
    assert (0, 59) == (code, document["metrics"][0]["cases"])
    assert (frame["score"].mean(),) * 2 == means(document, "score")
    assert (
        "mean(score) is compared on 59 of 60 cases: the others have no score." in document["notes"]
    )


@pytest.mark.parametrize("file", ["out.json", "test_run.json", "samples_toy.jsonl", "traces.json"])
def test_a_score_of_a_tool_that_is_not_a_number_is_named_with_its_case(refused, file):
    path = TOOLS[file].write(Path(file), [Case("c1", 0.5), Case("c2", float("nan"))])

    assert "quality of the case c2 is nan" in refused(path, path)


def test_numbers_in_quotes_are_refused_wherever_they_are(refused):
    good = table("good.jsonl", scored())
    quoted = [{**row, "score": str(row["score"])} for row in scored()]
    one = table("one.jsonl", [*scored()[:-1], quoted[-1]])
    every = table("every.jsonl", quoted)

    mixed = refused(good, one)
    assert "the column 'score' mixes numbers (line 1 of one.jsonl)" in mixed
    assert "text (line 60 of one.jsonl)" in mixed
    for files in ((good, every), (every, good), (every, every)):
        assert "holds numbers written as text" in refused(*files)


def test_letter_grades_are_not_guessed(refused):
    rows = [{"case_id": f"c{n}", "grade": "ABC"[n % 3]} for n in range(CASES)]
    others = [{**row, "grade": "A"} for row in rows]

    error = refused(table("old.jsonl", rows), table("new.jsonl", others))
    assert "grade is not compared: its values are words, such as 'A'" in error


@pytest.mark.parametrize("file", ["samples_toy.jsonl", "traces.json", "log.json"])
def test_letter_grades_of_a_tool_are_not_guessed(refused, file):
    path = TOOLS[file].write(Path(file), [Case("c1", "B"), Case("c2", "A")])

    assert "cdml cannot compare words or letters" in refused(path, path)


def test_a_file_of_another_tool_is_refused_with_its_name(refused):
    error = refused(GOLDEN / "deepeval.json", GOLDEN / "inspect.json", "--reader", "deepeval")

    assert "inspect.json is not a file of deepeval" in error
    assert "Its format is inspect." in error


def test_files_of_two_tools_have_no_common_case(refused):
    assert refused(GOLDEN / "deepeval.json", GOLDEN / "inspect.json")


@pytest.mark.parametrize("file", ["rows.jsonl", *TOOLS])
def test_files_without_a_common_case_are_refused(refused, file):
    Path("old").mkdir()

    def write(path, letter):
        if file == "rows.jsonl":
            return table(
                path, [{**row, "case_id": f"{letter}{n}"} for n, row in enumerate(scored())]
            )
        return TOOLS[file].write(path, [Case(f"{letter}{n}", n % 2) for n in range(9)])

    old, new = write(Path("old", file), "c"), write(Path(file), "d")
    error = refused(old, new)
    assert "no case in common" in error or "no value is in both files" in error


# Outputs of a hundred megabytes


def answers(name, texts):
    """Writes a file of this name, of one case for each text."""
    results = [
        promptfoo_result(f"c{n}", passed=n % 2 == 0, response={"output": text})
        for n, text in enumerate(texts)
    ]
    if name.startswith("out"):
        return write_promptfoo(Path(name), results)
    rows = [{"case_id": f"c{n}", "passed": n % 2 == 0, "output": t} for n, t in enumerate(texts)]
    if name.endswith("jsonl"):
        return table(name, rows)
    Path(name).write_text(json.dumps(rows))
    return Path(name)


MEASURED = """
import re, sys
from pathlib import Path
from cdml.cli import run
code = run(["compare", sys.argv[1], sys.argv[1]])
print(code, re.search(r"VmHWM:\\s+(\\d+) kB", Path("/proc/self/status").read_text())[1])
"""


@pytest.mark.long
@pytest.mark.parametrize(
    ("name", "outputs", "length"),
    [
        ("out.json", 2, 100 * 2**20),
        ("rows.jsonl", 2, 100 * 2**20),
        ("out.jsonl", 600, 2**20),
        ("rows.json", 600, 2**20),
    ],
)
def test_large_outputs_are_read_in_bounded_memory(name, outputs, length):
    path = answers(name, ["x" * length for _ in range(outputs)])
    done = subprocess.run(
        [sys.executable, "-c", MEASURED, str(path)], capture_output=True, text=True, check=True
    )

    code, kibibytes = map(int, done.stdout.split()[-2:])
    assert 0 == code
    assert kibibytes < (900 if length > 2**20 else 600) * 2**10
