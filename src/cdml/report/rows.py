"""Rows of a report, all figures already text."""

import math
from collections.abc import Mapping
from dataclasses import dataclass

from cdml.common.rule_kinds import BoundEdge, RuleKind
from cdml.common.verdict import Verdict
from cdml.evidence.schema import BoundGate, Check, ComparisonGate, RowSample
from cdml.gates.proof import UNPROVEN, greater_is_better, unproven
from cdml.report import figures
from cdml.report.charts.forest import Forest, bound_forest, comparison_forest
from cdml.report.evidence_set import EvidenceSet
from cdml.report.figures import NONE, Plot, _scalar, slice_name

NOT_JUDGED = "not judged"


@dataclass(frozen=True, slots=True, kw_only=True)
class GateRow:
    """A gate on all rows or on one slice, whose name is empty for all of them.

    `value` is the challenger's as a number. A bound has a `spread`, the interval of that value, a
    comparison the `difference` to the champion with its interval; in `forest` better always lies to
    the right. The verdict is None where it was only reported. `distance` is that from the margin,
    in half an interval: small is worse, and endless if unknown.
    """

    metric: str
    slice: str
    value: float | None
    rows: str
    unit: str = "rows"
    champion: str
    challenger: str
    forest: Forest | None
    kind: RuleKind | BoundEdge
    rule: str
    verdict: Verdict | None
    reason: str
    spread: str = ""
    difference: str = NONE
    interval: str = ""
    plot: Plot | None = None
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


def not_passed(row: GateRow | Check) -> bool:
    """Whether a row was judged and is not good."""
    return row.verdict not in {None, Verdict.PASS}


def verdict_rank(row: GateRow) -> tuple[float, float]:
    """Sorts the worst first, those that come closest to their margin before others like them.

    What passed without proof comes before what is proven, what was only reported last.
    """
    rank = 0.0 if row.verdict is None else -row.verdict.severity - 1.0
    return rank - row.unproven / 2, row.distance


def severity(row: GateRow | Check) -> int:
    """How bad a row is; what was only reported is not."""
    return row.verdict.severity if row.verdict else 0


def gate_rows(gathered: EvidenceSet) -> tuple[GateRow, ...]:
    """The bounds, then the comparisons, each in the order of cdml.yaml."""
    bounds = [gate for gate in gathered.gates if isinstance(gate, BoundGate)]
    compared = [gate for gate in gathered.gates if isinstance(gate, ComparisonGate)]
    champions = {gate.metric: gate.champion for gate in compared if gate.slice is None}
    rows = [_bound_row(gate, champions) for gate in bounds]
    return (*rows, *(_comparison_row(gate) for gate in compared))


def _bound_row(gate: BoundGate, champions: Mapping[str, float | None]) -> GateRow:
    champion = None if gate.slice else champions.get(gate.metric)
    like = () if gate.limit is None else (gate.limit,)
    return GateRow(
        metric=gate.metric,
        slice=slice_name(gate.slice),
        value=gate.value,
        rows=f"{gate.rows:,}",
        champion=figures.value(champion, like=(gate.value,)),
        challenger=figures.value(gate.value, like=(champion, *like)),
        spread=figures.interval(gate.interval, like=like),
        forest=bound_forest(gate),
        kind=BoundEdge.AT_LEAST if gate.at_least else BoundEdge.AT_MOST,
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
        unit="cases" if gate.by_case else "rows",
        champion=figures.value(gate.champion, like=(gate.challenger,)),
        challenger=figures.value(gate.challenger, like=(gate.champion,)),
        difference=difference,
        interval=interval,
        plot=figures.plot(gate),
        forest=comparison_forest(gate),
        kind=gate.criterion.kind,
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


def check_rows(gathered: EvidenceSet) -> tuple[Check, ...]:
    """The checks that did not pass, worst first."""
    return tuple(sorted(filter(not_passed, gathered.checks), key=severity, reverse=True))


def sample_text(sample: RowSample) -> str:
    """A row that failed a check."""
    return f"row {sample.row:,}: {_scalar(sample.value)}"
