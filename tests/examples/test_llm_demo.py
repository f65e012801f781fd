"""The example of an LLM application: its demo as a user runs it, and what its README says."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.long

EXAMPLE = Path(__file__).parents[2] / "examples/llm"
README = (EXAMPLE / "README.md").read_text("utf-8")
# Settings of a user's own that must not reach into the demo.
HOSTILE = {
    "CI": "true",
    "GITHUB_ACTIONS": "true",
    "MLFLOW_TRACKING_URI": "http://127.0.0.1:9",
    "CDML_GATE_PREDICTIONS": "nowhere.jsonl",
}


def python(*arguments, seed="0", **environment):
    return subprocess.run(
        [sys.executable, *map(str, arguments)],
        env=os.environ | environment | {"PYTHONHASHSEED": seed},
        capture_output=True,
        encoding="utf-8",
        check=False,
        timeout=300,
    )


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("demo-llm")


@pytest.fixture(scope="module")
def demo(folder):
    return python(EXAMPLE / "demo.py", "--folder", folder, **HOSTILE)


def answers(folder, version):
    lines = (folder / f"v{version}.jsonl").read_text("utf-8").splitlines()
    return [json.loads(line) for line in lines]


def share(records, column, category=None):
    chosen = [one[column] for one in records if category in (None, one["category"])]
    return sum(chosen) / len(chosen)


def test_every_command_ends_as_expected(demo):
    assert 0 == demo.returncode, demo.stdout + demo.stderr
    assert [0, 1, 1, 1, 0, 0] == list(map(int, re.findall(r"\(exit code (\d)\)", demo.stdout)))


def test_one_comment_rejects_a_category_and_the_other_passes(demo):
    rejected, passed = re.findall(r"^### .*$", demo.stdout, re.MULTILINE)

    assert "Rejected" in rejected
    assert "category when dropped" in rejected
    assert "Passed" in passed


def test_the_comment_shows_the_question_and_both_answers(demo):
    row = next(line for line in demo.stdout.splitlines() if line.startswith("| when-01"))

    for text in (
        "When was the amendment on slavery ratified?",
        "December 6, 1865",
        "not in the text",
    ):
        assert text in row
        assert text in README


def test_the_labels_narrow_the_judges_interval(demo):
    widths = re.findall(r"interval is (\S+) wide, (\S+) by labels alone", demo.stdout)

    assert widths
    assert all(float(corrected) < float(labels) for corrected, labels in widths)
    corrected, labels = widths[-1]
    assert f"{corrected} wide; by the 60 labels\nalone it would be {labels} wide" in README


def test_the_judge_agrees_with_people_enough(demo):
    lowest = re.findall(
        r"^  ! The judge's agreement .* no lower than (\S+) with", demo.stdout, re.MULTILINE
    )

    assert lowest
    assert f"at least by {min(lowest[-2:])}\n" in README


def test_the_same_answers_come_from_every_run(demo, folder):
    assert 0 == demo.returncode
    for version in "123":
        again = python(EXAMPLE / "answerer.py", version, seed="7")

        assert (folder / f"v{version}.jsonl").read_text("utf-8") == again.stdout


def test_the_readme_has_the_figures_of_the_versions(demo, folder):
    assert 0 == demo.returncode
    for version in "123":
        records = answers(folder, version)
        shown = next(line for line in README.splitlines() if line.startswith(f"| {version} |"))

        assert [
            f"{share(records, 'exact'):.1%}",
            f"{share(records, 'exact', 'when'):.1%}",
            f"{share(records, 'input_tokens'):.0f}",
        ] == [cell.replace(" ", "") for cell in shown.strip("| ").split("|")[-3:]]


def test_every_answer_to_a_labelled_question_is_labelled(demo, folder):
    assert 0 == demo.returncode
    lines = (EXAMPLE / "labels.tsv").read_text("utf-8").splitlines()[1:]
    labelled = {line.split("\t")[0] for line in lines}

    assert f"{len(lines)} answers to {len(labelled)} of the questions" in README
    for version in "123":
        for one in answers(folder, version):
            assert (one["human"] is not None) is (one["case_id"] in labelled)


def test_every_expected_answer_but_spelling_is_in_the_text():
    text = (EXAMPLE / "constitution.txt").read_text("utf-8").lower().replace("-", " ")
    lines = (EXAMPLE / "questions.tsv").read_text("utf-8").splitlines()[1:]
    for _, category, question, expected in (line.split("\t") for line in lines):
        if category != "nowhere":
            assert any(one.lower() in text for one in expected.split("|")), question
