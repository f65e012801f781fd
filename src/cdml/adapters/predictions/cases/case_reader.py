"""The scores of columns case by case, in memory."""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from cdml.adapters.predictions.row_sql import Row
from cdml.adapters.predictions.slicing import SlicePosition, Slicing
from cdml.adapters.tables.duckdb_engine import SqlRunner
from cdml.adapters.tables.sql_engine import quote
from cdml.evaluation.cases import TRIALS, VARIANCE
from cdml.statistics.cases.case_means import CaseMeans
from cdml.statistics.metrics import Metric
from cdml.statistics.samples import CaseScores, Codes, Flags, Floats
from cdml.tables.query import Field, LogicalType


@dataclass(kw_only=True)
class CaseReader:
    """The columns that metrics read case by case; read when first used."""

    row: Row
    slices: tuple[Slicing, ...]
    engine: SqlRunner
    metrics: tuple[Metric, ...]

    @property
    def _columns(self) -> tuple[str, ...]:
        names = (m.column for m in self.metrics if self.row.layout.reads_cases(m))
        return tuple(dict.fromkeys(name for name in names if name))

    @property
    def _labels(self) -> tuple[str, ...]:
        names = (name for metric in self.metrics for name in metric.labels or ())
        return tuple(dict.fromkeys(name for name in names if name))

    @cached_property
    def _arrays(self) -> dict[str, Any]:
        selected = [f"{one.code()} AS s{index}" for index, one in enumerate(self.slices)]
        for side in self.row.sides:
            fields = self.row.file(side).fields
            if TRIALS in fields:
                selected.append(f"{side}.{quote(TRIALS)} AS {side}n")
            for number, name in enumerate(self._columns):
                selected.append(f"CAST({side}.{quote(name)} AS DOUBLE) AS {side}{number}")
                if VARIANCE + name in fields:
                    selected.append(f"{side}.{quote(VARIANCE + name)} AS {side}v{number}")
            selected += [
                f"CAST({side}.{quote(name)} AS DOUBLE) AS {side}h{number}"
                for number, name in enumerate(self._labels)
                if name in fields
            ]
            selected += [
                f"{_measure_of(side, fields[column])} AS {side}_{name}"
                for name, column in self._styles.items()
            ]
        sql = f"SELECT {', '.join(selected)} FROM {self.row.pair.relation}"
        return self.engine.arrays(sql, self.row.pair.challenger.path)

    def sample(self, metric: Metric, place: SlicePosition) -> CaseScores:
        """Of one part."""
        number = self._columns.index(str(metric.column))
        chosen = None if place is None else self._arrays[f"s{place[0]}"] == place[1]
        if self.row.layout.partial:
            scored = ~np.all(
                [np.isnan(self._floats(f"{s}{number}")) for s in self.row.sides], axis=0
            )
            chosen = scored if chosen is None else np.asarray(chosen) & scored
        sides = [self._means(side, number, chosen) for side in self.row.sides]
        return CaseScores(
            challenger=sides[0],
            champion=sides[1] if sides[1:] else None,
            human=self._human(metric, chosen),
            categories=self._categories() if metric.labels and place is None else {},
            styles=self._of_style(chosen) if metric.labels else {},
        )

    @property
    def _styles(self) -> dict[str, str]:
        """Columns of styles that both files of a comparison hold."""
        sides = [self.row.file(side).fields for side in self.row.sides]
        held = self.row.layout.styles if self._labels and len(sides) > 1 else {}
        return {n: column for n, column in held.items() if all(column in one for one in sides)}

    def _categories(self) -> dict[str, Codes]:
        return {
            one.column: np.asarray(self._arrays[f"s{index}"], dtype=np.int64)
            for index, one in enumerate(self.slices)
        }

    def _of_style(self, chosen: Flags | None) -> dict[str, Floats]:
        at = slice(None) if chosen is None else np.asarray(chosen)
        return {
            name: np.column_stack([self._floats(f"{s}_{name}") for s in self.row.sides])[at]
            for name in self._styles
        }

    def _human(self, metric: Metric, chosen: Flags | None) -> Floats | None:
        """What people scored of each side; NaN throughout where a file has no such column."""
        if metric.labels is None:
            return None
        columns = []
        for side, name in zip(self.row.sides, metric.labels, strict=False):
            held = name is not None and name in self.row.file(side).fields
            columns.append(
                self._floats(f"{side}h{self._labels.index(str(name))}")
                if held
                else np.full(len(self._floats("c0")), np.nan)
            )
        human = np.column_stack(columns)
        return human if chosen is None else human[np.asarray(chosen)]

    def _means(self, side: str, number: int, chosen: Flags | None) -> CaseMeans:
        mean = self._floats(f"{side}{number}")
        if f"{side}n" not in self._arrays:
            means = CaseMeans.of_cases(mean)
        else:
            means = CaseMeans(
                mean=mean,
                trials=np.asarray(self._arrays[f"{side}n"], dtype=np.int64),
                variance=self._floats(f"{side}v{number}"),
            )
        return means if chosen is None else means.at(np.asarray(chosen))

    def _floats(self, name: str) -> Floats:
        """NaN where a value is missing."""
        filled: Floats = np.ma.filled(np.ma.asarray(self._arrays[name], dtype=float), np.nan)
        return filled


def _measure_of(side: str, field: Field) -> str:
    """A number, or the length of a text."""
    column = f"{side}.{quote(field.name)}"
    if field.type.numeric or field.type is LogicalType.BOOLEAN:
        return f"CAST({column} AS DOUBLE)"
    return f"CAST(length(CAST({column} AS VARCHAR)) AS DOUBLE)"
