"""Nothing that comes from outside is anything but text, wherever it is shown."""

import html
import re
import unicodedata

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from cdml.common import markdown
from support.payloads import PAYLOADS

SPLIT = "\u200b"
TEXT = st.one_of(
    st.text(), st.sampled_from(PAYLOADS), st.text(alphabet="`*_[]()<>|#@:/.-+~\\!&$w1\n\t ")
)


def shown(marked):
    """What a reader sees of Markdown text, after entities and splitting spaces."""
    return html.unescape(str(marked).replace("<span>$</span>", "$"))


@pytest.mark.heavy
@given(TEXT)
def test_markdown_holds_no_mark_that_could_mean_something(text):
    rest = re.sub(r"&#\d+;|<span>\$</span>", "", str(markdown.markdown(text)))

    assert not set(rest) & set("<>*_`[]|\\~@#$&")


@pytest.mark.heavy
@given(TEXT)
def test_markdown_shows_the_text_itself(text):
    assert markdown.clean(text).replace(SPLIT, "") == shown(markdown.markdown(text)).replace(
        SPLIT, ""
    )


@pytest.mark.heavy
@given(TEXT)
@example("demographic_parity_difference")
@example("x" * 5000)
def test_a_long_word_can_be_broken_and_only_there(text):
    marked = markdown.markdown(text, markdown.SHORT)
    broken = str(markdown.breakable(marked))

    assert str(marked) == broken.replace("<wbr>", "")
    pieces = re.split(r"<wbr>|\s", broken.replace("<span>$</span>", "$"))
    assert max(len(html.unescape(piece).replace(SPLIT, "")) for piece in pieces) <= 16


@pytest.mark.heavy
@given(TEXT)
def test_rendered_markdown_holds_nothing_that_github_links(text):
    seen = shown(markdown.markdown(text))

    assert not re.search(r"@[A-Za-z0-9]|#\d|://|(?i:www\.|\bgh-\d)|:[\w+-]+:", seen)


@pytest.mark.heavy
@given(TEXT)
def test_markdown_begins_no_block(text):
    assert not re.match(r"([-+*>#]|\d+[.)])(\s|$)|[-=]+\s*$|\s", str(markdown.markdown(text)))


@pytest.mark.heavy
@given(TEXT)
def test_nothing_shown_hides_moves_or_breaks_a_line(text):
    line = markdown.clean(text)

    hidden = {c for c in line if unicodedata.category(c) in {"Cc", "Cf", "Cs", "Zl", "Zp"}}
    assert hidden <= {"\u200c", "\u200d"}


@pytest.mark.heavy
@given(TEXT, st.integers(1, 50))
@example("ab", 1)
def test_a_line_is_never_longer_than_its_limit(text, limit):
    assert len(markdown.clean(text, limit)) <= limit


@pytest.mark.heavy
@given(TEXT)
def test_html_holds_no_mark(text):
    assert not set(re.sub(r"&(#\d+|\w+);", "", str(markdown.html(text)))) & set("<>&\"'")


@pytest.mark.heavy
@given(TEXT)
def test_terminal_text_holds_no_command_to_the_runner(text):
    line = markdown.terminal(text)

    assert "::" not in line
    assert "##[" not in line
    assert "\x1b" not in line


@pytest.mark.parametrize(
    "text", ["سلام دنیا", "می\u200cخواهم", "日本語", "👩\u200d💻", "naïve ≥ ½"]
)
def test_words_of_all_languages_stay(text):
    assert text == shown(markdown.markdown(text))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("https://github.test/o/r/runs/1?a=b&c=d", "https://github.test/o/r/runs/1?a=b&amp;c=d"),
        ("http://127.0.0.1:8080/x", "http://127.0.0.1:8080/x"),
        ("javascript:alert(1)", ""),
        ('https://x.test/"onmouseover=alert(1)', ""),
        ("https://x.test/\n", ""),
        ("https://user@evil.test/", ""),
        (None, ""),
    ],
)
def test_only_plain_web_addresses_become_links(text, expected):
    assert expected == str(markdown.address(text))
