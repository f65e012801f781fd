"""Rows in clusters as sums of each cluster: no row leaves the engine, nor which cluster it is of.

A cluster moves a metric by the sum of its rows' moves. Of a confusion metric all rows of one kind
move it alike, and of a mean the sum of a cluster's figures says how far.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np

from cdml.adapters.predictions.exact_sums import ExactSums, by_code, scaled
from cdml.adapters.predictions.row_sql import Row
from cdml.adapters.predictions.slicing import SlicePosition, Slicing
from cdml.adapters.tables.duckdb_engine import SqlRunner
from cdml.adapters.tables.sql_engine import literal, quote
from cdml.config.class_labels import name_group
from cdml.errors import InputError
from cdml.statistics.metrics import Loss, Metric, Statistic
from cdml.statistics.samples import Cells, RowFigures, Weighted

MOST_CLUSTERS = 1_000_000
MOST_KINDS = 500
"""Combinations of label, predictions and group of which clusters are counted."""
_SQUARES = "squares"
Kind = tuple[Any, ...]


@dataclass(kw_only=True)
class ClusterSums:
    """The clusters of a comparison.

    `kinds` are the combinations of outcomes that occur, `outcome` the SQL of each part of one, and
    `as_cells` makes cells of kinds, for metrics of groups or for others.
    """

    engine: SqlRunner
    row: Row
    slices: tuple[Slicing, ...]
    metrics: tuple[Metric, ...]
    kinds: Sequence[Kind]
    outcome: Sequence[str]
    as_cells: Callable[[Metric, Sequence[Kind]], Cells]

    def require_few(self) -> None:
        """Refuse more clusters, or kinds of rows, than can be told apart here.

        Raises:
            InputError: there are more.
        """
        [(clusters,)] = self._fetch(f"SELECT count(DISTINCT {self._cluster}) FROM {self._rows}")
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
            squares = metric.family.reads is Statistic.SQUARES
            return self._means(_SQUARES if squares else metric.averaged, column)[code]
        clusters = self._counts(column)[code]
        at, of_kind = clusters.nonzero()
        count = clusters[at, of_kind]
        cells = self.as_cells(metric, [self.kinds[kind] for kind in of_kind])
        return Weighted(
            weight=count.astype(float),
            cluster=np.unique(at, return_inverse=True)[1],
            inner=replace(cells, count=count),
            times=count,
        )

    def _counts(self, column: int | None) -> dict[int, Any]:
        """By slice the rows of each kind in each cluster, shape (clusters, kinds)."""
        if column not in self._counted:
            kinds = range(len(self.kinds))
            parts = [f"{one} AS o{at}" for at, one in enumerate(self.outcome)]
            inner = ", ".join([f"{self._code(column)} AS code", f"{self._cluster} AS g", *parts])
            counted = ", ".join(
                f"sum(CASE WHEN {self._is(self.kinds[kind])} THEN 1 ELSE 0 END) AS v{kind}"
                for kind in kinds
            )
            listed = ", ".join(["code", *(f"v{kind}" for kind in kinds)])
            rows = self._fetch(
                f"SELECT {listed}, count(*) FROM (SELECT code, {counted} FROM"
                f" (SELECT {inner} FROM {self._rows}) GROUP BY code, g) GROUP BY {listed}"
            )
            by_code_: dict[int, list[Any]] = {}
            for code, *counts in sorted(rows):
                by_code_.setdefault(code, []).append(counts)
            self._counted[column] = {
                code: np.repeat(some[:, :-1], some[:, -1], axis=0)
                for code, some in ((code, np.array(one)) for code, one in by_code_.items())
            }
        return self._counted[column]

    @cached_property
    def _counted(self) -> dict[int | None, dict[int, Any]]:
        return {}

    @cached_property
    def _added(self) -> dict[tuple[str, int | None], dict[int, Weighted]]:
        return {}

    def _is(self, kind: Kind) -> str:
        return " AND ".join(f"o{at} = {_constant(part)}" for at, part in enumerate(kind))

    def _means(self, name: str, column: int | None) -> dict[int, Weighted]:
        """By slice the figures of each cluster: their mean, and whether its rows differ."""
        if (name, column) not in self._added:
            code = self._code(column)
            figures, errors = self._figures(name, code)
            largest = ", ".join(f"max(abs({one}))" for one in figures)
            sums = {
                group: ExactSums(figures=tuple(figures), largest=tuple(sizes))
                for group, *sizes in self._fetch(
                    f"SELECT {code} AS code, {largest} FROM {self._rows} GROUP BY 1"
                )
            }
            inner = ", ".join(f"{one} AS x{at}" for at, one in enumerate(figures))
            wholes = (
                f"sum(CAST({one.replace('{x}', f'x{at}')} AS BIGINT))"
                for at, one in enumerate(scaled(sums, code if code == "0" else "code"))
            )
            differ = (
                f"CASE WHEN min(x{at}) < max(x{at}) THEN 1 ELSE 0 END" for at in range(errors)
            )
            rows = self._fetch(
                f"SELECT code, count(*), {', '.join([*wholes, *differ])} FROM (SELECT {code} AS"
                f" code, {self._cluster} AS g, {inner} FROM {self._rows}) GROUP BY code, g"
            )
            by_group: dict[int, list[Any]] = {}
            for group, *totals in sorted(rows):
                by_group.setdefault(group, []).append(totals)
            self._added[name, column] = {
                group: _entries(some, sums[group]) for group, some in by_group.items()
            }
        return self._added[name, column]

    def _figures(self, name: str, code: str) -> tuple[list[str], int]:
        """The figures of `Moments`, and how many of them are errors."""
        if name != _SQUARES:
            [metric, *_] = (
                one
                for one in self.metrics
                if one.averaged == name and one.family.reads is Statistic.LOSSES
            )
            errors = [self.row.averaged(metric, side) for side in self.row.sides]
            return errors, len(errors)
        errors = [self.row.loss(Loss.SQUARED, side) for side in self.row.sides]
        label = self.row.label()
        middles = self._fetch(
            f"SELECT {code} AS code, (min({label}) + max({label})) / 2 FROM {self._rows} GROUP BY 1"
        )
        centred = f"({label} - {by_code(dict(middles), code)})"
        return [*errors, centred, f"pow({centred}, 2)"], len(errors)

    @property
    def _rows(self) -> str:
        return self.row.pair.relation

    @property
    def _cluster(self) -> str:
        return f"c.{quote(str(self.row.layout.cluster))}"

    def _code(self, column: int | None) -> str:
        return "0" if column is None else self.slices[column].code()

    def _fetch(self, sql: str) -> list[Any]:
        return self.engine.fetch(sql, self.row.pair.challenger.path)


def _entries(rows: Sequence[Sequence[Any]], sums: ExactSums) -> Weighted:
    width = len(sums.figures)
    count = np.array([row[0] for row in rows], dtype=np.int64)
    totals = np.array(
        [[math.ldexp(x, -by) for x, by in zip(row[1:], sums.fine, strict=False)] for row in rows]
    )
    varied = np.zeros((len(rows), width), dtype=bool)
    for at, row in enumerate(rows):
        varied[at, : len(row) - width - 1] = row[width + 1 :]
    return Weighted(
        weight=count.astype(float),
        cluster=np.arange(len(rows)),
        inner=RowFigures(values=totals / count[:, None], varied=varied),
        times=count,
    )


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
