import pytest

from cdml.common.verdict import Verdict
from cdml.data.leakage import separation
from cdml.tables.table import Overlap

ROWS, BEFORE = 1000, 4000


def shared(count, *, here=0, there=0, warn=0.01, fail=0.1):
    overlap = Overlap(shared=count, repeated_here=here, repeated_there=there)
    return separation.inputs_shared(overlap, ROWS, BEFORE, ["a", "b"], warn=warn, fail=fail)


@pytest.mark.parametrize(
    ("count", "expected"),
    [
        (0, Verdict.PASS),
        (9, Verdict.PASS),
        (10, Verdict.WARN),
        (99, Verdict.WARN),
        (100, Verdict.FAIL),
        (ROWS, Verdict.FAIL),
    ],
)
def test_rows_that_the_reference_holds_too_count_by_their_share(count, expected):
    assert expected is shared(count).verdict


@pytest.mark.parametrize("side", [{"there": BEFORE // 10}, {"here": ROWS // 10}])
def test_as_many_as_repeat_within_a_side_are_chance(side):
    assert Verdict.PASS is shared(ROWS // 10, **side).verdict
    assert Verdict.WARN is shared(ROWS // 10 + 60, **side).verdict
    assert Verdict.FAIL is shared(ROWS // 10 + 120, **side).verdict


def test_a_few_beyond_chance_are_its_own_error():
    assert Verdict.PASS is shared(ROWS // 10 + 20, there=BEFORE // 10).verdict


def test_columns_that_do_not_tell_rows_apart_never_fail():
    assert Verdict.PASS is shared(ROWS, there=BEFORE).verdict
    assert Verdict.WARN is shared(ROWS, there=BEFORE // 2).verdict


def test_without_limits_nothing_is_judged():
    assert Verdict.PASS is shared(ROWS, warn=None, fail=None).verdict


@pytest.mark.parametrize(
    ("early", "expected"),
    [(0, Verdict.PASS), (1, Verdict.WARN), (9, Verdict.WARN), (10, Verdict.FAIL)],
)
def test_rows_before_the_references_end_warn_and_many_fail(early, expected):
    found = separation.time_order("at", early, ROWS, "2013-07-01")

    assert expected is found.verdict
    assert (
        f"{early:,} of 1,000 rows are older than the end of the reference, 2013-07-01"
        in found.reason
    )


def test_a_group_on_both_sides_warns():
    assert Verdict.WARN is separation.groups_shared("user", 1, ROWS).verdict
    assert Verdict.PASS is separation.groups_shared("user", 0, ROWS).verdict
