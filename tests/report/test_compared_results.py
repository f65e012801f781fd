"""What `cdml compare` prints of cases, whatever the files call them."""

import json
import re

import pytest
from test_injection_rendered import ACTIVE, as_github

from cdml.evidence.cases import ChangedCase, ChangedCases
from cdml.report.formats import results
from cdml.results.comparison import MetricComparison, ResultComparison
from cdml.statistics.interval import ConfidenceInterval
from support.payloads import PAYLOADS

ADDRESS = "https://tool.test/case/1"


def compared(name="word", link=None):
    """Two files whose key, category, metric and notes are this text."""
    interval = ConfidenceInterval(low=-0.3, high=-0.1, confidence=0.95, method="skew-t")
    metric = MetricComparison(
        metric=f"rate({name})",
        column=name,
        category=None,
        cases=100,
        old=0.8,
        new=0.6,
        interval=interval,
        greater_is_better=True,
        is_share=True,
        moved=True,
    )
    case = ChangedCase(case=name, champion=1.0, challenger=0.0, link=link)
    changed = ChangedCases(
        metric=name, cases=100, worse=21, better=1, broken=(case,), fixed=(case,)
    )
    return ResultComparison(
        old=name, new=name, cases=100, confidence=0.95, metrics=(metric,), operations=(),
        categories=(), notes=(name,), smallest=0.1, target=0.05, needed=400, more_trials=None,
        changed=changed,
    )  # fmt: skip


def test_the_cases_that_broke_and_those_that_were_fixed_are_named():
    text = results.text(compared("q017"))

    assert "cases that broke (21 of 100 got worse)\n  q017 1 → 0\n" in text
    assert "cases that were fixed (1 got better)\n" in text


def test_a_link_is_one_in_markdown_and_stands_beside_the_case_in_a_terminal():
    assert f"q017 {ADDRESS}" in results.text(compared("q017", ADDRESS))
    assert f'<a href="{ADDRESS}">q017</a>' in results.markdown(compared("q017", ADDRESS))


def test_a_document_has_the_cases_as_they_are():
    document = json.loads(results.document(compared("<b>", ADDRESS)))

    assert ("<b>", ADDRESS) == tuple(document["changed"]["broken"][0][k] for k in ("case", "link"))


@pytest.mark.parametrize("link", [None, ADDRESS], ids=["no link", "link"])
@pytest.mark.parametrize("text", PAYLOADS, ids=range(len(PAYLOADS)))
def test_markdown_shows_words_only_whatever_a_case_is_called(text, link):
    plain, found = (
        as_github(results.markdown(compared(name[:9_000], link))) for name in ("word", text)
    )

    assert [] == [one for one in found.tags if set(one[1]) - {"align", "href"}]
    if text.strip():
        assert [t for t in plain.tags if t[0] not in {"br", "span", "/span"}] == [
            t for t in found.tags if t[0] not in {"br", "span", "/span"}
        ]
    assert [] == ACTIVE.findall(re.sub(r"(?<=\d)/(?=\d)", " ", " ".join(found.text)))


@pytest.mark.parametrize("text", PAYLOADS, ids=range(len(PAYLOADS)))
def test_a_link_is_none_unless_it_is_a_web_address(text):
    found = as_github(results.markdown(compared("q017", text[:9_000])))

    assert [] == [tag for tag, _ in found.tags if tag == "a"]
    assert "://" not in results.text(compared("q017", text[:9_000]))


@pytest.mark.parametrize("text", PAYLOADS, ids=range(len(PAYLOADS)))
def test_a_terminal_and_a_runner_read_lines_of_text_only(text):
    printed = results.text(compared(text[:9_000]))

    assert len(results.text(compared()).splitlines()) == len(printed.splitlines())
    assert not re.search(r"::|##\[|[\x00-\x09\x0b-\x1f\x7f-\x9f\u202a-\u202e]", printed)
