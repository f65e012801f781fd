"""What passes without proof is told apart from what is proven, by its figures alone."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cdml.common.rule_kinds import RuleKind
from cdml.common.verdict import Verdict
from cdml.evidence.criterion import Criterion
from cdml.evidence.schema import DecidingBound
from cdml.gates.decide import ObservedDifference, decide
from cdml.gates.proof import unproven
from support.evidence_builders import FAIL, WARN, compared, difference, log_loss

NUMBERS = st.floats(-2, 2, allow_nan=False)


def judged(rule, challenger, champion, low, high, **bounds):
    """A slice as the judge writes it; `low`, `high` in the metric's own sign."""
    threshold = rule.sign * rule.threshold(champion)
    return compared(
        metric=rule.metric,
        slice={"carrier": "VX"},
        rule=rule.text,
        challenger=challenger,
        champion=champion,
        difference=difference(challenger - champion, low, high),
        bound=DecidingBound(value=low, against=threshold, confidence=0.95, lower=low, upper=high)
        if not bounds
        else DecidingBound(against=threshold, confidence=0.95, **bounds),
    )


@pytest.mark.heavy
@given(NUMBERS, NUMBERS, NUMBERS, NUMBERS, st.floats(0, 1), st.booleans(), st.booleans())
def test_unproven_is_what_the_rule_alone_would_not_pass(
    challenger, champion, one, other, margin, greater, relative
):
    low, high = sorted((one, other))
    rule = Criterion(
        metric="recall" if greater else "log_loss",
        greater_is_better=greater,
        kind=RuleKind.NON_INFERIORITY,
        margin=margin,
        relative=relative,
        detect=True,
    )
    lower, upper = sorted((rule.sign * low, rule.sign * high))
    figures = ObservedDifference(
        challenger=challenger,
        champion=champion,
        estimate=rule.sign * (challenger - champion),
        lower=lower,
        upper=upper,
        threshold=rule.threshold(champion),
    )
    proven = decide(rule.kind, figures) is Verdict.PASS

    assert proven is not unproven(judged(rule, challenger, champion, low, high))


@pytest.mark.parametrize("verdict", [WARN, FAIL])
def test_only_a_pass_is_called_unproven(verdict):
    crossing = DecidingBound(value=1, against=0.0031, confidence=0.95, lower=-1, upper=1)

    assert unproven(log_loss(bound=crossing))
    assert not unproven(log_loss(bound=crossing, verdict=verdict))
    assert not unproven(log_loss(bound=crossing, judged=False))


@pytest.mark.parametrize(
    ("bound", "expected"),
    [
        # Evidence of earlier versions has only the bound that decided.
        ({"value": -0.0198}, False),
        ({"value": -0.0300}, True),
        ({"value": None}, False),
        # An end that is open towards worse proves nothing.
        ({"value": None, "lower": -0.02}, True),
        ({"value": None, "upper": -0.01}, False),
        ({"value": None, "upper": 0.0031}, False),
        ({"value": None, "lower": -1.0, "upper": 0.0032}, True),
    ],
)
def test_evidence_is_read_by_the_bounds_it_has(bound, expected):
    known = DecidingBound(against=0.0031, confidence=0.95, **bound)

    assert expected == unproven(log_loss(bound=known))


@pytest.mark.parametrize(
    ("ends", "rule", "expected"),
    [
        ((-0.02, 0.002), "max_regression 1%", False),
        ((-0.02, 0.004), "max_regression 1%", True),
        ((-0.02, 0.004), "max_regression 0.005", False),
        ((None, None), "max_regression 1%", True),
    ],
)
def test_without_bounds_the_interval_and_the_rule_decide(ends, rule, expected):
    found = difference(-0.01, *ends)

    assert expected == unproven(log_loss(bound=None, rule=rule, difference=found))


def test_nothing_measured_proves_nothing():
    assert unproven(log_loss(difference=None, bound=None))


@pytest.mark.parametrize(
    ("low", "high", "p_value", "expected"),
    [(-1, 1, 0.9, True), (0.1, 1, 0.01, True), (0.1, 1, 0.99, False), (0.1, 1, None, True)],
)
def test_a_metric_of_unknown_direction_is_proven_by_its_p_value(low, high, p_value, expected):
    bound = DecidingBound(
        value=low, against=0, confidence=0.95, lower=low, upper=high, p_regression=p_value
    )
    gate = compared(metric="own:score", rule="max_regression 0", bound=bound)

    assert expected == unproven(gate)
