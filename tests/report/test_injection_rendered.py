"""Each payload through every word of the evidence, seen as GitHub renders it: only text remains.

GitHub's own library reads the Markdown; what GitHub makes of mentions, references and emoji after
that is looked for in the text it shows.
"""

import json
import re
import subprocess
from html.parser import HTMLParser

import pytest
from hypothesis import given
from hypothesis import strategies as st
from test_report_injection import LONGEST, filled

from cdml.adapters.ci.gitlab.markdown import neutralise
from cdml.cli.progress import ConsoleProgress
from cdml.common.markdown import markdown as escaped
from cdml.common.markdown import terminal
from cdml.evidence.schema import DataEvidence
from cdml.report.evidence_set import read_evidence_set
from cdml.report.formats import combined, comment, console
from cdml.report.formats.junit import gates_junit, junit
from cdml.report.formats.sarif import Location, sarif
from cdml.report.view import lay_out
from support.evidence_builders import TIME
from support.payloads import PAYLOADS
from support.scenarios import SCENARIOS, configured, with_cases, written

EXTENSIONS = ("table", "strikethrough", "autolink", "tasklist", "footnotes")
LIKE_GITHUB = [
    "cmark-gfm",
    "--unsafe",  # raw HTML is kept, and has to be harmless
    "--hardbreaks",
    *(word for name in EXTENSIONS for word in ("--extension", name)),
]
MADE = {"table", "thead", "tbody", "tr", "th", "td", "h3", "p", "ul", "li", "br", "blockquote"}
MADE |= {"details", "summary", "code", "sub", "span", "a", "strong"}
ACTIVE = re.compile(
    r"@[a-zA-Z\d]|#\d|(?i:\bgh-\d)|://|(?i:\bwww\.)|(?i:\b(?:cve|ghsa)-\w)|:[\w+-]+:"
)

AT_GITLAB = re.compile(
    r"[!&$]\d|#[\w&]|~[\w\"]|%[\w\"{]|@\w|\*iteration:|\[[a-z_]+:|\[\[|\[TOC|[\[{][-+] "
    r"|\b[A-Z]{2,}-\d"
)
"""Where GitLab sees a reference, a table of contents or an inline difference in rendered text."""


class Rendered(HTMLParser):
    """Tags with their attributes' names, and the text between them, outside code and in it."""

    def __init__(self, page):
        super().__init__(convert_charrefs=True)
        self.tags, self.text, self.code = [], [], 0
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        if tag == "wbr" and not attrs:  # a place to break, of which long words have more
            return
        self.code += tag == "code"
        self.tags.append((tag, tuple(sorted(name for name, _ in attrs))))

    def handle_endtag(self, tag):
        self.code -= tag == "code"
        self.tags.append((f"/{tag}", ()))

    def handle_data(self, data):
        if not self.code:
            self.text.append(data)

    def handle_comment(self, data):
        self.tags.append(("!--", (data,)))

    handle_decl = handle_pi = unknown_decl = handle_comment


def as_github(markdown):
    done = subprocess.run(
        LIKE_GITHUB, input=markdown.encode("utf-8", "strict"), capture_output=True, check=True
    )
    return Rendered(done.stdout.decode())


def gathered(folder, text):
    """The failing and the delivered scenario, with this text for every word."""
    folder.mkdir(exist_ok=True)
    evidence = [
        type(one).model_validate(
            filled(one.model_dump(mode="json", by_alias=True), text[:LONGEST]), strict=False
        )
        for name in ("fail", "pass")
        for one in with_cases(SCENARIOS[name]())
    ]
    by_kind = {type(one): one for one in evidence}
    return read_evidence_set(written(folder, *by_kind.values()), configured(folder).config)


def told(folder, text):
    """Everything that is Markdown: comment, summary, that it has begun, and several in one."""
    found = gathered(folder, text)
    shown = lay_out(found, text[:LONGEST], run=text, notes=[text])
    parts = [combined.CombinedEntry(name=text, view=shown)] * 2
    return [
        comment.comment(shown),
        comment.summary(shown),
        comment.in_progress(text, text, text),
        comment.combined_comment(parts),
    ]


@pytest.fixture(scope="module")
def plain(tmp_path_factory):
    return [as_github(one).tags for one in told(tmp_path_factory.mktemp("plain"), "word")]


def shape(tags):
    """What a text that shows nothing may leave out is not its shape."""
    return [tag for tag in tags if tag[0] not in {"br", "span", "/span"}]


@pytest.mark.parametrize("text", PAYLOADS, ids=range(len(PAYLOADS)))
def test_github_renders_the_same_tags_whatever_the_words_are(text, plain, tmp_path):
    for expected, markdown in zip(plain, told(tmp_path, text), strict=True):
        found = as_github(markdown)

        assert {tag.lstrip("/") for tag, _ in found.tags} <= MADE
        if text.strip():
            assert shape(expected) == shape(found.tags)
        assert [] == [one[1] for one in found.tags if set(one[1]) - {"align", "open", "href"}]


@pytest.mark.parametrize("text", PAYLOADS, ids=range(len(PAYLOADS)))
def test_what_github_shows_mentions_links_and_refers_to_nothing(text, tmp_path):
    for markdown in told(tmp_path, text):
        found = as_github(markdown)
        shown = re.sub(r"(?<=\d)/(?=\d)", " ", " ".join(found.text))

        assert [] == ACTIVE.findall(shown), shown


@pytest.mark.parametrize("text", PAYLOADS, ids=range(len(PAYLOADS)))
def test_what_gitlab_shows_refers_to_nothing_and_does_nothing(text, plain, tmp_path):
    for expected, markdown in zip(plain, told(tmp_path, text), strict=True):
        note = neutralise(markdown)
        found = as_github(note)

        assert [] == [shown for shown in found.text if AT_GITLAB.search(shown)]
        assert not re.search(r"(?im)^[ \t]*/[a-z]", note)
        assert "$" not in note  # as an entity, it opens no formula
        if text.strip():
            assert shape(expected) == shape(found.tags)


@given(
    st.lists(
        st.sampled_from(
            [*"!#$%&~@^*[]{}/:-+\"'`<>. \n", "1", "ab", "GL", "/close", "&#33;", "<b>", "alert"]
        ),
        max_size=30,
    ).map("".join)
)
def test_no_text_refers_to_anything_at_gitlab(text):
    note = neutralise(
        f"### {escaped(text)}\n\n{escaped(text)}\n\n| a |\n|--|\n| {escaped(text)} |\n"
    )

    assert [] == [shown for shown in as_github(note).text if AT_GITLAB.search(shown)]
    assert not re.search(r"(?im)^[ \t]*/[a-z]", note)


def test_code_links_and_tags_stay_as_they_are():
    report = (
        '### Rejected\n\n[the run](https://gitlab.test/a/-/jobs/1#L2) and <a href="https://x.test/?a=1&b=2#1">'
        "it</a>, <code>a!1 ~b</code>, 5 % of 3 rows, **bold**\n\n<!-- cdml:report id=a%20b -->\n"
    )

    assert report == neutralise(report)


@pytest.mark.parametrize("text", PAYLOADS, ids=range(len(PAYLOADS)))
def test_a_terminal_and_a_runner_read_lines_of_text(text, tmp_path, capsys):
    found = gathered(tmp_path, text)
    shown = lay_out(found, text[:LONGEST], run=text, notes=[text])
    ConsoleProgress(interactive=False).note(text)

    printed = [
        *console.console_lines(shown, lambda told, _: told),
        *capsys.readouterr().err.splitlines(),
    ]
    for line in printed:
        assert terminal(line.strip(), 10_000) == " ".join(line.split())
        assert not re.search(r"::|##\[|[\x00-\x1f\x7f-\x9f]", line)


@pytest.mark.heavy
@pytest.mark.parametrize("text", PAYLOADS, ids=range(len(PAYLOADS)))
def test_sarif_holds_no_link_and_no_mention(text):
    checks = next(one for one in SCENARIOS["fail"]() if isinstance(one, DataEvidence))
    document = filled(checks.model_dump(mode="json", by_alias=True), text[:LONGEST])
    found = DataEvidence.model_validate(document, strict=False)
    location = Location(file=text[:LONGEST], line=1)

    [run] = json.loads(sarif(found, lambda _: location))["runs"]

    messages = [one["message"]["text"] for one in run["results"]]
    messages += [rule["shortDescription"]["text"] for rule in run["tool"]["driver"]["rules"]]
    assert run["results"]
    for told in messages:
        assert not re.search(r"\]\s*[(\[:]|://|@\w|#\d|(?i:\bwww\.)", told), told
        assert not re.search(r"[\x00-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]", told)
    for result in run["results"]:
        uri = result["locations"][0]["physicalLocation"]["artifactLocation"]["uri"]
        assert re.fullmatch(r"[\w.~/%-]*", uri, re.ASCII)


@pytest.mark.parametrize("text", PAYLOADS, ids=range(len(PAYLOADS)))
def test_junit_is_xml_of_the_same_shape(text, tmp_path):
    from xml.etree import ElementTree as ET

    found, ordinary = gathered(tmp_path, text), gathered(tmp_path / "plain", "word")

    for before, after in (
        (gates_junit({"word": ordinary}, TIME), gates_junit({text: found}, TIME)),
        (junit(ordinary.data), junit(found.data)),
    ):
        one, other = (
            [(node.tag, sorted(node.attrib)) for node in ET.fromstring(text).iter()]  # noqa: S314
            for text in (before, after)
        )
        assert one == other
        assert not re.search(rb"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]", after)
