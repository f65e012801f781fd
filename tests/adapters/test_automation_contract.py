"""What every code host with issues and workflows does, and its fake."""

from datetime import UTC, datetime

import pytest

from cdml.ci.automation import AutomationHost, EventHost
from cdml.errors import ServiceError
from cdml.wiring import RunHost
from fakes.code_host import FakeCodeHost
from fakes.github_runner import on_github
from fakes.github_server import GitHubServer
from fakes.gitlab_issues import add_issue, add_pipeline
from fakes.gitlab_runner import on_gitlab
from fakes.gitlab_server import GitLabServer
from fakes.progress import FakeProgress
from support.payloads import PAYLOADS

SINCE = datetime(2026, 5, 1, tzinfo=UTC)
SCHEDULE = {"CI_PIPELINE_SOURCE": "schedule", "CI_COMMIT_BRANCH": "main"}


@pytest.fixture
def github(server):
    """A GitHub with a workflow, and the right to start it."""
    server.state.workflows.append("train.yml")
    server.permissions["actions"] = "write"
    server.state.default_branch = "trunk"
    return server


@pytest.fixture(params=["github", "gitlab"])
def service(request):
    """The server of a code host, and a way to its adapter."""
    if request.param == "github":
        return request.getfixturevalue("github"), on_github
    started = request.getfixturevalue("gitlab_server")
    return started, lambda *where: on_gitlab(*where, SCHEDULE)


@pytest.fixture(params=["fake", "github", "gitlab"])
def host(request, tmp_path):
    if request.param == "fake":
        return FakeCodeHost()
    if request.param == "github":
        return on_github(request.getfixturevalue("github"), tmp_path)
    return on_gitlab(request.getfixturevalue("gitlab_server"), tmp_path, SCHEDULE)


def start(host, reason="worse"):
    """Start the workflow."""
    return host.start_workflow("train.yml", None, {"reason": reason}, since=SINCE)


def send(host, reason="worse"):
    """Send an event."""
    return host.send_event("degraded", {"reason": reason}, since=SINCE)


class TestEveryHost:
    def test_has_one_issue_of_an_id_however_often_it_is_reported(self, host):
        assert isinstance(host, AutomationHost)
        assert host.report_issue("a", "one", "x") == host.report_issue("a", "two", "y")
        assert host.report_issue("a", "one", "x") != host.report_issue("b", "one", "x")

    def test_closes_an_issue_once(self, host):
        address = host.report_issue("a", "one", "x")

        assert address == host.close_issue("a", "over")
        assert host.close_issue("a", "over") is None
        assert host.close_issue("b", "over") is None

    def test_starts_a_workflow_whose_answer_was_lost_only_once(self, host):
        assert start(host) == start(host)

    def test_takes_no_run_for_another_models(self, host):
        assert start(host, "flights v1: worse") != start(host, "parcels v1: worse")


class TestTrouble:
    @pytest.mark.parametrize("status", [401, 403, 404, 500, 503])
    @pytest.mark.parametrize("path", ["/issues", "/(pipeline|dispatches)$"])
    def test_is_an_error_that_names_what_failed(self, service, tmp_path, status, path):
        server, connect = service
        server.fail(method="POST", path=path, status=status, times=99)
        host = connect(server, tmp_path)

        with pytest.raises(ServiceError) as error:
            host.report_issue("a", "one", "x") if path == "/issues" else start(host)
        assert error.value.message.endswith(".")
        assert any(word in error.value.message for word in ("issue", "workflow", "pipeline"))

    @pytest.mark.parametrize("failure", [{"status": 502, "after": True}, {"status": 429}])
    def test_that_passes_doubles_nothing(self, service, tmp_path, failure):
        server, connect = service
        headers = {"Retry-After": "0"} if failure["status"] == 429 else {}
        for path in ("/issues", "/(pipeline|dispatches)$"):
            server.fail(method="POST", path=path, headers=headers, **failure)
        host = connect(server, tmp_path)

        host.report_issue("a", "one", "x")
        start(host)

        state = getattr(server, "state", server)
        assert (1, 1) == (len(state.issues), len(state.started))


class TestGitHub:
    def test_a_workflow_is_that_of_the_default_branch(self, github, tmp_path):
        host = on_github(github, tmp_path)
        start(host)
        host.start_workflow("train.yml", "next", {"reason": "other"}, since=SINCE)

        assert ["trunk", "next"] == [ref for _, ref, _ in github.state.started]

    @pytest.mark.parametrize("titled", [False, True])
    def test_the_address_is_that_of_the_run_which_the_answer_names(self, github, tmp_path, titled):
        github.state.titled = titled
        host = on_github(github, tmp_path)

        runs = [start(host, reason) for reason in ("flights", "parcels")]

        assert [run.rpartition("/")[2] for run in runs] == ["0", "1"]

    def test_a_run_without_the_title_is_never_taken_for_ours(self, github, tmp_path):
        github.state.titled = False
        host = on_github(github, tmp_path)

        assert start(host) != start(host)

    @pytest.mark.parametrize(("titled", "end"), [(True, "runs/0"), (False, "workflows/train.yml")])
    def test_a_server_that_names_no_run_is_asked_for_its_title(self, github, tmp_path, titled, end):
        github.state.names_runs, github.state.titled = False, titled

        assert start(on_github(github, tmp_path)).endswith(f"/octo-org/flights/actions/{end}")
        assert 1 == len(github.state.started)

    def test_an_event_whose_answer_was_lost_is_not_sent_twice(self, github, tmp_path):
        github.fail(method="POST", path="/dispatches$", status=502, after=True)
        host = on_github(github, tmp_path)

        assert send(host) == send(host)
        assert send(host) != send(host, "other")
        assert [
            ("degraded", None, {"reason": "worse"}),
            ("degraded", None, {"reason": "other"}),
        ] == (github.state.started)

    def test_the_run_of_an_event_is_not_taken_for_ours_without_its_title(self, github, tmp_path):
        github.state.titled = False

        assert send(on_github(github, tmp_path)).endswith(
            "/actions?query=event%3Arepository_dispatch"
        )

    def test_an_event_that_is_refused_names_the_permission(self, github, tmp_path):
        github.permissions["contents"] = "read"

        with pytest.raises(ServiceError) as error:
            send(on_github(github, tmp_path))
        assert "contents: write" in error.value.hint

    def test_an_issue_that_copies_the_marker_is_not_ours(self, server, tmp_path):
        host = on_github(server, tmp_path)
        host.report_issue("a", "ours", "x")
        [ours] = server.state.issues.values()
        ours["author"] = "mallory"

        host.report_issue("a", "ours", "x")

        assert 2 == len(server.state.issues)

    def test_a_missing_permission_is_named(self, server, tmp_path):
        server.permissions["issues"] = "read"

        with pytest.raises(ServiceError) as error:
            on_github(server, tmp_path).report_issue("a", "one", "x")
        assert "issues: write" in error.value.hint


class TestGitLab:
    def test_has_no_events(self, gitlab_server, tmp_path):
        assert not isinstance(on_gitlab(gitlab_server, tmp_path, SCHEDULE), EventHost)

    @pytest.mark.parametrize("keyset", [False, True])
    def test_our_issue_is_found_below_hundreds_of_others(self, gitlab_server, tmp_path, keyset):
        gitlab_server.keyset = keyset
        host = on_gitlab(gitlab_server, tmp_path, SCHEDULE)
        address = host.report_issue("a", "one", "x")
        host.report_issue("other", "other", "x")
        for number in range(250):
            add_issue(gitlab_server, 900, "other", f"text {number}")

        assert address == host.report_issue("a", "two", "y")

        ours = gitlab_server.issues[0]
        assert ("two", True) == (ours["title"], ours["description"].startswith("y\n"))
        host.close_issue("a", "over")
        assert ("closed", True) == (ours["state"], ours["description"].startswith("over\n"))

    def test_an_issue_that_copies_the_marker_is_not_ours(self, gitlab_server, tmp_path):
        host = on_gitlab(gitlab_server, tmp_path, SCHEDULE)
        host.report_issue("a", "ours", "x")
        gitlab_server.issues[0]["author"] = {"id": 1, "username": "mallory"}

        host.report_issue("a", "ours", "x")

        assert 2 == len(gitlab_server.issues)

    def test_an_unchanged_issue_is_not_edited(self, gitlab_server, tmp_path):
        host = on_gitlab(gitlab_server, tmp_path, SCHEDULE)
        for _ in range(2):
            host.report_issue("a/b <!-- -->", "$1 @octo", "/close\n$2 @octo !3")

        assert "PUT" not in {method for method, _ in gitlab_server.seen}

    @pytest.mark.parametrize(
        "title", ["@all", "`@all`", "a !1", "#1", "~bug", "&1", "$1", "JIRA-1"]
    )
    def test_a_title_refers_to_nothing(self, gitlab_server, tmp_path, title):
        on_gitlab(gitlab_server, tmp_path, SCHEDULE).report_issue("a", title, "x")

        [issue] = gitlab_server.issues
        assert title not in issue["title"]
        assert title == issue["title"].replace("\u200b", "")

    @pytest.mark.parametrize("name", PAYLOADS, ids=range(len(PAYLOADS)))
    def test_names_run_no_quick_action_and_no_variable(self, gitlab_server, tmp_path, name):
        host = on_gitlab(gitlab_server, tmp_path, SCHEDULE)
        host.report_issue(name, f"{name} has degraded"[:200], f"{name}\n/close\n{name}")
        start(host, f"{name} $CDML_GITLAB_TOKEN")

        [pipeline] = gitlab_server.started
        assert not any("$" in one["value"] for one in pipeline["variables"])
        assert host.close_issue(name, name)

    def test_a_workflow_is_a_variable_of_a_pipeline_of_the_default_branch(
        self, gitlab_server, tmp_path
    ):
        gitlab_server.default_branch = "trunk"
        address = start(on_gitlab(gitlab_server, tmp_path, SCHEDULE))

        [pipeline] = gitlab_server.started
        given = {one["key"]: one["value"] for one in pipeline["variables"]}
        assert {"CDML_WORKFLOW": "train.yml", "CDML_WORKFLOW_REASON": "worse"} == given
        assert ("trunk", address) == (pipeline["ref"], pipeline["web_url"])

    def test_only_our_later_pipeline_of_the_workflow_is_taken_for_it(self, gitlab_server, tmp_path):
        ours, other, another = (
            [
                {"key": "CDML_WORKFLOW", "value": workflow},
                {"key": "CDML_WORKFLOW_REASON", "value": reason},
            ]
            for workflow, reason in (
                ("train.yml", "worse"), ("nightly.yml", "worse"), ("train.yml", "another model"),
            )
        )  # fmt: skip
        add_pipeline(gitlab_server, "mallory", "main", ours)
        add_pipeline(gitlab_server, "project_42_bot", "main", other)
        add_pipeline(gitlab_server, "project_42_bot", "main", another)
        add_pipeline(gitlab_server, "project_42_bot", "main", ours)["created_at"] = (
            "2026-04-30T23:59:59.000Z"
        )
        before = {one["web_url"] for one in gitlab_server.started}

        assert start(on_gitlab(gitlab_server, tmp_path, SCHEDULE)) not in before

    def test_a_project_that_allows_no_pipeline_variables_is_explained(
        self, gitlab_server, tmp_path
    ):
        gitlab_server.variables_allowed = False

        with pytest.raises(ServiceError, match="may not set pipeline variables"):
            start(on_gitlab(gitlab_server, tmp_path, SCHEDULE))


class TestJenkins:
    def test_beside_gitlab_uses_its_project(self, tmp_path, jenkins_server):
        with GitLabServer(path="octo/sub/flights", default_branch="trunk") as gitlab:
            host = beside(jenkins_server, tmp_path, gitlab, GITLAB=gitlab.token)

            assert host.report_issue("a", "one", "x") == gitlab.issues[0]["web_url"]
            assert start(host) == gitlab.started[0]["web_url"]
            assert "trunk" == gitlab.started[0]["ref"]

    def test_beside_github_uses_its_repository(self, tmp_path, jenkins_server):
        with GitHubServer(token="made-up", prefix="/api/v3") as github:
            github.state.workflows.append("train.yml")
            github.permissions["actions"] = "write"
            host = beside(jenkins_server, tmp_path, github, GITHUB="made-up")

            assert host.report_issue("a", "one", "x").startswith(f"{github.site}/octo-org/")
            assert start(host).startswith(f"{github.site}/octo-org/flights/actions/")


def beside(jenkins, folder, server, **tokens):
    """The code host of a build on a schedule, which knows it by the address of the clone."""
    [(kind, token)] = tokens.items()
    path = getattr(server, "path", "octo-org/flights")
    environment = {
        "JENKINS_URL": jenkins.url,
        "GIT_URL": f"{server.site}/{path}.git",
        f"CDML_{kind}_URL": server.site,
        f"CDML_{kind}_TOKEN": token,
    }
    return RunHost(folder=folder, progress=FakeProgress(), environment=environment).code_host
