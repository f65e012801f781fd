"""What only GitHub can get wrong about deployments and merged pull requests."""

import pytest

from cdml.errors import ServiceError
from fakes.github_runner import HEAD, MERGED, deployment, on_github
from fakes.github_server import READ


class TestGitHubDeployments:
    def test_are_found_by_operation_over_all_pages(self, server, tmp_path):
        github = on_github(server, tmp_path)
        first = deployment(github)
        for number in range(110):
            server.add_deployment(HEAD, "production", "cdml:deploy", {"operation": f"op-{number}0"})

        assert first == deployment(github)

    def test_are_not_doubled_when_the_answer_is_lost(self, server, tmp_path):
        server.fail(method="POST", path="/deployments$", status=502, after=True)

        filed = deployment(on_github(server, tmp_path))

        assert [filed] == [str(d.id) for d in server.deployments]

    def test_ask_for_no_merge_and_no_checks(self, server, tmp_path):
        deployment(on_github(server, tmp_path))

        body = next(body for body in server.bodies if body)
        assert (False, []) == (body["auto_merge"], body["required_contexts"])

    def test_that_succeed_retire_the_models_older_ones_only(self, server, tmp_path):
        github = on_github(server, tmp_path)
        old, other = deployment(github, "op-1"), deployment(github, "op-2", model="delays")
        failed, new = deployment(github, "op-3"), deployment(github, "op-4")
        for filed, state in ((old, "success"), (other, "success"), (failed, "failure")):
            github.deployment_status(filed, state, "", "production")
        old_state = server.state.deployments[int(old)].state

        github.deployment_status(new, "success", "serves", "production")

        states = [server.state.deployments[int(d)].state for d in (old, other, failed, new)]
        assert ["inactive", "success", "failure", "success"] == states
        assert old_state == "success"

    def test_cut_long_descriptions(self, server, tmp_path):
        github = on_github(server, tmp_path)

        github.deployment_status(deployment(github), "failure", "x" * 500, "production")

        assert 140 == len(server.deployments[0].statuses[0].description)

    def test_of_a_token_that_may_not_name_the_permission(self, server, tmp_path):
        server.permissions = READ

        with pytest.raises(ServiceError) as caught:
            deployment(on_github(server, tmp_path))

        assert "deployments: write" in caught.value.hint


class TestGitHubMergedPullRequests:
    def test_leave_out_those_that_are_still_open(self, server, tmp_path):
        assert () == on_github(server, tmp_path).merged_pull_requests(HEAD)

    @pytest.mark.parametrize(
        ("branch", "expected"),
        [("refs/heads/main", [7]), ("refs/heads/release/1", [8]), ("", [7, 8])],
    )
    def test_are_those_merged_into_the_runs_branch(self, server, tmp_path, branch, expected):
        server.state.pulls[7].merged_as = MERGED
        server.add_pull(8, "e" * 40, base="release/1", merged_as=MERGED)

        found = on_github(server, tmp_path, GITHUB_REF=branch).merged_pull_requests(MERGED)

        assert expected == [pull.number for pull in found]


@pytest.mark.parametrize(
    ("rules", "protected"),
    [
        ([], False),
        (["non_fast_forward", "deletion"], False),
        (["creation", "update"], False),
        (["creation", "update", "deletion"], True),
        (["creation", "update", "deletion", "non_fast_forward"], True),
    ],
)
def test_a_branch_is_protected_where_only_chosen_identities_write_it(
    server, tmp_path, rules, protected
):
    server.state.rules = rules
    github = on_github(server, tmp_path)

    assert protected is github.is_protected("cdml/production/50%25 off")
    assert github.is_protected("main") is False


def test_who_may_not_ask_does_not_know_whether_a_branch_is_protected(server, tmp_path):
    assert None is on_github(server, tmp_path, GITHUB_TOKEN="").is_protected("cdml/a/b")
