"""What sums of rows with weights or in clusters have in common."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from cdml.adapters.predictions.error_moments import SQUARES
from cdml.adapters.predictions.exact_sums import by_code
from cdml.adapters.predictions.row_sql import Row
from cdml.adapters.predictions.slicing import Slicing
from cdml.adapters.tables.duckdb_engine import SqlRunner
from cdml.statistics.metrics import Loss, Metric, Statistic
from cdml.statistics.samples import Cells

Kind = tuple[Any, ...]


@dataclass(kw_only=True)
class PartSums:
    """The rows of a comparison, to be added up slice by slice.

    `kinds` are the combinations of outcomes that occur, `outcome` the SQL of each part of one, and
    `as_cells` makes cells of kinds, for metrics of groups or for others. Rows of no weight tell
    nothing, and are never read.
    """

    engine: SqlRunner
    row: Row
    slices: tuple[Slicing, ...]
    metrics: tuple[Metric, ...]
    kinds: Sequence[Kind]
    outcome: Sequence[str]
    as_cells: Callable[[Metric, Sequence[Kind]], Cells]

    def figures(self, metric: Metric, code: str) -> tuple[list[str], int]:
        """SQL of the figures of `Moments`, and how many of them are errors."""
        if metric.family.reads is not Statistic.SQUARES:
            errors = [self.row.averaged(metric, side) for side in self.row.sides]
            return errors, len(errors)
        errors = [self.row.loss(Loss.SQUARED, side) for side in self.row.sides]
        label = self.row.label()
        middles = self.fetch(
            f"SELECT {code} AS code, (min({label}) + max({label})) / 2 FROM {self.rows} GROUP BY 1"
        )
        centred = f"({label} - {by_code(dict(middles), code)})"
        return [*errors, centred, f"pow({centred}, 2)"], len(errors)

    def named(self, metric: Metric) -> str:
        """What the figures are of: metrics of the same name have the same."""
        return SQUARES if metric.family.reads is Statistic.SQUARES else metric.averaged

    @property
    def rows(self) -> str:
        return self.row.pair.relation

    @cached_property
    def weight(self) -> str:
        """How much a row counts; the largest weight is near 1, for only shares of weights count."""
        if not self.row.layout.weight:
            return self.row.weight
        [(largest,)] = self.fetch(f"SELECT max({self.row.weight}) FROM {self.rows}")
        unit = math.ldexp(1.0, min(1000, -math.frexp(largest)[1])) if largest else 1.0
        return f"{self.row.weight} * {unit!r}"

    @property
    def heavy(self) -> str:
        """The condition that a row has a weight; there is one only where rows have weights."""
        return f" WHERE {self.row.weight} > 0" if self.row.layout.weight else ""

    def code(self, column: int | None) -> str:
        return "0" if column is None else self.slices[column].code()

    def fetch(self, sql: str) -> list[Any]:
        return self.engine.fetch(sql, self.row.pair.challenger.path)
