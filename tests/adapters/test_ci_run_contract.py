"""What every CI run does, and its fake."""

from contextlib import suppress

import pytest

from cdml.adapters.ci.github.actions_run import GitHubActionsRun
from cdml.adapters.ci.terminal import TerminalRun
from cdml.ci.code_host import PullRequest
from cdml.ci.run import Annotation
from cdml.errors import InputError, ServiceError
from fakes.ci_run import RUNS, FakeCiRun
from fakes.github_runner import HEAD, on_github
from fakes.gitlab_runner import on_gitlab
from fakes.jenkins_server import on_jenkins


@pytest.fixture(params=["fake", "github", "gitlab", "jenkins", "terminal"])
def ci_run(request, tmp_path):
    if request.param == "fake":
        return FakeCiRun(pull=PullRequest(number=7, head=HEAD), over={f"{RUNS}200"})
    if request.param == "terminal":
        return TerminalRun(environment={"PATH": "/usr/bin:/bin"}, folder=tmp_path)
    if request.param == "jenkins":
        jenkins = request.getfixturevalue("jenkins_server")
        jenkins.builds |= {200: False, 300: True}
        return on_jenkins(jenkins, tmp_path)
    if request.param == "gitlab":
        gitlab = request.getfixturevalue("gitlab_server")
        gitlab.pipelines |= {200: "success", 300: "running"}
        return on_gitlab(gitlab, tmp_path).run
    started = request.getfixturevalue("server")
    started.add_run(200, "completed")
    started.add_run(300, "in_progress")
    started.add_run(100, "completed")
    return on_github(started, tmp_path).run


def other_run(ci_run, number):
    """The address of another run of the same CI system."""
    own = ci_run.url() or f"{RUNS}1"
    end = "/" if own.endswith("/") else ""
    return f"{own.partition('/attempts/')[0].rstrip('/').rpartition('/')[0]}/{number}{end}"


class TestEveryRun:
    def test_the_commit_is_the_pull_requests_head(self, ci_run):
        pull = ci_run.trigger().pull_request

        assert (None if pull is None else HEAD) == ci_run.commit()

    def test_telling_the_runner_never_fails(self, ci_run):
        ci_run.set_outputs({"verdict": "pass"})
        ci_run.add_summary("# all good\n")
        ci_run.annotate([Annotation(level="notice", title="t", message="m")])

    def test_only_a_run_that_has_ended_is_over(self, ci_run):
        over = [ci_run.is_over(other_run(ci_run, number)) for number in (200, 300)]

        assert [ci_run.name != "terminal", False] == over

    def test_of_a_run_that_is_not_known_nobody_says_that_it_is_over(self, ci_run):
        with suppress(ServiceError):
            assert not ci_run.is_over(other_run(ci_run, 999))

    def test_this_run_is_never_over(self, ci_run):
        own = ci_run.url() or ""

        assert not ci_run.is_over(own)
        assert not ci_run.is_over(own.partition("/attempts/")[0])

    @pytest.mark.parametrize(
        "start",
        [
            "https://elsewhere.test/octo-org/flights",
            "http://127.0.0.1.elsewhere.test/octo-org/flights",
            "https://github.com/octo-org/flights",
        ],
    )
    def test_a_run_elsewhere_is_not_even_asked_about(self, ci_run, start):
        assert not ci_run.is_over(f"{start}/actions/runs/200")

    def test_without_a_run_that_triggered_it_there_is_no_artifact(self, ci_run):
        assert ci_run.trigger().stopped is None
        with pytest.raises(InputError, match="no run triggered this one"):
            ci_run.artifact("evidence", 1000)

    def test_what_it_pushes_with_is_not_shown(self, ci_run):
        found = ci_run.push_credentials()

        assert found is None or found.token not in repr(found)

    def test_a_group_in_the_log_has_a_line_that_opens_and_one_that_closes_it(self, ci_run):
        group = ci_run.log_group("what was done")

        assert group is None or all(line and "\n" not in line for line in group)
        assert group is None or "what was done" in group[0]

    def test_is_not_another_run_than_itself(self, ci_run):
        assert not ci_run.is_another_run(ci_run.url())


class TestTerminal:
    def test_has_no_commit_outside_a_repository(self, tmp_path):
        environment = {"PATH": "/usr/bin:/bin", "GIT_CEILING_DIRECTORIES": str(tmp_path.parent)}

        assert TerminalRun(environment=environment, folder=tmp_path).commit() is None

    def test_has_no_commit_without_git(self, tmp_path):
        assert TerminalRun(environment={"PATH": ""}, folder=tmp_path / "none").commit() is None


def test_a_run_is_not_shown_with_its_token(tmp_path):
    made = GitHubActionsRun(environment={"GITHUB_TOKEN": "made-up"}, folder=tmp_path)

    assert "made-up" not in repr(made)
