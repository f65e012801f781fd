"""GitLab as the code host: notes, commits, files, deployments; and when it is in trouble."""

import pytest

from cdml.ci.code_host import Commit, PullRequest
from cdml.common.verdict import Verdict
from cdml.errors import ServiceError
from fakes.gitlab_runner import HEAD, MERGED, OF_PUSH, OF_REQUEST, on_gitlab
from fakes.gitlab_server import OURS, GitLabServer
from support.certificates import certificate
from support.payloads import PAYLOADS

OLD, NEW, SIDE = "1" * 40, "2" * 40, "3" * 40


def reports(server, on=7):
    return [note.body.split("\n")[0] for note in server.notes(on) if note.author == OURS]


class TestNotes:
    @pytest.mark.parametrize("keyset", [False, True])
    def test_one_is_found_below_hundreds_of_others(self, gitlab_server, tmp_path, keyset):
        gitlab_server.keyset = keyset
        host = on_gitlab(gitlab_server, tmp_path)
        address = host.comment(7, "flights", "one")
        for number in range(450):
            gitlab_server.add_note(7, 1, f"remark {number}", system=number % 2 == 0)

        assert address == host.comment(7, "flights", "two")
        assert ["two"] == reports(gitlab_server)

    def test_anothers_copy_of_it_is_left_alone(self, gitlab_server, tmp_path):
        host = on_gitlab(gitlab_server, tmp_path)
        host.comment(7, "flights", "one")
        gitlab_server.add_note(7, 1, gitlab_server.notes(7)[0].body)

        host.comment(7, "flights", "two")

        assert [OURS, 1] == [note.author for note in gitlab_server.notes(7)]
        assert ["two"] == reports(gitlab_server)

    def test_an_unchanged_one_is_not_edited(self, gitlab_server, tmp_path):
        host = on_gitlab(gitlab_server, tmp_path)
        for _ in range(2):
            host.comment(7, "flights", "/close\nthe same")

        assert not [call for call in gitlab_server.seen if call[0] == "PUT"]

    def test_one_of_a_newer_pipeline_stays(self, gitlab_server, tmp_path):
        on_gitlab(gitlab_server, tmp_path, CI_PIPELINE_ID="200").comment(7, "flights", "new")

        on_gitlab(gitlab_server, tmp_path).comment(7, "flights", "old")

        assert ["new"] == reports(gitlab_server)

    @pytest.mark.parametrize("line", ["/close", "  /merge", "\t/assign @me", "/label ~x"])
    def test_no_line_is_a_quick_action(self, gitlab_server, tmp_path, line):
        host = on_gitlab(gitlab_server, tmp_path)

        host.comment(7, "flights", f"verdict\n{line}\nmore")  # the server refuses one

        body = gitlab_server.notes(7)[0].body.replace("\u200b", "")
        assert f"&#47;{line.strip()[1:]}" in body

    @pytest.mark.parametrize("behaviour", ["recreate", "hide-and-recreate"])
    def test_a_new_pipeline_posts_anew_where_wanted(self, gitlab_server, tmp_path, behaviour):
        on_gitlab(gitlab_server, tmp_path).comment(7, "flights", "one", behaviour=behaviour)
        later = on_gitlab(gitlab_server, tmp_path, CI_PIPELINE_ID="200")

        later.comment(7, "flights", "two", behaviour=behaviour)
        later.comment(7, "flights", "three", behaviour=behaviour)

        kept = ["one"] if behaviour == "hide-and-recreate" else []
        assert [*kept, "three"] == reports(gitlab_server)

    def test_a_lost_answer_posts_no_second_one(self, gitlab_server, tmp_path):
        gitlab_server.fail(method="POST", path="/notes", after=True)

        on_gitlab(gitlab_server, tmp_path).comment(7, "flights", "one")

        assert ["one"] == reports(gitlab_server)

    def test_one_on_a_commit_is_updated_too(self, gitlab_server, tmp_path):
        host = on_gitlab(gitlab_server, tmp_path, OF_PUSH)

        first = host.comment(Commit(sha=HEAD), "flights", "one")

        assert first == host.comment(Commit(sha=HEAD), "flights", "two")
        assert f"/-/commit/{HEAD}#note_" in first
        assert ["two"] == reports(gitlab_server, HEAD)

    def test_a_fork_reports_on_the_merge_request_of_the_parent(self, gitlab_server, tmp_path):
        host = on_gitlab(gitlab_server, tmp_path, CI_PROJECT_ID="43")

        assert host.comment(7, "flights", "one")


class TestThread:
    def test_of_a_push_is_the_merge_request_that_it_merged(self, gitlab_server, tmp_path):
        gitlab_server.add_request(8, "9" * 40, state="merged")
        gitlab_server.merged[HEAD] = [8]
        gitlab_server.requests.pop(7)

        assert 8 == on_gitlab(gitlab_server, tmp_path, OF_PUSH).thread()

    def test_of_a_push_without_one_is_the_commit(self, gitlab_server, tmp_path):
        gitlab_server.requests.clear()

        assert Commit(sha=HEAD) == on_gitlab(gitlab_server, tmp_path, OF_PUSH).thread()

    def test_of_an_open_merge_requests_head_is_that(self, gitlab_server, tmp_path):
        assert 7 == on_gitlab(gitlab_server, tmp_path, OF_PUSH).thread()

    def test_of_two_open_ones_is_nobodys_guess(self, gitlab_server, tmp_path):
        gitlab_server.add_request(9, HEAD)

        with pytest.raises(ServiceError, match="!7, !9"):
            on_gitlab(gitlab_server, tmp_path, OF_PUSH).thread()

    def test_a_schedule_has_none(self, gitlab_server, tmp_path):
        nightly = {**OF_PUSH, "CI_PIPELINE_SOURCE": "schedule"}

        assert on_gitlab(gitlab_server, tmp_path, nightly).thread() is None


class TestPush:
    def test_brings_its_commits_and_their_merge_requests(self, gitlab_server, tmp_path):
        gitlab_server.commits = {OLD: (), SIDE: (OLD,), NEW: (OLD, SIDE)}
        gitlab_server.requests[7] |= {"state": "merged"}
        gitlab_server.merged[NEW] = [7]
        host = on_gitlab(
            gitlab_server, tmp_path, OF_PUSH, CI_COMMIT_BEFORE_SHA=OLD, CI_COMMIT_SHA=NEW
        )

        found = {one.sha: one.merged for one in host.pushed()}

        assert {NEW: (PullRequest(number=7, head=HEAD),), SIDE: ()} == found
        assert NEW == host.pushed()[-1].sha

    def test_to_a_new_branch_brings_its_newest(self, gitlab_server, tmp_path):
        host = on_gitlab(gitlab_server, tmp_path, OF_PUSH, CI_COMMIT_BEFORE_SHA="0" * 40)

        assert [HEAD] == [one.sha for one in host.pushed()]

    def test_over_a_commit_that_is_gone_brings_its_newest(self, gitlab_server, tmp_path):
        host = on_gitlab(gitlab_server, tmp_path, OF_PUSH, CI_COMMIT_BEFORE_SHA=OLD)

        assert [HEAD] == [one.sha for one in host.pushed()]


class TestFiles:
    def test_of_the_target_branch_are_read(self, gitlab_server, tmp_path):
        gitlab_server.files["main", "models/a/cdml.yaml"] = b"version: 1\n"
        path = tmp_path / "models" / "a" / "cdml.yaml"
        path.parent.mkdir(parents=True)
        host = on_gitlab(gitlab_server, tmp_path)

        assert b"version: 1\n" == host.base_file(path)
        path.write_bytes(b"version: 1\n")
        assert host.unchanged(path) is True
        path.write_bytes(b"version: 2\n")
        assert host.unchanged(path) is False

    def test_that_are_new_are_changed_and_those_of_a_step_are_neither(
        self, gitlab_server, tmp_path
    ):
        gitlab_server.files[HEAD, "new.yaml"] = b"x"
        for name in ("new.yaml", "made.json"):
            (tmp_path / name).write_bytes(b"x")
        host = on_gitlab(gitlab_server, tmp_path)

        assert host.base_file(tmp_path / "new.yaml") is None
        assert host.unchanged(tmp_path / "new.yaml") is False
        assert host.unchanged(tmp_path / "made.json") is None
        assert host.unchanged(tmp_path.parent / "elsewhere") is None


class TestSignsOfAGate:
    def test_are_our_notes_and_the_jobs(self, gitlab_server, tmp_path):
        host = on_gitlab(gitlab_server, tmp_path)
        host.comment(7, "flights/eu", "one")
        gitlab_server.add_note(7, 1, "x\n\n<!-- cdml:report id=forged run=1.1 -->")
        gitlab_server.statuses[HEAD] = [
            {"name": "cdml gate", "status": "failed"},
            {"name": "gate", "status": "manual"},
            {"name": "tests", "status": "success"},
        ]

        found = host.gate_signs(PullRequest(number=7, head=HEAD))

        assert (("flights/eu",), ("cdml gate: failed",)) == (found.reports, found.checks)


class TestProtection:
    @pytest.mark.parametrize(
        ("rules", "protected"),
        [
            ([{"name": "cdml/*", "allow_force_push": False}], True),
            ([{"name": "cdml/*", "allow_force_push": True}], False),
            ([{"name": "main", "allow_force_push": False}], False),
            ([], False),
        ],
    )
    def test_is_by_the_protected_branches(self, gitlab_server, tmp_path, rules, protected):
        gitlab_server.protected = rules

        assert protected is on_gitlab(gitlab_server, tmp_path).is_protected("cdml/production")

    def test_of_which_the_token_sees_nothing_is_not_known(self, gitlab_server, tmp_path):
        gitlab_server.role = "reporter"

        assert on_gitlab(gitlab_server, tmp_path).is_protected("cdml/production") is None


class TestDeployments:
    def test_a_job_with_an_environment_has_gitlabs_own(self, gitlab_server, tmp_path):
        host = on_gitlab(gitlab_server, tmp_path, OF_PUSH, CI_ENVIRONMENT_NAME="production")

        assert filed(host) is None
        assert [] == gitlab_server.deployments

    def test_a_job_that_only_accesses_its_environment_has_none(self, gitlab_server, tmp_path):
        job = {"CI_ENVIRONMENT_NAME": "production", "CI_ENVIRONMENT_ACTION": "access"}

        assert filed(on_gitlab(gitlab_server, tmp_path, OF_PUSH, **job))
        assert ["production"] == [one["environment"] for one in gitlab_server.deployments]

    def test_a_later_run_takes_up_the_one_that_runs(self, gitlab_server, tmp_path):
        first = filed(on_gitlab(gitlab_server, tmp_path, OF_PUSH))
        later = on_gitlab(gitlab_server, tmp_path, OF_PUSH, CI_PIPELINE_ID="200")

        assert first == filed(later)

    def test_a_success_has_its_address(self, gitlab_server, tmp_path):
        host = on_gitlab(gitlab_server, tmp_path, OF_PUSH)

        host.deployment_status(filed(host), "success", "x", "production", url="https://up.test")

        assert ["success"] == [one["status"] for one in gitlab_server.deployments]
        assert "https://up.test" == gitlab_server.environments[0]["external_url"]

    @pytest.mark.parametrize("name", PAYLOADS, ids=range(len(PAYLOADS)))
    def test_an_environments_name_is_only_a_name(self, gitlab_server, tmp_path, name):
        host = on_gitlab(gitlab_server, tmp_path, OF_PUSH)
        number = host.open_deployment("op-1", HEAD, name, "cdml:deploy", "x", {})

        host.deployment_status(number, "success", "x", name, url="https://up.test")

        [deployment], [environment] = gitlab_server.deployments, gitlab_server.environments
        assert (name, "success") == (deployment["environment"], deployment["status"])
        assert (name, "https://up.test") == (environment["name"], environment["external_url"])

    def test_a_lost_answer_files_no_second_one(self, gitlab_server, tmp_path):
        gitlab_server.fail(method="POST", path="/deployments", after=True)

        assert filed(on_gitlab(gitlab_server, tmp_path, OF_PUSH))
        assert 1 == len(gitlab_server.deployments)


def filed(host):
    return host.open_deployment("op-1", HEAD, "production", "cdml:deploy", "flights 3", {})


class TestCommitStatus:
    def test_names_the_pipeline_and_its_commit(self, gitlab_server, tmp_path):
        gitlab_server.pipelines[100] = "running"
        result = "9" * 40  # a pipeline of the merged result

        host = on_gitlab(
            gitlab_server, tmp_path, CI_COMMIT_SHA=result, CI_MERGE_REQUEST_SOURCE_BRANCH_SHA=HEAD
        )
        host.set_commit_status("flights", verdict=Verdict.PASS, description="x", url=None)

        (status,) = gitlab_server.statuses[result]
        assert ("100", host.run.url()) == (status["pipeline_id"], status["target_url"])

    @pytest.mark.parametrize(
        "pipeline",
        [
            {**OF_PUSH, "CI_PIPELINE_SOURCE": "schedule"},
            {**OF_REQUEST, "CI_MERGE_REQUEST_EVENT_TYPE": "merge_train"},
        ],
    )
    def test_is_none_where_nobody_proposes_the_commit(self, gitlab_server, tmp_path, pipeline):
        host = on_gitlab(gitlab_server, tmp_path, pipeline)

        host.set_commit_status("flights", verdict=Verdict.FAIL, description="x", url=None)

        assert {} == gitlab_server.statuses


class TestOwnCertificates:
    @pytest.fixture
    def instance(self, tmp_path):
        with GitLabServer(certificate=certificate(tmp_path)) as started:
            started.add_request(7, HEAD)
            yield started

    @pytest.mark.parametrize("name", ["CI_SERVER_TLS_CA_FILE", "SSL_CERT_FILE"])
    def test_are_trusted_where_they_are_named(self, instance, tmp_path, name):
        host = on_gitlab(instance, tmp_path, **{name: str(instance.certificate)})

        assert host.comment(7, "flights", "one").startswith(f"{instance.site}/octo-org/flights/-/")

    def test_are_refused_elsewhere(self, instance, tmp_path):
        with pytest.raises(ServiceError, match="certificate") as caught:
            on_gitlab(instance, tmp_path).comment(7, "flights", "one")

        assert "CI_SERVER_TLS_CA_FILE" in caught.value.hint


class TestTrouble:
    @pytest.mark.parametrize("status", [429, 500, 502, 503])
    def test_that_passes_is_waited_for(self, gitlab_server, tmp_path, status):
        gitlab_server.fail(method="GET", path="/notes", status=status, times=2)

        assert on_gitlab(gitlab_server, tmp_path).comment(7, "flights", "one")

    def test_a_rate_limit_with_a_time_is_waited_for(self, gitlab_server, tmp_path):
        gitlab_server.fail(method="POST", status=429, headers={"Retry-After": "0"})

        on_gitlab(gitlab_server, tmp_path).comment(7, "flights", "one")

        assert ["one"] == reports(gitlab_server)

    def test_a_rate_limit_beyond_a_job_is_an_error(self, gitlab_server, tmp_path):
        gitlab_server.fail(status=429, headers={"Retry-After": "7200"}, times=9)

        with pytest.raises(ServiceError, match="rate limit"):
            on_gitlab(gitlab_server, tmp_path).comment(7, "flights", "one")

    @pytest.mark.parametrize(
        ("failure", "words"),
        [
            ({"status": 401}, "does not let this token"),
            ({"status": 403}, "does not let this token"),
            ({"status": 404}, "404"),
            ({"status": 409}, "409"),
            ({"status": 500, "times": 99}, "500"),
            ({"status": 200, "body": "<html>Sign in</html>"}, "like GitLab's API"),
            ({"status": 200, "body": '{"a": 1}'}, "like GitLab's API"),
            ({"status": 200, "body": '[{"id": 1}]'}, "like GitLab's API"),
            ({"status": 200, "body": "[[]]"}, "like GitLab's API"),
            ({"drop": True, "times": 99}, "did not answer"),
        ],
    )
    def test_is_one_sentence(self, gitlab_server, tmp_path, failure, words):
        gitlab_server.fail(path="/notes", **failure)

        with pytest.raises(ServiceError, match=words):
            on_gitlab(gitlab_server, tmp_path).comment(7, "flights", "one")

    def test_the_token_does_not_follow_a_redirection(self, gitlab_server, tmp_path):
        headers = {"Location": "http://localhost:1/elsewhere"}
        gitlab_server.fail(path="/user", status=302, headers=headers)

        with pytest.raises(ServiceError, match="like GitLab's API"):
            on_gitlab(gitlab_server, tmp_path).comment(7, "flights", "one")

    def test_a_token_that_may_not_write_is_explained(self, gitlab_server, tmp_path):
        gitlab_server.role = "reporter"

        with pytest.raises(ServiceError, match="comment here") as caught:
            on_gitlab(gitlab_server, tmp_path).comment(7, "flights", "one")

        assert "scope `api`" in caught.value.hint

    def test_a_jobs_own_token_is_not_enough(self, gitlab_server, tmp_path):
        host = on_gitlab(gitlab_server, tmp_path, CDML_GITLAB_TOKEN="", CI_JOB_TOKEN="x")

        with pytest.raises(ServiceError, match="own token cannot write notes"):
            host.comment(7, "flights", "one")
        assert [] == gitlab_server.seen

    def test_no_token_is_used_where_a_model_ran_without_isolation(self, gitlab_server, tmp_path):
        host = on_gitlab(gitlab_server, tmp_path, OF_REQUEST, CDML_UNWALLED="true")

        with pytest.raises(ServiceError, match="isolation: none"):
            host.comment(7, "flights", "one")
        assert [] == gitlab_server.seen


def test_merged_requests_into_other_branches_are_none_of_ours(gitlab_server, tmp_path):
    gitlab_server.requests[7] |= {"state": "merged", "target_branch": "release"}
    gitlab_server.merged[MERGED] = [7]

    assert () == on_gitlab(gitlab_server, tmp_path, OF_PUSH).merged_pull_requests(MERGED)
