"""Rows in clusters as sums of each cluster: no row leaves the engine, nor which cluster it is of.

A cluster moves a metric by the sum of its rows' moves. Of a confusion metric all rows of one kind
move it alike, and of a mean the sum of a cluster's figures says how far.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np

from cdml.adapters.predictions.exact_sums import ExactSums, scaled
from cdml.adapters.predictions.part_sums import Kind, PartSums
from cdml.adapters.predictions.row_sql import Row
from cdml.adapters.predictions.slicing import SlicePosition, Slicing
from cdml.adapters.tables.sql_engine import literal, quote
from cdml.config.class_labels import name_group
from cdml.errors import InputError
from cdml.statistics.metrics import Metric, Statistic
from cdml.statistics.samples import Cells, CountArray, Floats, RowFigures, Weighted

MOST_CLUSTERS = 1_000_000
MOST_KINDS = 500
"""Combinations of label, predictions and group of which clusters are counted."""


@dataclass(kw_only=True)
class ClusterSums(PartSums):
    """The clusters of a comparison, their rows with or without weights."""

    def require_few(self) -> None:
        """Refuse more clusters, or kinds of rows, than can be told apart here.

        Raises:
            InputError: there are more.
        """
        [(clusters,)] = self.fetch(f"SELECT count(DISTINCT {self._cluster}) FROM {self.rows}")
        hint = "Write the predictions to Parquet files."
        if clusters > MOST_CLUSTERS:
            raise InputError(
                f"{self.row.pair.challenger.path}: {self.row.layout.cluster} has {clusters:,}"
                f" clusters; of predictions in tables there may be {MOST_CLUSTERS:,}.",
                hint,
            )
        if len(self.kinds) > MOST_KINDS:
            raise InputError(
                f"{self.row.pair.challenger.path}: labels and predictions have"
                f" {len(self.kinds):,} combinations; in clusters there may be {MOST_KINDS:,}.",
                hint,
            )

    def sample(self, metric: Metric, place: SlicePosition) -> Weighted:
        """What a metric reads of a part: an entry for the rows of a cluster that move it alike."""
        column, code = (None, 0) if place is None else place
        if metric.family.reads in {Statistic.LOSSES, Statistic.SQUARES}:
            return self._means(metric, column).get(code) or _weightless(
                RowFigures(values=np.zeros((1, len(self.figures(metric, "0")[0]))))
            )
        if code not in self._counts(column):
            return _weightless(self.as_cells(metric, self.kinds[:1]))
        counts, weights = self._counts(column)[code]
        at, of_kind = counts.nonzero()
        count = counts[at, of_kind]
        cells = self.as_cells(metric, [self.kinds[int(kind)] for kind in of_kind])
        return Weighted(
            weight=weights[at, of_kind],
            cluster=np.unique(at, return_inverse=True)[1],
            inner=replace(cells, count=count),
            times=count,
        )

    def _counts(self, column: int | None) -> dict[int, tuple[CountArray, Floats]]:
        """By slice the rows of each kind in each cluster, and their weight.

        Both have the shape (clusters, kinds).
        """
        if column not in self._counted:
            parts = [f"{one} AS o{at}" for at, one in enumerate(self.outcome)]
            inner = ", ".join([f"{self.code(column)} AS code", f"{self._cluster} AS g", *parts])
            stored = ", ".join(["code", "g", *(f"o{at}" for at in range(len(parts)))])
            scale = self._heaviest(column)
            weighed = ""
            if scale:
                inner += f", {self.weight} AS w"
                code = "0" if column is None else "code"
                [whole] = scaled(scale, code)
                weighed = f", CAST({whole.replace('{x}', 'w')} AS BIGINT) AS f"
            inner = f"SELECT {inner} FROM {self.rows}{self.heavy}"
            counted = [
                f"sum(CASE WHEN {self._is(kind)} THEN {what} ELSE 0 END) AS {name}{at}"
                for what, name in (("1", "v"), *((("f", "u"),) if scale else ()))
                for at, kind in enumerate(self.kinds)
            ]
            listed = ", ".join(["code", *(one.rpartition(" AS ")[2] for one in counted)])
            rows = self.fetch(
                f"SELECT {listed}, count(*) FROM (SELECT code, {', '.join(counted)} FROM"
                f" (SELECT {stored}{weighed} FROM ({inner})) GROUP BY code, g) GROUP BY {listed}"
            )
            by_code_: dict[int, list[Any]] = {}
            for code_, *counts in sorted(rows):
                by_code_.setdefault(code_, []).append(counts)
            self._counted[column] = {
                code_: self._unpacked(some, scale.get(code_)) for code_, some in by_code_.items()
            }
        return self._counted[column]

    def _unpacked(
        self, rows: Sequence[Sequence[int]], scale: ExactSums | None
    ) -> tuple[CountArray, Floats]:
        kinds, times = len(self.kinds), [row[-1] for row in rows]
        counts = np.array([row[:kinds] for row in rows], dtype=np.int64)
        weights = counts.astype(float)
        if scale:
            [bits] = scale.fine
            # The lightest rows of all have a weight, too.
            wholes = [[max(whole, 1) for whole in row[kinds:-1]] for row in rows]
            weights = np.array([[math.ldexp(whole, -bits) for whole in row] for row in wholes])
        return np.repeat(counts, times, axis=0), np.repeat(weights, times, axis=0)

    def _heaviest(self, column: int | None) -> dict[int, ExactSums]:
        """By slice the scale of the weights; empty where rows have none."""
        if not self.row.layout.weight:
            return {}
        largest = self.fetch(
            f"SELECT {self.code(column)} AS code, max({self.weight}) FROM {self.rows}{self.heavy}"
            " GROUP BY 1"
        )
        return {code: ExactSums(figures=("w",), largest=(size,)) for code, size in largest}

    @cached_property
    def _counted(self) -> dict[int | None, dict[int, tuple[CountArray, Floats]]]:
        return {}

    @cached_property
    def _added(self) -> dict[tuple[str, int | None], dict[int, Weighted]]:
        return {}

    def _is(self, kind: Kind) -> str:
        return " AND ".join(f"o{at} = {_constant(part)}" for at, part in enumerate(kind))

    def _means(self, metric: Metric, column: int | None) -> dict[int, Weighted]:
        """By slice the figures of each cluster: their mean, and whether its rows differ."""
        name = self.named(metric)
        if (name, column) not in self._added:
            code = self.code(column)
            figures, errors = self.figures(metric, code)
            weighed = [f"{one} * w" for one in ("1", *(f"x{at}" for at in range(len(figures))))]
            listed = ", ".join(f"{one} AS x{at}" for at, one in enumerate(figures))
            inner = (
                f"SELECT {code} AS code, {self._cluster} AS g, {self.weight} AS w, {listed}"
                f" FROM {self.rows}{self.heavy}"
            )
            largest = ", ".join(f"max(abs({one}))" for one in weighed)
            sums = {
                group: ExactSums(figures=tuple(weighed), largest=tuple(sizes))
                for group, *sizes in self.fetch(
                    f"SELECT code, {largest} FROM ({inner}) GROUP BY code"
                )
            }
            if not sums:
                return self._added.setdefault((name, column), {})
            wholes = (
                f"sum(CAST({one.replace('{x}', weighed[at])} AS BIGINT))"
                for at, one in enumerate(scaled(sums, code if code == "0" else "code"))
            )
            differ = (
                f"CASE WHEN min(x{at}) < max(x{at}) THEN 1 ELSE 0 END" for at in range(errors)
            )
            rows = self.fetch(
                f"SELECT code, count(*), {', '.join([*wholes, *differ])} FROM ({inner})"
                " GROUP BY code, g"
            )
            by_group: dict[int, list[Any]] = {}
            for group, *totals in sorted(rows):
                by_group.setdefault(group, []).append(totals)
            self._added[name, column] = {
                group: _entries(some, sums[group]) for group, some in by_group.items()
            }
        return self._added[name, column]

    @property
    def _cluster(self) -> str:
        return f"c.{quote(str(self.row.layout.cluster))}"


def _entries(rows: Sequence[Sequence[Any]], sums: ExactSums) -> Weighted:
    """Of each cluster its count, its weight, its weighted figures, and whether they differ."""
    width = len(sums.figures)
    count = np.array([row[0] for row in rows], dtype=np.int64)
    bits = sums.fine
    weight = np.array([math.ldexp(max(row[1], 1), -bits[0]) for row in rows])
    totals = np.array(
        [
            [math.ldexp(x, -by) for x, by in zip(row[2 : width + 1], bits[1:], strict=True)]
            for row in rows
        ]
    )
    varied = np.zeros(totals.shape, dtype=bool)
    for at, row in enumerate(rows):
        varied[at, : len(row) - width - 1] = row[width + 1 :]
    return Weighted(
        weight=weight,
        cluster=np.arange(len(rows)),
        inner=RowFigures(values=totals / weight[:, None], varied=varied),
        times=count,
    )


def _weightless(inner: Cells | RowFigures) -> Weighted:
    """What is left of rows whose weights are all 0."""
    return Weighted(weight=np.zeros(1), cluster=np.zeros(1, dtype=np.int64), inner=inner)


def _constant(part: Any) -> str:
    if isinstance(part, str):
        return literal(part)
    return ("TRUE" if part else "FALSE") if isinstance(part, bool) else str(int(part))


def kind_cells(
    kinds: Sequence[Kind], row: Row, sensitive: Slicing | None, present: Sequence[int]
) -> Cells:
    """Cells of these kinds, one each; of groups where `present` has their codes."""
    first = 1 if sensitive else 0
    outcomes: Sequence[Any] = row.classes or (False, True)
    codes = {name: code for code, name in enumerate(outcomes)}
    parts = np.array([[codes[part] for part in kind[first:]] for kind in kinds], dtype=np.int64)
    names = [sensitive.values[code] for code in present] if sensitive else []
    return Cells(
        classes=row.classes or ("other", "positive"),
        label=parts[:, 0],
        challenger=parts[:, 1],
        champion=parts[:, 2] if len(row.sides) > 1 else None,
        count=np.ones(len(kinds), dtype=np.int64),
        groups=tuple(name_group(name, number) for number, name in enumerate(names)),
        group=np.array([present.index(kind[0]) for kind in kinds]) if names else None,
    )
