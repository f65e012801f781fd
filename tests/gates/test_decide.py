"""What a gate says of figures, and what it must never say."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cdml.common.rule_kinds import BoundEdge, RuleKind
from cdml.common.verdict import Verdict
from cdml.config.schema import PolicySettings
from cdml.evidence.criterion import Criterion
from cdml.gates.decide import ObservedDifference, decide, detect, soften, within
from cdml.statistics.interval import holm

PASS, WARN, INCONCLUSIVE, FAIL = Verdict
NAN = math.nan
anything = st.floats(allow_nan=True, allow_infinity=True)
figure = st.floats(-1, 1)
margin = st.floats(0, 1)


def figures(lower, upper, threshold, *, challenger=0.8, champion=0.8):
    return ObservedDifference(
        challenger=challenger,
        champion=champion,
        estimate=challenger - champion,
        lower=lower,
        upper=upper,
        threshold=threshold,
    )


@pytest.mark.parametrize(
    ("lower", "upper", "verdict"),
    [
        (-0.004, 0.01, PASS),
        (-0.006, 0.01, INCONCLUSIVE),
        (-0.02, -0.006, FAIL),
        (-math.inf, math.inf, INCONCLUSIVE),
        (NAN, 0.01, INCONCLUSIVE),
        (NAN, NAN, INCONCLUSIVE),
    ],
)
def test_non_inferiority_is_proven_refuted_or_open(lower, upper, verdict):
    assert verdict == decide(RuleKind.NON_INFERIORITY, figures(lower, upper, -0.005))


@pytest.mark.parametrize(
    ("lower", "upper", "verdict"),
    [(0.03, 0.05, PASS), (0.01, 0.05, INCONCLUSIVE), (-0.01, 0.01, FAIL), (NAN, NAN, INCONCLUSIVE)],
)
def test_superiority_is_proven_refuted_or_open(lower, upper, verdict):
    assert verdict == decide(RuleKind.SUPERIORITY, figures(lower, upper, 0.02))


def test_a_drop_of_exactly_the_margin_is_allowed_in_spite_of_float_error():
    drop = 0.80 - 0.85
    assert drop != -0.05
    known = figures(drop, drop, -0.05, challenger=0.80, champion=0.85)
    assert PASS == decide(RuleKind.NON_INFERIORITY, known)


@pytest.mark.parametrize("rise", [0.85 - 0.80, 0.05, math.nextafter(0.05, 1)])
def test_a_rise_of_exactly_the_margin_is_not_better_by_more_than_it(rise):
    known = figures(rise, rise, 0.05, challenger=0.85, champion=0.80)
    assert PASS != decide(RuleKind.SUPERIORITY, known)


@pytest.mark.parametrize("kind", RuleKind)
def test_no_difference_is_no_regression_and_never_superiority(kind):
    expected = {RuleKind.NON_INFERIORITY: PASS, RuleKind.SUPERIORITY: INCONCLUSIVE}[kind]
    assert expected == decide(kind, figures(0.0, 0.0, 0.0))


@pytest.mark.heavy
@given(kind=st.sampled_from(RuleKind), upper=anything, threshold=anything)
def test_an_unknown_bound_never_passes(kind, upper, threshold):
    assert PASS != decide(kind, figures(NAN, upper, threshold))


@pytest.mark.heavy
@given(kind=st.sampled_from(RuleKind), lower=anything, upper=anything)
def test_an_unknown_margin_never_passes(kind, lower, upper):
    assert PASS != decide(kind, figures(lower, upper, NAN))


@pytest.mark.heavy
@given(lower=figure, width=margin, tight=margin, more=margin)
def test_a_looser_margin_never_hurts(lower, width, tight, more):
    def verdict(allowed):
        return decide(RuleKind.NON_INFERIORITY, figures(lower, lower + width, -allowed))

    assert verdict(tight + more).severity <= verdict(tight).severity


@pytest.mark.heavy
@given(lower=figure, width=margin, asked=margin, more=margin)
def test_asking_for_less_improvement_never_hurts(lower, width, asked, more):
    def verdict(least):
        return decide(RuleKind.SUPERIORITY, figures(lower, lower + width, least))

    assert verdict(asked).severity <= verdict(asked + more).severity


@pytest.mark.parametrize(
    ("edge", "limit", "value", "verdict"),
    [
        (BoundEdge.AT_LEAST, 0.85, 0.86, PASS),
        (BoundEdge.AT_LEAST, 0.85, 0.85, PASS),
        (BoundEdge.AT_LEAST, 0.3, 0.1 + 0.2 - 1e-16, PASS),
        (BoundEdge.AT_LEAST, 0.85, 0.849, FAIL),
        (BoundEdge.AT_MOST, 50.0, 49.0, PASS),
        (BoundEdge.AT_MOST, 0.3, 0.1 + 0.2, PASS),
        (BoundEdge.AT_MOST, 50.0, 51.0, FAIL),
    ],
)
def test_a_bound_on_a_value_includes_itself(edge, limit, value, verdict):
    assert verdict == within(edge, limit, value, low=value, high=value)


@pytest.mark.parametrize(
    ("low", "high", "verdict"), [(0.81, 0.9, PASS), (0.7, 0.9, INCONCLUSIVE), (0.7, 0.79, FAIL)]
)
def test_an_interval_keeps_a_bound_breaks_it_or_holds_both(low, high, verdict):
    assert verdict == within(BoundEdge.AT_LEAST, 0.8, (low + high) / 2, low=low, high=high)


@pytest.mark.heavy
@given(
    edge=st.sampled_from(BoundEdge),
    limit=st.floats(-1e6, 1e6),
    value=st.sampled_from([NAN, math.inf, -math.inf]),
)
def test_a_value_that_is_no_number_never_keeps_a_bound(edge, limit, value):
    assert INCONCLUSIVE == within(edge, limit, value, low=value, high=value)


@pytest.mark.heavy
@given(edge=st.sampled_from(BoundEdge), limit=anything, value=anything, low=anything, high=anything)
def test_only_known_figures_keep_a_bound(edge, limit, value, low, high):
    if within(edge, limit, value, low=low, high=high) is PASS:
        worse = low if edge is BoundEdge.AT_LEAST else high
        assert not any(map(math.isnan, (limit, value, worse)))


@pytest.mark.parametrize(
    ("verdict", "advisory", "warn", "measured", "expected"),
    [
        (FAIL, True, False, True, WARN),
        (INCONCLUSIVE, True, False, False, WARN),
        (PASS, True, True, True, PASS),
        (INCONCLUSIVE, False, True, True, WARN),
        (INCONCLUSIVE, False, True, False, INCONCLUSIVE),
        (INCONCLUSIVE, False, False, True, INCONCLUSIVE),
        (FAIL, False, True, True, FAIL),
    ],
)
def test_advice_only_warns_and_missing_figures_are_never_forgiven(
    verdict, advisory, warn, measured, expected
):
    tier = "advisory" if advisory else "critical"
    policy = PolicySettings(on_inconclusive="warn" if warn else "hold")
    assert expected == soften(verdict, tier, policy, measured=measured)


@pytest.mark.parametrize(("p", "verdict"), [(0.2, PASS), (0.01, FAIL), (NAN, INCONCLUSIVE)])
def test_a_slice_fails_on_a_proven_regression_only(p, verdict):
    assert verdict == detect(p, 0.95)


RULE = Criterion(
    metric="log_loss",
    greater_is_better=False,
    kind=RuleKind.NON_INFERIORITY,
    margin=0.01,
    relative=True,
)


def test_a_relative_margin_is_a_share_of_the_size_of_the_champion():
    assert -0.005 == pytest.approx(RULE.threshold(-0.5))
    assert 0.005 == pytest.approx(
        RULE.model_copy(update={"kind": RuleKind.SUPERIORITY}).threshold(0.5)
    )


def test_a_relative_margin_of_a_champion_at_zero_allows_nothing():
    assert 0.0 == RULE.threshold(0.0)


@pytest.mark.parametrize(
    ("greater", "kind", "share"),
    [
        (True, RuleKind.NON_INFERIORITY, 0.01),
        (False, RuleKind.NON_INFERIORITY, -0.01),
        (True, RuleKind.SUPERIORITY, -0.01),
        (False, RuleKind.SUPERIORITY, 0.01),
    ],
)
def test_the_share_of_the_champion_goes_with_direction_and_rule(greater, kind, share):
    rule = RULE.model_copy(update={"greater_is_better": greater, "kind": kind})

    assert share == rule.share


def test_holm_steps_down_by_rank_whatever_the_order():
    assert (0.06, 0.04, 0.06, 0.02) == pytest.approx(holm([0.03, 0.01333333333, 0.04, 0.005]))


@pytest.mark.heavy
@given(p=st.lists(st.floats(0, 1), max_size=20))
def test_holm_keeps_the_order_and_never_lowers_a_p(p):
    adjusted = holm(p)
    assert all(a >= b for a, b in zip(adjusted, p, strict=True))
    order = sorted(range(len(p)), key=p.__getitem__)
    assert sorted(adjusted) == [adjusted[i] for i in order]


def test_holm_takes_an_unknown_p_for_no_evidence():
    assert (1.0, 0.02) == holm([NAN, 0.01])
