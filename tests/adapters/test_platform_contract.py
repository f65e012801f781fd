"""What every platform does, and its fake."""

from contextlib import suppress

import pytest

from cdml.adapters.ci.terminal import TerminalPlatform
from cdml.ci.code_host import PullRequest
from cdml.ci.run import Annotation
from cdml.errors import ServiceError
from fakes.github_runner import HEAD, MERGED, deployment, on_github
from fakes.platform import FakePlatform


@pytest.fixture(params=["fake", "github", "terminal"])
def platform(request, tmp_path):
    return made(request, tmp_path)


@pytest.fixture(params=["fake", "github"])
def served(request, tmp_path):
    """Platforms that have comments and deployments."""
    return made(request, tmp_path)


def other_run(platform, number):
    """The address of another run on the same platform."""
    own = platform.run_url() or "https://platform.test/runs/1"
    return f"{own.partition('/attempts/')[0].rpartition('/')[0]}/{number}"


def made(request, tmp_path):
    if request.param == "fake":
        merged = {MERGED: (PullRequest(number=7, head=HEAD),)}
        over = {"https://platform.test/runs/200"}
        return FakePlatform(pull=PullRequest(number=7, head=HEAD), merged=merged, over=over)
    if request.param == "terminal":
        return TerminalPlatform(environment={"PATH": "/usr/bin:/bin"}, folder=tmp_path)
    started = request.getfixturevalue("server")
    started.state.pulls[7].merged_as = MERGED
    started.add_run(200, "completed")
    started.add_run(300, "in_progress")
    started.add_run(100, "completed")
    return on_github(started, tmp_path)


class TestEveryPlatform:
    def test_the_commit_is_the_pull_requests_head(self, platform):
        pull = platform.pull_request()

        assert (None if pull is None else HEAD) == platform.commit()

    def test_a_report_has_one_comment_however_often_it_is_told(self, served):
        first = served.comment(7, "flights", "one")
        second = served.comment(7, "flights", "two")

        assert first == second

    @pytest.mark.parametrize(
        ("first", "second"), [("non-prod", "prod"), ("prod", "non-prod"), ("prod-eu", "prod")]
    )
    def test_each_report_has_its_own_comment(self, served, first, second):
        address = served.comment(7, first, "x")

        assert address != served.comment(7, second, "y")
        assert address == served.comment(7, first, "x")

    def test_nothing_is_posted_where_only_an_update_was_asked_for(self, served):
        assert served.comment(7, "flights", "x", only_update=True) is None
        address = served.comment(7, "flights", "x")
        assert address == served.comment(7, "flights", "y", only_update=True)

    def test_the_same_run_knows_of_its_warnings_what_the_one_before_had_told(self, served):
        served.comment(7, "flights", "x", warned={"0" * 8: True, "1" * 8: False})

        assert {"0" * 8} == served.warned(7, "flights")
        assert set() == served.warned(7, "others")

    def test_an_operation_files_one_deployment(self, platform):
        assert deployment(platform) == deployment(platform)

    def test_another_operation_files_another_deployment(self, served):
        assert deployment(served) != deployment(served, "op-2")

    def test_statuses_are_taken(self, platform):
        filed = deployment(platform)

        platform.deployment_status(filed or "", "in_progress", "shipping", "production")
        platform.deployment_status(filed or "", "success", "serves", "production")

    def test_merged_pull_requests_are_found_by_the_commit_that_brought_them(self, platform):
        expected = () if platform.name == "terminal" else (PullRequest(number=7, head=HEAD),)

        assert expected == platform.merged_pull_requests(MERGED)
        assert () == platform.merged_pull_requests("d" * 40)

    def test_telling_the_runner_never_fails(self, platform):
        platform.outputs({"verdict": "pass"})
        platform.summary("# all good\n")
        platform.annotate([Annotation(level="notice", title="t", message="m")])

    def test_only_a_run_that_has_ended_is_over(self, platform):
        over = [platform.run_is_over(other_run(platform, number)) for number in (200, 300)]

        assert [platform.name != "terminal", False] == over

    def test_of_a_run_that_is_not_known_nobody_says_that_it_is_over(self, platform):
        with suppress(ServiceError):
            assert not platform.run_is_over(other_run(platform, 999))

    def test_this_run_is_never_over(self, platform):
        own = platform.run_url() or ""

        assert not platform.run_is_over(own)
        assert not platform.run_is_over(own.partition("/attempts/")[0])

    @pytest.mark.parametrize(
        "start",
        [
            "https://elsewhere.test/octo-org/flights",
            "http://127.0.0.1.elsewhere.test/octo-org/flights",
            "https://github.com/octo-org/flights",
        ],
    )
    def test_a_run_elsewhere_is_not_even_asked_about(self, platform, start):
        assert not platform.run_is_over(f"{start}/actions/runs/200")


class TestTerminal:
    def test_cannot_comment_and_says_so(self, tmp_path):
        terminal = TerminalPlatform(environment={}, folder=tmp_path)

        with pytest.raises(ServiceError, match="cannot comment on pull request 7"):
            terminal.comment(7, "flights", "x")

    def test_has_no_commit_outside_a_repository(self, tmp_path):
        environment = {"PATH": "/usr/bin:/bin", "GIT_CEILING_DIRECTORIES": str(tmp_path.parent)}

        assert TerminalPlatform(environment=environment, folder=tmp_path).commit() is None

    def test_has_no_commit_without_git(self, tmp_path):
        assert TerminalPlatform(environment={"PATH": ""}, folder=tmp_path / "none").commit() is None
