"""The README: short, and first of all the verdict on two files, as a picture and as text."""

import importlib
import re
import sys
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text("utf-8")
SVG = "{http://www.w3.org/2000/svg}"
MOST_WORDS = 1200


@pytest.fixture(scope="module")
def terminal():
    sys.path.insert(0, str(ROOT))
    yield importlib.import_module("generate.terminal")
    sys.path.remove(str(ROOT))


def lines_of(svg: str) -> list[str]:
    """The lines of a picture of a terminal."""
    return ["".join(one.itertext()) for one in ET.fromstring(svg).iter(f"{SVG}text")]  # noqa: S314


def test_it_is_short():
    assert len(re.findall(r"\S*\w\S*", README)) <= MOST_WORDS


def test_the_first_thing_below_the_title_is_the_verdict_on_two_files():
    title, sentences, first, *_ = README.split("\n\n")

    assert ("# cdml", True) == (title, sentences.startswith("**"))
    assert re.fullmatch(r"!\[[^\]]{20,}\]\(docs/compare\.svg\)", first)


def test_the_picture_holds_the_text_that_the_readme_shows_and_nothing_else():
    [shown] = re.findall(r"^```text\n(\$ cdml compare .*?)^```$", README, re.MULTILINE | re.DOTALL)

    assert shown.rstrip("\n").split("\n") == lines_of(
        (ROOT / "docs/compare.svg").read_text("utf-8")
    )


def test_the_picture_of_the_cycle_has_every_action_and_is_read_aloud():
    root = ET.fromstring((ROOT / "docs/cycle.svg").read_text("utf-8"))  # noqa: S314
    actions = {file.parent.name for file in ROOT.glob("actions/*/action.yml")}

    assert "](docs/cycle.svg)" in README
    assert actions == {one.text for one in root.iter(f"{SVG}text") if one.get("class") == "name"}
    assert all(action in root.find(f"{SVG}desc").text for action in actions)


@pytest.mark.parametrize(
    "printed",
    ["a <b> & 'c'", "  two  spaces ", f"a wide line{' and words' * 40}", "w" * 300, "", "é → −0.1"],
)
def test_a_picture_holds_exactly_what_was_printed(terminal, printed):
    assert ["$ cdml schema", "first", printed, "last"] == lines_of(
        terminal.picture("cdml schema", f"first\n{printed}\nlast\n")
    )


def test_a_picture_can_be_read_aloud_and_in_the_dark(terminal):
    root = ET.fromstring(terminal.picture("cdml schema", "one\ntwo\n"))  # noqa: S314

    assert "img" == root.get("role")
    assert ("cdml schema", "one two") == tuple(
        root.find(f"{SVG}{n}").text for n in ("title", "desc")
    )
    assert "prefers-color-scheme: dark" in root.find(f"{SVG}style").text


def test_a_wide_line_is_continued_below(terminal):
    root = ET.fromstring(terminal.picture("cdml schema", f"{'word ' * 40}\nlast\n"))  # noqa: S314
    heights = [float(one.get("y")) for one in root.iter(f"{SVG}tspan")]
    widest = max(len((one.text or "").rstrip()) for one in root.iter(f"{SVG}tspan"))

    assert sorted(set(heights)) == heights
    assert widest <= terminal.COLUMNS
    assert heights[-1] < float(root.get("height"))
