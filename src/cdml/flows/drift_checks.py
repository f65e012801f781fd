"""Drift of every column: bins found on the reference, counted on both sides."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from cdml.config.model import Drift
from cdml.core import drift
from cdml.core.checks import Finding, Rule, not_executed
from cdml.core.expressions import Condition, Field, LogicalType, Missing, NotRun
from cdml.core.quality import listed
from cdml.core.verdict import Verdict
from cdml.ports import Table

SAMPLE = 20_000
_MOST_CATEGORIES = 10_000


@dataclass(frozen=True, slots=True, kw_only=True)
class DriftPlan:
    """What is counted, on both sides alike.

    Attributes:
        edges: where the bins of each ordered column begin.
        categories: the columns that are counted by value.
        skipped: findings about columns that are not compared.
    """

    edges: Mapping[Field, tuple[float, ...]] = field(default_factory=dict)
    categories: tuple[str, ...] = ()
    skipped: tuple[Finding, ...] = ()

    @property
    def conditions(self) -> tuple[Condition, ...]:
        """All conditions, in the order in which `judge_drift` takes their counts."""
        return (
            *(
                condition
                for column, at in self.edges.items()
                for condition in drift.cuts(column.name, column.type, at)
            ),
            *(Missing(column) for column in self.categories),
        )


def plan_drift(
    table: Table, reference: Table, leave_out: frozenset[str], thresholds: Drift
) -> DriftPlan:
    """Find the bins of every column that both sides have, on a sample of the reference.

    A column of which they cannot be found warns; where drift can fail, it is inconclusive.
    """
    before = {one.name: one for one in reference.fields}
    ordered, categories, skipped = [], [], []
    for now in table.fields:
        if now.name in leave_out:
            continue
        why = _incomparable(now, before.get(now.name))
        if why and now.name in before:
            rule = Rule(name="drift", column=now.name, severity="warning", what="")
            lost = not_executed(rule, why)
            skipped.append(lost if thresholds.fail else replace(lost, verdict=Verdict.WARN))
        elif why:
            skipped.append(listed("drift", now.name, f"not compared: {why}"))
        elif now.type.ordered and now.type is not LogicalType.BOOLEAN:
            ordered.append(now)
        else:
            categories.append(now.name)
    sample = reference.sample([one.name for one in ordered], SAMPLE)
    edges = {one: drift.edges(sample[one.name]) for one in ordered}
    return DriftPlan(edges=edges, categories=tuple(categories), skipped=tuple(skipped))


def _incomparable(now: Field, before: Field | None) -> str:
    if before is None:
        return "the reference has no such column"
    numbers = now.type.numeric and before.type.numeric
    if LogicalType.BOOLEAN in (now.type, before.type):
        numbers = False
    if now.type is not before.type and not numbers:
        return f"the reference holds {before.type}, the data {now.type}"
    if now.type in (LogicalType.ARRAY, LogicalType.OBJECT, LogicalType.OTHER):
        return f"it holds {now.physical}"
    return ""


def judge_drift(
    plan: DriftPlan,
    table: Table,
    reference: Table,
    counts: Sequence[int | NotRun],
    *,
    label: str,
    thresholds: Drift,
    shown: Callable[[str], bool],
) -> Iterator[Finding]:
    """Count the reference, and hold every column against its thresholds.

    Args:
        plan: what was counted.
        table, reference: now and before.
        counts: of the plan's conditions on `table`.
        label: the column whose drift has a name of its own.
        thresholds: of the configuration.
        shown: whether values of a column may be told.
    """
    now = iter(counts)
    before = iter(reference.count(plan.conditions))
    sides: dict[str, tuple[dict[str, int], dict[str, int]]] = {
        column.name: (
            drift.bins(_take(before, len(at) + 1), reference.ref.rows, column.type, at),
            drift.bins(_take(now, len(at) + 1), table.ref.rows, column.type, at),
        )
        for column, at in plan.edges.items()
    }
    for column in plan.categories:
        found = reference.frequencies(column, _MOST_CATEGORIES)
        keep = drift.names(found)
        missing_before, missing_now = _number(next(before)), _number(next(now))
        if 2 * len(found) > reference.ref.rows - missing_before > len(keep):
            yield listed("drift", column, "not compared: nearly every row has a value of its own")
            continue
        sides[column] = (
            drift.categories(found, missing_before, reference.ref.rows, keep),
            drift.categories(
                table.frequencies(column, _MOST_CATEGORIES), missing_now, table.ref.rows, keep
            ),
        )
    yield from plan.skipped
    for column, (left, right) in sides.items():
        yield drift.judge(
            column,
            drift.measure(left, right),
            warn=thresholds.warn,
            fail=thresholds.fail,
            shown=shown(column),
            name="label_drift" if column == label else "drift",
        )


def _take(counts: Iterator[int | NotRun], many: int) -> list[int]:
    return [_number(next(counts)) for _ in range(many)]


def _number(count: int | NotRun) -> int:
    """Comparisons of a column with its own kind of value are always run."""
    if isinstance(count, NotRun):
        raise TypeError(count.reason)
    return count
