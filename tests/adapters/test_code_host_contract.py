"""What every code host does, and its fake."""

import pytest

from cdml.ci.code_host import PullRequest
from fakes.ci_run import FakeCiRun
from fakes.code_host import FakeCodeHost
from fakes.github_runner import HEAD, MERGED, deployment, on_github
from fakes.gitlab_runner import on_gitlab


@pytest.fixture(params=["fake", "github", "gitlab"])
def host(request, tmp_path):
    if request.param == "fake":
        pull = PullRequest(number=7, head=HEAD)
        return FakeCodeHost(FakeCiRun(pull=pull), merged={MERGED: (pull,)})
    if request.param == "gitlab":
        gitlab = request.getfixturevalue("gitlab_server")
        gitlab.requests[7]["state"] = "merged"
        gitlab.merged[MERGED] = [7]
        return on_gitlab(gitlab, tmp_path)
    started = request.getfixturevalue("server")
    started.state.pulls[7].merged_as = MERGED
    return on_github(started, tmp_path)


class TestEveryCodeHost:
    def test_a_report_has_one_comment_however_often_it_is_told(self, host):
        assert host.comment(7, "flights", "one") == host.comment(7, "flights", "two")

    @pytest.mark.parametrize(
        ("first", "second"), [("non-prod", "prod"), ("prod", "non-prod"), ("prod-eu", "prod")]
    )
    def test_each_report_has_its_own_comment(self, host, first, second):
        address = host.comment(7, first, "x")

        assert address != host.comment(7, second, "y")
        assert address == host.comment(7, first, "x")

    def test_nothing_is_posted_where_only_an_update_was_asked_for(self, host):
        assert host.comment(7, "flights", "x", only_update=True) is None
        address = host.comment(7, "flights", "x")
        assert address == host.comment(7, "flights", "y", only_update=True)

    def test_the_same_run_knows_of_its_warnings_what_the_one_before_had_told(self, host):
        host.comment(7, "flights", "x", warned={"0" * 8: True, "1" * 8: False})

        assert {"0" * 8} == host.warned(7, "flights")
        assert set() == host.warned(7, "others")

    def test_the_report_of_a_pull_requests_run_is_looked_for_there(self, host):
        assert 7 == host.thread()

    def test_an_operation_files_one_deployment(self, host):
        assert deployment(host) == deployment(host)

    def test_another_operation_files_another_deployment(self, host):
        assert deployment(host) != deployment(host, "op-2")

    def test_statuses_are_taken(self, host):
        filed = deployment(host)

        host.deployment_status(filed, "in_progress", "shipping", "production")
        host.deployment_status(filed, "success", "serves", "production")

    def test_merged_pull_requests_are_found_by_the_commit_that_brought_them(self, host):
        assert (PullRequest(number=7, head=HEAD),) == host.merged_pull_requests(MERGED)
        assert () == host.merged_pull_requests("d" * 40)
