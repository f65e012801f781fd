"""The reference of errors has every exit code and error class, and quotes messages that exist."""

import ast
import importlib
import re
import sys
from pathlib import Path

import pytest

from cdml.errors import EXIT_CODES, CdmlError

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs/errors.md").read_text("utf-8")


@pytest.fixture(scope="module")
def errors():
    sys.path.insert(0, str(ROOT))
    yield importlib.import_module("generate.errors")
    sys.path.remove(str(ROOT))


def test_every_exit_code_says_what_to_do(errors):
    assert set(EXIT_CODES) == set(errors.ACTIONS)


def test_every_error_class_has_its_exit_code_and_a_meaning():
    rows = re.findall(r"^\| `(\w+)` \| `([\w.]+)` \| (\d+) \| (.*) \|$", PAGE, re.MULTILINE)
    for name, module, code, meaning in rows:
        kind = getattr(importlib.import_module(module), name)
        assert issubclass(kind, CdmlError)
        assert (int(code), True) == (kind.exit_code, meaning.endswith(".")), name

    imported = {CdmlError}
    while more := {sub for kind in imported for sub in kind.__subclasses__()} - imported:
        imported |= more
    declared = {kind.__name__ for kind in imported if kind.__module__.startswith("cdml.")}
    assert declared - {"CdmlError"} <= {row[0] for row in rows}


def texts(node: ast.AST) -> str:
    """Every text of a module; a placeholder separates what is around it."""
    return "\0".join(
        part.value
        for part in ast.walk(node)
        if isinstance(part, ast.Constant) and isinstance(part.value, str)
    )


def test_the_messages_it_quotes_are_those_of_the_code():
    quoted = re.findall(
        r"^\| `+([^`]+)`+ \|",
        PAGE.partition("## Frequent refusals")[2].partition("## Error classes")[0],
        re.MULTILINE,
    )
    modules = (ROOT / "src/cdml").rglob("*.py")
    source = "\0".join(texts(ast.parse(path.read_text("utf-8"))) for path in modules)

    assert 15 < len(quoted)
    assert [] == [words for words in quoted if words not in source], "docs/errors.md is out of date"
