"""Where a run's report belongs, event by event."""

import pytest

from cdml.ci.code_host import Commit
from cdml.errors import ServiceError
from fakes.github_runner import HEAD, MERGED, on_github

PUSHED = "c" * 40  # the commit of the step on the stand-in
FORKED = {
    "workflow_run": {
        "id": 90,
        "run_attempt": 2,
        "event": "pull_request",
        "head_sha": HEAD,
        "head_branch": "feature",
        "head_repository": {"owner": {"login": "stranger"}},
        "pull_requests": [],
    }
}

OWN = {
    "repository": {"id": 1},
    "workflow_run": {
        **FORKED["workflow_run"],
        "head_repository": {"full_name": "octo-org/flights", "owner": {"login": "octo-org"}},
    },
}


def where(server, tmp_path, name, told=None, **variables):
    variables = {"GITHUB_EVENT_NAME": name, "GITHUB_REF": "refs/heads/main", **variables}
    return on_github(server, tmp_path, told=told or {}, **variables).thread()


@pytest.mark.parametrize("name", ["pull_request", "pull_request_target", "pull_request_review"])
def test_the_events_pull_request_needs_no_question(server, tmp_path, name):
    told = {"pull_request": {"number": 7, "head": {"sha": HEAD}}}

    assert 7 == where(server, tmp_path, name, told)
    assert [] == server.requests


def test_a_comment_on_a_pull_request_names_it_and_one_on_an_issue_does_not(server, tmp_path):
    told = {"issue": {"number": 7, "pull_request": {"url": "x"}}}

    assert 7 == where(server, tmp_path, "issue_comment", told)
    assert where(server, tmp_path, "issue_comment", {"issue": {"number": 8}}) is None


@pytest.mark.parametrize("base", ["main", "release/1.2", "pr-9-x"])
def test_a_merge_queue_is_about_the_pull_request_it_merges_last(server, tmp_path, base):
    queue = {"head_ref": f"refs/heads/gh-readonly-queue/{base}/pr-7-{HEAD}", "head_sha": PUSHED}

    assert 7 == where(server, tmp_path, "merge_group", {"merge_group": queue})


def test_a_merge_queue_that_does_not_say_is_told_on_the_runs_page(server, tmp_path):
    queue = {"head_ref": "refs/heads/gh-readonly-queue/main/other", "head_sha": PUSHED}

    assert where(server, tmp_path, "merge_group", {"merge_group": queue}) is None


class TestPush:
    def test_is_about_the_open_pull_request_whose_head_it_is(self, server, tmp_path):
        server.add_pull(8, PUSHED)

        assert 8 == where(server, tmp_path, "push", GITHUB_REF="refs/heads/feature")

    def test_is_about_the_pull_request_that_it_merged(self, server, tmp_path):
        server.add_pull(8, HEAD, merged_as=PUSHED)

        assert 8 == where(server, tmp_path, "push")

    def test_is_about_the_commit_where_there_is_no_pull_request(self, server, tmp_path):
        server.add_pull(8, HEAD, merged_as=PUSHED, base="other")
        server.add_pull(9, PUSHED, state="closed")

        assert Commit(sha=PUSHED) == where(server, tmp_path, "push")

    def test_is_about_the_branch_that_was_pushed(self, server, tmp_path):
        server.add_pull(8, PUSHED, branch="one")
        server.add_pull(9, PUSHED, branch="two")

        assert 8 == where(server, tmp_path, "push", GITHUB_REF="refs/heads/one")
        with pytest.raises(ServiceError, match="several pull requests"):
            where(server, tmp_path, "push", GITHUB_REF="refs/heads/three")

    def test_that_merged_several_is_about_the_commit(self, server, tmp_path):
        for number in (8, 9):
            server.add_pull(number, HEAD, merged_as=PUSHED)

        assert Commit(sha=PUSHED) == where(server, tmp_path, "push")

    def test_comments_on_the_commit_once(self, server, tmp_path):
        server.add_commit_comment(PUSHED, "reviewer", "nice")
        for said in ("one", "two"):
            address = on_github(server, tmp_path).comment(Commit(sha=PUSHED), "flights", said)

        _, own = server.commit_comments(PUSHED)
        assert ("two", 1) == (own.body.split("\n")[0], own.edits)
        assert address.endswith(f"#commitcomment-{own.id}")

    def test_that_may_not_comment_on_the_commit_names_the_permission(self, server, tmp_path):
        server.permissions["contents"] = "read"

        with pytest.raises(ServiceError) as caught:
            on_github(server, tmp_path).comment(Commit(sha=PUSHED), "flights", "x")

        assert "contents: write" in caught.value.hint


@pytest.mark.parametrize(
    ("name", "expected"), [("workflow_dispatch", 8), ("schedule", None), ("repository_dispatch", 8)]
)
def test_without_a_change_only_an_open_pull_request_is_told(server, tmp_path, name, expected):
    server.add_pull(7, HEAD, merged_as=PUSHED)
    assert where(server, tmp_path, name) in (None, 7)

    server.add_pull(8, PUSHED)
    assert expected == where(server, tmp_path, name)


class TestRunThatTriggersAnother:
    def test_is_about_the_pull_request_of_its_owner_branch_and_head(self, server, tmp_path):
        server.add_pull(5, MERGED, owner="stranger")
        server.add_pull(6, HEAD, owner="stranger", state="closed")
        server.add_pull(8, HEAD, owner="stranger")
        server.add_pull(9, HEAD, owner="another")

        assert 8 == where(server, tmp_path, "workflow_run", FORKED)

    def test_is_about_none_when_the_pull_request_has_moved_on(self, server, tmp_path):
        server.add_pull(8, MERGED, owner="stranger")

        assert where(server, tmp_path, "workflow_run", FORKED) is None

    def test_is_about_the_one_that_its_event_lists(self, server, tmp_path):
        for number, base in ((8, "main"), (9, "release")):
            server.add_pull(number, HEAD, base=base)
            listed = [{"number": number, "base": {"ref": base, "repo": {"id": 1}}}]
            run = {**OWN["workflow_run"], "pull_requests": listed}
            server.add_pull(10, HEAD, base="other")

            told = {**OWN, "workflow_run": run}
            assert number == where(server, tmp_path, "workflow_run", told)

    def test_is_about_none_of_several_that_fit(self, server, tmp_path):
        both = [{"number": number, "base": {"ref": "main"}} for number in (8, 9)]
        for number in (8, 9):
            server.add_pull(number, HEAD, state="open")

        for listed in ([], both):
            run = {**OWN["workflow_run"], "pull_requests": listed}
            with pytest.raises(ServiceError, match="9 into main, 8 into main"):
                where(server, tmp_path, "workflow_run", {**OWN, "workflow_run": run})

    def test_is_about_none_whose_base_has_changed_since(self, server, tmp_path):
        server.add_pull(8, HEAD, base="release")
        run = {**OWN["workflow_run"], "pull_requests": [{"number": 8, "base": {"ref": "main"}}]}

        assert where(server, tmp_path, "workflow_run", {**OWN, "workflow_run": run}) is None

    def test_is_not_misled_by_the_list_of_a_fork(self, server, tmp_path):
        server.state.pulls.clear()
        server.add_pull(8, HEAD)
        theirs = [{"number": 3, "base": {"ref": "main", "repo": {"id": 99}}}]
        run = {**OWN["workflow_run"], "pull_requests": theirs}

        assert 8 == where(server, tmp_path, "workflow_run", {**OWN, "workflow_run": run})

    def test_of_one_fork_is_not_about_another_of_the_same_branch(self, server, tmp_path):
        server.add_pull(8, HEAD, owner="stranger")
        server.add_pull(9, HEAD, owner="another")
        home = {"full_name": "stranger/flights", "owner": {"login": "stranger"}}
        run = {**FORKED["workflow_run"], "head_repository": home}

        assert 8 == where(server, tmp_path, "workflow_run", {"workflow_run": run})

    @pytest.mark.parametrize("gone", ["head_sha", "head_branch", "head_repository"])
    def test_that_lacks_a_name_is_about_none(self, server, tmp_path, gone):
        told = {"workflow_run": {**FORKED["workflow_run"], gone: None}}

        assert where(server, tmp_path, "workflow_run", told) is None

    def test_gives_its_own_number_to_the_comment_and_its_commit_to_the_report(
        self, server, tmp_path
    ):
        github = on_github(server, tmp_path, told=FORKED, GITHUB_RUN_ID="999")

        github.comment(7, "flights", "x")

        assert HEAD == github.run.commit()
        assert "run=90.2 " in server.comments(7)[0].body
