"""A job of GitLab CI, by its predefined variables."""

import pytest

from cdml.adapters.ci import detect_system
from cdml.ci.run import Push
from cdml.errors import InputError, ServiceError
from fakes.gitlab_runner import HEAD, OF_PUSH, OF_REQUEST, on_gitlab
from support.payloads import PAYLOADS


def a_run(server, tmp_path, pipeline=None, **variables):
    return on_gitlab(server, tmp_path, pipeline, **variables).run


def test_gitlabs_machines_are_detected():
    assert "gitlab" == detect_system({"GITLAB_CI": "true", "CI": "true"})
    assert "terminal" == detect_system({"GITLAB_CI": "false"})


class TestTrigger:
    def test_of_a_merged_result_the_branchs_head_is_judged(self, gitlab_server, tmp_path):
        made = a_run(
            gitlab_server,
            tmp_path,
            CI_MERGE_REQUEST_SOURCE_BRANCH_SHA="e" * 40,
            CI_MERGE_REQUEST_TARGET_BRANCH_SHA="f" * 40,
        )

        assert ("e" * 40, "f" * 40) == (made.commit(), made.trigger().base)
        assert 7 == made.trigger().pull_request.number

    def test_the_target_branch_is_the_base_where_its_commit_is_not_given(
        self, gitlab_server, tmp_path
    ):
        assert "main" == a_run(gitlab_server, tmp_path).trigger().base

    def test_a_push_moves_a_branch(self, gitlab_server, tmp_path):
        made = a_run(gitlab_server, tmp_path, OF_PUSH, CI_COMMIT_BEFORE_SHA="d" * 40)

        assert Push(before="d" * 40, after=HEAD) == made.trigger().push
        assert "main" == made.trigger().branch

    @pytest.mark.parametrize("source", ["web", "api", "trigger", "schedule"])
    def test_other_pipelines_bring_no_commits(self, gitlab_server, tmp_path, source):
        made = a_run(gitlab_server, tmp_path, {**OF_PUSH, "CI_PIPELINE_SOURCE": source})

        assert made.trigger().push is None
        assert (source == "schedule") == made.trigger().about_no_change

    def test_a_tag_is_no_branch(self, gitlab_server, tmp_path):
        made = a_run(gitlab_server, tmp_path, {"CI_PIPELINE_SOURCE": "push", "CI_COMMIT_TAG": "v1"})

        assert (None, None) == (made.trigger().branch, made.trigger().push)

    def test_a_merge_train_is_about_its_merge_request_and_waits_for_no_note(
        self, gitlab_server, tmp_path
    ):
        made = a_run(gitlab_server, tmp_path, CI_MERGE_REQUEST_EVENT_TYPE="merge_train")

        assert 7 == made.trigger().thread
        assert made.trigger().about_no_change
        assert HEAD == made.commit()

    @pytest.mark.parametrize("number", ["seven", "٧", "-7", "0"])
    def test_a_merge_request_without_a_number_is_an_error(self, gitlab_server, tmp_path, number):
        made = a_run(gitlab_server, tmp_path, CI_MERGE_REQUEST_IID=number)

        with pytest.raises(InputError, match="no number or no commit"):
            made.trigger()


class TestTrust:
    def test_a_branch_of_the_project_is_our_own(self, gitlab_server, tmp_path):
        assert "" == a_run(gitlab_server, tmp_path).trust().strangers
        assert "" == a_run(gitlab_server, tmp_path, OF_PUSH).trust().strangers

    @pytest.mark.parametrize("source", ["43", "", "042"])
    def test_another_or_an_unknown_project_is_a_strangers(self, gitlab_server, tmp_path, source):
        made = a_run(gitlab_server, tmp_path, CI_MERGE_REQUEST_SOURCE_PROJECT_ID=source)

        assert "forks" in made.trust().strangers

    def test_without_its_number_a_merge_request_is_judged_all_the_same(
        self, gitlab_server, tmp_path
    ):
        foreign = {**OF_REQUEST, "CI_MERGE_REQUEST_SOURCE_PROJECT_ID": "43"}
        del foreign["CI_MERGE_REQUEST_IID"]

        assert "forks" in a_run(gitlab_server, tmp_path, foreign).trust().strangers

    def test_a_merge_train_may_hold_anybodys_code(self, gitlab_server, tmp_path):
        made = a_run(gitlab_server, tmp_path, CI_MERGE_REQUEST_EVENT_TYPE="merge_train")

        assert "merge trains" in made.trust().strangers

    def test_no_model_sees_the_checkout(self, gitlab_server, tmp_path):
        assert tmp_path in a_run(gitlab_server, tmp_path).trust().private

    def test_only_what_gitlab_calls_disposable_is(self, gitlab_server, tmp_path):
        assert not a_run(gitlab_server, tmp_path).trust().disposable
        made = a_run(gitlab_server, tmp_path, CI_DISPOSABLE_ENVIRONMENT="true")
        assert made.trust().disposable


class TestWhetherARunIsOver:
    @pytest.mark.parametrize(
        ("status", "over"),
        [
            ("success", True),
            ("failed", True),
            ("canceled", True),
            ("skipped", True),
            ("canceling", False),
            ("running", False),
            ("pending", False),
            ("manual", False),
            ("something new", False),
        ],
    )
    def test_is_what_gitlab_says_of_its_job(self, gitlab_server, tmp_path, status, over):
        gitlab_server.jobs[205] = status
        made = a_run(gitlab_server, tmp_path)
        page = made.url().partition("/-/")[0]

        assert over is made.is_over(f"{page}/-/pipelines/200#205")

    def test_another_job_of_the_same_pipeline_can_be_over(self, gitlab_server, tmp_path):
        gitlab_server.jobs[104] = "canceled"
        made = a_run(gitlab_server, tmp_path)

        assert made.is_over(made.url().replace("#105", "#104"))

    def test_without_a_token_nobody_can_say(self, gitlab_server, tmp_path):
        made = a_run(gitlab_server, tmp_path, CDML_GITLAB_TOKEN="")

        with pytest.raises(ServiceError, match="no GitLab access token"):
            made.is_over(made.url().replace("#105", "#104"))

    def test_jobs_of_one_pipeline_share_their_evidence(self, gitlab_server, tmp_path):
        made = a_run(gitlab_server, tmp_path)

        assert not made.is_another_run(made.url().replace("#105", "#104"))
        assert made.is_another_run(made.url().replace("/100#", "/99#"))
        assert made.is_another_run(None)


class TestOutputs:
    def test_are_variables_for_later_jobs(self, gitlab_server, tmp_path):
        a_run(gitlab_server, tmp_path).set_outputs({"verdict": "pass", "comment-url": "https://x"})

        assert "CDML_VERDICT=pass\nCDML_COMMENT_URL=https://x\n" == outputs(tmp_path)

    def test_a_value_cannot_add_a_variable(self, gitlab_server, tmp_path):
        a_run(gitlab_server, tmp_path).set_outputs({"reason": "x\nPATH=/evil\r\ny\u2028z\0"})

        assert 1 == len(outputs(tmp_path).splitlines())

    @pytest.mark.parametrize("text", PAYLOADS, ids=range(len(PAYLOADS)))
    def test_are_one_line_each_whatever_they_hold(self, gitlab_server, tmp_path, text):
        a_run(gitlab_server, tmp_path).set_outputs({"reason": text, "verdict": "pass"})

        *reason, verdict = outputs(tmp_path).splitlines()
        assert "CDML_VERDICT=pass" == verdict
        assert len(reason) <= 1
        assert all(one.startswith("CDML_REASON=") for one in reason)

    def test_stay_below_what_gitlab_takes(self, gitlab_server, tmp_path):
        a_run(gitlab_server, tmp_path).set_outputs({"verdict": "fail", "long": "é" * 5000})

        assert "CDML_VERDICT=fail\n" == outputs(tmp_path)

    def test_are_not_written_without_a_place(self, gitlab_server, tmp_path):
        a_run(gitlab_server, tmp_path, CDML_DOTENV="").set_outputs({"verdict": "pass"})

        assert not (tmp_path / "outputs.env").exists()

    def test_a_place_that_cannot_be_written_is_named(self, gitlab_server, tmp_path):
        (tmp_path / "file").write_text("")
        made = a_run(gitlab_server, tmp_path, CDML_DOTENV=str(tmp_path / "file" / "outputs.env"))

        with pytest.raises(InputError, match="dotenv report"):
            made.set_outputs({"verdict": "pass"})


def outputs(tmp_path):
    return (tmp_path / "outputs.env").read_text("utf-8")


def test_a_job_is_not_shown_with_its_token(gitlab_server, tmp_path):
    made = on_gitlab(gitlab_server, tmp_path)

    assert gitlab_server.token not in repr(made) + repr(made.run)
