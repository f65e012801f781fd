"""The page for LLM applications: what it runs, and what it says is printed."""

import re
from pathlib import Path

import pytest

from cdml.cli import run

PAGE = (Path(__file__).parents[2] / "docs/llm.md").read_text("utf-8")


def block(language, number=0):
    found = re.findall(rf"^```{language}\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
    return found[number]


@pytest.fixture(autouse=True)
def results(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    exec(compile(block("python"), "answers.py", "exec"), {})  # noqa: S102 - our own page


def test_the_comparison_prints_what_the_page_shows(capsys):
    assert 0 == run(["compare", "old.jsonl", "new.jsonl"])

    assert block("text").strip() == capsys.readouterr().out.strip()


def test_the_margin_of_the_page_is_kept():
    assert 0 == run(["compare", "old.jsonl", "new.jsonl", "--max-regression", "0.05"])


def test_the_gate_of_the_page_passes():
    Path("cdml.yaml").write_text(block("yaml"), encoding="utf-8")

    assert 0 == run(["gate", "--predictions", "new.jsonl", "--champion", "old.jsonl"])
    assert 0 == run(["report"])


def test_five_minutes_are_enough_to_read_it():
    prose = re.sub(r"^```.*?^```$", "", PAGE, flags=re.MULTILINE | re.DOTALL)

    assert len(prose.split()) < 5 * 200
