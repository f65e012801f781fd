"""A report fits where it is shown, and the worst is what stays."""

import re

import pytest

from cdml.ci.code_host import PullRequest
from cdml.evidence.cases import (
    CaseResults,
    CaseText,
    ChangedCase,
    ChangedCases,
    InstrumentErrors,
)
from cdml.report.comment_policy import CommentPolicy
from cdml.report.evidence_set import read_evidence_set
from cdml.report.formats import comment as formats
from cdml.report.publish import publish_report
from cdml.report.view import lay_out
from fakes.ci_run import FakeCiRun
from fakes.clock import FakeClock
from fakes.code_host import FakeCodeHost
from fakes.ports import FakePorts
from fakes.progress import FakeProgress
from support.evidence_builders import FAIL, comparison, data, evaluation, log_loss
from support.scenarios import configured, written

PULL = PullRequest(number=7, head="c" * 40)


@pytest.fixture(scope="module")
def full(tmp_path_factory):
    """More slices than fit into a comment or a summary, the last one failing."""
    slices = [log_loss(slice={"carrier": f"carrier {i}"}) for i in range(5000)]
    failing = log_loss(slice={"carrier": "the last"}, verdict=FAIL, reason="worse")
    folder, host = tmp_path_factory.mktemp("full"), FakeCodeHost(FakeCiRun(pull=PULL))
    reported = publish_report(
        configured(folder),
        FakePorts(ci_run=host.run, code_host=host, clock=FakeClock(), progress=FakeProgress()),
        evidence=written(folder, data(), evaluation(), comparison(*slices, failing, verdict=FAIL)),
        output=folder,
        policy=CommentPolicy(mode="always", report_id="flights"),
    )
    return host, reported


def test_cases_whose_texts_nobody_can_read_do_not_break_the_limit(tmp_path):
    loud = "$`<&|" * 1_900
    case = ChangedCase(
        case=loud, champion=1.0, challenger=0.0, link="https://tool.test/" + "x" * 9_000,
        texts=[CaseText(column=loud, champion=loud, challenger=loud + "!")] * 20,
    )  # fmt: skip
    changed = ChangedCases(
        metric=loud, cases=10, worse=5, better=5, broken=[case] * 5, fixed=[case] * 5
    )
    results = CaseResults(
        changed=changed,
        errors=[InstrumentErrors(results=1, failed=1, cases=[loud] * 20)] * 2,
        not_measured=[loud] * 20,
    )
    evidence = (data(), evaluation(), comparison(cases=results))
    gathered = read_evidence_set(written(tmp_path, *evidence), None)

    shown = formats.comment(lay_out(gathered, "m", run=None))

    assert len(shown) <= 65_536 - 2_500
    assert "rows are not shown here" in shown


class TestSize:
    def test_of_a_comment_is_what_github_takes_and_the_worst_stays(self, full):
        body = full[0].comments[0].body

        assert 55_000 < len(body) <= 65_536 - 2_500
        assert "carrier = the last" in body

    def test_of_a_comment_says_how_many_rows_are_left_out_and_where_they_are(self, full):
        body = full[0].comments[0].body

        found = re.search(r"([\d,]+) of 5,004 rows are not shown here. The <a href=", body)
        assert found
        assert 5004 == int(found[1].replace(",", "")) + body.count("| carrier = ") + 1

    def test_of_a_summary_is_what_the_runner_takes(self, full):
        assert 900_000 < len(full[0].run.summaries[0].encode()) <= 1024 * 1024

    def test_of_a_page_is_a_megabyte_and_the_worst_stays(self, full):
        text = full[1].files["report.html"].read_text()

        assert 900_000 < len(text.encode()) <= 1_000_000
        assert "carrier = the last" in text
