"""Each payload through every string of the evidence: the report's shape never changes."""

import html
import re
from html.parser import HTMLParser

import pytest

from cdml.adapters.ci.github.workflow_commands import annotation_command
from cdml.ci.code_host import PullRequest
from cdml.cli import run
from cdml.report.comment_policy import CommentPolicy
from cdml.report.publish import publish_report
from fakes.ci_run import FakeCiRun
from fakes.clock import FakeClock
from fakes.code_host import FakeCodeHost
from fakes.ports import FakePorts
from fakes.progress import FakeProgress
from support.payloads import PAYLOADS
from support.scenarios import CONFIG, SCENARIOS, configured, with_cases, written

FIXED = {
    "schema",
    "verdict",
    "digest",
    "question",
    "severity",
    "tier",
    "state",
    "operation",
    "time",
    "at",
    "kind",
    "on_inconclusive",
    "first_model",
}
LONGEST = 9_000


def filled(value, text, key=""):
    """A document whose every free string, and every name of a slice, is the same text.

    The rule of a comparison is not free: it says what its criterion says.
    """
    if isinstance(value, dict):
        names = {name: f"{name}{text}" if key == "slice" else name for name in value}
        fixed = {"rule"} if "criterion" in value else set()
        return {
            names[name]: inner if name in fixed else filled(inner, text, name)
            for name, inner in value.items()
        }
    if isinstance(value, list):
        return [filled(inner, text, key) for inner in value]
    return text if isinstance(value, str) and key not in FIXED else value


def evidence_with(text, **produced):
    """Evidence of the failing and the delivered scenario with this text everywhere else."""
    documents = [
        (type(one), filled(one.model_dump(mode="json", by_alias=True), text[:LONGEST]))
        for one in (*with_cases(SCENARIOS["fail"]()), *SCENARIOS["deployed"]())
    ]
    return [
        kind.model_validate(
            {**document, "produced": {**document["produced"], **produced}}, strict=False
        )
        for kind, document in documents
    ]


def told(folder, text):
    """Report it."""
    evidence = evidence_with(text)
    loaded = configured(folder)
    named = loaded.config.model_copy(update={"model": text[:LONGEST]})
    host = FakeCodeHost(FakeCiRun(pull=PullRequest(number=7, head="c" * 40), address=text))
    reported = publish_report(
        type(loaded)(config=named, path=loaded.path, lines=loaded.lines),
        FakePorts(ci_run=host.run, code_host=host, clock=FakeClock(), progress=FakeProgress()),
        evidence=written(folder / "evidence", *evidence),
        output=folder / "out",
        policy=CommentPolicy(mode="always", report_id="flights"),
    )
    return host, reported


class Shape(HTMLParser):
    """The tags and attributes of a page."""

    def __init__(self, page):
        super().__init__()
        self.tags = []
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, tuple(name for name, _ in attrs)))

    def handle_endtag(self, tag):
        self.tags.append((tag, None))


def skeleton(markdown):
    """What means something in Markdown and HTML, line by line."""
    bare = re.sub(r"&#\d+;|<wbr>", "", markdown).replace("<span>$</span>", "")
    return ["".join(re.findall(r"<[^>]*>|[|<>`*_\[\]~\\#]", line)) for line in bare.splitlines()]


@pytest.fixture(scope="module")
def plain(tmp_path_factory):
    return told(tmp_path_factory.mktemp("plain"), "word")


@pytest.mark.parametrize("text", PAYLOADS, ids=range(len(PAYLOADS)))
def test_no_payload_survives(text, plain, tmp_path):
    ordinary, reported_plain = plain

    host, reported = told(tmp_path, text)

    assert (
        Shape(reported_plain.files["report.html"].read_text()).tags
        == Shape(reported.files["report.html"].read_text()).tags
    )
    for before, after in (
        (ordinary.comments[0].body, host.comments[0].body),
        (ordinary.run.summaries[0], host.run.summaries[0]),
    ):
        assert skeleton(before) == skeleton(after)
        seen = html.unescape(re.sub(r"<[^>]*>", "", after))
        assert not re.search(r"@\w|#\d|://|(?i:www\.)|\x1b|\u202e|\x00", seen)
        assert "<!--" not in after


@pytest.mark.parametrize("text", PAYLOADS, ids=range(len(PAYLOADS)))
def test_no_payload_becomes_a_command_to_the_runner(text, tmp_path):
    host, _ = told(tmp_path, text)

    for annotation in host.run.annotations:
        command = annotation_command(annotation, "")
        assert re.match(r"::(error|warning|notice) title=[^:\n]*::", command)
        assert 1 == len(command.splitlines())


NOTE = "\x1b[8mha:////4EV2hpZGRlbg==\x1b[0m a note of Jenkins, hidden in its console"


@pytest.mark.parametrize("text", [*PAYLOADS, NOTE], ids=range(len(PAYLOADS) + 1))
def test_no_payload_controls_the_console_of_jenkins(text, tmp_path, monkeypatch, capsys):
    """Jenkins decodes what escape sequences enclose, and a carriage return would forge a line."""
    for name, value in {
        "JENKINS_URL": "https://jenkins.test/",
        "BUILD_URL": "https://jenkins.test/job/gate/1/",
        "CDML_CODE_HOST": "none",
    }.items():
        monkeypatch.setenv(name, value)
    (tmp_path / "cdml.yaml").write_text(CONFIG, encoding="utf-8")
    evidence = evidence_with(text, run="https://jenkins.test/job/gate/1/", commit=None)
    written(tmp_path / ".cdml", *evidence)

    run(["report", "--config", str(tmp_path / "cdml.yaml")])

    printed = capsys.readouterr()
    assert "did not pass" in printed.out
    assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u2028\u2029\u202e]", printed.out)
    assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u2028\u2029\u202e]", printed.err)
