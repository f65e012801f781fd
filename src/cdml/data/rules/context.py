"""What rules are made of, and what they are called."""

from collections.abc import Mapping
from dataclasses import dataclass
from dataclasses import field as field_
from datetime import datetime
from typing import Any

from cdml.data.bounds import NONE
from cdml.data.contract import Quality, Severity
from cdml.data.rules.rule import Finding, Rule
from cdml.tables.query import Field

Asked = Rule | Finding
"""A rule to ask, or what is known without asking."""

NAMES = {
    "rowCount": "row_count",
    "nullValues": "null_values",
    "missingValues": "missing_values",
    "invalidValues": "invalid_values",
    "duplicateValues": "duplicate_values",
    "mean": "mean",
    "standardDeviation": "standard_deviation",
    "sum": "sum",
    "minimum": "column_minimum",
    "maximum": "column_maximum",
    "quantile": "quantile",
    "distinctCount": "distinct_count",
    "freshness": "freshness",
    "compare": "compare",
}
"""How we call what a quality rule checks."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """What rules are made of, beside the contract.

    Attributes:
        fields: the table's columns by name.
        now: when freshness is judged.
        related: the columns of the other tables that can be asked, by table.
        hold_foreign: whether rules of other engines hold the verdict.
        extra_columns: what columns do that the contract does not know.
    """

    fields: Mapping[str, Field]
    now: datetime | None = None
    related: Mapping[str, Mapping[str, Field]] = field_(default_factory=dict)
    hold_foreign: bool = False
    extra_columns: Severity = "info"


def rule_of(quality: Quality, name: str, column: str | None, **more: Any) -> Rule:
    """A rule with what its quality rule says of its name, levels and severity."""
    return Rule(
        name=name, column=column, severity=quality.severity, bound=quality.bound or NONE,
        warns=quality.warns, **more,
    )  # fmt: skip
