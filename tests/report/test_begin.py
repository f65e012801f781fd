"""That the gate has begun is said where its verdict will be."""

import pytest

from cdml.ci.code_host import Commit, PullRequest
from cdml.report.comment_policy import CommentPolicy
from cdml.report.in_progress import post_in_progress
from cdml.report.publish import publish_report
from fakes.ci_run import FakeCiRun
from fakes.clock import FakeClock
from fakes.code_host import FakeCodeHost
from fakes.ports import FakePorts
from fakes.progress import FakeProgress
from support.scenarios import SCENARIOS, configured, written

PULL = PullRequest(number=7, head="c" * 40)


@pytest.fixture
def run(tmp_path):
    """A run of the gate: begun, or with its evidence told."""

    def runs(host, *evidence, told=False, **policy):
        policy = CommentPolicy(**{"mode": "always", "report_id": "flights", **policy})
        ports = FakePorts(
            ci_run=host.run, code_host=host, clock=FakeClock(), progress=FakeProgress()
        )
        loaded = configured(tmp_path)
        if not told:
            return post_in_progress(loaded.config.model, ports, policy)
        folder = written(tmp_path / "evidence", *evidence)
        return publish_report(
            loaded, ports, evidence=folder, output=tmp_path / "out", policy=policy
        )

    return runs


def test_the_verdict_takes_the_place_of_what_was_begun(run):
    host = FakeCodeHost(FakeCiRun(pull=PULL))
    address = run(host)
    (comment,) = host.comments
    assert (address, True) == (comment.url, comment.begun)
    assert comment.body.startswith(
        "### ⏳ In progress: the gate is judging flight-delays at <code>cccc"
    )
    assert f'<a href="{host.run.address}">the run</a> has ended' in comment.body

    run(host, *SCENARIOS["held"](), told=True)

    assert (1, False) == (len(host.comments), host.comments[0].begun)
    assert host.comments[0].body.startswith("### ⏸️ Held")


def test_a_job_that_dies_is_told_in_place_of_what_was_begun(run):
    host = FakeCodeHost(FakeCiRun(pull=PULL))
    run(host)

    run(host, told=True)

    assert host.comments[0].body.startswith("### ⏸️ Not judged: the gate ended before")


@pytest.mark.parametrize("mode", ["changes", "failures"])
def test_nothing_is_posted_before_it_is_known_whether_it_is_worth_a_comment(run, mode):
    host = FakeCodeHost(FakeCiRun(pull=PULL))

    assert run(host, mode=mode) is None
    assert [] == host.comments


@pytest.mark.parametrize("mode", ["changes", "failures"])
def test_a_comment_that_is_there_does_not_outlive_its_run_in_any_mode(run, mode):
    host = FakeCodeHost(FakeCiRun(pull=PULL))
    run(host, *SCENARIOS["fail"](), told=True)

    run(host, mode=mode)

    assert host.comments[0].body.startswith("### ⏳ In progress")


@pytest.mark.parametrize(
    "host",
    [
        FakeCodeHost(),
        FakeCodeHost(on=Commit(sha="c" * 40)),
        FakeCodeHost(FakeCiRun(pull=PULL), refuses=True),
        FakeCodeHost(lost=True),
    ],
    ids=["no pull request", "a commit", "refused", "lost"],
)
def test_nowhere_to_say_it_is_no_failure(run, host):
    assert run(host) is None
    assert [] == host.comments


def test_it_is_not_said_where_nothing_is_to_be(run):
    host = FakeCodeHost(FakeCiRun(pull=PULL))

    assert run(host, mode="off") is None
    assert [] == host.comments


class TestVerdict:
    def test_of_a_push_is_told_on_the_commit(self, run):
        host = FakeCodeHost(on=Commit(sha="c" * 40))

        run(host, *SCENARIOS["fail"](), told=True)

        assert [Commit(sha="c" * 40)] == [comment.number for comment in host.comments]

    def test_that_a_commit_does_not_take_is_in_the_summary_without_a_warning(self, run):
        host = FakeCodeHost(on=Commit(sha="c" * 40), refuses=True)

        assert run(host, *SCENARIOS["pass"](), told=True).comment_url is None
        assert "not posted" not in host.run.summaries[0]
        assert ["notice"] == [one.level for one in host.run.annotations]

    def test_whose_pull_request_cannot_be_looked_for_is_in_the_summary_and_says_so(self, run):
        host = FakeCodeHost(lost=True)

        run(host, *SCENARIOS["pass"](), told=True)

        assert "The comment was not posted" in host.run.summaries[0]

    def test_hands_on_what_becomes_of_an_earlier_comment(self, run):
        host = FakeCodeHost(FakeCiRun(pull=PULL))

        run(host, *SCENARIOS["pass"](), told=True, behaviour="hide-and-recreate")

        assert ["hide-and-recreate"] == host.behaviours


class TestWithoutACodeHost:
    @pytest.fixture
    def tell(self, tmp_path):
        """Report where nobody is to be talked to; what is posted, and the run."""

        def tells(**policy):
            ci_run = FakeCiRun()
            ports = FakePorts(
                ci_run=ci_run, code_host=None, clock=FakeClock(), progress=FakeProgress()
            )
            found = publish_report(
                configured(tmp_path),
                ports,
                evidence=written(tmp_path / "evidence", *SCENARIOS["pass"]()),
                output=tmp_path / "out",
                policy=CommentPolicy(mode="always", report_id="flights", **policy),
            )
            return found, ci_run.annotations

        return tells

    def test_a_report_is_files_and_the_runs_page(self, tell, tmp_path):
        found, told = tell()

        assert found.comment_url is None
        assert list((tmp_path / "out").glob("report.*"))
        assert ["notice"] == [one.level for one in told]

    def test_a_pull_request_that_is_named_cannot_be_commented_on_which_is_told(self, tell):
        found, told = tell(pull_request=7)

        assert found.comment_url is None
        assert "cannot comment on pull request 7" in told[0].message
