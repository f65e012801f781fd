"""A staged server is asked before it gets traffic."""

import json

import pytest

from cdml.config import load
from cdml.delivery.checks.smoke import run_smoke_test, smoke_tolerances
from cdml.delivery.checks.smoke_cases import MALFORMED, SmokeTolerances, all_passed, case_of_rows
from cdml.delivery.target import ServerAnswer
from fakes.delivery import CONFIG
from support.paths import FakePlace

CASES = [case_of_rows([{"x": 1}, {"x": 2}], [(0.1, 0.2)], name="2 rows")]


def answering(*values, seconds=0.01):
    """A server that gives these predictions, and refuses what is malformed."""

    def answer(body):
        if body == MALFORMED:
            return ServerAnswer(status=400, body=b"no", seconds=seconds)
        said = json.dumps({"predictions": values}).encode()
        return ServerAnswer(status=200, body=said, seconds=seconds)

    return answer


@pytest.fixture
def staged():
    """The first release serves, the second is staged."""
    place = FakePlace()
    place.target.switch(place.releases[0], fence=1)
    place.target.stage(place.releases[1], fence=2)
    return place


def asked(place, answer, limits=SmokeTolerances(latency_ms=50)):  # noqa: B008 - frozen
    place.target.answers["2"] = answer
    checks = run_smoke_test(place.target, place.releases[1], CASES, limits)
    return all_passed(checks), [check.name for check in checks if not check.passed]


@pytest.mark.parametrize(
    ("answer", "failed"),
    [
        (answering(0.1, 0.2), []),
        (answering(0.1, 0.3), ["known_answers"]),
        (answering(0.1, float("nan")), ["answers", "known_answers", "latency"]),
        (answering(0.1, 0.2, seconds=0.2), ["latency"]),
        (
            ServerAnswer(status=200, body=b'{"predictions": [0.1, 0.2]}', seconds=0),
            ["refuses_malformed"],
        ),
        (ServerAnswer(status=400, body=b"", seconds=0), ["answers", "known_answers", "latency"]),
    ],
)
def test_a_server_is_judged_by_what_it_says(staged, answer, failed):
    assert (not failed, failed) == asked(staged, answer)


def test_a_server_that_does_not_answer_fails_every_check(staged):
    staged.kill(staged.releases[1])
    checks = run_smoke_test(
        staged.target, staged.releases[1], CASES, SmokeTolerances(latency_ms=50)
    )

    assert [False] * 4 == [check.passed for check in checks]
    assert "no server of v2 runs here" in checks[0].sentence


def test_the_guardrail_is_the_lowest_of_the_latency_gates(tmp_path):
    def limit(gates):
        gate = "gates: [{metric: roc_auc, at_least: 0.8}]"
        (tmp_path / "cdml.yaml").write_text(CONFIG.replace(gate, f"gates: {gates}"))
        loaded = load(tmp_path / "cdml.yaml", targets=["registry"], environment={})
        return smoke_tolerances(loaded.config).latency_ms

    assert limit("[{metric: roc_auc, at_least: 0.8}]") is None
    assert 20 == limit(
        "[{metric: latency_p95_ms, at_most: 50}, {metric: latency_p50_ms, at_most: 20}]"
    )
