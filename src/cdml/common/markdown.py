"""Text that came from data, configuration, registry or artifact, made harmless.

Nothing here is allowed to be anything but text: no markup, no mention or reference that GitHub
would turn into a link or a notification, no command to the runner, no control of the terminal.
"""

import re
import unicodedata
from functools import lru_cache

from markupsafe import Markup
from markupsafe import escape as escape_html

SHORT = 120
"""Characters of a name or a value that are shown."""
LONG = 600
"""Characters of a sentence that are shown."""
_GROWTH = 5
"""How many times its limit a text may be long once its marks are written as entities."""

_SPACES = frozenset("\n\r\t\v\f\x1c\x1d\x1e\x85\u2028\u2029")
_JOINERS = frozenset("\u200c\u200d")  # Persian and emoji are spelt with them
_BLANKS = frozenset("\u115f\u1160\u3164\uffa0\u034f")  # letters and marks that show nothing
_HIDDEN = frozenset({"Cc", "Cf", "Cs", "Co", "Cn"})
_SELECTORS = range(0xE0100, 0xE01F0)
_REPLACEMENT = "\ufffd"
_SPLIT = "\u200b"  # a space of no width

_AUTOLINKS = (
    (re.compile("://"), f":{_SPLIT}//"),
    (re.compile(r"(?i)\b(www)\."), rf"\1{_SPLIT}."),
    (re.compile(r"(?i)\b(gh|ghsa|cve)-(?=\w)"), rf"\1{_SPLIT}-"),
    (re.compile(r":(?=[\w+-]+:)"), f":{_SPLIT}"),
)
_MARKS = str.maketrans(
    {
        **{mark: f"&#{ord(mark)};" for mark in "&<>`*_[]|\\~"},
        "@": f"&#64;{_SPLIT}",
        "#": f"&#35;{_SPLIT}",
        "$": "<span>$</span>",  # what GitHub documents against mathematics
    }
)
_BLOCK = re.compile(r"^(\d*)([-+=.)])(?=[\s=-]|$)")  # what begins a list, a rule or a heading


_UNBROKEN = 16
"""Letters that a narrow column need not break."""
_LETTER = re.compile(r"&#?\w+;|<[^>]*>|.", re.DOTALL)
_LONG_WORD = re.compile(rf"(?:&#?\w+;|<[^>]*>|[^\s<&]){{{_UNBROKEN + 1},}}")
_NEAR = 4
"""Letters between two places to break, at least."""
_BREAKS = frozenset({"&#95;", "/", ".", ":", "-", ","})


def clean(text: str, limit: int = LONG) -> str:
    """One line, cut to a length; characters nobody can see become U+FFFD, so that they are."""
    read = text[: 4 * limit]  # nobody waits for megabytes that are not shown
    line = " ".join("".join(map(_visible, read)).split())
    return line if len(line) <= limit and read == text else f"{line[: limit - 1]}…"


def _visible(character: str) -> str:
    if " " <= character <= "~":
        return character
    if character in _SPACES:
        return " "
    hidden = (
        unicodedata.category(character) in _HIDDEN
        or character in _BLANKS
        or ord(character) in _SELECTORS
    )
    return _REPLACEMENT if hidden and character not in _JOINERS else character


@lru_cache(maxsize=4096)
def markdown(text: str, limit: int = LONG) -> Markup:
    """Text that GitHub's Markdown shows as it is, in a paragraph, a table or an HTML block.

    Entities rather than backslashes: they hold inside HTML blocks too, and a pipe written as
    one does not end a table's cell. Mentions, references and links are looked for in the
    *rendered* text, where entities are gone: there a space of no width splits them.
    """
    marked = _marked(clean(text, limit))
    if len(marked) > _GROWTH * limit:  # nothing but dollar signs, say
        marked = _marked(clean(text, limit // 4))
    return Markup(marked)  # noqa: S704 - every mark of Markdown and HTML is an entity now


def breakable(marked: Markup) -> Markup:
    """Text made harmless that a narrow column can break, after marks or anywhere if need be."""
    return Markup(_LONG_WORD.sub(_broken, marked))  # noqa: S704 - what is put in is a constant


def _broken(word: re.Match[str]) -> str:
    pieces, since = [], 0
    for letter in _LETTER.findall(word[0]):
        pieces.append(letter)
        since += 1
        if since >= _UNBROKEN or (since >= _NEAR and letter in _BREAKS):
            pieces.append("<wbr>")
            since = 0
    return "".join(pieces).removesuffix("<wbr>")


def _marked(line: str) -> str:
    for pattern, split in _AUTOLINKS:
        line = pattern.sub(split, line)
    return _BLOCK.sub(lambda m: f"{m[1]}&#{ord(m[2])};", line.translate(_MARKS))


@lru_cache(maxsize=4096)
def html(text: str, limit: int = LONG) -> Markup:
    """Text that a browser shows as it is, in an element or a quoted attribute."""
    return escape_html(clean(text, limit))


def terminal(text: str, limit: int = LONG) -> str:
    """Text that neither moves a terminal's cursor nor speaks to the runner."""
    return clean(text, limit).replace("::", ": :").replace("##[", "## [")


def sarif(text: str, limit: int = LONG) -> str:
    """Text of a SARIF message, without `[text](target)`, which is a link (SARIF 2.1.0, 3.11.6)."""
    line = clean(text, limit)
    for pattern, split in _AUTOLINKS:
        line = pattern.sub(split, line)
    for mark in ("@", "#"):
        line = line.replace(mark, mark + _SPLIT)
    return re.sub(r"\](?=\s*[(\[:])", f"]{_SPLIT}", line)


def address(text: str | None) -> Markup:
    """A web address as an `href` takes it; empty where it is none."""
    plain = text and re.fullmatch(r"https?://[\w.:-]+(/[\w./%#?=&+-]*)?", text, re.ASCII)
    return escape_html(text) if plain else Markup()
