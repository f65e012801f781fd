"""What several gates require of one metric, in one place: the comment has a line for each."""

import math
from collections.abc import Iterable
from dataclasses import dataclass

from cdml.common.verdict import Verdict
from cdml.report.figures import NONE
from cdml.report.rows import GateRow


@dataclass(frozen=True, slots=True, kw_only=True)
class MetricGates:
    """The gates of one metric on all rows, or on one slice.

    There is at least one, and all are of the same value.
    """

    gates: tuple[GateRow, ...]

    @property
    def metric(self) -> str:
        """What was measured."""
        return self.gates[0].metric

    @property
    def slice(self) -> str:
        """Where; empty for all rows."""
        return self.gates[0].slice

    @property
    def rows(self) -> str:
        """On how many rows."""
        return self.gates[0].rows

    @property
    def unit(self) -> str:
        """What the rows are."""
        return self.gates[0].unit

    @property
    def champion(self) -> str:
        """The champion's value, with the most digits that a gate needs."""
        return _longest(gate.champion for gate in self.gates)

    @property
    def challenger(self) -> str:
        """The challenger's value, likewise."""
        return _longest(gate.challenger for gate in self.gates)

    @property
    def spread(self) -> str:
        """The interval of the challenger's value; empty where no bound was judged."""
        return _longest(gate.spread for gate in self.gates)

    @property
    def differences(self) -> tuple[GateRow, ...]:
        """The gates whose difference or margin no gate before has reported."""
        by_key: dict[tuple[str, str, str], GateRow] = {}
        for gate in self.gates:
            if gate.difference != NONE:
                by_key.setdefault((gate.difference, gate.interval, gate.bar), gate)
        return tuple(by_key.values())

    @property
    def verdict(self) -> Verdict | None:
        """The worst; None where all were only reported."""
        judged = [gate.verdict for gate in self.gates if gate.verdict is not None]
        return max(judged, key=lambda verdict: verdict.severity, default=None)


def by_metric(rows: Iterable[GateRow]) -> tuple[MetricGates, ...]:
    """Gates of one metric, slice and value together, in the order of the first of each."""
    groups: dict[tuple[str, str], list[list[GateRow]]] = {}
    order: list[list[GateRow]] = []
    for row in rows:
        alike = groups.setdefault((row.metric, row.slice), [])
        group = next((one for one in alike if _same(one[0].value, row.value)), None)
        if group is None:
            group = []
            alike.append(group)
            order.append(group)
        group.append(row)
    return tuple(MetricGates(gates=tuple(group)) for group in order)


def _same(one: float | None, other: float | None) -> bool:
    """Whether two gates may share a line: evidence of two stages need not agree on the value."""
    if one is None or other is None:
        return True
    return math.isclose(one, other, rel_tol=1e-9, abs_tol=1e-12)


def _longest(texts: Iterable[str]) -> str:
    return max(texts, key=lambda text: (text != NONE, len(text)))
