"""What only GitHub can get wrong."""

import pytest

from cdml.ci.run import Annotation
from cdml.errors import ServiceError
from fakes.github_runner import HEAD, TOKEN, on_github
from fakes.github_server import READ, GitHubServer


class TestGitHubComments:
    def test_are_found_behind_many_pages_of_others(self, server, tmp_path):
        for number in range(130):
            server.add_comment(7, "reviewer", f"remark {number}")
        github = on_github(server, tmp_path)
        github.comment(7, "flights", "one")
        for number in range(130):
            server.add_comment(7, "reviewer", f"later remark {number}")

        github.comment(7, "flights", "two")

        own = [c for c in server.comments(7) if c.author == server.author]
        assert ["two"] == [c.body.split("\n")[0] for c in own]

    def test_of_others_are_left_alone_even_with_our_marker(self, server, tmp_path):
        forged = server.add_comment(7, "mallory", "<!-- cdml:report id=flights run=1.1 -->")

        on_github(server, tmp_path).comment(7, "flights", "real")

        assert forged.edits == 0
        assert 2 == len(server.comments(7))

    @pytest.mark.parametrize("viewer", ["github-actions", "github-actions[bot]"])
    def test_are_own_with_and_without_bot_in_the_viewers_name(self, server, tmp_path, viewer):
        server.viewer = viewer
        github = on_github(server, tmp_path)

        github.comment(7, "flights", "one")
        github.comment(7, "flights", "two")

        assert 1 == len(server.comments(7))

    def test_are_not_edited_when_nothing_changed(self, server, tmp_path):
        github = on_github(server, tmp_path)

        github.comment(7, "flights", "same")
        github.comment(7, "flights", "same")

        assert 0 == server.comments(7)[0].edits

    def test_of_a_newer_run_are_not_overwritten_by_an_older_one(self, server, tmp_path):
        on_github(server, tmp_path, GITHUB_RUN_ID="200").comment(7, "flights", "newer")

        on_github(server, tmp_path, GITHUB_RUN_ID="100").comment(7, "flights", "older")

        assert "newer" in server.comments(7)[0].body

    def test_are_posted_anew_when_deleted_between_read_and_update(self, server, tmp_path):
        github = on_github(server, tmp_path)
        github.comment(7, "flights", "one")
        server.fail(
            method="PATCH", path="/issues/comments/", status=404, body='{"message": "Not Found"}'
        )
        server.state.comments.clear()
        server.add_comment(7, server.author, "one\n\n<!-- cdml:report id=flights run=1.1 -->")

        assert github.comment(7, "flights", "two") is not None

        assert "two" in server.comments(7)[-1].body

    def test_are_not_doubled_when_the_answer_to_posting_is_lost(self, server, tmp_path):
        server.fail(method="POST", path="/issues/7/comments", status=502, after=True)

        address = on_github(server, tmp_path).comment(7, "flights", "one")

        assert 1 == len(server.comments(7))
        assert address.endswith(f"#issuecomment-{server.comments(7)[0].id}")

    def test_are_not_doubled_when_the_connection_breaks(self, server, tmp_path):
        server.fail(method="POST", path="/issues/7/comments", after=True, drop=True)

        on_github(server, tmp_path).comment(7, "flights", "one")

        assert 1 == len(server.comments(7))

    @pytest.mark.parametrize(
        "failure",
        [
            {"status": 403, "headers": {"Retry-After": "0"}},
            {"status": 429, "headers": {"Retry-After": "0"}},
            {"status": 429},
            {"status": 403, "body": '{"message": "You have exceeded a secondary rate limit"}'},
        ],
    )
    @pytest.mark.parametrize("method", ["GET", "POST", "PATCH"])
    def test_wait_for_rate_limits(self, server, tmp_path, failure, method):
        github = on_github(server, tmp_path)
        github.comment(7, "flights", "one")
        server.fail(method=method, times=2, **failure)

        github.comment(7, "flights", "two")
        github.comment(7, "other", "three")

        assert ["two", "three"] == [c.body.split("\n")[0] for c in server.comments(7)]

    def test_are_tried_again_when_the_server_errs(self, server, tmp_path):
        server.fail(method="GET", status=502, body="<html>Bad Gateway</html>", times=2)

        assert on_github(server, tmp_path).comment(7, "flights", "x") is not None

    def test_of_a_read_only_token_name_the_permission(self, server, tmp_path):
        server.permissions = READ

        with pytest.raises(ServiceError, match="does not allow this token to comment") as caught:
            on_github(server, tmp_path).comment(7, "flights", "x")

        assert "pull-requests: write" in caught.value.hint

    def test_on_a_locked_pull_request_say_so(self, server, tmp_path):
        server.state.pulls[7].locked = True

        with pytest.raises(ServiceError, match="locked"):
            on_github(server, tmp_path).comment(7, "flights", "x")

    def test_on_an_unknown_pull_request_are_an_error(self, server, tmp_path):
        with pytest.raises(ServiceError, match="answered 404"):
            on_github(server, tmp_path).comment(99, "flights", "x")

    def test_fail_in_words_when_a_proxy_answers(self, server, tmp_path):
        server.fail(method="GET", status=200, body="<html>Please log in</html>", times=9)

        with pytest.raises(ServiceError, match="not GitHub's API"):
            on_github(server, tmp_path).comment(7, "flights", "x")

    def test_fail_in_words_when_nobody_answers(self, server, tmp_path):
        github = on_github(
            server, tmp_path, GITHUB_API_URL="http://127.0.0.1:9", GITHUB_GRAPHQL_URL=""
        )

        with pytest.raises(ServiceError, match="did not answer"):
            github.comment(7, "flights", "x")

    def test_need_a_token(self, server, tmp_path):
        with pytest.raises(ServiceError, match="no GitHub token"):
            on_github(server, tmp_path, GITHUB_TOKEN="").comment(7, "flights", "x")

    def test_with_a_wrong_token_are_an_error_that_does_not_show_it(self, server, tmp_path):
        github = on_github(server, tmp_path, GITHUB_TOKEN="not-the-token")

        with pytest.raises(ServiceError, match="rejected the token") as caught:
            github.comment(7, "flights", "x")

        assert "not-the-token" not in f"{caught.value.message}{caught.value.hint}{github!r}"

    def test_work_on_an_enterprise_server(self, tmp_path):
        with GitHubServer(token=TOKEN, prefix="/api/v3") as server:
            server.add_pull(7, HEAD)
            github = on_github(server, tmp_path, GITHUB_GRAPHQL_URL="")

            github.comment(7, "flights", "one")

            assert 1 == len(server.comments(7))


class TestGitHubRunner:
    def test_values_cannot_add_outputs(self, server, tmp_path):
        github = on_github(server, tmp_path)

        github.run.set_outputs({"a": "x\nEOF\nb=1\n", "c": "d"})

        lines = (tmp_path / "output").read_text().splitlines()
        delimiter = lines[0].removeprefix("a<<")
        assert lines.index(delimiter) == 5
        assert "c<<" in lines[6]

    def test_messages_cannot_issue_commands(self, server, tmp_path, capsys):
        annotation = Annotation(
            level="error",
            title="a::b,c=d%",
            message="x\n::set-output name=a::b",
            file="f:,g",
            line=3,
        )

        on_github(server, tmp_path).run.annotate([annotation])

        expected = (
            "::error title=a%3A%3Ab%2Cc=d%25,file=f%3A%2Cg,line=3::x%0A::set-output name=a::b\n"
        )
        assert expected == capsys.readouterr().out

    def test_files_are_named_from_the_checkout(self, server, tmp_path, capsys):
        github = on_github(server, tmp_path, GITHUB_WORKSPACE=str(tmp_path))
        path = str(tmp_path / "models" / "cdml.yaml")

        github.run.annotate([Annotation(level="error", title="t", message="m", file=path, line=1)])

        assert "file=models/cdml.yaml,line=1" in capsys.readouterr().out

    def test_a_summary_that_is_too_long_is_cut_not_lost(self, server, tmp_path):
        github = on_github(server, tmp_path)

        github.run.add_summary("line\n" * 300_000)

        content = (tmp_path / "summary.md").read_bytes()
        assert 1_000_000 < len(content) <= 1024 * 1024
        assert b"was cut here" in content

    def test_summaries_of_a_step_add_up(self, server, tmp_path):
        github = on_github(server, tmp_path)

        github.run.add_summary("one\n")
        github.run.add_summary("two\n")

        assert "one\ntwo\n" == (tmp_path / "summary.md").read_text()

    def test_an_event_without_pull_request_has_none(self, server, tmp_path):
        github = on_github(server, tmp_path, number=None)

        assert github.run.trigger().pull_request is None
        assert "c" * 40 == github.run.commit()

    def test_the_runs_address_is_on_the_own_server(self, server, tmp_path):
        expected = f"{server.site}/octo-org/flights/actions/runs/100/attempts/1"

        assert expected == on_github(server, tmp_path).run.url()
