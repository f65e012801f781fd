"""What of a report stands first, and what is folded below it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from cdml.common.verdict import Verdict
from cdml.evidence.schema import Check, MetricValue
from cdml.report.metric_gates import MetricGates, by_metric
from cdml.report.rows import GateRow, verdict_rank
from cdml.report.view import View

MOST_OPEN = 10
"""Lines that stand first; where more have decided, the others are folded."""

_DECISIVE: Mapping[Verdict, frozenset[Verdict]] = {
    Verdict.PASS: frozenset(),
    Verdict.WARN: frozenset({Verdict.WARN}),
    Verdict.INCONCLUSIVE: frozenset({Verdict.INCONCLUSIVE}),
    Verdict.FAIL: frozenset({Verdict.FAIL, Verdict.INCONCLUSIVE}),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Sections:
    """The lines of a report in the order in which they are read.

    The verdict comes from `decided` and `broken`; no gate is about `metrics`. Slices are worst
    first.
    """

    decided: tuple[MetricGates, ...]
    broken: tuple[Check, ...]
    overall: tuple[MetricGates, ...]
    overall_summary: str
    slices: tuple[MetricGates, ...]
    checks: tuple[Check, ...]
    metrics: tuple[MetricValue, ...]

    @property
    def refused(self) -> bool:
        """Whether something has decided against the model, so that the rest is folded."""
        verdicts = {*(one.verdict for one in self.decided), *(one.verdict for one in self.broken)}
        return not verdicts.isdisjoint(_DECISIVE[Verdict.FAIL])


def sections(view: View) -> Sections:
    """Put first what the verdict comes from: what failed, then what is open."""
    overall, slices = by_metric(view.gates), by_metric(view.slices)
    decisive = _DECISIVE[view.verdict]
    decided = [one for one in (*overall, *slices) if one.verdict in decisive]
    first = sorted(decided, key=_order)[:MOST_OPEN]
    refusing = decisive & _DECISIVE[Verdict.FAIL]  # a check that only warns has its sentence
    broken = [row for row in view.checks if row.verdict in refusing][:MOST_OPEN]
    gated = {one.metric for one in overall}
    rest = tuple(one for one in overall if one not in first)
    return Sections(
        decided=tuple(first),
        broken=tuple(broken),
        overall=rest,
        overall_summary=_count_passed(overall),
        slices=tuple(one for one in slices if one not in first),
        checks=tuple(row for row in view.checks if row not in broken),
        metrics=tuple(row for row in view.metrics if row.metric not in gated),
    )


def failing_rows(view: View) -> list[GateRow]:
    """Gates that did not pass, on all rows and on slices, the worst first."""
    return sorted((row for row in (*view.gates, *view.slices) if not row.fine), key=verdict_rank)


def _order(metric: MetricGates) -> tuple[float, bool, float]:
    """The worst first, of equally bad ones those on all rows, then those nearest to a margin."""
    worst = min(map(verdict_rank, metric.gates))
    return worst[0], bool(metric.slice), worst[1]


def _count_passed(overall: Sequence[MetricGates]) -> str:
    passed = sum(one.verdict is Verdict.PASS for one in overall)
    metrics = f"metric{'s' * (len(overall) > 1)}"
    return f"{passed:,} of {len(overall):,} {metrics} passed" if overall else ""
