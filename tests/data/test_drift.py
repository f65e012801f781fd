import math

import pytest

from cdml.common.verdict import Verdict
from cdml.config.schema import DriftSettings
from cdml.data.drift import judge
from cdml.data.drift.bins import Buckets, Categories, Edges
from cdml.data.drift.judge import CurrentColumn
from cdml.data.drift.profile import ColumnProfile
from cdml.tables.query import LogicalType

EVENLY = (0, 5000, 5000, 0)


def ports(*counts, names=("EWR", "JFK"), bins=None):
    return ColumnProfile(
        name="origin", type=LogicalType.STRING, bins=bins or Categories(names=names), counts=counts
    )


def judged(now, *, shown=True, before=EVENLY, fresh=(), **limits):
    seen = CurrentColumn(counts=now, fresh=fresh)
    return judge.judge_drift(ports(*before), seen, DriftSettings(**limits), may_disclose=shown)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (0.19, Verdict.PASS),
        (0.2, Verdict.WARN),
        (0.49, Verdict.WARN),
        (0.5, Verdict.FAIL),
        (math.nan, Verdict.FAIL),
    ],
)
def test_thresholds_decide_and_nan_never_passes(value, expected):
    assert expected is judge.judge_value(value, DriftSettings(warn=0.2, fail=0.5))


@pytest.mark.parametrize("measure", ["psi", "js", "ks", "wasserstein", "cramers_v"])
def test_the_measure_that_was_chosen_decides(measure):
    moved = judged((0, 1000, 9000, 0), measure=measure)
    still = judged((0, 5100, 4900, 0), measure=measure)

    assert (Verdict.WARN, Verdict.PASS) == (moved.verdict, still.verdict)
    assert moved.expected.endswith("below 0.2")


def test_too_few_rows_are_not_judged():
    few = (0, 5, 5, 0)

    assert Verdict.WARN is judged(few).verdict
    assert Verdict.INCONCLUSIVE is judged(few, fail=0.5).verdict
    assert "chance alone gives a PSI of" in judged(few).reason


def test_a_side_with_fewer_rows_than_were_asked_for_is_not_judged():
    found = judged((0, 400, 400, 0), min_rows=1000)

    assert Verdict.WARN is found.verdict
    assert "one side has only 800 of 1,000 required rows" in found.reason


def test_no_rows_are_not_judged():
    assert Verdict.INCONCLUSIVE is judged((0, 0, 0, 0), fail=0.5).verdict


def test_without_thresholds_drift_is_told_and_decides_nothing():
    found = judged((0, 0, 10_000, 0), warn=None)

    assert ("info", Verdict.PASS) == (found.severity, found.verdict)


def test_the_value_that_moved_is_told_only_where_values_may_be():
    now = (0, 1000, 9000, 0)

    assert "largest change: EWR, 50.0% of the reference and 10.0% now" in judged(now).reason
    assert "EWR" not in judged(now, shown=False).reason


def test_values_that_came_and_went_are_named_where_they_may_be():
    now = (0, 9000, 0, 1000)
    fresh = ("LGA", "SWF", "ISP", "HPN")

    assert "; new: LGA, SWF, ISP and 1 more; vanished: JFK" in judged(now, fresh=fresh).reason
    assert "LGA" not in judged(now, fresh=fresh, shown=False).reason


def test_a_value_is_new_only_where_the_reference_kept_all_it_had():
    found = judged((0, 5000, 5000, 0), before=(0, 5000, 4900, 100), fresh=("LGA",))

    assert "new" not in found.reason


def test_values_that_may_not_be_told_are_neither_new_nor_gone():
    column = ports(0, 100, 0, 0, bins=Buckets(many=2))
    found = judge.judge_drift(
        column, CurrentColumn(counts=(0, 0, 100, 0)), DriftSettings(), may_disclose=True
    )

    assert not {"new:", "vanished:"} & set(found.reason.split())


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        (LogicalType.NUMBER, "Wasserstein 2.16e+04"),
        (LogicalType.DATE, "Wasserstein 0.25 days"),
        (LogicalType.TIME, "Wasserstein 2.16e+04 s"),
    ],
)
def test_how_far_values_moved_is_told_in_the_columns_unit(kind, expected):
    bins = Edges(at=(0.0, 43_200.0, 86_400.0))
    column = ColumnProfile(name="x", type=kind, bins=bins, counts=(0, 0, 5000, 5000, 0))
    now = CurrentColumn(counts=(0, 0, 0, 10_000, 0))
    found = judge.judge_drift(column, now, DriftSettings(), may_disclose=True)
    closed = judge.judge_drift(column, now, DriftSettings(), may_disclose=False)

    assert found.beside.endswith(expected)
    assert "Wasserstein" not in closed.reason + closed.beside


def slices(*now, before=EVENLY):
    return {f"carrier=C{n}": (ports(*before), counts) for n, counts in enumerate(now)}


def test_a_slice_that_moved_is_named_and_its_verdict_is_the_columns():
    found = judge.judge_slices(
        ports(*EVENLY), slices(EVENLY, (0, 1000, 9000, 0), (0, 1, 1, 0)), DriftSettings(fail=0.5)
    )

    assert (Verdict.FAIL, "origin", "slice_drift") == (found.verdict, found.column, found.name)
    assert "drifted in 1 of 2 slices; PSI: carrier=C1 (0.879)" in found.reason
    assert found.reason.endswith("not judged: 1 with too few rows")


def test_slices_that_did_not_move_pass_and_slices_without_rows_are_not_judged():
    still = judge.judge_slices(ports(*EVENLY), slices(EVENLY, EVENLY), DriftSettings(fail=0.5))
    few = judge.judge_slices(ports(*EVENLY), slices((0, 1, 1, 0)), DriftSettings(fail=0.5))

    assert (Verdict.PASS, Verdict.INCONCLUSIVE) == (still.verdict, few.verdict)
