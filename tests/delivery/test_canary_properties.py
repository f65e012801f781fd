"""What holds of the canary's judge for any traffic."""

import math
from dataclasses import replace
from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from cdml.delivery.canary.events import chance, safe
from cdml.delivery.canary.judge import canary_findings, judge_canary
from cdml.delivery.canary.mixture import FALLS, RISES, log_costs, log_evidence, log_mean, log_ratios
from cdml.delivery.canary.rules import CanaryTolerances
from cdml.delivery.canary.state import CanaryState
from cdml.delivery.rollout.state_machine import Decision
from support.canary_scenarios import watched

STATE = TypeAdapter(CanaryState)
RULES = st.builds(
    CanaryTolerances,
    tolerated_ratio=st.floats(1, 5),
    tolerated_error_rate=st.floats(0, 0.1),
    latency_limit_ms=st.sampled_from([None, 50.0]),
)


@st.composite
def served(draw, most=300):
    requests = draw(st.integers(0, most))
    errors = draw(st.integers(0, requests))
    return requests, errors, draw(st.integers(0, requests - errors))


MINUTES = st.lists(st.tuples(served(), served()), max_size=8)
WEIGHTS = st.sampled_from([0.0, 0.05, 0.5, 1.0])


@pytest.mark.heavy
@settings(max_examples=25)
@given(rules=RULES, minutes=MINUTES, weight=WEIGHTS)
def test_state_survives_json_and_goes_on_as_if_nothing_was(rules, minutes, weight):
    canary = watched(minutes, rules=rules, weight=weight)
    resumed = STATE.validate_json(STATE.dump_json(canary))

    assert canary == resumed
    assert watched(minutes, canary=canary) == watched(minutes, canary=resumed)
    assert len(STATE.dump_json(canary)) < 5_000


@pytest.mark.heavy
@settings(max_examples=25)
@given(minutes=MINUTES)
def test_state_that_was_tampered_with_is_refused(minutes):
    document = STATE.dump_python(watched(minutes), mode="json")

    for wrong in (
        {**document, "requests": -1},
        {**document, "more": 1},
        {**document, "errors": {**document["errors"], "harm_costs": [0.0]}},
        {**document, "errors": {**document["errors"], "safe_costs": [math.nan] * 16}},
    ):
        with pytest.raises(ValidationError):
            STATE.validate_python(wrong)


@pytest.mark.heavy
@settings(max_examples=25)
@given(rules=RULES, minutes=MINUTES, weight=WEIGHTS)
def test_without_an_answer_of_the_challenger_nothing_is_promoted(rules, minutes, weight):
    unasked = [(champion, (0, 0, 0)) for champion, _ in minutes]

    assert (
        Decision.HOLD
        == judge_canary(
            watched(unasked, rules=replace(rules, latency_limit_ms=None), weight=weight),
            elapsed_seconds=0,
        ).outcome
    )


@pytest.mark.heavy
@settings(max_examples=25)
@given(rules=RULES, minutes=MINUTES, weight=WEIGHTS, elapsed=st.floats())
def test_it_always_answers_and_never_holds_for_ever(rules, minutes, weight, elapsed):
    judged = judge_canary(watched(minutes, rules=rules, weight=weight), elapsed_seconds=elapsed)

    assert judged.reason
    assert Decision.HOLD != judged.outcome or elapsed < rules.timeout_seconds


@pytest.mark.heavy
@settings(max_examples=50)
@given(
    champion=st.tuples(st.integers(0, 400), st.integers(0, 400)).map(sorted),
    challenger=st.tuples(st.integers(0, 400), st.integers(0, 400)).map(sorted),
    pieces=st.integers(1, 6),
)
def test_evidence_does_not_depend_on_how_records_are_cut_into_windows(champion, challenger, pieces):
    """Where they come evenly; else a window tells more of the split in it than its total does."""
    (k, n), (hits, asked) = champion, challenger
    whole = watched([((n * pieces, k * pieces), (asked * pieces, hits * pieces))]).errors
    cut = watched([((n, k), (asked, hits))] * pieces).errors

    assert cut.dispersion == 1
    assert math.isclose(whole.harm(0.001), cut.harm(0.001), abs_tol=1e-6)
    assert math.isclose(whole.safe(0.001), cut.safe(0.001), abs_tol=1e-6)


@pytest.mark.heavy
@settings(max_examples=25)
@given(minutes=MINUTES)
def test_the_order_of_windows_does_not_matter(minutes):
    for one, other in zip(
        canary_findings(watched(minutes)), canary_findings(watched(minutes[::-1])), strict=True
    ):
        assert math.isclose(one.harm, other.harm, abs_tol=1e-6)
        assert one.safe is None or math.isclose(one.safe, other.safe, abs_tol=1e-6)


@pytest.mark.heavy
@given(errors=st.integers(0, 99), others=st.integers(0, 900), more=st.integers(1, 50))
def test_more_errors_are_more_harm_and_less_safety(errors, others, more):
    """In one window, where nothing is known of bursts."""
    few = watched([((900, others), (100, errors))]).errors
    many = watched([((900, others), (100, min(100, errors + more)))]).errors

    assert many.harm(0.001) >= few.harm(0.001) - 1e-9
    assert many.safe(0.001) <= few.safe(0.001) + 1e-9


@pytest.mark.heavy
@given(
    ratios=st.lists(st.floats(-50, 50), min_size=1, max_size=16),
    dispersion=st.floats(1, 100),
)
def test_bursts_never_make_evidence_stronger(ratios, dispersion):
    assert log_evidence(ratios, dispersion) <= log_evidence(ratios) + 1e-9


@settings(max_examples=30)
@given(trials=st.integers(0, 40), share=st.floats(0.01, 0.99))
def test_evidence_is_1_in_the_mean_under_its_hypothesis(trials, share):
    """The sum over all outcomes, exactly: so it is a likelihood ratio."""
    for alternatives in (RISES, FALLS):
        costs = log_costs(alternatives, trials, share)
        mean = sum(
            math.comb(trials, hits)
            * share**hits
            * (1 - share) ** (trials - hits)
            * math.exp(log_mean(log_ratios(alternatives, hits, costs)))
            for hits in range(trials + 1)
        )

        assert math.isclose(1, mean, rel_tol=1e-9)


@pytest.mark.heavy
@settings(max_examples=30)
@given(
    rate=st.floats(0.001, 1),
    champion=st.integers(1, 12),
    challenger=st.integers(1, 12),
    ratio=st.floats(1, 3),
)
def test_evidence_of_two_streams_is_at_most_1_in_the_mean(rate, champion, challenger, ratio):
    """Of rates of any size, summed over all outcomes; with fixed requests it is no binomial."""
    theirs, ours = rate / ratio, rate
    share = chance(champion, challenger, ratio)
    harmful = tolerable = 0.0
    for k, hits in product(range(champion + 1), range(challenger + 1)):
        likely = _binomial(k, champion, theirs) * _binomial(hits, challenger, ours)
        rises, falls = (log_costs(side, k + hits, share) for side in (RISES, FALLS))
        harmful += likely * math.exp(log_mean(log_ratios(RISES, hits, rises)))
        tolerable += likely * math.exp(safe(hits, challenger, falls, ours, 1.0))

    assert harmful <= 1 + 1e-9
    assert tolerable <= 1 + 1e-9


def _binomial(hits, trials, rate):
    return math.comb(trials, hits) * rate**hits * (1 - rate) ** (trials - hits)


@pytest.mark.heavy
@pytest.mark.parametrize(
    ("times", "wrong", "most"),
    [(1.0, Decision.ROLLBACK, 0.01), (2.0, Decision.PROMOTE, 0.05)],
)
def test_looking_every_minute_of_an_hour_keeps_the_promise(times, wrong, most):
    """60 canaries, seeded; benchmarks/canary.py tells of many more."""
    drawn = np.random.default_rng(20260501).binomial((180, 20), (0.05, 0.05 * times), (60, 60, 2))
    failed = 0
    for errors in drawn.tolist():
        canary = CanaryState(rules=CanaryTolerances(timeout_seconds=7_200))
        for champion, challenger in errors:
            canary = watched([((180, champion), (20, challenger))], canary=canary)
            judged = judge_canary(canary, elapsed_seconds=0).outcome
            if judged != Decision.HOLD:
                failed += judged == wrong
                break

    assert failed / len(drawn) <= most
