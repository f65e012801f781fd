"""What one comparison requires of a model: a gate of cdml.yaml as evidence carries it."""

import json
from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import Field

from cdml.common.rule_kinds import RuleKind
from cdml.evidence.base import EvidenceModel, Number, SliceValues, Text

Tier = Annotated[
    Literal["critical", "advisory"],
    Field(description="Whether a failure rejects the model (`critical`) or warns (`advisory`)."),
]
ERRORS = "errors"
"""The metric of the gate that results could be measured; `policy.max_errors` is its margin."""


class Criterion(EvidenceModel):
    """One comparison on all rows or on one slice."""

    metric: Text
    """Name of the metric."""
    slice: SliceValues = None
    kind: RuleKind
    """Which rule it is."""
    margin: Annotated[Number, Field(ge=0)]
    """How much worse is accepted, or how much better is required."""
    relative: bool = False
    """Whether the margin is a share of |champion|."""
    detect: bool = False
    """Whether the rule fails only on a proven regression; so it is for slices."""
    tier: Tier = "critical"
    greater_is_better: bool | None = None
    """The metric's direction; null in evidence of versions that did not write it."""
    corrected_by: Text | None = None
    """The columns of human labels that correct the metric; null where none do."""

    @property
    def sign(self) -> int:
        """+1 where greater is better, else -1: natural differences times this are better as +."""
        return -1 if self.greater_is_better is False else 1

    @property
    def text(self) -> str:
        """As it is written in cdml.yaml."""
        margin = f"{self.margin * 100:g}%" if self.relative else f"{self.margin:g}"
        return f"{self.kind.value} {margin}"

    @property
    def share(self) -> float:
        """What `Difference.bound` takes to make the margin relative; 0 for an absolute one."""
        if not self.relative:
            return 0.0
        return self.margin * self.sign * (1 if self.kind is RuleKind.NON_INFERIORITY else -1)

    def threshold(self, champion: float) -> float:
        """What the difference is held against: -m or +δ, better is +."""
        margin = self.margin * (abs(champion) if self.relative else 1.0)
        return 0.0 - margin if self.kind is RuleKind.NON_INFERIORITY else margin


def from_version_1(content: bytes) -> bytes:
    """Evidence of `cdml.comparison/1` in the words of /2; any other, and what is none, as it is."""
    if b'"cdml.comparison/1"' not in content:
        return content
    try:
        document = json.loads(content)
        gates = document["gates"]
        plain = isinstance(gates, list) and not any("criterion" in gate for gate in gates)
        if document["schema"] != "cdml.comparison/1" or not plain:
            return content
        document |= {
            "schema": "cdml.comparison/2",
            "gates": [gate | {"criterion": criterion_of(gate)} for gate in gates],
        }
    except (ValueError, TypeError, LookupError, RecursionError):
        return content  # which the schema refuses
    return json.dumps(document).encode()


def criterion_of(gate: Mapping[str, Any]) -> dict[str, Any]:
    """The criterion of a gate whose `rule` is text alone; of what is no rule, one that is none."""
    kind, _, margin = str(gate["rule"]).partition(" ")
    relative = margin.endswith("%")
    try:
        number: str | float = float(margin.removesuffix("%")) / (100 if relative else 1)
    except ValueError:
        number = margin
    same = {key: gate[key] for key in ("metric", "slice", "tier") if key in gate}
    return {**same, "kind": kind, "margin": number, "relative": relative}
