"""python-gitlab on the same stand-in: it sees what cdml wrote, and takes it for a GitLab."""

from datetime import UTC, datetime

import gitlab
import pytest

from cdml.common.verdict import Verdict
from fakes.gitlab_runner import HEAD, OF_PUSH, on_gitlab


@pytest.fixture
def project(gitlab_server):
    """The project as python-gitlab sees it."""
    return peer(gitlab_server).projects.get(gitlab_server.project)


def peer(server, **options):
    return gitlab.Gitlab(
        server.site, private_token=server.token, retry_transient_errors=False, **options
    )


class TestWhatCdmlWrote:
    def test_is_one_note_of_the_tokens_account(self, gitlab_server, tmp_path, project):
        host = on_gitlab(gitlab_server, tmp_path)
        host.comment(7, "flights", "one")
        address = host.comment(7, "flights", "two")

        (note,) = project.mergerequests.get(7, lazy=True).notes.list(get_all=True)

        assert note.body.startswith("two\n")
        assert address.endswith(f"#note_{note.id}")
        client = peer(gitlab_server)
        client.auth()
        assert client.user.id == note.author["id"]

    def test_is_a_deployment_of_the_environment(self, gitlab_server, tmp_path, project):
        host = on_gitlab(gitlab_server, tmp_path, OF_PUSH)
        number = host.open_deployment("op-1", HEAD, "production", "cdml:deploy", "x", {})
        host.deployment_status(number, "success", "x", "production", url="https://up.test")

        (deployment,) = project.deployments.list(environment="production", get_all=True)
        (environment,) = project.environments.list(name="production", get_all=True)

        assert (HEAD, "main", "success") == (deployment.sha, deployment.ref, deployment.status)
        assert "https://up.test" == environment.external_url

    def test_is_one_open_issue_and_a_pipeline_with_variables(
        self, gitlab_server, tmp_path, project
    ):
        host = on_gitlab(gitlab_server, tmp_path, OF_PUSH)
        host.report_issue("production/flights", "one", "x")
        address = host.report_issue("production/flights", "two", "y")
        inputs, since = {"reason": "worse"}, datetime(2026, 5, 1, tzinfo=UTC)
        run = host.start_workflow("train.yml", None, inputs, since=since)

        (issue,) = project.issues.list(state="opened", get_all=True)
        (pipeline,) = project.pipelines.list(source="api", ref="main", get_all=True)

        assert ("two", address) == (issue.title, issue.web_url)
        assert run == pipeline.web_url
        given = {one.key: one.value for one in pipeline.variables.list(get_all=True)}
        assert {"CDML_WORKFLOW": "train.yml", "CDML_WORKFLOW_REASON": "worse"} == given
        issue.state_event = "close"
        issue.save()
        assert host.close_issue("production/flights", "over") is None
        # What its own client sends to start one is what the stand-in takes.
        variables = [{"key": "CDML_WORKFLOW", "value": "train.yml"}]
        assert project.pipelines.create({"ref": "main", "variables": variables}).web_url != run

    @pytest.mark.parametrize(
        ("verdict", "held", "state"),
        [
            (Verdict.PASS, "fail", "success"),
            (Verdict.WARN, "fail", "success"),
            (Verdict.INCONCLUSIVE, "fail", "failed"),
            (Verdict.INCONCLUSIVE, "warn", "success"),
            (Verdict.FAIL, "warn", "failed"),
        ],
    )
    def test_is_a_status_of_the_commit(
        self, gitlab_server, tmp_path, project, verdict, held, state
    ):
        gitlab_server.pipelines[100] = "running"
        host = on_gitlab(gitlab_server, tmp_path, CDML_HELD=held)

        host.set_commit_status(
            "flights", verdict=verdict, description="x" * 999, url="https://n.test"
        )

        (status,) = project.commits.get(HEAD, lazy=True).statuses.list(get_all=True)
        assert ("cdml/flights", state) == (status.name, status.status)
        assert ("https://n.test", 255) == (status.target_url, len(status.description))


class TestWhatPythonGitlabWrote:
    def test_is_what_cdml_brings_up_to_date(self, gitlab_server, tmp_path, project):
        host = on_gitlab(gitlab_server, tmp_path)
        host.comment(7, "flights", "one")
        notes = project.mergerequests.get(7, lazy=True).notes
        for number in range(250):
            notes.create({"body": f"remark {number}"})

        host.comment(7, "flights", "two")

        assert 251 == len(notes.list(get_all=True))
        assert 1 == len([note for note in notes.list(iterator=True) if "cdml:report" in note.body])

    def test_a_status_of_a_gate_is_seen(self, gitlab_server, tmp_path, project):
        statuses = project.commits.get(HEAD, lazy=True).statuses
        statuses.create({"state": "failed", "name": "cdml gate"})

        signs = on_gitlab(gitlab_server, tmp_path, OF_PUSH).gate_signs(
            on_gitlab(gitlab_server, tmp_path).run.trigger().pull_request
        )

        assert ("cdml gate: failed",) == signs.checks


class TestTheStandIn:
    @pytest.mark.parametrize("keyset", [False, True])
    def test_pages_as_gitlab_does(self, gitlab_server, project, keyset):
        gitlab_server.keyset = keyset
        for number in range(45):
            gitlab_server.add_note(7, 1, f"remark {number}")
        notes = project.mergerequests.get(7, lazy=True).notes

        bodies = [note.body for note in notes.list(iterator=True, per_page=10, sort="asc")]

        assert [f"remark {number}" for number in range(45)] == bodies

    @pytest.mark.parametrize("status", [400, 403, 404, 409, 500, 503])
    def test_refuses_as_gitlab_does(self, gitlab_server, project, status):
        gitlab_server.fail(method="POST", status=status, body='{"message": "no"}')

        with pytest.raises(gitlab.GitlabCreateError, match="no") as caught:
            project.mergerequests.get(7, lazy=True).notes.create({"body": "x"})

        assert status == caught.value.response_code

    def test_knows_no_other_token_and_no_jobs_own(self, gitlab_server):
        for client in (
            gitlab.Gitlab(gitlab_server.site, private_token="other"),
            gitlab.Gitlab(gitlab_server.site, job_token=gitlab_server.job_token),
        ):
            notes = client.projects.get(42, lazy=True).mergerequests.get(7, lazy=True).notes
            with pytest.raises(gitlab.GitlabAuthenticationError):
                notes.create({"body": "x"})

    def test_refuses_a_role_that_may_not_write(self, gitlab_server, project):
        gitlab_server.role = "reporter"

        with pytest.raises(gitlab.GitlabCreateError) as caught:
            project.mergerequests.get(7, lazy=True).notes.create({"body": "x"})

        assert 403 == caught.value.response_code

    def test_limits_the_rate_as_gitlab_does(self, gitlab_server, project):
        gitlab_server.fail(method="POST", status=429, headers={"Retry-After": "0"}, times=2)

        project.mergerequests.get(7, lazy=True).notes.create({"body": "x"})

        assert 3 == len([one for one in gitlab_server.seen if one[0] == "POST"])

    def test_shows_a_page_instead_of_json_where_a_proxy_stands(self, gitlab_server, project):
        gitlab_server.fail(path="/notes", status=200, body="<html>Sign in</html>")

        with pytest.raises(gitlab.GitlabParsingError):
            project.mergerequests.get(7, lazy=True).notes.list(get_all=True)
