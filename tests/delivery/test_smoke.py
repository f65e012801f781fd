"""Whether a server does what its model was judged by."""

import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cdml.delivery.checks.smoke_cases import (
    Case,
    NoPredictions,
    Replies,
    SmokeTolerances,
    all_passed,
    case_of_rows,
    equal_predictions,
    judge_replies,
    predictions,
    shorten_reply,
)
from cdml.delivery.target import ServerAnswer

ROWS = [{"x": 1.0, "origin": "JFK"}, {"x": math.nan, "origin": None}]
LIMITS = SmokeTolerances(latency_ms=50)


def case(*known):
    return case_of_rows(ROWS, known, name="2 rows")


def reply(*values, status=200):
    return ServerAnswer(
        status=status, body=json.dumps({"predictions": values}).encode(), seconds=0.01
    )


def checks(answer, *known, malformed=400, latencies=(0.01,) * 3, limits=LIMITS):
    replies = Replies(
        cases=[(case(*known), answer)],
        malformed=ServerAnswer(status=malformed, body=b"", seconds=0.01),
        latencies=latencies,
    )
    return {check.name: check for check in judge_replies(replies, limits)}


def test_a_server_that_gives_what_was_judged_passes_everything():
    found = checks(reply(0.25, 0.75), (0.25, 0.75))

    assert ["answers", "known_answers", "refuses_malformed", "latency"] == list(found)
    assert all_passed(tuple(found.values()))
    assert "2 predictions match the recorded ones." == found["known_answers"].sentence


def test_rows_are_asked_as_the_server_takes_them_and_missing_values_as_null():
    assert {
        "dataframe_split": {"columns": ["x", "origin"], "data": [[1.0, "JFK"], [None, None]]}
    } == json.loads(case().body)


@pytest.mark.parametrize(
    ("body", "why"),
    [
        (b'{"predictions": [0.5, NaN]}', "contains NaN"),
        (b'{"predictions": [0.5, -Infinity]}', "contains -Infinity"),
        (b'{"predictions": [0.5, 1e999]}', "prediction 2 is"),
        (b'{"predictions": [0.5, 1' + b"0" * 400 + b"]}", "prediction 2 is"),
        (b'{"predictions": [0.5, null]}', "prediction 2 is null"),
        (b'{"predictions": [[0.5], []]}', r"prediction 2 is \[\]"),
        (b'{"predictions": [0.5]}', "gave 1 predictions, not 2"),
        (b'{"predictions": []}', "gave 0 predictions"),
        (b'{"predictions": {"a": 1}}', "has no list"),
        (b"[0.5, 0.5]", "has no list"),
        (b"<html>", "is not JSON"),
        (b'{"predictions": ' + b"[" * 5000, "is not JSON"),
        (b"\xff", "is not JSON"),
        (b"", "is not JSON"),
    ],
)
def test_an_answer_without_valid_predictions_fails(body, why):
    with pytest.raises(NoPredictions, match=why):
        predictions(ServerAnswer(status=200, body=body, seconds=0.01), 2)
    found = checks(ServerAnswer(status=200, body=body, seconds=0.01), (0.5, 0.5))
    assert not found["answers"].passed
    assert not found["known_answers"].passed


def test_a_model_that_throws_is_told_with_what_it_said():
    found = checks(
        ServerAnswer(status=400, body=b"Traceback\n\x1b[31m::error::x", seconds=0.01), (1, 2)
    )

    sentence = found["answers"].sentence
    assert "For 2 rows: it answered 400: Traceback [31m::error::x." == sentence


def test_other_predictions_than_those_judged_fail_and_the_first_is_told():
    found = checks(reply(0.25, 0.5), (0.25, 0.75))

    assert found["answers"].passed
    assert (
        "For 2 rows: its prediction 2 is 0.5, but 0.75 was recorded."
        == found["known_answers"].sentence
    )


def test_predictions_or_scores_may_be_what_a_server_gives_but_never_a_mixture():
    labels, scores = (True, False), (0.9, 0.2)

    assert checks(reply(0.9, 0.2), labels, scores)["known_answers"].passed
    assert checks(reply(True, False), labels, scores)["known_answers"].passed  # noqa: FBT003 - labels
    assert not checks(reply(True, 0.2), labels, scores)["known_answers"].passed  # noqa: FBT003


def test_nothing_known_and_nothing_asked_do_not_pass():
    nothing = judge_replies(
        Replies(cases=[], malformed=ServerAnswer(status=400, body=b"", seconds=0.1)),
        SmokeTolerances(),
    )

    assert not checks(reply(1, 2))["known_answers"].passed
    assert [False, False, True] == [check.passed for check in nothing]
    assert not all_passed(())


@pytest.mark.parametrize("status", [200, 302, 500, None])
def test_a_malformed_request_has_to_be_refused(status):
    assert not checks(reply(1, 2), (1, 2), malformed=status)["refuses_malformed"].passed


@pytest.mark.parametrize(
    ("latencies", "expected"),
    [
        ((0.05, 0.05, 9.0), True),
        ((0.06, 0.06, 0.01), False),
        ((math.inf, math.inf, 0.01), False),
        ((math.nan, math.nan, math.nan), False),
        ((), False),
    ],
)
def test_the_median_must_keep_within_the_guardrail(latencies, expected):
    assert expected == checks(reply(1, 2), (1, 2), latencies=latencies)["latency"].passed


def test_without_a_guardrail_latency_is_not_judged():
    assert "latency" not in checks(reply(1, 2), (1, 2), limits=SmokeTolerances())


@pytest.mark.parametrize(
    ("found", "known", "expected"),
    [
        (0.1 + 0.2, 0.3, True),
        (0.3002, 0.3, False),
        (1, True, True),
        ("1", 1, False),
        ("a", "a", True),
        ([0.1, 0.9], (0.1, 0.9), True),
        ([0.1], (0.1, 0.9), False),
        ({"p": 0.1}, {"p": 0.1}, True),
        ({"q": 0.1}, {"p": 0.1}, False),
        (math.nan, math.nan, False),
        (None, None, True),
    ],
)
def test_numbers_are_equal_within_the_tolerance_and_nothing_else_is(found, known, expected):
    assert expected == equal_predictions(found, known, SmokeTolerances())


@given(st.binary(max_size=200))
def test_whatever_a_server_says_is_judged_and_told_on_one_printable_line(body):
    answer = ServerAnswer(status=200, body=body, seconds=0.01)
    replies = Replies(cases=[(Case(name="x", body=b""), answer)], malformed=answer)

    assert all(check.sentence.isprintable() for check in judge_replies(replies, SmokeTolerances()))
    assert shorten_reply(body).isprintable()
