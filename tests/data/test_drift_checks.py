"""A column that cannot be compared with its reference is not passed over."""

import pytest

from cdml.common.verdict import Verdict
from cdml.config.schema import DriftSettings
from cdml.data.drift.checks import judge_drift, plan_drift
from cdml.data.drift.measure import build_profile
from fakes.tables import FakeTables

TRUTH = [True, False] * 50
NAMES = ["Ann", "Bob"] * 500
NOBODY = frozenset()


def opened(**tables):
    found = FakeTables()
    for name, data in tables.items():
        found.add(name, data)
    return [found.open(name) for name in tables]


def profiled(table, *, closed=()):
    return build_profile(table, frozenset(), lambda column: column not in closed)


@pytest.mark.parametrize("before", [[1, 0] * 50, [1.0, 0.0] * 50, ["yes", "no"] * 50])
@pytest.mark.parametrize(("fail", "verdict"), [(None, Verdict.WARN), (0.5, Verdict.INCONCLUSIVE)])
def test_types_that_cannot_be_compared_warn_or_hold(before, fail, verdict):
    now, then = opened(now={"seen": TRUTH}, before={"seen": before})

    for table, reference in ((now, then), (then, now)):
        [found] = plan_drift(table, profiled(reference), NOBODY, DriftSettings(fail=fail)).skipped
        assert (verdict, "seen") == (found.verdict, found.column)


def test_numbers_are_compared_whatever_their_kind():
    now, then = opened(now={"x": [1, 2] * 50}, before={"x": [1.0, 2.0] * 50})

    assert 1 == len(plan_drift(now, profiled(then), NOBODY, DriftSettings()).columns)


def test_a_column_that_the_reference_does_not_have_is_told_only():
    now, then = opened(now={"seen": TRUTH, "new": TRUTH}, before={"seen": TRUTH})
    plan = plan_drift(now, profiled(then), NOBODY, DriftSettings(fail=0.5))

    assert [("new", Verdict.PASS)] == [(one.column, one.verdict) for one in plan.skipped]


def test_texts_that_are_all_different_are_told_only():
    [then] = opened(before={"note": [f"note {n}" for n in range(200)]})
    plan = plan_drift(then, profiled(then), NOBODY, DriftSettings(fail=0.5))

    assert [("note", Verdict.PASS)] == [(one.column, one.verdict) for one in plan.skipped]


def drifted(before, now, *, closed=()):
    table, reference = opened(now=now, before=before)
    plan = plan_drift(table, profiled(reference, closed=closed), NOBODY, DriftSettings(fail=0.5))
    counts = table.count(plan.conditions)
    return list(
        judge_drift(
            plan, table, counts,
            label="late", thresholds=DriftSettings(fail=0.5),
            may_disclose=lambda column: column not in closed,
        )
    )  # fmt: skip


@pytest.mark.parametrize("closed", [(), ("who", "income")])
def test_closed_columns_drift_as_open_ones_do_and_nothing_is_kept_of_their_values(closed):
    incomes = [50_000.0 + 37 * n for n in range(1000)]
    before = {"who": NAMES, "income": incomes}
    same = drifted(before, before, closed=closed)
    other = {"who": ["Cid", "Ann"] * 500, "income": [x + 20_000 for x in incomes]}
    moved = drifted(before, other, closed=closed)
    text = repr(profiled(opened(before=before)[0], closed=closed))

    assert [Verdict.PASS] * 2 == [one.verdict for one in same]
    assert [Verdict.FAIL] * 2 == [one.verdict for one in moved]
    assert bool(closed) == ("Ann" not in text)
    assert bool(closed) == all(repr(income) not in text for income in incomes if income % 1000)


@pytest.mark.heavy
def test_a_profile_of_a_wide_table_is_small():
    from cdml.data.drift.profile_file import ProfileDocument
    from cdml.evidence.schema import Producer

    wide = {f"c{n}": [float(n * m % 97) / 7 for m in range(500)] for n in range(1, 11)}
    wide |= {f"k{n}": [f"value {n * m % 45}" for m in range(500)] for n in range(1, 4)}
    [table] = opened(before=wide)
    by = Producer(tool="1", commit=None, time="2026-01-01T00:00:00Z")
    document = ProfileDocument(produced=by, data=table.ref, profile=profiled(table))

    assert len(document.model_dump_json()) < 10_000
