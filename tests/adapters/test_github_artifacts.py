"""What another run left, through the API: the right one, within limits, the token kept."""

import pytest

from cdml.errors import InputError, ServiceError
from fakes.github_runner import HEAD, on_github

RUN = 90
TRIGGERED = {"workflow_run": {"id": RUN, "run_attempt": 1, "head_sha": HEAD}}
MOST = 1000


def taken(server, tmp_path, name="evidence", told=TRIGGERED):
    return on_github(server, tmp_path, told=told).run.artifact(name, MOST)


def test_the_newest_of_that_name_and_run_is_taken(server, tmp_path):
    server.add_artifact(RUN, "evidence", b"older")
    server.add_artifact(RUN, "evidence", b"newer")
    server.add_artifact(RUN, "evidence-2", b"another")
    server.add_artifact(91, "evidence", b"of another run")

    assert b"newer" == taken(server, tmp_path)


def test_a_run_that_left_none_has_none(server, tmp_path):
    server.add_artifact(RUN, "evidence", b"gone", expired=True)

    assert taken(server, tmp_path) is None


def test_what_an_earlier_attempt_left_is_none_of_the_newest(server, tmp_path):
    server.add_artifact(RUN, "evidence", b"of the first attempt")

    for began, expected in (("2000-01-01", b"of the first attempt"), ("2999-01-01", None)):
        run = {**TRIGGERED["workflow_run"], "run_started_at": f"{began}T00:00:00Z"}
        assert expected == taken(server, tmp_path, told={"workflow_run": run})


@pytest.mark.parametrize(
    ("conclusion", "stopped"),
    [("success", None), ("failure", None), (None, None), ("cancelled", "was cancelled")],
)
def test_a_run_that_did_not_end_by_itself_is_told_as_that(server, tmp_path, conclusion, stopped):
    run = {**TRIGGERED["workflow_run"], "conclusion": conclusion}

    assert stopped == on_github(server, tmp_path, told={"workflow_run": run}).run.trigger().stopped


@pytest.mark.parametrize("size", [None, 10])
def test_one_that_is_too_large_is_refused_whatever_its_size_is_said_to_be(server, tmp_path, size):
    server.add_artifact(RUN, "evidence", b"x" * (MOST + 1), size=size)

    with pytest.raises(InputError, match="is larger than"):
        taken(server, tmp_path)


def test_without_permission_it_is_named(server, tmp_path):
    del server.permissions["actions"]

    with pytest.raises(ServiceError) as caught:
        taken(server, tmp_path)

    assert "actions: read" in caught.value.hint


@pytest.mark.parametrize("told", [{}, {"workflow_run": None}, {"workflow_run": {"id": "../1"}}])
def test_where_no_run_triggered_this_one_there_is_nothing_to_take(server, tmp_path, told):
    with pytest.raises(InputError, match="no run triggered"):
        taken(server, tmp_path, told=told)
    assert [] == server.requests


def test_a_download_that_leads_nowhere_is_told(server, tmp_path):
    server.add_artifact(RUN, "evidence", b"x")
    server.fail(path="/zip", status=302, headers={"Location": "file:///etc/passwd"})

    with pytest.raises(ServiceError, match="answered 302"):
        taken(server, tmp_path)
