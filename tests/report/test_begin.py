"""That the gate has begun is said where its verdict will be."""

import pytest

from cdml.ci.code_host import Commit, PullRequest
from cdml.report.comment_policy import CommentPolicy
from cdml.report.in_progress import post_in_progress
from cdml.report.publish import publish_report
from fakes.clock import FakeClock
from fakes.platform import FakePlatform
from fakes.ports import FakePorts
from fakes.progress import FakeProgress
from support.scenarios import SCENARIOS, configured, written

PULL = PullRequest(number=7, head="c" * 40)


@pytest.fixture
def run(tmp_path):
    """A run of the gate: begun, or with its evidence told."""

    def runs(platform, *evidence, told=False, **talk):
        talk = CommentPolicy(**{"mode": "always", "report_id": "flights", **talk})
        ports = FakePorts(platform=platform, clock=FakeClock(), progress=FakeProgress())
        loaded = configured(tmp_path)
        if not told:
            return post_in_progress(loaded.config.model, ports, talk)
        folder = written(tmp_path / "evidence", *evidence)
        return publish_report(loaded, ports, evidence=folder, output=tmp_path / "out", talk=talk)

    return runs


def test_the_verdict_takes_the_place_of_what_was_begun(run):
    platform = FakePlatform(pull=PULL)
    address = run(platform)
    (comment,) = platform.comments
    assert (address, True) == (comment.url, comment.begun)
    assert comment.body.startswith(
        "### ⏳ In progress: the gate judges flight-delays of <code>cccc"
    )
    assert f'<a href="{platform.run}">the run</a> has ended' in comment.body

    run(platform, *SCENARIOS["held"](), told=True)

    assert (1, False) == (len(platform.comments), platform.comments[0].begun)
    assert platform.comments[0].body.startswith("### ⏸️ Held")


def test_a_job_that_dies_is_told_in_place_of_what_was_begun(run):
    platform = FakePlatform(pull=PULL)
    run(platform)

    run(platform, told=True)

    assert platform.comments[0].body.startswith("### ⏸️ Not judged: the gate ended before")


@pytest.mark.parametrize("mode", ["changes", "failures"])
def test_nothing_is_posted_before_it_is_known_whether_it_is_worth_a_comment(run, mode):
    platform = FakePlatform(pull=PULL)

    assert run(platform, mode=mode) is None
    assert [] == platform.comments


@pytest.mark.parametrize("mode", ["changes", "failures"])
def test_a_comment_that_is_there_does_not_outlive_its_run_in_any_mode(run, mode):
    platform = FakePlatform(pull=PULL)
    run(platform, *SCENARIOS["fail"](), told=True)

    run(platform, mode=mode)

    assert platform.comments[0].body.startswith("### ⏳ In progress")


@pytest.mark.parametrize(
    "platform",
    [
        FakePlatform(),
        FakePlatform(on=Commit(sha="c" * 40)),
        FakePlatform(pull=PULL, refuses=True),
        FakePlatform(lost=True),
    ],
    ids=["no pull request", "a commit", "refused", "lost"],
)
def test_nowhere_to_say_it_is_no_failure(run, platform):
    assert run(platform) is None
    assert [] == platform.comments


def test_it_is_not_said_where_nothing_is_to_be(run):
    platform = FakePlatform(pull=PULL)

    assert run(platform, mode="off") is None
    assert [] == platform.comments


class TestVerdict:
    def test_of_a_push_is_told_on_the_commit(self, run):
        platform = FakePlatform(on=Commit(sha="c" * 40))

        run(platform, *SCENARIOS["fail"](), told=True)

        assert [Commit(sha="c" * 40)] == [comment.number for comment in platform.comments]

    def test_that_a_commit_does_not_take_is_in_the_summary_without_a_warning(self, run):
        platform = FakePlatform(on=Commit(sha="c" * 40), refuses=True)

        assert run(platform, *SCENARIOS["pass"](), told=True).comment_url is None
        assert "not posted" not in platform.summaries[0]
        assert ["notice"] == [one.level for one in platform.annotations]

    def test_whose_pull_request_cannot_be_looked_for_is_in_the_summary_and_says_so(self, run):
        platform = FakePlatform(lost=True)

        run(platform, *SCENARIOS["pass"](), told=True)

        assert "The comment was not posted" in platform.summaries[0]

    def test_hands_on_what_becomes_of_an_earlier_comment(self, run):
        platform = FakePlatform(pull=PULL)

        run(platform, *SCENARIOS["pass"](), told=True, behaviour="hide-and-recreate")

        assert ["hide-and-recreate"] == platform.behaviours
