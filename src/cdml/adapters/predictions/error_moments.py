"""Moments of errors of unknown size: each part is added up on a separate scale.

A slice of small amounts next to one of large ones keeps all its digits.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from cdml.adapters.predictions.exact_sums import LARGEST, ExactSums, added, by_code, scaled
from cdml.adapters.predictions.row_sql import Row
from cdml.adapters.predictions.slicing import SlicePosition, Slicing
from cdml.adapters.tables.duckdb_engine import SqlRunner
from cdml.errors import InputError
from cdml.statistics.means import TOO_SMALL
from cdml.statistics.metrics import Loss, Metric, Statistic
from cdml.statistics.samples import Moments

SQUARES = "squares"
_SUMMED = frozenset({Statistic.LOSSES, Statistic.SQUARES})
SMALLEST = 1e-90
"""Errors all of which are nearer to 0 have third moments that floats cannot hold: they seem 0."""
BOUNDED = {Loss.LOG.value: 37.0, Loss.BRIER.value: 1.0}
"""Losses of probabilities, and the largest they can be."""


@dataclass(kw_only=True)
class Errors:
    """The errors that metrics read, by name: a loss, or `SQUARES` for RMSE and R²."""

    engine: SqlRunner
    row: Row
    slices: tuple[Slicing, ...]
    metrics: tuple[Metric, ...]

    @property
    def names(self) -> tuple[str, ...]:
        squares = any(metric.family.reads is Statistic.SQUARES for metric in self.metrics)
        return (*sorted(self._by_name), *((SQUARES,) if squares else ()))

    @property
    def _by_name(self) -> dict[str, Metric]:
        means = {m.averaged: m for m in self.metrics if m.family.reads is Statistic.LOSSES}
        return {name: metric for name, metric in means.items() if name not in BOUNDED}

    def problems(self) -> Iterator[tuple[str, str]]:
        """What a row needs to be added up: left out of a sum, it would make a model better."""
        for name in self.names:
            figures = [*self._losses(name), *(self._labels("0.0") if name == SQUARES else ())]
            within = " AND ".join(f"abs({figure}) < {LARGEST!r}" for figure in figures)
            metric = self._by_name.get(name)
            if metric and metric.loss is Loss.COLUMN:
                yield (
                    within,
                    (
                        f"have no number in {metric.column or self.row.layout.cost}, or one beyond"
                        f" {LARGEST:g}"
                    ),
                )
            else:
                yield within, f"have labels or errors beyond {LARGEST:g}"

    def refuse_tiny(self) -> None:
        """Refuse errors that are too near to 0 to be told apart: any two models would be equal.

        Raises:
            InputError: all rows have such errors.
        """
        if any(place is None for _, place in self.tiny):
            raise InputError(
                f"{self.row.pair.challenger.path}: {TOO_SMALL}.",
                "Multiply them by one number, the same in every row and file.",
            )

    def tiny_sample(self, metric: Metric, place: SlicePosition) -> Moments | None:
        """What stands for the sums of a part with such errors: none of it is a number."""
        squares = metric.family.reads is Statistic.SQUARES
        name = SQUARES if squares else metric.averaged
        if metric.family.reads not in _SUMMED or (name, place) not in self.tiny:
            return None
        width = len(self.row.sides) + (2 if squares else 0)
        shapes = ((width,) * power for power in (1, 2, 3))
        mean, covariance, third = (np.full(shape, np.nan) for shape in shapes)
        rows = self.tiny[name, place]
        return Moments(rows=rows, mean=mean, covariance=covariance, third=third)

    @cached_property
    def tiny(self) -> Mapping[tuple[str, SlicePosition], int]:
        """The rows of parts in which some figure is not 0, and none is large enough, by figure."""
        return {
            (name, place): rows for name in self.names for place, rows in self._tiny_places(name)
        }

    def _tiny_places(self, name: str) -> Iterator[tuple[SlicePosition, int]]:
        """Squares may have become 0 already, so the errors themselves are looked at."""
        limit, figures = SMALLEST, self._losses(name)
        if name == SQUARES or self._by_name[name].loss is Loss.SQUARED:
            limit = math.sqrt(SMALLEST)
            figures = [self.row.loss(Loss.ABSOLUTE, side) for side in self.row.sides]
        tiny = " OR ".join(f"({one} <> 0 AND abs({one}) < {limit!r})" for one in figures)
        [(_, found)] = self._group_rows("0", [f"max(CASE WHEN {tiny} THEN 1 ELSE 0 END)"])
        for column in (None, *range(len(self.slices))) if found else ():
            code = "0" if column is None else self.slices[column].code()
            sizes = [f"max(abs({one}))" for one in figures]
            for group, rows, *largest in self._group_rows(code, ["count(*)", *sizes]):
                if 0 < max(largest) < limit:
                    yield (None if column is None else (column, group)), rows

    def moments(self) -> Mapping[tuple[str, SlicePosition], Moments]:
        return {
            (name, place): moments
            for name in self.names
            for column in (None, *range(len(self.slices)))
            for place, moments in self._grouped(name, column)
        }

    def _grouped(self, name: str, column: int | None) -> Iterator[tuple[SlicePosition, Moments]]:
        code = "0" if column is None else self.slices[column].code()
        figures = [*self._losses(name)]
        if name == SQUARES:
            label = self.row.label()
            middles = dict(self._group_rows(code, [f"(min({label}) + max({label})) / 2"]))
            figures += self._labels(by_code(middles, code))
        sums = {
            group: ExactSums(figures=tuple(figures), largest=tuple(largest))
            for group, *largest in self._group_rows(code, [f"max(abs({one}))" for one in figures])
        }
        listed = ", ".join(f"{figure} AS x{i}" for i, figure in enumerate(figures))
        inner, totals_ = added(
            f"SELECT {code} AS code, {listed} FROM {self.row.pair.relation}",
            ["code"],
            [scaled(sums, code if code == "0" else "code")],
        )
        rows_ = self.engine.fetch(
            f"SELECT code, count(*), {', '.join(totals_)} FROM ({inner}) GROUP BY 1",
            self.row.pair.challenger.path,
        )
        for group, rows, *totals in rows_:
            place = None if column is None else (column, group)
            yield place, sums[group].moments(rows, totals)

    def _losses(self, name: str) -> list[str]:
        if name == SQUARES:
            return [self.row.loss(Loss.SQUARED, side) for side in self.row.sides]
        return [self.row.averaged(self._by_name[name], side) for side in self.row.sides]

    def _labels(self, middle: str) -> list[str]:
        """The label and its square, counted from a value in the middle of the part's labels.

        No metric depends on where labels are counted from, and from their middle the squares
        keep their digits.
        """
        centred = f"({self.row.label()} - {middle})"
        return [centred, f"pow({centred}, 2)"]

    def _group_rows(self, code: str, figures: Sequence[str]) -> list[Any]:
        relation = self.row.pair.relation
        return self.engine.fetch(
            f"SELECT {code} AS code, {', '.join(figures)} FROM {relation} GROUP BY 1",
            self.row.pair.challenger.path,
        )
