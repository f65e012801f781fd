"""The report says what the evidence says, wherever it can, and never changes the verdict."""

import re
import subprocess
import sys

import pytest

from cdml.ci.code_host import PullRequest
from cdml.errors import ConfigurationError, InputError
from cdml.evidence.schema import DataRef, ModelRef
from cdml.report.comment_policy import CommentPolicy
from cdml.report.publish import publish_report
from cdml.report.report_formats import report_formats
from fakes.ci_run import FakeCiRun
from fakes.clock import FakeClock
from fakes.code_host import FakeCodeHost
from fakes.ports import FakePorts
from fakes.progress import FakeProgress
from support.evidence_builders import (
    CHALLENGER,
    FAIL,
    INCONCLUSIVE,
    PASS,
    WARN,
    comparison,
    data,
    deployment,
    evaluation,
    log_loss,
    passed_check,
)
from support.scenarios import CONFIG, SCENARIOS, configured, written

OTHER = "sha256:" + "0" * 64
PULL = PullRequest(number=7, head="c" * 40)


@pytest.fixture
def host():
    return FakeCodeHost(FakeCiRun(pull=PULL))


@pytest.fixture
def told(tmp_path, host):
    """Report some evidence on the code host."""

    def tell(*evidence, mode="always", config=CONFIG, on=host, **options):
        return publish_report(
            configured(tmp_path, config),
            FakePorts(ci_run=on.run, code_host=on, clock=FakeClock(), progress=FakeProgress()),
            evidence=written(tmp_path / "evidence", *evidence),
            output=tmp_path / "out",
            policy=CommentPolicy(mode=mode, **{"report_id": "flight-delays", **options}),
        )

    return tell


class TestVerdict:
    @pytest.mark.parametrize(
        ("name", "expected"),
        [
            ("pass", PASS),
            ("fail", FAIL),
            ("held", INCONCLUSIVE),
            ("warn", WARN),
            ("first", PASS),
            ("missing", INCONCLUSIVE),
            ("deployed", PASS),
        ],
    )
    def test_is_the_worst_of_the_stages(self, told, name, expected):
        assert expected == told(*SCENARIOS[name]()).verdict

    def test_without_any_evidence_is_inconclusive(self, told, host):
        assert INCONCLUSIVE == told().verdict
        assert "No stage left evidence" in host.comments[0].body
        assert host.comments[0].body.startswith("### ⏸️ Not judged: the gate ended before")

    def test_without_data_evidence_is_held_where_data_should_have_been_checked(self, told):
        assert INCONCLUSIVE == told(evaluation(), comparison()).verdict

    def test_without_data_evidence_is_the_rests_where_there_is_nothing_to_check(self, told):
        plain = CONFIG.replace("  reference: reference.parquet\n", "")

        assert PASS == told(evaluation(), comparison(), config=plain).verdict

    def test_that_fails_stays_failed_when_a_stage_is_missing(self, told):
        assert FAIL == told(data(verdict=FAIL)).verdict

    @pytest.mark.parametrize("mode", ["always", "changes", "failures", "off"])
    def test_does_not_depend_on_the_comment(self, told, mode):
        refusing = FakeCodeHost(FakeCiRun(pull=PULL), refuses=True)

        assert FAIL == told(*SCENARIOS["fail"](), mode=mode, on=refusing).verdict


class TestCommitStatus:
    @pytest.mark.parametrize(
        ("name", "expected"),
        [("pass", PASS), ("fail", FAIL), ("held", INCONCLUSIVE), ("missing", FAIL)],
    )
    def test_is_the_verdict_with_the_comments_address(self, told, host, name, expected):
        reported = told(*SCENARIOS[name]())

        status = (reported.headline, reported.comment_url)
        assert [("flight-delays", expected, *status)] == host.statuses

    def test_is_left_alone_where_nobody_is_to_be_talked_to(self, told, host):
        told(*SCENARIOS["pass"](), mode="off")

        assert [] == host.statuses


class TestForeignEvidence:
    @pytest.mark.parametrize(
        "others",
        [
            lambda: (evaluation(), comparison(challenger=ModelRef(uri="m", digest=OTHER))),
            lambda: (evaluation(model=ModelRef(uri="m")), comparison()),
            lambda: (evaluation(), comparison(), deployment(to={"version": "1", "digest": OTHER})),
        ],
    )
    def test_of_another_model_is_refused(self, told, others):
        with pytest.raises(InputError, match="evidence on different models"):
            told(*others())

    def test_of_other_data_is_refused(self, told):
        rows = DataRef(uri="data", digest=OTHER, rows=1)

        with pytest.raises(InputError, match="evidence on different data"):
            told(data(), evaluation(data=rows), comparison())

    def test_that_cannot_be_read_is_refused(self, told, tmp_path):
        written(tmp_path / "evidence")
        (tmp_path / "evidence").mkdir(exist_ok=True)
        (tmp_path / "evidence" / "data.json").write_text("<html>")

        with pytest.raises(InputError, match="not evidence of this stage"):
            told()


class TestHeadline:
    def test_tells_of_the_deployment_even_beside_the_evidence_it_was_judged_by(self, told):
        told_of = told(*SCENARIOS["pass"](), deployment())

        assert told_of.headline.startswith("Deployed: flight-delays version 3 serves in production")

    def test_of_the_champion_itself_says_that_there_was_nothing_to_compare(self, told):
        same = ModelRef(uri="models:/flight-delays/2", version="2", digest=CHALLENGER)

        found = told(data(), evaluation(), comparison(champion=same))

        assert "there was nothing to compare" in found.headline

    def test_never_blames_the_data_alone(self, told):
        found = told(data(verdict=FAIL), evaluation(), comparison())

        assert "version 3 must not replace the champion (version 2)" in found.headline


class TestComment:
    def test_names_the_column_of_a_check_that_does_not(self, told, host):
        moved = passed_check(verdict=WARN, column="temp", reason="PSI is 0.48")

        told(data(moved, verdict=WARN), evaluation(), comparison())

        assert "- temp: PSI is 0.48" in host.comments[0].body

    def test_is_one_and_brought_up_to_date(self, told, host):
        told(*SCENARIOS["pass"]())
        told(*SCENARIOS["fail"]())

        assert ["flight-delays"] == [comment.report_id for comment in host.comments]
        assert host.comments[0].body.startswith("### ❌ Rejected: flight-delays version 3")

    def test_carries_the_given_id(self, told, host):
        told(*SCENARIOS["pass"](), report_id="flights/eu")

        assert "flights/eu" == host.comments[0].report_id

    def test_goes_to_the_given_pull_request(self, told, host):
        told(*SCENARIOS["pass"](), pull_request=12)

        assert 12 == host.comments[0].number

    def test_is_left_out_where_there_is_no_pull_request(self, told):
        host = FakeCodeHost()

        assert told(*SCENARIOS["pass"](), on=host).comment_url is None
        assert 1 == len(host.run.summaries)

    @pytest.mark.parametrize(
        ("mode", "name", "posted"),
        [
            ("always", "pass", True),
            ("off", "fail", False),
            ("failures", "pass", False),
            ("failures", "warn", False),
            ("failures", "held", True),
            ("failures", "fail", True),
            ("changes", "pass", True),
            ("changes", "first", True),
        ],
    )
    def test_is_posted_as_the_mode_says(self, told, host, mode, name, posted):
        told(*SCENARIOS[name](), mode=mode)

        assert posted is bool(host.comments)

    def test_of_changes_is_not_posted_for_the_champion_itself(self, told, host):
        same = ModelRef(uri="models:/flight-delays/2", version="2", digest=CHALLENGER)

        told(data(), evaluation(), comparison(champion=same), mode="changes")

        assert [] == host.comments

    def test_that_is_there_does_not_outlive_the_failure_it_told_of(self, told, host):
        told(*SCENARIOS["fail"](), mode="failures")
        told(*SCENARIOS["pass"](), mode="failures")

        assert host.comments[0].body.startswith("### ✅ Passed")

    def test_that_is_refused_is_told_in_summary_and_annotation(self, told):
        refusing = FakeCodeHost(FakeCiRun(pull=PULL), refuses=True)

        reported = told(*SCENARIOS["pass"](), on=refusing)

        assert reported.comment_url is None
        assert "The comment was not posted" in refusing.run.summaries[0]
        assert "cdml: no comment" in [one.title for one in refusing.run.annotations]
        assert "The comment was not posted" in reported.files["report.html"].read_text()

    @pytest.mark.parametrize(
        "options", [{"mode": "sometimes"}, {"behaviour": "shout"}, {"report_id": "x" * 201}]
    )
    def test_of_an_unknown_mode_or_an_endless_id_is_a_configuration_error(self, told, options):
        with pytest.raises(ConfigurationError):
            told(*SCENARIOS["pass"](), **options)


class TestAnnotations:
    def test_tell_the_verdict_and_the_line_of_the_failed_gate(self, told, host, tmp_path):
        told(*SCENARIOS["fail"]())

        first, gate = host.run.annotations
        assert ("error", "cdml: Rejected") == (first.level, first.title)
        assert ("error", str(tmp_path / "cdml.yaml"), 12) == (gate.level, gate.file, gate.line)

    def test_name_each_gate_once_however_many_slices_fail(self, told, host):
        slices = [log_loss(slice={"c": str(i)}, verdict=FAIL, reason="worse") for i in range(30)]

        told(data(), evaluation(), comparison(*slices, verdict=FAIL))

        assert 2 == len(host.run.annotations)

    def test_are_a_notice_when_all_is_well(self, told, host):
        told(*SCENARIOS["pass"]())

        assert ["notice"] == [one.level for one in host.run.annotations]


def test_files_are_written_whole(told, tmp_path):
    reported = told(*SCENARIOS["pass"]())

    assert set(report_formats()) == {path.name for path in (tmp_path / "out").iterdir()}
    assert reported.files["report.md"].read_text().endswith("\n")
    assert reported.files["report.html"].read_text().endswith("</html>")


def test_the_page_asks_for_nothing_and_runs_nothing(told):
    page = told(*SCENARIOS["hostile"]()).files["report.html"].read_text()

    assert "default-src 'none'" in page
    assert "<script" not in page
    assert not re.search(r"<[^>]*\ssrc=", page)


def test_an_unchanged_report_has_the_same_bytes(told, host):
    told(*SCENARIOS["held"]())
    told(*SCENARIOS["held"]())

    assert 0 == host.comments[0].edits


def test_reporting_imports_nothing_heavy(tmp_path):
    configured(tmp_path)
    written(tmp_path / ".cdml", *SCENARIOS["fail"]())
    program = (
        "import sys; from cdml.__main__ import run;"
        f"code = run(['report', '--config', {str(tmp_path / 'cdml.yaml')!r}]);"
        "heavy = {'mlflow', 'pandas', 'sklearn', 'duckdb', 'numpy', 'scipy', 'matplotlib'};"
        "print(code, sorted(heavy & sys.modules.keys()))"
    )

    ran = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )

    assert "1 []" == ran.stdout.splitlines()[-1]
