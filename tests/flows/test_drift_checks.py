"""A column that cannot be compared with its reference is not passed over."""

import pytest

from cdml.config.model import Drift
from cdml.core.verdict import Verdict
from cdml.flows.drift_checks import plan_drift
from fakes.tables import FakeTables

TRUTH = [True, False] * 50


@pytest.mark.parametrize("before", [[1, 0] * 50, [1.0, 0.0] * 50, ["yes", "no"] * 50])
@pytest.mark.parametrize(("fail", "verdict"), [(None, Verdict.WARN), (0.5, Verdict.INCONCLUSIVE)])
def test_types_that_cannot_be_compared_warn_or_hold(before, fail, verdict):
    tables = FakeTables()
    tables.add("now", {"seen": TRUTH})
    tables.add("before", {"seen": before})
    now, then = tables.open("now"), tables.open("before")

    for table, reference in ((now, then), (then, now)):
        [found] = plan_drift(table, reference, frozenset(), Drift(fail=fail)).skipped
        assert (verdict, "seen") == (found.verdict, found.column)


def test_a_column_that_the_reference_does_not_have_is_told_only():
    tables = FakeTables()
    tables.add("now", {"seen": TRUTH, "new": TRUTH})
    tables.add("before", {"seen": TRUTH})
    plan = plan_drift(tables.open("now"), tables.open("before"), frozenset(), Drift(fail=0.5))

    assert [("new", Verdict.PASS)] == [(one.column, one.verdict) for one in plan.skipped]
