"""Rows of a report, all figures already text."""

import math
from collections.abc import Mapping
from dataclasses import dataclass

from cdml.common.verdict import Verdict
from cdml.evidence.schema import BoundGate, Check, ComparisonGate, MetricValue
from cdml.gates.proof import greater_is_better, unproven
from cdml.report import figures
from cdml.report.charts.forest import Forest, bound_forest, comparison_forest
from cdml.report.evidence_set import EvidenceSet
from cdml.report.figures import NONE, Plot, _scalar, slice_name

UNPROVEN = "no regression proven"
"""The mark of a slice that passed because nothing is proven against it."""
NOT_JUDGED = "not judged"


@dataclass(frozen=True, slots=True, kw_only=True)
class GateRow:
    """A gate on all rows or on one slice.

    Attributes:
        metric, slice: what was measured where; the slice is empty for all rows.
        value: the challenger's, as a number; None where there is none.
        rows: how many rows it was measured on.
        champion, challenger: the values.
        spread: the interval of the challenger's value, for a bound; else empty.
        difference, interval: challenger - champion.
        plot: where they lie; None for a bound.
        forest: the same for the page, where better always lies to the right.
        rule: as in cdml.yaml.
        verdict: of this gate; None where it was only reported.
        unproven: whether it passed although its figures do not prove that the margin is kept.
        reason: a sentence.
        distance: of the difference from its margin, in half its interval; small is worse, and
            endless where nobody knows.
    """

    metric: str
    slice: str
    value: float | None
    rows: str
    champion: str
    challenger: str
    spread: str
    difference: str
    interval: str
    plot: Plot | None
    forest: Forest | None
    rule: str
    verdict: Verdict | None
    reason: str
    unproven: bool = False
    distance: float = math.inf

    @property
    def mark(self) -> str:
        """How it went, in words; a pass is one only where it is proven."""
        if self.verdict is None:
            return NOT_JUDGED
        return UNPROVEN if self.unproven else self.verdict.value

    @property
    def fine(self) -> bool:
        """Whether it passed, or was only reported."""
        return not not_passed(self)

    @property
    def bar(self) -> str:
        """The plot in characters."""
        return figures.bar(self.plot)


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckRow:
    """A check of the data that did not pass."""

    name: str
    column: str
    verdict: Verdict
    expected: str
    observed: str
    reason: str
    beside: str
    samples: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class MetricRow:
    """A metric of the challenger on all rows."""

    metric: str
    value: str
    interval: str
    method: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeRow:
    """What differs between the models besides their figures."""

    what: str
    champion: str
    challenger: str


@dataclass(frozen=True, slots=True, kw_only=True)
class StepRow:
    """A step of a deployment."""

    name: str
    state: str
    at: str
    detail: str


def not_passed(row: GateRow | CheckRow) -> bool:
    """Whether a row was judged and is not good."""
    return row.verdict not in {None, Verdict.PASS}


def verdict_rank(row: GateRow) -> tuple[float, float]:
    """Sorts the worst first, those that come closest to their margin before others like them.

    What passed without proof comes before what is proven, what was only reported last.
    """
    rank = 0.0 if row.verdict is None else -row.verdict.severity - 1.0
    return rank - row.unproven / 2, row.distance


def severity(row: GateRow | CheckRow) -> int:
    """How bad a row is; what was only reported is not."""
    return row.verdict.severity if row.verdict else 0


def gate_rows(gathered: EvidenceSet) -> tuple[GateRow, ...]:
    """The bounds, then the comparisons, each in the order of cdml.yaml."""
    bounds = gathered.evaluation.gates if gathered.evaluation else ()
    compared = gathered.comparison.gates if gathered.comparison else ()
    champions = {gate.metric: gate.champion for gate in compared if gate.slice is None}
    rows = [_bound_row(gate, champions) for gate in bounds]
    return (*rows, *(_comparison_row(gate) for gate in compared))


def _bound_row(gate: BoundGate, champions: Mapping[str, float | None]) -> GateRow:
    champion = None if gate.slice else champions.get(gate.metric)
    limit = figures.limit(gate.rule)
    like = () if limit is None else (limit,)
    return GateRow(
        metric=gate.metric,
        slice=slice_name(gate.slice),
        value=gate.value,
        rows=f"{gate.rows:,}",
        champion=figures.value(champion, like=(gate.value,)),
        challenger=figures.value(gate.value, like=(champion, *like)),
        spread=figures.interval(gate.interval, like=like),
        difference=NONE,
        interval="",
        plot=None,
        forest=bound_forest(gate),
        rule=gate.rule,
        verdict=gate.verdict,
        reason=gate.reason,
    )


def _comparison_row(gate: ComparisonGate) -> GateRow:
    difference, interval = figures.difference(gate)
    return GateRow(
        metric=gate.metric,
        slice=slice_name(gate.slice),
        value=gate.challenger,
        rows=f"{gate.rows:,}",
        champion=figures.value(gate.champion, like=(gate.challenger,)),
        challenger=figures.value(gate.challenger, like=(gate.champion,)),
        spread="",
        difference=difference,
        interval=interval,
        plot=figures.plot(gate),
        forest=comparison_forest(gate),
        rule=gate.rule,
        verdict=gate.verdict if gate.judged or gate.verdict is not Verdict.PASS else None,
        reason=gate.reason,
        unproven=unproven(gate),
        distance=_distance(gate),
    )


def _distance(gate: ComparisonGate) -> float:
    difference, better = gate.difference, greater_is_better(gate)
    if difference is None or difference.low is None or difference.high is None or better is None:
        return math.inf
    half, against = (
        (difference.high - difference.low) / 2,
        gate.bound.against if gate.bound else 0.0,
    )
    away = (difference.estimate - against) * (1 if better else -1)
    return away / half if half > 0 else math.copysign(math.inf, away)


def check_rows(gathered: EvidenceSet) -> tuple[CheckRow, ...]:
    """The checks that did not pass, worst first."""
    checks = gathered.data.checks if gathered.data else ()
    bad = [_check_row(check) for check in checks if check.verdict is not Verdict.PASS]
    return tuple(sorted(bad, key=severity, reverse=True))


def _check_row(check: Check) -> CheckRow:
    return CheckRow(
        name=check.name,
        column=check.column or "",
        verdict=check.verdict,
        expected=check.expected,
        observed=check.observed,
        reason=check.reason,
        beside=check.beside,
        samples=tuple(f"row {one.row:,}: {_scalar(one.value)}" for one in check.sample),
    )


def metric_rows(gathered: EvidenceSet) -> tuple[MetricRow, ...]:
    """The challenger's metrics on all rows."""
    metrics = gathered.evaluation.metrics if gathered.evaluation else ()
    return tuple(_metric_row(metric) for metric in metrics if metric.slice is None)


def _metric_row(metric: MetricValue) -> MetricRow:
    return MetricRow(
        metric=metric.metric,
        value=figures.value(metric.value),
        interval=figures.interval(metric.interval),
        method=metric.interval.method if metric.interval else metric.reason or "",
    )


def change_rows(gathered: EvidenceSet) -> tuple[ChangeRow, ...]:
    """What changed in the model."""
    changes = gathered.comparison.changes if gathered.comparison else ()
    return tuple(
        ChangeRow(
            what=change.what,
            champion=NONE if change.champion is None else change.champion,
            challenger=NONE if change.challenger is None else change.challenger,
        )
        for change in changes
    )


def step_rows(gathered: EvidenceSet) -> tuple[StepRow, ...]:
    """What a deployment did."""
    steps = gathered.deployment.steps if gathered.deployment else ()
    return tuple(
        StepRow(
            name=step.name,
            state=step.state,
            at=f"{step.at:%Y-%m-%d %H:%M} UTC" if step.at else "",
            detail=step.detail,
        )
        for step in steps
    )
