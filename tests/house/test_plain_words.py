"""No sentence, for users or in the code, uses words and constructions that the project gave up.

docs/glossary.md has the words to use instead.
"""

import ast
import io
import re
import tokenize
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[2]
PAGES = [*ROOT.glob("*.md"), *sorted((ROOT / "docs").rglob("*.md")), *ROOT.glob("examples/*/*.md")]
ACTIONS = [ROOT / "action.yml", *sorted(ROOT.glob("actions/*/action.yml"))]
TEMPLATES = sorted((ROOT / "src/cdml/scaffold/templates").rglob("*.y*ml"))
MODULES = sorted((ROOT / "src/cdml").rglob("*.py"))
BANNED = {
    r"told(?! apart)|tells of": "reports, says, is",
    r"was asked|were asked|is asked|are asked|asked for": "requested, sent, required",
    r"(?:gone|goes|went|going|go) back to": "rolled back to",
    r"taken back|takes? it back": "aborted, rolled back",
    r"parked": "paused",
    r"would tell|rows (?:can|could|cannot) tell|cannot be told(?! apart)": "settle",
    r"(?<!how many )rows there are": "the rows",
    r"not what was promised": "name what is wrong",
    r"there is nothing that": "nothing",
    r"is believed|are believed|believes": "trust",
    r"known answers?|known rows": "smoke cases",
    r"bears? out|borne out": "supports",
    r"under one's feet": "change",
    r"come what may|all the same,": "anyway",
    r"beside": "next to, in addition to",
    r"of (?:its|their|one's) own": "its, their, separate",
    r"walls": "sandbox, isolation",
    r"not asked|asks": "not called; calls, requires",
    r"tells": "says, shows, reports",
    r"nobody knows": "unknown",
}
"""What is banned, with what to write.

Names in code, such as `walls`, are no prose and stay. `of your own` is what an engineer says."""
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


@pytest.mark.parametrize("file", TEMPLATES, ids=lambda file: file.name)
def test_files_that_init_writes_are_in_plain_words(file):
    assert [] == banned(re.sub(r"\s*\n\s*#?\s*", " ", file.read_text("utf-8")))


def texts(module: ast.Module, *, docstrings: bool) -> list[str]:
    """The docstrings of a module, or its other texts."""
    alone = {id(node.value) for node in ast.walk(module) if isinstance(node, ast.Expr)}
    return [
        node.value
        for node in ast.walk(module)
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
        if (id(node) in alone) == docstrings
    ]


def messages(source: str) -> list[str]:
    """The texts that are no docstrings, no regular expressions and more than a word."""
    others = texts(ast.parse(source), docstrings=False)
    return [text for text in others if " " in text and "(?" not in text]


def explanations(source: str) -> list[str]:
    """The docstrings, without the names of attributes before their colons, and the comments."""
    docstrings = texts(ast.parse(source), docstrings=True)
    named = [re.sub(r"^ +\w+:", "", text, flags=re.MULTILINE) for text in docstrings]
    tokens = tokenize.generate_tokens(io.StringIO(source).readline)
    return [*map(prose, named), *(one.string for one in tokens if one.type == tokenize.COMMENT)]


@pytest.mark.parametrize("read", [messages, explanations])
def test_code_is_in_plain_words(read):
    lost = {str(path): banned("\n".join(read(path.read_text("utf-8")))) for path in MODULES}

    assert {} == {name: words for name, words in lost.items() if words}


def test_explanations_are_docstrings_and_comments_without_the_code_in_them():
    source = '"""Rows are\n    told.\n\n    told: `told`."""\nx = 1  # told\ny = "told so"\n'

    assert ["Rows are told", "told"] == [
        word for text in explanations(source) for word in re.findall(r"Rows are told|told", text)
    ]


def test_a_banned_word_is_noticed_and_code_is_not():
    text = "The user is told.\n\n```\ntold\n```\n\n`parked-until` and [a page](told.md)."

    assert ["The user is told. "] == [word[:18] for word in banned(prose(text))]
