"""Sentences that a product manager understands, and that never contradict the decision."""

import re

import pytest

from cdml.common.rule_kinds import BoundEdge, RuleKind
from cdml.common.verdict import Verdict
from cdml.evidence.criterion import Criterion
from cdml.gates import reasons
from cdml.gates.decide import ObservedDifference, decide

RECALL = Criterion(
    metric="recall", greater_is_better=True, kind=RuleKind.NON_INFERIORITY, margin=0.05
)
LOSS = Criterion(
    metric="log_loss", greater_is_better=False, kind=RuleKind.NON_INFERIORITY, margin=0.05
)


def figures(rule, challenger, champion, low, high):
    """In the metric's own sign."""
    lower, upper = sorted((rule.sign * low, rule.sign * high))
    return ObservedDifference(
        challenger=challenger,
        champion=champion,
        estimate=rule.sign * (challenger - champion),
        lower=lower,
        upper=upper,
        threshold=rule.threshold(champion),
    )


def told(rule, known, part=None):
    rule = rule.model_copy(update={"slice": part})
    return reasons.comparison(rule, known, decide(rule.kind, known), 0.95)


def test_a_proven_drop_says_how_large_it_is_at_least():
    known = figures(RECALL, 0.41, 0.62, -0.33, -0.09)
    expected = (
        "Recall for carrier FL fell from 0.620 to 0.410"
        " (−0.210; at least −0.090 with 95 % confidence); allowed: −0.05"
    )
    assert expected == told(RECALL, known, {"carrier": "FL"})


def test_a_kept_margin_says_how_bad_it_could_be():
    known = figures(RECALL, 0.64, 0.62, -0.01, 0.05)
    expected = (
        "Recall rose from 0.620 to 0.640"
        " (+0.0200; no lower than −0.0100 with 95 % confidence); allowed: −0.05"
    )
    assert expected == told(RECALL, known)


def test_a_loss_is_told_in_its_own_direction():
    assert "no higher than +0.04" in told(LOSS, figures(LOSS, 0.42, 0.40, 0.0, 0.04))
    assert "at least +0.06" in told(LOSS, figures(LOSS, 0.50, 0.40, 0.06, 0.14))
    assert told(LOSS, figures(LOSS, 0.42, 0.40, 0.0, 0.04)).endswith("allowed: +0.05")


@pytest.mark.parametrize("low", [-0.0500001, -0.0499999])
def test_a_bound_close_to_the_margin_is_printed_apart_from_it(low):
    known = figures(RECALL, 0.61, 0.62, low, 0.03)
    text = told(RECALL, known)
    assert "no lower than −0.0500001 " in text or "no lower than −0.0499999 " in text
    assert text.endswith("allowed: −0.05")


def test_small_differences_are_not_rounded_away():
    known = figures(RECALL, 0.62001, 0.62, -0.00002, 0.00004)
    assert "+0.00001" in told(RECALL, known)


def test_a_missing_slice_value_is_named():
    assert "Recall for carrier (missing)" == reasons.subject("recall", {"carrier": None})


def test_abbreviations_are_written_as_such():
    assert "ROC AUC" == reasons.title("roc_auc")
    assert "F1 macro" == reasons.title("f1_macro")
    assert "Latency p95 (ms)" == reasons.title("latency_p95_ms")


def test_an_open_question_says_what_would_settle_it():
    text = reasons.what_would_settle(900, 3_100, 0.07, assumed=True)
    assert "900 rows are not enough to decide" in text
    assert "about 3,100 would be, if the models are equally good (80 % power)" in text
    assert "0.07" in text


@pytest.mark.parametrize(
    ("trials", "expected"),
    [
        (None, "about 300 would be, if the models are equally good (80 % power)."),
        (12, "about 300 would be, or 12 trials of each, if the models are equally good"),
        (0, "(80 % power); more trials of them would not be."),
    ],
)
def test_cases_with_trials_say_whether_more_of_these_would_settle_it(trials, expected):
    text = reasons.what_would_settle(60, 300, 0.1, assumed=True, unit="cases", trials=trials)

    assert expected in text


def test_bounds_without_end_are_no_distance_to_tell():
    assert "900 rows are not enough to decide." == reasons.what_would_settle(
        900, None, float("inf"), assumed=True
    )


def test_where_no_number_of_rows_would_settle_it_none_is_named():
    assert "would be" not in reasons.what_would_settle(900, None, 0.07, assumed=True)


def test_a_broken_bound_shows_both_figures():
    text = reasons.bound(
        "roc_auc", BoundEdge.AT_LEAST, 0.85, 0.8499, ends=None, verdict=Verdict.FAIL
    )
    assert "ROC AUC is 0.8499; required: at least 0.85." == text


@pytest.mark.parametrize("unit", [1e-5, 1e-8, 1e-20, 1e-200])
def test_figures_of_any_size_are_told_from_0_and_from_each_other(unit):
    loss = LOSS.model_copy(update={"margin": 0.05 * unit})
    sentence = told(loss, figures(loss, 3.25 * unit, 1.5 * unit, 1.25 * unit, 2.25 * unit))
    numbers = [float(one.replace("−", "-")) for one in re.findall(r"[\d.]+(?:e−\d+)?", sentence)]

    before, after, estimate, bound, *_, allowed = numbers
    assert [1.5, 3.25, 1.75, 1.25, 0.05] == pytest.approx(
        [one / unit for one in (before, after, estimate, bound, allowed)], rel=0.01
    )
    assert "rose from" in sentence


def test_a_tiny_value_and_its_bound_are_no_zeros():
    text = reasons.bound(
        "mean_squared_error", BoundEdge.AT_MOST, 1e-12, 2.5e-12, ends=None, verdict=Verdict.FAIL
    )

    assert "Mean squared error is 2.5e−12; required: at most 1e−12." == text
