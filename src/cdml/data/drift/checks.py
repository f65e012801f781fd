"""Drift of every column: counted in the bins of the reference's profile."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace

from cdml.common.verdict import Verdict
from cdml.config.schema import DriftSettings
from cdml.data.drift import judge
from cdml.data.drift.bins import Uncounted
from cdml.data.drift.judge import DriftLimits
from cdml.data.drift.measure import Counting, is_ordered
from cdml.data.drift.profile import ColumnProfile, Profile
from cdml.data.rules.quality import unjudged_finding
from cdml.data.rules.rule import DataRule, Finding, not_executed
from cdml.tables.query import Condition, Field, LogicalType, NotRun
from cdml.tables.table import Table


@dataclass(frozen=True, slots=True, kw_only=True)
class DriftPlan:
    """What is counted now, in the reference's bins, and findings about columns that are not."""

    counting: Counting = field(default_factory=Counting)
    skipped: tuple[Finding, ...] = ()

    @property
    def conditions(self) -> tuple[Condition, ...]:
        """For the one scan, in the order in which `judge_drift` takes their counts."""
        return self.counting.conditions


def plan_drift(
    table: Table, reference: Profile, leave_out: frozenset[str], thresholds: DriftSettings
) -> DriftPlan:
    """Tell the columns that can be compared from those that cannot.

    One that both sides have and that cannot be compared warns; where drift can fail, it is
    inconclusive.
    """
    before = reference.by_name
    compared, skipped = [], []
    for now in table.fields:
        if now.name in leave_out:
            continue
        profile = before.get(now.name)
        if profile is None:
            why = "not compared: the reference has no such column"
            skipped.append(unjudged_finding("drift", now.name, why))
        elif why := _incomparable(now, profile):
            skipped.append(not_compared("drift", now.name, why, thresholds))
        elif isinstance(profile.bins, Uncounted):
            skipped.append(
                unjudged_finding("drift", now.name, f"not compared: {profile.bins.reason}")
            )
        else:
            compared.append(profile)
    return DriftPlan(counting=Counting(columns=tuple(compared)), skipped=tuple(skipped))


def _incomparable(now: Field, before: ColumnProfile) -> str:
    if now.empty:  # all its rows are missing, whatever the type
        return ""
    if now.type is not before.type and not (is_ordered(now.type) and _numbers(now, before)):
        return f"the reference holds {before.type}, the data {now.type}"
    if now.type in (LogicalType.ARRAY, LogicalType.OBJECT, LogicalType.OTHER):
        return f"it holds {now.physical}"
    return ""


def _numbers(now: Field, before: ColumnProfile) -> bool:
    return now.type.numeric and before.type.numeric and is_ordered(before.type)


def judge_drift(
    plan: DriftPlan,
    table: Table,
    counts: Sequence[int | NotRun],
    *,
    label: str,
    thresholds: DriftSettings,
    may_disclose: Callable[[str], bool],
) -> Iterator[Finding]:
    """Hold every column against its thresholds, by the counts of the plan's conditions on `table`.

    The drift of `label` has a name of its own.
    """
    yield from plan.skipped
    for column, now in plan.counting.seen(table, counts):
        yield judge.judge_drift(
            column,
            now,
            drift_limits(thresholds),
            may_disclose=may_disclose(column.name),
            name="label_drift" if column.name == label else "drift",
        )


def drift_limits(thresholds: DriftSettings) -> DriftLimits:
    """The configuration's thresholds."""
    return DriftLimits(
        measure=thresholds.measure,
        warn=thresholds.warn,
        fail=thresholds.fail,
        min_rows=thresholds.min_rows,
    )


def no_reference(why: str, thresholds: DriftSettings, *, requested: bool) -> Iterator[Finding]:
    """Nothing was compared: told only, unless the configuration asks for it."""
    if requested:
        yield not_compared("drift", None, why, thresholds)
    elif why:
        yield unjudged_finding("drift", None, f"not compared: {why}")


def not_compared(name: str, column: str | None, why: str, thresholds: DriftSettings) -> Finding:
    """Not passed over: it warns, and where drift can fail it is inconclusive."""
    lost = not_executed(DataRule(name=name, column=column, severity="warning", what=""), why)
    return lost if thresholds.fail else replace(lost, verdict=Verdict.WARN)
