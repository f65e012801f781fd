"""What a push to GitHub brought, and what shows that a gate ran on it."""

import pytest

from cdml.adapters.ci.pushed_commits import MOST
from cdml.ci.code_host import Commit, PullRequest
from cdml.errors import InputError, ServiceError
from fakes.github_runner import HEAD, on_github
from fakes.github_server import READ

NONE = "0" * 40


def sha(number: int) -> str:
    return f"{number:040x}"


BEFORE = sha(1)


@pytest.fixture
def pushed(server, tmp_path):
    """The platform of a run that a push started."""

    def platform(before, after, listed=(), branch="refs/heads/main"):
        event = {"before": before, "after": after, "commits": [{"id": one} for one in listed]}
        server.add_commits(BEFORE)
        return on_github(
            server,
            tmp_path,
            told=event,
            GITHUB_EVENT_NAME="push",
            GITHUB_SHA=after,
            GITHUB_REF=branch,
        )

    return platform


def found(platform) -> list[tuple[str, list[int]]]:
    return [(one.sha, [request.number for request in one.merged]) for one in platform.pushed()]


def test_every_commit_since_the_last_push_is_looked_at(server, pushed):
    github = pushed(BEFORE, sha(4), listed=[sha(4)])
    server.add_commits(sha(2), sha(3), sha(4), onto=BEFORE)
    server.add_pull(11, HEAD, merged_as=sha(2))
    server.add_pull(12, "d" * 40, merged_as=sha(4))

    assert [(sha(2), [11]), (sha(3), []), (sha(4), [12])] == found(github)


@pytest.mark.parametrize("many", [98, 99, 100, 250])
def test_pages_of_commits_are_turned(server, pushed, many):
    branch = [sha(number) for number in range(100, 100 + many)]
    github = pushed(BEFORE, sha(3))
    server.add_commits(sha(2), onto=BEFORE)
    server.add_commits(*branch, onto=BEFORE)
    server.state.parents[sha(3)] = (sha(2), branch[-1])
    server.add_pull(11, HEAD, merged_as=sha(2))

    brought = github.pushed()

    assert {sha(2), sha(3), *branch} == {one.sha for one in brought}
    assert [sha(2)] == [one.sha for one in brought if one.merged]


def test_more_commits_than_are_looked_through_are_not_cut_off_in_silence(server, pushed):
    shas = [sha(number) for number in range(2, MOST + 3)]
    github = pushed(BEFORE, shas[-1])
    server.add_commits(*shas, onto=BEFORE)

    with pytest.raises(InputError, match=f"{MOST + 1} commits"):
        github.pushed()


def test_the_commits_of_a_merged_branch_are_told_but_not_asked_about(server, pushed):
    github = pushed(BEFORE, sha(9))
    branch = [sha(number) for number in range(100, 100 + MOST + 50)]
    server.add_commits(*branch, onto=BEFORE)
    server.state.parents[sha(9)] = (BEFORE, branch[-1])
    server.add_pull(11, branch[-1], merged_as=sha(9))

    pushed_commits = github.pushed()

    assert (sha(9), (PullRequest(number=11, head=branch[-1]),)) == (
        pushed_commits[-1].sha,
        pushed_commits[-1].merged,
    )
    assert {*branch} < {one.sha for one in pushed_commits}
    assert 1 == sum("/pulls" in path for _, path in server.requests)


def test_after_a_forced_push_the_commits_that_are_new_count(server, pushed):
    github = pushed(sha(3), sha(5))
    server.add_commits(sha(2), sha(3), onto=BEFORE)
    server.add_commits(sha(4), sha(5), onto=sha(2))

    assert [(sha(4), []), (sha(5), [])] == found(github)


def test_a_branch_that_was_set_back_brings_its_head_alone(server, pushed):
    github = pushed(sha(3), sha(2))
    server.add_commits(sha(2), sha(3), onto=BEFORE)
    server.add_pull(11, HEAD, merged_as=sha(2))

    assert [(sha(2), [11])] == found(github)


@pytest.mark.parametrize("before", [NONE, "e" * 40], ids=["a new branch", "a commit that is gone"])
def test_without_a_commit_to_compare_with_the_events_list_counts(server, pushed, before):
    github = pushed(before, sha(4), listed=[sha(3), sha(4)])
    server.add_commits(sha(2), sha(3), sha(4))
    server.add_pull(11, HEAD, merged_as=sha(3))

    assert [(sha(3), [11]), (sha(4), [])] == found(github)


def test_a_branch_that_was_deleted_brings_nothing(pushed):
    assert () == pushed(BEFORE, NONE).pushed()


def test_other_events_have_one_commit(server, tmp_path):
    github = on_github(server, tmp_path, number=None, GITHUB_EVENT_NAME="workflow_dispatch")

    assert ["c" * 40] == [one.sha for one in github.pushed()]


def test_commits_that_cannot_be_had_are_a_failed_service(server, pushed):
    github = pushed(BEFORE, sha(2))
    server.fail(path="/compare/", status=500, times=99)

    with pytest.raises(ServiceError):
        github.pushed()


MARKER = "<!-- cdml:report id=flights%20EU run=1.1 state=told -->"


def test_a_report_on_the_pull_request_is_the_sign_of_a_gate(server, tmp_path):
    server.add_comment(7, "github-actions[bot]", f"told\n\n{MARKER}")

    signs = on_github(server, tmp_path).gate_signs(PullRequest(number=7, head=HEAD))

    assert ("flights EU",) == signs.reports


def test_a_report_that_a_passer_by_copied_is_none(server, tmp_path):
    server.add_comment(7, "mallory", f"look\n\n{MARKER}")

    assert () == on_github(server, tmp_path).gate_signs(PullRequest(number=7, head=HEAD)).reports


@pytest.mark.parametrize(
    ("name", "known", "seen"),
    [
        ("Gate", {}, True),
        ("Model gate / judge", {"conclusion": "failure"}, True),
        ("model_gate", {"conclusion": None}, True),
        ("cdml", {"conclusion": "cancelled"}, True),
        ("Gate", {"conclusion": "skipped"}, False),
        ("Aggregate gateway", {}, False),
        ("Quality Gate", {"app": "sonarqubecloud"}, False),
        ("Tests", {"conclusion": "failure"}, False),
    ],
)
def test_a_check_with_the_name_of_a_gate_is_a_sign(server, tmp_path, name, known, seen):
    server.add_check(HEAD, name, **known)
    server.add_check("f" * 40, "Gate")

    assert seen is bool(on_github(server, tmp_path).gate_signs(Commit(sha=HEAD)).checks)


def test_checks_are_looked_for_on_every_page(server, tmp_path):
    for number in range(130):
        server.add_check(HEAD, f"Test {number}")
    server.add_check(HEAD, "Gate", conclusion="failure")

    signs = on_github(server, tmp_path).gate_signs(PullRequest(number=7, head=HEAD))

    assert ("Gate: failure",) == signs.checks


def test_a_token_that_may_not_see_checks_names_the_permission(server, tmp_path):
    server.permissions = {name: may for name, may in READ.items() if name != "checks"}

    with pytest.raises(ServiceError) as told:
        on_github(server, tmp_path).gate_signs(PullRequest(number=7, head=HEAD))

    assert "checks: read" in told.value.hint
