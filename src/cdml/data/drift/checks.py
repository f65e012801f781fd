"""Drift of every column: counted in the bins of the reference's profile."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from cdml.common.verdict import Verdict
from cdml.config.schema import DriftSettings
from cdml.data.drift import judge
from cdml.data.drift.bins import Uncounted
from cdml.data.drift.measure import Counting, is_ordered
from cdml.data.drift.profile import ColumnProfile, Profile
from cdml.data.rules.quality import unjudged_finding
from cdml.data.rules.rule import DataRule, not_executed
from cdml.evidence.schema import Check
from cdml.tables.query import Field, NotRun
from cdml.tables.table import Table


@dataclass(frozen=True, slots=True, kw_only=True)
class DriftPlan(Counting):
    """What is counted now, in the reference's bins, and findings about columns that are not."""

    skipped: tuple[Check, ...] = ()


def plan_drift(
    table: Table, reference: Profile, leave_out: frozenset[str], thresholds: DriftSettings
) -> DriftPlan:
    """The columns that can be compared; of others that both sides have, what that means."""
    before = reference.by_name
    compared, skipped = [], []
    for now in table.fields:
        if now.name in leave_out:
            continue
        profile = before.get(now.name)
        if profile is None:
            why = "not compared: the reference does not have this column"
            skipped.append(unjudged_finding("drift", now.name, why))
        elif why := _incomparable(now, profile):
            skipped.append(not_compared("drift", now.name, why, thresholds))
        elif isinstance(profile.bins, Uncounted):
            skipped.append(
                unjudged_finding("drift", now.name, f"not compared: {profile.bins.reason}")
            )
        else:
            compared.append(profile)
    return DriftPlan(columns=tuple(compared), skipped=tuple(skipped))


def _incomparable(now: Field, before: ColumnProfile) -> str:
    if now.empty:  # all its rows are missing, whatever the type
        return ""
    numbers = now.type.numeric and before.type.numeric
    if now.type is not before.type and not (
        numbers and is_ordered(now.type) and is_ordered(before.type)
    ):
        return f"the reference holds {before.type.words}, but the data holds {now.type.words}"
    if not now.type.plain:
        return f"it holds {now.words}"
    return ""


def judge_drift(
    plan: DriftPlan,
    table: Table,
    counts: Sequence[int | NotRun],
    *,
    label: str | None,
    thresholds: DriftSettings,
    may_disclose: Callable[[str], bool],
) -> Iterator[Check]:
    """Hold every column against its thresholds; `counts` are of the plan's conditions."""
    yield from plan.skipped
    for column, now in plan.observe(table, counts):
        name = "label_drift" if column.name == label else "drift"
        yield judge.judge_drift(
            column, now, thresholds, may_disclose=may_disclose(column.name), name=name
        )


def no_reference(why: str, thresholds: DriftSettings, *, requested: bool) -> Iterator[Check]:
    """Nothing was compared: only reported, unless the configuration requires it."""
    if requested:
        yield not_compared("drift", None, why, thresholds)
    elif why:
        yield unjudged_finding("drift", None, f"not compared: {why}")


def not_compared(name: str, column: str | None, why: str, thresholds: DriftSettings) -> Check:
    """Not passed over: it warns, and where drift can fail it is inconclusive."""
    lost = not_executed(DataRule(name=name, column=column, severity="warning", subject=""), why)
    return lost if thresholds.fail else lost.model_copy(update={"verdict": Verdict.WARN})
