"""No sentence that a user can meet uses words and constructions that the project gave up.

docs/glossary.md has the words to use instead.
"""

import ast
import re
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[2]
PAGES = [*ROOT.glob("*.md"), *sorted((ROOT / "docs").rglob("*.md")), *ROOT.glob("examples/*/*.md")]
ACTIONS = [ROOT / "action.yml", *sorted(ROOT.glob("actions/*/action.yml"))]
MODULES = sorted((ROOT / "src/cdml").rglob("*.py"))
BANNED = {
    r"told|tells of": "reports, says, is",
    r"was asked|were asked|is asked|are asked|asked for": "requested, sent, required",
    r"(?:gone|goes|went|going|go) back to": "rolled back to",
    r"taken back|takes? it back": "aborted, rolled back",
    r"parked": "paused",
    r"would tell|rows (?:can|could|cannot) tell|cannot be told": "settle",
    r"rows there are": "the rows",
    r"not what was promised": "name what is wrong",
    r"there is nothing that": "nothing",
    r"is believed|are believed|believes": "trust",
    r"known answers?|known rows": "smoke cases",
    r"bears? out|borne out": "supports",
    r"under one's feet": "change",
    r"come what may|all the same,": "anyway",
}
"""What is banned, with what to write."""
WORDS = re.compile(rf"\b(?:{'|'.join(BANNED)})\b", re.IGNORECASE)


def prose(page_text: str) -> str:
    """A page without code, addresses of links and generated comments."""
    text = re.sub(r"^```.*?^```$", "", page_text, flags=re.MULTILINE | re.DOTALL)
    text = re.sub(r"(`+).+?\1|<[^>\n]+>|\]\([^)]*\)", " ", text, flags=re.DOTALL)
    return re.sub(r"\s+", " ", text)


def banned(text: str) -> list[str]:
    """Each banned word of a text, with what is around it."""
    return [text[max(0, m.start() - 30) : m.end() + 30] for m in WORDS.finditer(text)]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_pages_are_in_plain_words(page):
    assert [] == banned(prose(page.read_text("utf-8")))


@pytest.mark.parametrize("file", ACTIONS, ids=lambda file: file.relative_to(ROOT).as_posix())
def test_actions_describe_themselves_in_plain_words(file):
    action = yaml.safe_load(file.read_text("utf-8"))
    entries = [action, *action["inputs"].values(), *action["outputs"].values()]

    assert [] == [word for one in entries for word in banned(one["description"])]


def sentences(module: ast.Module) -> list[str]:
    """The texts of a module that are no docstrings, no regular expressions and more than a word."""
    texts = [
        node
        for node in ast.walk(module)
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    ]
    alone = {id(node.value) for node in ast.walk(module) if isinstance(node, ast.Expr)}
    texts = [node for node in texts if id(node) not in alone and "(?" not in node.value]
    return [node.value for node in texts if " " in node.value]


def test_messages_are_in_plain_words():
    modules = ((path, ast.parse(path.read_text("utf-8"))) for path in MODULES)
    lost = {str(path): banned("\n".join(sentences(module))) for path, module in modules}

    assert {} == {name: words for name, words in lost.items() if words}


def test_a_banned_word_is_noticed_and_code_is_not():
    text = "The user is told.\n\n```\ntold\n```\n\n`parked-until` and [a page](told.md)."

    assert ["The user is told. "] == [word[:18] for word in banned(prose(text))]
