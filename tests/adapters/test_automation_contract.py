"""What every code host with issues and workflows does, and its fake."""

from datetime import UTC, datetime

import pytest

from cdml.ci.automation import AutomationHost
from cdml.errors import ServiceError
from fakes.code_host import FakeCodeHost
from fakes.github_runner import on_github

SINCE = datetime(2026, 5, 1, tzinfo=UTC)


@pytest.fixture(params=["fake", "github"])
def host(request, tmp_path):
    if request.param == "fake":
        return FakeCodeHost()
    started = request.getfixturevalue("server")
    started.state.workflows.append("train.yml")
    started.permissions["actions"] = "write"
    return on_github(started, tmp_path)


def test_an_id_has_one_issue_however_often_it_is_reported(host):
    assert isinstance(host, AutomationHost)
    assert host.report_issue("a", "one", "x") == host.report_issue("a", "two", "y")
    assert host.report_issue("a", "one", "x") != host.report_issue("b", "one", "x")


def test_an_issue_is_closed_once(host):
    address = host.report_issue("a", "one", "x")

    assert address == host.close_issue("a", "over")
    assert host.close_issue("a", "over") is None
    assert host.close_issue("b", "over") is None


def test_a_workflow_whose_answer_was_lost_is_not_started_twice(host):
    first = host.start_workflow("train.yml", "main", {"reason": "x"}, since=SINCE)

    assert first == host.start_workflow("train.yml", "main", {"reason": "x"}, since=SINCE)


def test_an_issue_that_copies_the_marker_is_not_ours(server, tmp_path):
    host = on_github(server, tmp_path)
    host.report_issue("a", "ours", "x")
    [ours] = server.state.issues.values()
    ours["author"] = "mallory"

    host.report_issue("a", "ours", "x")

    assert 2 == len(server.state.issues)


def test_a_missing_permission_is_named(server, tmp_path):
    server.permissions["issues"] = "read"

    with pytest.raises(ServiceError) as error:
        on_github(server, tmp_path).report_issue("a", "one", "x")
    assert "issues: write" in error.value.hint
