"""What only GitHub can get wrong about runs of workflows."""

import pytest

from cdml.errors import ServiceError
from fakes.github_runner import on_github


@pytest.fixture
def github(server, tmp_path):
    """A step of run 100, in its second attempt."""
    server.add_run(100, "in_progress", attempt=2)
    return on_github(server, tmp_path, GITHUB_RUN_ATTEMPT="2")


@pytest.fixture
def runs(server):
    """The address of this repository's runs."""
    return f"{server.site}/{server.repository}/actions/runs"


def asked(server):
    return [path for _, path in server.requests]


def test_the_address_of_a_run_names_the_attempt(github, runs):
    assert f"{runs}/100/attempts/2" == github.run.url()


@pytest.mark.parametrize(
    "status",
    ["queued", "in_progress", "waiting", "requested", "pending", "success", "cancelled", "", None],
)
def test_every_other_status_is_that_of_a_run_that_goes_on(server, github, runs, status):
    server.add_run(200, status)

    assert not github.run.is_over(f"{runs}/200")


@pytest.mark.parametrize(
    ("held", "newest", "status", "over"),
    [
        ("", 1, "completed", True),
        ("", 2, "in_progress", False),
        ("/attempts/1", 1, "completed", True),
        ("/attempts/1", 1, "in_progress", False),
        ("/attempts/1", 2, "in_progress", True),
        ("/attempts/2", 2, "in_progress", False),
        ("/attempts/2", 1, "completed", False),
        ("/attempts/1", None, "completed", False),
    ],
)
def test_a_run_is_judged_by_the_attempt_that_is_meant(
    server, github, runs, held, newest, status, over
):
    server.add_run(200, status, attempt=newest)

    assert over is github.run.is_over(f"{runs}/200{held}")


@pytest.mark.parametrize(
    ("of", "over"),
    [("/attempts/1", True), ("/attempts/2", False), ("/attempts/3", False), ("", False)],
)
def test_an_earlier_attempt_of_this_run_is_over_and_nobody_is_asked(server, github, runs, of, over):
    server.add_run(100, "completed", attempt=2)

    assert over is github.run.is_over(f"{runs}/100{of}")
    assert [] == asked(server)


@pytest.mark.parametrize(
    "told",
    [
        "{site}/octo-org/flights-2/actions/runs/200",
        "{site}/octo-org/flights/actions/runs/200/job/7",
        "{site}/octo-org/flights/actions/runs/200?attempt=1",
        "{site}/octo-org/flights/actions/runs/../runs/200",
        "{site}/octo-org/flights/actions/runs/٢٠٠",
        "{site}@elsewhere.test/octo-org/flights/actions/runs/200",
        "https://elsewhere.test/octo-org/flights/actions/runs/200",
        "a terminal",
        "",
    ],
)
def test_what_is_no_run_of_this_repository_is_not_asked_about(server, github, told):
    server.add_run(200, "completed")

    assert not github.run.is_over(told.format(site=server.site))
    assert [] == asked(server)


@pytest.mark.parametrize(
    ("failure", "said"),
    [
        ({"status": 500}, "500"),
        ({"status": 429}, "rate limit"),
        ({"drop": True}, "did not answer"),
        ({"status": 200, "body": "<html>a proxy</html>"}, "not GitHub's API"),
        ({"status": 200, "body": '["completed"]'}, "not GitHub's API"),
        ({"status": 200, "body": '{"status": "completed"}'}, "not GitHub's API"),
    ],
)
def test_who_cannot_be_asked_says_so_at_once(server, github, runs, failure, said):
    server.add_run(200, "completed")
    server.fail(path="/actions/runs/", times=9, **failure)

    with pytest.raises(ServiceError, match=said):
        github.run.is_over(f"{runs}/200")
    assert 1 == len(asked(server))


@pytest.mark.parametrize("number", ["7", '"200"', "null"])
def test_an_answer_about_another_run_is_none(server, github, runs, number):
    body = f'{{"id": {number}, "status": "completed", "run_attempt": 1}}'
    server.fail(path="/actions/runs/", status=200, body=body)

    assert not github.run.is_over(f"{runs}/200")


def test_a_token_that_may_not_look_is_told_which_permission_it_needs(server, github, runs):
    del server.permissions["actions"]

    with pytest.raises(ServiceError) as caught:
        github.run.is_over(f"{runs}/200")

    assert "actions: read" in caught.value.hint


def test_without_a_token_nobody_is_asked(server, tmp_path, runs):
    with pytest.raises(ServiceError, match="no GitHub token"):
        on_github(server, tmp_path, GITHUB_TOKEN="").run.is_over(f"{runs}/200")
