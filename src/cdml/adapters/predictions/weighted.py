"""Rows with weights or clusters, held in memory: their statistics cannot be added up row by row."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from cdml.adapters.predictions.reading import ScoreReader
from cdml.adapters.predictions.row_sql import Row
from cdml.adapters.predictions.slicing import SlicePosition, Slicing
from cdml.adapters.tables.duckdb_engine import SqlRunner
from cdml.adapters.tables.sql_engine import literal, quote
from cdml.config.class_labels import name_group
from cdml.statistics.metrics import Loss, Metric, Statistic, Task
from cdml.statistics.samples import Cells, Floats, RowFigures, Weighted

_ERRORS = "squares"


@dataclass(kw_only=True)
class WeightedRows:
    """The rows of a comparison whose layout names a weight or a cluster."""

    engine: SqlRunner
    row: Row
    slices: tuple[Slicing, ...]
    metrics: tuple[Metric, ...]
    sensitive: Slicing | None
    present: Sequence[int]

    def sample(self, metric: Metric, place: SlicePosition) -> Weighted:
        at = slice(None) if place is None else self._arrays[f"s{place[0]}"] == place[1]
        cluster = None
        if self.row.layout.cluster is not None:
            _, cluster = np.unique(self._arrays["cluster"][at], return_inverse=True)
        return Weighted(
            weight=self._arrays["weight"][at],
            cluster=cluster,
            inner=self._sample_at(metric, place, at),
        )

    def _sample_at(self, metric: Metric, place: SlicePosition, at: Any) -> Any:
        match metric.family.reads:
            case Statistic.SCORES:
                return self._scores.sample(place)
            case Statistic.LOSSES | Statistic.SQUARES:
                return RowFigures(values=self._figures(metric, at))
            case _:
                return self._cells(metric, at)

    def _figures(self, metric: Metric, at: Any) -> Floats:
        name = _ERRORS if metric.family.reads is Statistic.SQUARES else metric.averaged
        columns = [self._arrays[f"{side} {name}"][at] for side in self.row.sides]
        if metric.family.reads is Statistic.SQUARES:
            label = self._arrays["label"][at]
            centred = label - label.mean()
            columns += [centred, centred**2]
        return np.column_stack(columns)

    def _cells(self, metric: Metric, at: Any) -> Cells:
        predictions = [self._arrays[f"{side} said"][at].astype(np.int64) for side in self.row.sides]
        fair = metric.family.reads is Statistic.GROUPS and self.sensitive is not None
        values = self.sensitive.values if self.sensitive else ()
        names = [values[code] for code in self.present] if fair else []
        return Cells(
            classes=self.row.classes or ("other", "positive"),
            label=self._arrays["label"][at].astype(np.int64),
            challenger=predictions[0],
            champion=predictions[1] if len(predictions) > 1 else None,
            count=np.ones(len(predictions[0]), dtype=np.int64),
            groups=tuple(name_group(name, number) for number, name in enumerate(names)),
            group=np.searchsorted(self.present, self._arrays["group"][at]) if fair else None,
        )

    @cached_property
    def _scores(self) -> ScoreReader:
        return ScoreReader(row=self.row, slices=self.slices, engine=self.engine, order=self._order)

    @cached_property
    def _arrays(self) -> dict[str, Any]:
        """What is read of each row, in an order that depends on the rows alone."""
        columns = ", ".join(f"{sql} AS {quote(name)}" for name, sql in self._columns())
        arrays = self.engine.arrays(
            f"SELECT {columns} FROM {self.row.pair.relation} ORDER BY {self._order}",
            self.row.pair.challenger.path,
        )
        return {name: np.asarray(values) for name, values in arrays.items()}

    @property
    def _order(self) -> str:
        return ", ".join(f"c.{quote(name)}" for name in self.row.layout.key)

    def _columns(self) -> Iterator[tuple[str, str]]:
        layout = self.row.layout
        yield "weight", self.row.weight
        if layout.cluster:
            yield "cluster", f"hash(c.{quote(layout.cluster)})"
        for index, one in enumerate(self.slices):
            yield f"s{index}", one.code()
        if self.sensitive:
            yield "group", self.sensitive.code()
        if self.row.outcomes:
            yield from self._outcomes()
        for metric in {
            m.averaged: m for m in self.metrics if m.family.reads is Statistic.LOSSES
        }.values():
            for side in self.row.sides:
                yield f"{side} {metric.averaged}", self.row.averaged(metric, side)
        if any(metric.family.reads is Statistic.SQUARES for metric in self.metrics):
            for side in self.row.sides:
                yield f"{side} {_ERRORS}", self.row.loss(Loss.SQUARED, side)

    def _outcomes(self) -> Iterator[tuple[str, str]]:
        yield "label", self._code(self.row.label())
        if self.row.layout.task is not Task.REGRESSION:
            for side in self.row.sides:
                yield f"{side} said", self._code(self.row.prediction(side))

    def _code(self, outcome: str) -> str:
        if self.row.layout.task is not Task.MULTICLASS:
            return outcome
        names = ", ".join(map(literal, self.row.classes))
        return f"enum_code(CAST({outcome} AS ENUM({names})))"
