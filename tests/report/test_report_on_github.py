"""`cdml report` in a step on GitHub: what it may not comment is told where everybody may write."""

import re

import pytest

from fakes.github_runner import TOKEN
from fakes.github_server import READ, GitHubServer
from support.scenarios import SCENARIOS, written
from support.step_builders import HEAD, Step

EXIT = {"pass": 0, "held": 3, "fail": 1}
HEADLINE = {"pass": "✅ Passed", "held": "⏸️ Held", "fail": "❌ Rejected"}
WHY = {
    "pass": "at&#95;least 0.85",
    "held": "about 401,900 would be",
    "fail": "Log loss for carrier HA rose",
}


@pytest.fixture
def step(tmp_path, monkeypatch):
    with GitHubServer(token=TOKEN) as server:
        server.add_pull(7, HEAD)
        yield Step(server, tmp_path, monkeypatch)


@pytest.mark.parametrize("name", EXIT)
def test_the_comment_the_summary_and_the_exit_code_say_the_same(step, name):
    assert EXIT[name] == step.report(name)

    (comment,) = step.server.comments(7)
    for told in (comment.body, step.summary.read_text()):
        assert told.startswith(f"### {HEADLINE[name]}")
        assert WHY[name] in told
        assert "not posted" not in told
    assert step.outputs["comment-url"].endswith(f"#issuecomment-{comment.id}")


def read_only(step):
    step.server.permissions = READ


def no_token(step):
    step.setenv("CDML_GITHUB_TOKEN", "")


def locked(step):
    step.server.state.pulls[7].locked = True


@pytest.mark.parametrize(
    ("name", "cannot", "why"),
    [
        *((name, read_only, "pull-requests: write") for name in EXIT),
        ("held", no_token, "there is no GitHub token"),
        ("held", locked, "locked"),
    ],
)
def test_what_cannot_be_commented_is_in_the_summary_and_changes_no_verdict(
    step, name, cannot, why, capsys
):
    cannot(step)
    step.summary.write_text("An earlier step of the job.\n")

    assert EXIT[name] == step.report(name)

    told = step.summary.read_text()
    assert told.startswith("An earlier step of the job.\n")
    assert f"### {HEADLINE[name]}" in told
    assert "| Metric | Champion | Challenger |" in told
    assert re.search(f"The comment was not posted: .*{why}", told)
    assert "::warning title=cdml%3A no comment::The comment was not" in capsys.readouterr().out
    assert [] == step.server.comments(7)
    assert ("", str(step.folder / ".cdml" / "report.md")) == (
        step.outputs["comment-url"],
        step.outputs["report"],
    )


def test_what_has_begun_is_told_and_then_its_verdict_takes_the_place(step):
    assert 0 == step.run("--begin")
    (begun,) = [comment.body for comment in step.server.comments(7)]
    assert 3 == step.report("held")

    (comment,) = step.server.comments(7)
    assert begun.startswith("### ⏳ In progress")
    assert comment.body.startswith(f"### {HEADLINE['held']}")
    assert ("begun", "told") == tuple(
        re.search("state=(\\w+) -->", body)[1] for body in (begun, comment.body)
    )


@pytest.mark.parametrize("cannot", [read_only, no_token, locked])
def test_that_it_begins_fails_nothing_where_it_cannot_be_told(step, cannot):
    cannot(step)

    assert 0 == step.run("--begin")
    assert [] == step.server.comments(7)


def test_a_push_is_told_on_its_commit_and_a_schedule_on_its_page(step):
    step.server.state.pulls.clear()
    step.event("push")
    assert 1 == step.report("fail")
    step.event("schedule")
    assert 1 == step.report("fail")

    (comment,) = step.server.commit_comments(HEAD)
    assert step.outputs["comment-url"] == ""
    assert comment.body.startswith(f"### {HEADLINE['fail']}")
    assert 2 == step.summary.read_text().count(f"### {HEADLINE['fail']}")


def test_several_folders_are_one_comment_with_the_worst_exit_code(step):
    for name in ("pass", "held"):
        written(step.folder / "evidence" / name, *SCENARIOS[name]())

    assert 3 == step.run("--combine", "evidence/*/")

    (comment,) = step.server.comments(7)
    assert comment.body.startswith("### ⏸️ Held: 1 of 2 models did not pass: held")


def test_the_log_shows_the_report_in_plain_text(step, capsys):
    step.report("fail")

    printed = capsys.readouterr()
    assert "slices: 1 of 2 did not pass, 1 passed, 1 only reported" in printed.out
    assert "\x1b" not in printed.out + printed.err
