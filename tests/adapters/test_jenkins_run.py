"""A build of Jenkins, by the variables of a multibranch project, and the code host beside it."""

import subprocess

import pytest

from cdml.adapters.ci import detect_system
from cdml.adapters.ci.github.host import GitHubHost
from cdml.adapters.ci.gitlab.host import GitLabHost
from cdml.ci.code_host import PullRequest
from cdml.ci.run import Push
from cdml.errors import InputError, LockHeld, ServiceError
from cdml.wiring import RunHost
from fakes.delivery import World
from fakes.faults import Faults, Killed
from fakes.gitlab_server import GitLabServer
from fakes.jenkins_server import HEAD, JOB, OF_CHANGE, on_jenkins
from fakes.progress import FakeProgress

OF_BRANCH = {"BRANCH_NAME": "main", "GIT_URL": "git@github.com:octo-org/flights.git"}


def test_jenkins_is_detected():
    assert "jenkins" == detect_system({"JENKINS_URL": "https://ci.test/", "CI": "true"})


class TestChangeRequest:
    def test_is_found_by_its_address(self, jenkins_server, tmp_path):
        made = on_jenkins(jenkins_server, tmp_path)

        assert PullRequest(number=7, head=HEAD) == made.trigger().pull_request
        assert ("main", "github") == (made.trigger().base, made.code_host)

    def test_of_gitlab_has_another_address(self, jenkins_server, tmp_path):
        url = "https://gitlab.test/git/octo/sub/flights/-/merge_requests/8"
        made = on_jenkins(jenkins_server, tmp_path, CHANGE_ID="8", CHANGE_URL=url)

        assert (8, "gitlab") == (made.trigger().pull_request.number, made.code_host)

    def test_is_judged_by_its_own_head_and_not_by_jenkins_merge(self, jenkins_server, tmp_path):
        head = commit(tmp_path, "head")
        git(tmp_path, "update-ref", "refs/remotes/origin/PR-7", head)
        merge = commit(tmp_path, "merge")

        assert head == on_jenkins(jenkins_server, tmp_path, GIT_COMMIT=merge).commit()

    @pytest.mark.parametrize(
        "url", ["", "https://bitbucket.test/projects/X/repos/y/pull-requests/7", "javascript:7"]
    )
    def test_at_another_host_is_named(self, jenkins_server, tmp_path, url):
        made = on_jenkins(jenkins_server, tmp_path, CHANGE_URL=url)

        assert made.code_host is None
        with pytest.raises(InputError, match="change request has no number"):
            made.trigger()


class TestBranch:
    @pytest.mark.parametrize(
        ("address", "host", "name"),
        [
            ("git@github.com:octo-org/flights.git", "github", "octo-org/flights"),
            ("https://github.com/octo-org/flights", "github", "octo-org/flights"),
            ("https://x:y@gitlab.example.org/a/b/c.git", "gitlab", "a/b/c"),
            ("ssh://git@gitlab.com:2222/a/b.git", "gitlab", "a/b"),
        ],
    )
    def test_has_the_host_of_its_clone(self, jenkins_server, tmp_path, address, host, name):
        made = on_jenkins(jenkins_server, tmp_path, {**OF_BRANCH, "GIT_URL": address})
        settings = made.host_environment()

        assert host == made.code_host
        assert name in (settings.get("GITHUB_REPOSITORY"), settings.get("CI_PROJECT_ID"))
        assert "x:y" not in str(settings)

    @pytest.mark.parametrize(
        ("address", "variable", "site"),
        [
            ("git@git.example.org:a/b.git", "CDML_GITHUB_URL", "https://git.example.org/"),
            ("https://git.example.org/lab/a/b", "CDML_GITLAB_URL", "https://git.example.org/lab"),
        ],
    )
    def test_has_the_host_that_a_variable_names(
        self, jenkins_server, tmp_path, address, variable, site
    ):
        given = {**OF_BRANCH, "GIT_URL": address, variable: site}
        made = on_jenkins(jenkins_server, tmp_path, given)
        settings = made.host_environment()

        assert made.code_host in variable.lower()
        assert "a/b" in (settings.get("GITHUB_REPOSITORY"), settings.get("CI_PROJECT_ID"))
        assert site.rstrip("/") in (
            settings.get("GITHUB_SERVER_URL"), settings.get("CI_SERVER_URL")
        )  # fmt: skip

    def test_is_read_from_the_checkout_where_the_pipeline_hands_nothing_on(
        self, jenkins_server, tmp_path
    ):
        head = commit(tmp_path, "work")
        git(tmp_path, "remote", "add", "origin", OF_BRANCH["GIT_URL"])
        given = {"BRANCH_NAME": "main", "GIT_COMMIT": ""}
        made = on_jenkins(jenkins_server, tmp_path, given)

        assert "github" == made.code_host
        assert head == made.trigger().push.after

    @pytest.mark.parametrize("address", ["https://notgithub.com/a/b", "/srv/git/a.git", ""])
    def test_of_another_clone_has_none(self, jenkins_server, tmp_path, address):
        made = on_jenkins(jenkins_server, tmp_path, {**OF_BRANCH, "GIT_URL": address})

        assert (None, {}) == (made.code_host, made.host_environment())

    def test_brings_what_was_pushed_since_the_last_build_that_succeeded(
        self, jenkins_server, tmp_path
    ):
        made = on_jenkins(
            jenkins_server, tmp_path, OF_BRANCH, GIT_PREVIOUS_SUCCESSFUL_COMMIT="b" * 40
        )

        assert Push(before="b" * 40, after=HEAD) == made.trigger().push
        assert "main" == made.trigger().branch


class TestTrust:
    def test_a_fork_is_a_stranger(self, jenkins_server, tmp_path):
        assert "" == on_jenkins(jenkins_server, tmp_path).trust().strangers
        assert "forks" in on_jenkins(jenkins_server, tmp_path, CHANGE_FORK="x").trust().strangers
        assert "forks" in on_jenkins(jenkins_server, tmp_path, CHANGE_FORK="").trust().strangers
        assert "forks" in on_jenkins(jenkins_server, tmp_path, CHANGE_URL="").trust().strangers


class TestWhetherABuildIsOver:
    @pytest.mark.parametrize(
        "path", ["200/", f"{JOB}/200", f"{JOB}/../../200/", f"{JOB}/200/?x=/", "job/x/200/#/1/"]
    )
    def test_only_builds_are_looked_at(self, jenkins_server, tmp_path, path):
        jenkins_server.builds[200] = False

        assert not on_jenkins(jenkins_server, tmp_path).is_over(f"{jenkins_server.url}{path}")
        assert [] == jenkins_server.seen

    def test_without_a_token_nobody_can_say(self, jenkins_server, tmp_path):
        made = on_jenkins(jenkins_server, tmp_path, CDML_JENKINS_TOKEN="")

        with pytest.raises(ServiceError, match="no Jenkins API token"):
            made.is_over(f"{jenkins_server.url}{JOB}/200/")

    @pytest.mark.parametrize(
        ("status", "body"), [(403, ""), (500, "{}"), (200, "<html>"), (200, "[]"), (302, "")]
    )
    def test_a_strange_answer_is_no_yes(self, jenkins_server, tmp_path, status, body):
        jenkins_server.builds[200] = False
        jenkins_server.status, jenkins_server.body = status, body or "{}"

        with pytest.raises(ServiceError, match="Jenkins"):
            on_jenkins(jenkins_server, tmp_path).is_over(f"{jenkins_server.url}{JOB}/200/")


class TestLock:
    @pytest.fixture
    def world(self, jenkins_server, tmp_path):
        """The build 99 was killed while it deployed, and this one is to deploy."""
        world = World(tmp_path)
        world.ship("A", "B")
        world.register("C", against="2")
        world.ci_run.address = f"{jenkins_server.url}{JOB}/99/"
        with pytest.raises(Killed):
            world.deploy("3", faults=Faults(1))
        made = on_jenkins(jenkins_server, tmp_path)
        world.ci_run.address, world.ci_run.is_over = made.url(), made.is_over
        return world

    def test_of_a_build_that_is_over_is_taken_over_at_once(self, jenkins_server, world):
        jenkins_server.builds[99] = False
        before = world.clock.now()

        world.deploy("3")

        assert "3" == world.serving
        assert before == world.clock.now()

    @pytest.mark.parametrize(("over", "status"), [(False, 200), (True, 403)])
    def test_is_left_to_its_lease_unless_jenkins_says_so(self, jenkins_server, world, over, status):
        jenkins_server.builds[99] = not over
        jenkins_server.status = status
        jenkins_server.body = "{}" if status != 200 else ""

        with pytest.raises(LockHeld):
            world.deploy("3")


class TestCodeHost:
    def test_of_a_change_on_gitlab_writes_its_note(self, jenkins_server, tmp_path):
        with GitLabServer(path="octo/sub/flights") as gitlab:
            gitlab.add_request(8, HEAD)
            environment = {
                "JENKINS_URL": jenkins_server.url,
                "CHANGE_ID": "8",
                "CHANGE_URL": f"{gitlab.site}/octo/sub/flights/-/merge_requests/8",
                "CDML_GITLAB_URL": f"{gitlab.site}/",
                "CDML_GITLAB_TOKEN": gitlab.token,
                "GIT_COMMIT": HEAD,
            }
            made = RunHost(folder=tmp_path, progress=FakeProgress(), environment=environment)

            assert made.code_host.comment(made.code_host.thread(), "flights", "one")
            assert 1 == len(gitlab.notes(8))

    def test_is_the_one_of_the_change(self, jenkins_server, tmp_path):
        kinds = {
            "https://github.com/octo-org/flights/pull/7": GitHubHost,
            "https://gitlab.test/octo/flights/-/merge_requests/7": GitLabHost,
        }
        for url, kind in kinds.items():
            environment = {"JENKINS_URL": jenkins_server.url, **OF_CHANGE, "CHANGE_URL": url}
            made = RunHost(folder=tmp_path, progress=FakeProgress(), environment=environment)

            assert isinstance(made.code_host, kind)


def git(folder, *words):
    identity = ["-c", "user.name=dev", "-c", "user.email=dev@flights.test"]
    done = subprocess.run(
        ["git", *identity, *words], cwd=folder, check=True, capture_output=True, text=True
    )
    return done.stdout.strip()


def commit(folder, message):
    if not (folder / ".git").exists():
        git(folder, "init", "--quiet")
    git(folder, "commit", "--quiet", "--allow-empty", "--message", message)
    return git(folder, "rev-parse", "HEAD")
