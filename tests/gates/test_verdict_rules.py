"""What no gate may do, whatever it asks and however its figures were found."""

import math
from dataclasses import dataclass

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cdml.common.rule_kinds import RuleKind
from cdml.common.verdict import Verdict, worst
from cdml.config.schema import PolicySettings
from cdml.evidence.criterion import Criterion
from cdml.gates import score
from cdml.gates.comparisons import MeasuredRule, judge_comparisons
from cdml.gates.score import exact_difference
from cdml.statistics import engine
from cdml.statistics.difference import Paired, Side
from cdml.statistics.interval import ConfidenceInterval, holm
from cdml.statistics.metrics import find_metric
from cdml.statistics.samples import Moments
from support.sequential_draws import classes, numbers, rows_for, sample

PASS, WARN, INCONCLUSIVE, FAIL = Verdict
NAN = math.nan


def rule(metric="accuracy", kind=RuleKind.NON_INFERIORITY, margin=0.05, **said):
    return Criterion(
        metric=metric,
        greater_is_better=find_metric(metric).greater_is_better,
        kind=kind,
        margin=margin,
        **said,
    )


def candidate(asked, found, part=None, rows=1000, counted=None):
    return MeasuredRule(
        metric=find_metric(asked.metric),
        rule=asked.model_copy(update={"slice": part}),
        rows=rows,
        counted=rows if counted is None else counted,
        measured=found,
    )


def verdict(asked, found, part=None, **policy):
    [gate] = judge_comparisons([candidate(asked, found, part)], PolicySettings(**policy))
    return gate.verdict


@dataclass(frozen=True, kw_only=True)
class Nothing:
    """A difference of which no bound is known."""

    estimate: float = 0.3
    method: str = "none"
    standard_error: float = 0.1

    def interval(self, confidence):
        return ConfidenceInterval(
            low=-math.inf, high=math.inf, confidence=confidence, method="none"
        )

    def bound(self, *_):
        return NAN

    def p_value(self, *_):
        return NAN

    def p_value_null(self):
        return NAN


UNKNOWN = Paired(challenger=0.9, champion=0.6, difference=Nothing())
STRATEGIES = [
    {"kind": kind, "relative": relative, "detect": detect}
    for kind in RuleKind
    for relative in (False, True)
    for detect in (False, True)
]


@pytest.mark.parametrize("asked", STRATEGIES)
@pytest.mark.parametrize("metric", ["accuracy", "log_loss"])
@pytest.mark.parametrize("on_inconclusive", ["hold", "warn"])
def test_an_unknown_bound_holds_whatever_is_asked_and_is_not_forgiven(
    asked, metric, on_inconclusive
):
    part = {"carrier": "AA"} if asked["detect"] else None

    said = verdict(rule(metric, **asked), UNKNOWN, part, on_inconclusive=on_inconclusive)

    assert INCONCLUSIVE == said


@pytest.mark.parametrize("asked", STRATEGIES)
def test_an_unknown_bound_of_advice_warns(asked):
    part = {"carrier": "AA"} if asked["detect"] else None

    assert WARN == verdict(rule(tier="advisory", **asked), UNKNOWN, part)


def test_an_unknown_slice_does_not_hide_behind_the_others():
    good = compare_rows("accuracy", classes(400))
    gates = judge_comparisons(
        [
            candidate(rule(detect=True), found, {"carrier": str(i)})
            for i, found in enumerate([good, UNKNOWN, good])
        ],
        PolicySettings(),
    )

    assert [PASS, INCONCLUSIVE, PASS] == [gate.verdict for gate in gates]


def compare_rows(metric, rows, **options):
    return engine.compare(find_metric(metric), sample(metric, rows), **options)


@pytest.mark.parametrize("before", [0.80, 0.30, 0.75, 0.15])
def test_exactly_the_margin_is_told_from_more_in_spite_of_float_error(before):
    after = before + 0.05

    assert PASS == verdict(rule(margin=0.05), exact_difference(before, after))
    assert PASS != verdict(
        rule(margin=0.05, kind=RuleKind.SUPERIORITY), exact_difference(after, before)
    )
    assert PASS == verdict(
        rule(margin=0.05, kind=RuleKind.SUPERIORITY), exact_difference(after + 1e-6, before)
    )
    assert FAIL == verdict(rule(margin=0.05), exact_difference(before - 1e-6, after))


@pytest.mark.parametrize("share", [0.02, 0.2])
@pytest.mark.parametrize("kind", RuleKind)
@pytest.mark.parametrize("sign", [1, -1])
def test_a_relative_margin_of_a_mean_is_that_of_the_scaled_champion(share, kind, sign):
    """Δ ± share * |champion| is a mean of challenger - factor * champion, row by row."""
    rows = numbers(300)
    losses = sign * np.abs(np.column_stack((rows.challenger, rows.champion)) - rows.label[:, None])
    asked = rule("mean_absolute_error", kind, share, relative=True)
    signed = share if kind is RuleKind.NON_INFERIORITY else -share
    scaled = losses * (1, 1 + sign * signed)

    figures = score.observed_difference(asked, inferred(losses), 0.95)
    plain = inferred(scaled).difference

    held = figures.lower - figures.threshold, figures.upper - figures.threshold
    sides = (Side.UPPER, Side.LOWER)  # less is better
    assert held == pytest.approx([-plain.bound(side, 0.95) for side in sides])


def inferred(losses):
    return engine.compare(find_metric("mean_absolute_error"), Moments.of_rows(losses))


@pytest.mark.heavy
@pytest.mark.parametrize(
    "name", ["accuracy", "f1", "roc_auc", "average_precision", "log_loss", "r2"]
)
def test_a_relative_margin_counts_the_uncertainty_of_the_champion(name):
    rows = rows_for(name, 800)
    random = np.random.default_rng(0)
    again = [
        compare_rows(name, rows.at(random.integers(0, 800, 800)), resamples=2) for _ in range(150)
    ]
    combined = np.std([a.challenger - 0.5 * abs(a.champion) for a in again])
    alone = np.std([a.challenger - a.champion for a in again])

    found = compare_rows(name, rows)
    center = found.challenger - 0.5 * abs(found.champion)
    reach = (center - found.difference.bound(Side.LOWER, 0.95, 0.5)) / 1.645

    assert combined == pytest.approx(reach, rel=0.25)
    assert abs(alone - combined) > 0.05 * combined  # or the test could not tell


def test_a_relative_margin_is_a_share_of_the_size_of_a_negative_champion():
    rows = numbers(400)
    bad = type(rows)(
        label=rows.label, challenger=2 * rows.challenger, champion=2 * rows.champion + 1
    )
    found = compare_rows("r2", bad)

    tight, loose = (
        score.observed_difference(rule("r2", margin=m, relative=True), found, 0.95)
        for m in (0.1, 0.5)
    )

    assert found.champion < -1
    assert 0.5 * found.champion == pytest.approx(loose.threshold)
    assert loose.lower - loose.threshold > tight.lower - tight.threshold


def test_all_gates_pass_needs_no_correction():
    asked = [rule(margin=m) for m in (0.01, 0.02, 0.05, 0.1)]
    found = compare_rows("accuracy", classes(500))

    alone = [verdict(one, found) for one in asked]
    together = [
        gate.verdict
        for gate in judge_comparisons([candidate(one, found) for one in asked], PolicySettings())
    ]

    assert alone == together
    assert worst(together) == max(alone, key=lambda said: said.severity)


@pytest.mark.heavy
def test_slices_of_all_metrics_are_one_family_of_claims():
    rows = classes(400, seed=3, agree=0.5).swapped()
    asked = [
        candidate(rule(name, margin=0.0, detect=True), compare_rows(name, rows), {"carrier": part})
        for name in ("accuracy", "f1")
        for part in "abc"
    ]

    gates = judge_comparisons(asked, PolicySettings(confidence=0.6))

    single = [
        judge_comparisons([one], PolicySettings(confidence=0.6))[0].bound.p_regression
        for one in asked
    ]
    told = [gate for gate in gates if gate.verdict is FAIL]
    expected = [p <= 1 - 0.6 for p in holm(single)]
    assert expected == [gate.verdict is FAIL for gate in gates]
    assert told
    assert all("correcting for 6 slices" in gate.reason for gate in told)


@pytest.mark.heavy
@settings(max_examples=100, deadline=None)
@given(
    p=st.lists(st.floats(0, 1), min_size=1, max_size=8),
    level=st.floats(0.001, 0.5),
)
def test_holm_claims_what_stepping_down_claims(p, level):
    """Holm's own words: from the smallest p on, while p <= level / (claims not yet made)."""
    order = sorted(range(len(p)), key=p.__getitem__)
    claimed = set()
    for step, index in enumerate(order):
        if not p[index] * (len(p) - step) <= level:
            break
        claimed.add(index)

    assert claimed == {i for i, adjusted in enumerate(holm(p)) if adjusted <= level}


def test_holm_answers_what_statsmodels_and_r_answer():
    """multipletests(method="holm"), p.adjust: in the order of the p-values, not of their ranks."""
    assert (0.09, 0.05, 0.09, 0.08, 0.09) == pytest.approx(holm([0.05, 0.01, 0.03, 0.02, 0.04]))
    assert (0.012, 0.9, 0.04, 0.004) == pytest.approx(holm([0.004, 0.9, 0.02, 0.001]))


MARGINS = st.floats(0, 0.4)
LOOSER = [
    (name, kind, relative)
    for name in ("accuracy", "f1", "roc_auc", "log_loss", "equalized_odds_difference")
    for kind in RuleKind
    for relative in (False, True)
]


@pytest.mark.heavy
@pytest.mark.parametrize(("name", "kind", "relative"), LOOSER)
@settings(max_examples=8, derandomize=True, deadline=None)
@given(seed=st.integers(0, 50), margin=MARGINS, more=MARGINS, size=st.sampled_from([40, 300]))
def test_a_looser_margin_never_turns_a_pass_into_less(
    name, kind, relative, seed, margin, more, size
):
    found = compare_rows(name, rows_for(name, size, seed), resamples=300)
    tight, loose = margin, margin + more
    if kind is RuleKind.SUPERIORITY:
        tight, loose = loose, tight

    said = [verdict(rule(name, kind, m, relative=relative), found).severity for m in (tight, loose)]

    assert said[1] <= said[0]


@pytest.mark.parametrize("metric", ["accuracy", "f1", "roc_auc", "log_loss"])
def test_what_would_settle_an_open_question_is_told(metric):
    rows = rows_for(metric, 120, seed=4).swapped()
    [gate] = judge_comparisons(
        [candidate(rule(metric, margin=0.01), compare_rows(metric, rows), rows=120)],
        PolicySettings(),
    )

    assert INCONCLUSIVE == gate.verdict
    assert gate.rows_needed > 120
    assert "; 120 rows are not enough to decide (smallest detectable" in gate.reason
    assert f"about {gate.rows_needed:,} would be, if" in gate.reason


def test_few_rows_of_a_slice_are_reported_with_their_interval_and_not_judged():
    worse = compare_rows("accuracy", classes(60, agree=0.2))
    asked = rule(margin=0.0, detect=True)

    few, enough = (
        judge_comparisons(
            [candidate(asked, worse, {"carrier": "AA"}, 500, counted)], PolicySettings(min_rows=100)
        )[0]
        for counted in (99, 100)
    )

    assert (False, PASS, True) == (few.judged, few.verdict, enough.judged)
    assert few.difference == enough.difference is not None
    assert "99 rows are too few to judge (policy.min_rows 100)" in few.reason
