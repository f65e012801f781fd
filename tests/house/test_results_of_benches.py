"""RESULTS.md keeps what each bench measured, and a bench writes its own section only."""

import json
import sys
from pathlib import Path

import pytest

FOLDER = Path(__file__).parents[2] / "benchmarks"


@pytest.fixture
def run(monkeypatch):
    monkeypatch.syspath_prepend(str(FOLDER))
    for name in ("run", "measure"):
        monkeypatch.delitem(sys.modules, name, raising=False)
    import run

    yield run
    for name in ("run", "measure"):
        sys.modules.pop(name, None)


def test_a_bench_replaces_its_own_section_only(run, tmp_path):
    into = tmp_path / "RESULTS.md"
    run.record("compare", [run.Row("time", "2 ×", "≤ 1 ×", reached=False)], into)
    run.record("archive", [run.Row("size", "0.9 MB", "≤ 1 MB", reached=True)], into)
    run.record("compare", [run.Row("time", "0.9 ×", "≤ 1 ×", reached=True)], into)

    text = into.read_text(encoding="utf-8")
    assert [line for line in text.splitlines() if line.startswith("## ")] == [
        "## archive",
        "## compare",
    ]
    assert "| time | 0.9 × | ≤ 1 × | yes |" in text
    assert "2 ×" not in text
    assert "| size | 0.9 MB | ≤ 1 MB | yes |" in text


def test_a_section_names_the_commit_and_the_machine(run, tmp_path):
    run.record("archive", [], tmp_path / "RESULTS.md")

    text = (tmp_path / "RESULTS.md").read_text(encoding="utf-8")
    assert "Commit " in text
    assert " processors, " in text


def test_the_picture_shows_what_was_measured(monkeypatch):
    monkeypatch.syspath_prepend(str(FOLDER))
    import scale_picture

    measured = json.loads((FOLDER / "scale.json").read_text(encoding="utf-8"))

    drawn = (FOLDER.parent / "docs/scale.svg").read_text(encoding="utf-8")
    assert scale_picture.draw(measured) == drawn
