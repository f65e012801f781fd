"""Several folders of evidence, one report."""

import re
from html.parser import HTMLParser

import pytest

from cdml.ci.code_host import PullRequest
from cdml.config import load
from cdml.errors import InputError
from cdml.gates.rules import policy_ref
from cdml.report.comment_policy import CommentPolicy
from cdml.report.publish_combined import publish_combined
from fakes.ci_run import FakeCiRun
from fakes.clock import FakeClock
from fakes.code_host import FakeCodeHost
from fakes.ports import FakePorts
from fakes.progress import FakeProgress
from support.evidence_builders import (
    FAIL,
    INCONCLUSIVE,
    PASS,
    comparison,
    data,
    evaluation,
    log_loss,
)
from support.scenarios import CONFIG, SCENARIOS, configured, written

PULL = PullRequest(number=7, head="c" * 40)


@pytest.fixture
def told(tmp_path):
    """Combine named scenarios, and give the code host and what was reported."""

    def tells(pattern="evidence/*/", mode="always", host=None, **folders):
        for name, evidence in folders.items():
            written(tmp_path / "evidence" / name, *evidence)
        host = host or FakeCodeHost(FakeCiRun(pull=PULL))
        found = publish_combined(
            tmp_path,
            FakePorts(ci_run=host.run, code_host=host, clock=FakeClock(), progress=FakeProgress()),
            loaded=configured(tmp_path),
            pattern=pattern,
            output=tmp_path / "out",
            policy=CommentPolicy(mode=mode, report_id="flights"),
        )
        return host, found

    return tells


def test_there_is_one_comment_with_a_row_for_each_and_the_worst_first_line(told):
    host, found = told(eu=SCENARIOS["pass"](), us=SCENARIOS["fail"](), asia=SCENARIOS["held"]())

    (comment,) = host.comments
    assert FAIL == found.verdict
    assert comment.body.startswith("### ❌ Rejected: 2 of 3 models did not pass: us, asia\n")
    rows = re.findall(r"^\| (\w+) \| \S+ (\w+) \|", comment.body, re.MULTILINE)
    assert [("asia", "inconclusive"), ("eu", "pass"), ("us", "fail")] == rows
    assert 3 == comment.body.count("<details><summary>❌ us") + comment.body.count(
        "<summary>⏸️ asia"
    ) + comment.body.count("<summary>✅ eu")
    assert comment.body.count("<details") == comment.body.count("</details>")


def test_all_that_pass_are_one_line(told):
    host, found = told(eu=SCENARIOS["pass"](), us=SCENARIOS["warn"]())

    assert host.comments[0].body.startswith(
        "### ⚠️ Passed, 1 with warnings: all 2 models may go ahead"
    )
    assert 0 == found.verdict.exit_code
    assert 2 == len(host.run.annotations)


def test_it_is_written_for_other_tools_too(told, tmp_path):
    told(eu=SCENARIOS["pass"](), us=SCENARIOS["fail"]())

    results = (tmp_path / "out" / "gates.junit.xml").read_text()
    assert ["cdml gates eu", "cdml gates us"] == re.findall(r'name="(cdml [^"]*)"', results)
    assert {"comment.md", "report.md", "gates.junit.xml"} == {
        path.name for path in (tmp_path / "out").iterdir()
    }


def test_folders_of_one_name_are_known_by_their_paths(told, tmp_path):
    for place in ("a/model", "b/model", "b/other"):
        written(tmp_path / "legs" / place, *SCENARIOS["pass"]())

    host, _ = told("legs/*/*")

    names = re.findall(r"^\| (\S+) \| ✅", host.comments[0].body, re.MULTILINE)
    assert ["legs/a/model", "legs/b/model", "other"] == names


def test_changed_gates_are_told_of_the_legs_that_they_judged(told, tmp_path):
    policy = policy_ref(configured(tmp_path).config)
    base = CONFIG.replace("at_least: 0.85", "at_least: 0.95").replace("data.parquet", "all.parquet")
    mine = data(), evaluation(policy=policy), comparison(policy=policy)

    host, _ = told(
        eu=mine, us=SCENARIOS["pass"](), host=FakeCodeHost(FakeCiRun(pull=PULL), base=base.encode())
    )

    body = host.comments[0].body
    assert 1 == body.count("The pull request changes the gates of cdml.yaml. Removed: ")
    assert 1 == body.count("> The pull request changes cdml.yaml: data.evaluation (")


@pytest.fixture
def monorepo(tmp_path):
    """A combined report of two models, each with a configuration beside its evidence."""

    def tells(host, **configs):
        for name, text in configs.items():
            folder = tmp_path / name
            folder.mkdir()
            written(folder / ".cdml", *SCENARIOS["pass"]())
            if text is not None:
                policy = policy_ref(configured(folder, text).config)
                judged = evaluation(policy=policy), comparison(policy=policy)
                written(folder / ".cdml", *judged)
                (folder / "data.parquet").write_bytes(b"rows")
        world = {"clock": FakeClock(), "progress": FakeProgress()}
        ports = FakePorts(ci_run=host.run, code_host=host, **world)
        publish_combined(
            tmp_path,
            ports,
            own=lambda folder: (
                load(path, targets=("registry",), environment={})
                if (path := folder.parent / "cdml.yaml").is_file()
                else None
            ),
            pattern="*/.cdml",
            output=tmp_path / "out",
            policy=CommentPolicy(mode="always", report_id="models"),
        )
        return host.comments[0].body

    return tells


def test_what_judges_and_changes_is_told_of_each_configuration(monorepo):
    strict = CONFIG.replace("at_least: 0.85", "at_least: 0.95")
    others = {"data.parquet": b"other rows"}
    changed = FakeCodeHost(FakeCiRun(pull=PULL), base=strict.encode(), others=others)

    body = monorepo(changed, eu=CONFIG, us=strict)

    eu, us = (
        body.partition(f"<summary>✅ {name}")[2].partition("</details>")[0] for name in ("eu", "us")
    )
    assert (
        "The pull request changes the gates of cdml.yaml. Removed: roc&#95;auc: at&#95;least 0.95"
        in eu
    )
    assert "The pull request changes the evaluation rows: data.parquet." in eu
    assert "changes the gates" not in us
    assert "The pull request changes the evaluation rows: data.parquet." in us


def test_evidence_without_a_configuration_says_that_nobody_knows(monorepo):
    told = "There is no configuration next to this evidence"

    assert 1 == monorepo(FakeCodeHost(FakeCiRun(pull=PULL)), eu=CONFIG, us=None).count(told)


def test_the_mode_of_changes_opens_no_comment_where_all_are_the_champion_itself(told):
    same = (data(), evaluation(), comparison(champion=comparison().challenger))

    assert [] == told(mode="changes", eu=same)[0].comments
    assert 1 == len(told(mode="changes", eu=same, us=SCENARIOS["pass"]())[0].comments)


def test_a_leg_that_died_holds_the_whole(told, tmp_path):
    (tmp_path / "evidence" / "us").mkdir(parents=True)

    host, found = told(eu=SCENARIOS["pass"]())

    assert INCONCLUSIVE == found.verdict
    assert "| us | ⏸️ inconclusive | Not judged: " in host.comments[0].body


def test_a_leg_that_cannot_be_read_is_told_in_the_comments_place(told, tmp_path):
    (tmp_path / "evidence" / "us").mkdir(parents=True)
    (tmp_path / "evidence" / "us" / "data.json").write_text("<html>")
    host = FakeCodeHost(FakeCiRun(pull=PULL))

    with pytest.raises(InputError, match="not evidence of this stage"):
        told(eu=SCENARIOS["pass"](), host=host)

    assert host.comments[0].body.startswith("### ⏸️ Not judged: the evidence ")


def test_a_folder_named_cdml_is_known_by_its_parent(told, tmp_path):
    for name in ("eu", "us"):
        written(tmp_path / "models" / name / ".cdml", *SCENARIOS["pass"]())

    host, _ = told("models/*/.cdml")

    assert "| eu | ✅ pass |" in host.comments[0].body


@pytest.mark.parametrize("pattern", ["nothing/*/", "**x", "/absolute/*"])
def test_a_pattern_that_names_no_folder_is_an_input_error(told, pattern):
    with pytest.raises(InputError):
        told(pattern)


def test_the_mode_of_failures_opens_no_comment_for_what_passed(told):
    host, _ = told(mode="failures", eu=SCENARIOS["pass"]())

    assert [] == host.comments


def test_a_comment_that_is_refused_is_a_warning(told):
    host, found = told(
        eu=SCENARIOS["pass"](), host=FakeCodeHost(FakeCiRun(pull=PULL), refuses=True)
    )

    assert (PASS, None) == (found.verdict, found.comment_url)
    assert "cdml: no comment" in [one.title for one in host.run.annotations]


def test_what_does_not_fit_is_the_least_important_of_all(told):
    slices = [log_loss(slice={"carrier": f"carrier {i}"}) for i in range(400)]
    bad = log_loss(slice={"carrier": "the last"}, verdict=FAIL, reason="worse")
    legs = {
        f"leg{i}": (data(), evaluation(), comparison(*slices, bad, verdict=FAIL)) for i in range(5)
    }

    host, _ = told(**legs)

    body = host.comments[0].body
    assert 50_000 < len(body) <= 65_536 - 2_500
    assert 5 == body.count("| carrier = the last, ")
    assert re.search(r"[\d,]+ of 40\d rows are not shown here", body)


class Tags(HTMLParser):
    """Opening and closing tags of the raw HTML in a comment."""

    def __init__(self, text):
        super().__init__()
        self.open, self.depth = [], 0
        self.feed(text)

    def handle_starttag(self, tag, _attrs):
        if tag not in {"br", "wbr"}:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert tag == self.open.pop()


def test_folds_close_in_order(told):
    host, _ = told(eu=SCENARIOS["pass"](), us=SCENARIOS["fail"]())

    assert [] == Tags(host.comments[0].body).open
