"""What becomes of a comment: begun, told, told again by another run, hidden."""

import pytest

from cdml.errors import ServiceError
from fakes.github_runner import on_github

KINDS = ["update", "recreate", "hide-and-recreate"]


@pytest.fixture
def say(server, tmp_path):
    """One run's word; the answer is what stands on the pull request then."""

    def says(text, run="100", **how):
        github = on_github(server, tmp_path, GITHUB_RUN_ID=run)
        github.comment(7, "flights", text, **how)
        return standing(server)

    return says


def standing(server):
    return [c.body.split("\n")[0] + " (hidden)" * c.hidden for c in server.comments(7)]


@pytest.mark.parametrize("behaviour", KINDS)
def test_a_run_that_has_begun_and_its_verdict_are_one_comment(say, behaviour):
    assert ["begun"] == say("begun", begun=True, behaviour=behaviour)
    assert ["told"] == say("told", behaviour=behaviour)
    assert ["told"] == say("told", behaviour=behaviour)


def test_updating_edits_what_earlier_runs_said(say, server):
    say("one", "100")
    say("begun", "200", begun=True)

    assert ["two"] == say("two", "200")
    assert 2 == server.comments(7)[0].edits


def test_recreating_deletes_it_and_posts_anew_once_there_is_a_verdict(say, server):
    say("one", "100", behaviour="recreate")
    first = server.comments(7)[0].id

    assert ["begun"] == say("begun", "200", begun=True, behaviour="recreate")
    assert first == server.comments(7)[0].id
    assert ["two"] == say("two", "200", behaviour="recreate")
    assert first != server.comments(7)[0].id


def test_hiding_keeps_the_verdict_of_an_earlier_run_and_not_that_it_had_begun(say):
    how = {"behaviour": "hide-and-recreate"}
    say("one", "100", **how)

    assert ["one (hidden)", "begun"] == say("begun", "200", begun=True, **how)
    assert ["one (hidden)", "two"] == say("two", "200", **how)
    assert ["one (hidden)", "two (hidden)", "three"] == say("three", "300", **how)


def test_what_was_hidden_is_never_brought_up_to_date_again(say):
    say("one", "100", behaviour="hide-and-recreate")
    say("two", "200", behaviour="hide-and-recreate")

    assert ["one (hidden)", "three"] == say("three", "300")


@pytest.mark.parametrize("behaviour", KINDS)
@pytest.mark.parametrize("begun", [True, False])
def test_an_older_run_changes_nothing_that_a_newer_one_said(say, behaviour, begun):
    say("newer", "200", begun=begun)

    assert ["newer"] == say("older", "100", behaviour=behaviour)
    assert ["newer"] == say("begun", "100", begun=True, behaviour=behaviour)


def test_an_older_attempt_of_the_same_run_changes_nothing(server, tmp_path):
    on_github(server, tmp_path, GITHUB_RUN_ATTEMPT="2").comment(7, "flights", "second")
    on_github(server, tmp_path, GITHUB_RUN_ATTEMPT="1").comment(7, "flights", "first")

    assert ["second"] == standing(server)


def test_where_runs_have_no_number_the_later_word_counts(server, tmp_path):
    earlier = "earlier\n\n<!-- cdml:report id=flights run=0.0 at=2020-01-01T00:00:00Z -->"
    server.add_comment(7, server.author, earlier)
    nameless = on_github(server, tmp_path, GITHUB_RUN_ID="", GITHUB_RUN_ATTEMPT="")

    nameless.comment(7, "flights", "later")

    assert ["later"] == standing(server)


def test_a_word_from_the_future_stands_where_runs_have_no_number(server, tmp_path):
    future = "future\n\n<!-- cdml:report id=flights run=0.0 at=2999-01-01T00:00:00Z state=told -->"
    server.add_comment(7, server.author, future)
    nameless = on_github(server, tmp_path, GITHUB_RUN_ID="", GITHUB_RUN_ATTEMPT="")

    nameless.comment(7, "flights", "now")

    assert ["future"] == standing(server)


@pytest.mark.parametrize("behaviour", KINDS)
def test_only_an_update_posts_nothing_and_edits_what_is_there(say, behaviour):
    assert [] == say("one", only_update=True, behaviour=behaviour)
    say("one")

    assert ["two"] == say("two", "200", only_update=True, behaviour=behaviour)


@pytest.mark.parametrize("behaviour", KINDS)
def test_an_answer_that_gets_lost_doubles_nothing(say, server, behaviour):
    say("one", "100", behaviour=behaviour)
    server.fail(method="POST", path="/issues/7/comments", after=True, drop=True)

    assert "two" == say("two", "200", behaviour=behaviour)[-1]
    assert (1, 0) == (standing(server).count("two"), standing(server).count("one"))


def test_a_comment_that_somebody_deletes_meanwhile_is_no_obstacle(say, server):
    say("one", "100")
    server.fail(method="DELETE", status=404, body='{"message": "Not Found"}')

    assert "two" in say("two", "200", behaviour="recreate")


def test_that_a_comment_cannot_be_hidden_is_told(say, server):
    say("one", "100")
    server.permissions |= {"pull_requests": "read"}

    with pytest.raises(ServiceError, match="take back an older comment"):
        say("two", "200", behaviour="hide-and-recreate")


def warned(server, folder, run):
    return on_github(server, folder, GITHUB_RUN_ID=run).warned(7, "flights")


@pytest.mark.parametrize("behaviour", KINDS)
def test_a_later_run_knows_the_last_reports_warnings_even_once_it_has_begun(
    say, server, tmp_path, behaviour
):
    told = {"0a" * 4: True, "1b" * 4: False}
    say("one", "100", warned=told, behaviour=behaviour)
    assert {"0a" * 4} == warned(server, tmp_path, "100")
    assert set(told) == warned(server, tmp_path, "200")

    say("begun", "200", begun=True, behaviour=behaviour)
    assert set(told) == warned(server, tmp_path, "200")

    say("two", "200", warned={"1b" * 4: True, "2c" * 4: False}, behaviour=behaviour)
    assert {"1b" * 4} == warned(server, tmp_path, "200")
    assert {"1b" * 4, "2c" * 4} == warned(server, tmp_path, "300")

    say("unusable", "300", behaviour=behaviour)
    assert {"1b" * 4, "2c" * 4} == warned(server, tmp_path, "400")


@pytest.mark.parametrize(
    "edited", ["warned=", "warned=<b>", "warned=0a0a0a0a,", "warned=0A0A0A0A", "warned=--"]
)
def test_a_marker_that_somebody_edited_is_still_found_and_knows_no_warnings(
    say, server, tmp_path, edited
):
    say("one", "100", warned={"0a" * 4: True})
    comment = server.comments(7)[0]
    comment.body = comment.body.replace(f"warned={'0a' * 4}", edited)

    assert set() == warned(server, tmp_path, "200")
    assert ["two"] == say("two", "200")


def test_a_marker_has_room_for_fifty_warnings(say, server, tmp_path):
    say("one", "100", warned={f"{number:08x}": False for number in range(60)})

    assert {f"{number:08x}" for number in range(50)} == warned(server, tmp_path, "200")
