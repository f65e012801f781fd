"""The statistics of one part, as inference reads them."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np

from cdml.adapters.predictions.error_moments import SQUARES
from cdml.adapters.predictions.exact_sums import ExactSums
from cdml.adapters.predictions.rank_sums import RankSums
from cdml.adapters.predictions.row_sql import Row
from cdml.adapters.predictions.slicing import SlicePosition, Slicing
from cdml.adapters.predictions.spilled_scores import SpilledScores
from cdml.adapters.tables.duckdb_engine import SqlRunner
from cdml.adapters.tables.sql_engine import literal
from cdml.config.class_labels import name_group
from cdml.statistics.metrics import Metric, Statistic, Task
from cdml.statistics.samples import Cells, Moments, OneVsRest, Ranked, Sample

ReductionRow = tuple[Any, ...]


@dataclass(slots=True)
class Group:
    """What has been added up for one part."""

    rows: int = 0
    cells: Counter[ReductionRow] = field(default_factory=Counter)
    sums: list[int] = field(default_factory=list)

    def add(self, outcome: ReductionRow, rows: int, sums: Sequence[int]) -> None:
        self.rows += rows
        self.cells[outcome] += rows
        self.sums = (
            [a + b for a, b in zip(self.sums, sums, strict=True)] if self.sums else list(sums)
        )


@dataclass(kw_only=True)
class ScoreReader:
    """Scores in memory, for metrics of order; read when first used."""

    row: Row
    slices: tuple[Slicing, ...]
    engine: SqlRunner
    order: str = ""

    @cached_property
    def arrays(self) -> dict[str, Any]:
        row = self.row
        columns = [f"{one.code()} AS s{index}" for index, one in enumerate(self.slices)]
        if row.layout.task is Task.BINARY:
            columns += [f"{row.label()} AS label"]
            columns += [f"{row.score(side)} AS {side}0" for side in row.sides]
        else:
            names = ", ".join(map(literal, row.classes))
            columns += [f"enum_code(CAST({row.label()} AS ENUM({names}))) AS label"]
            for side in row.sides:
                columns += [
                    f"{row.score_of(side, name)} AS {side}{code}"
                    for code, name in enumerate(row.classes)
                ]
        return self.engine.arrays(
            f"SELECT {', '.join(columns)} FROM {row.pair.relation}"
            + (f" ORDER BY {self.order}" if self.order else ""),
            row.pair.challenger.path,
        )

    def sample(self, place: SlicePosition, metric: Metric | None = None) -> Ranked | OneVsRest:
        """The scores of a part, the same for every metric."""
        del metric
        arrays = self.arrays
        at = slice(None) if place is None else arrays[f"s{place[0]}"] == place[1]
        label = np.asarray(arrays["label"])[at]

        def ranked(code: int) -> Ranked:
            champion = np.asarray(arrays[f"p{code}"])[at] if f"p{code}" in arrays else None
            binary = self.row.layout.task is Task.BINARY
            return Ranked(
                positive=label.astype(bool) if binary else label == code,
                challenger=np.asarray(arrays[f"c{code}"])[at],
                champion=champion,
            )

        if self.row.layout.task is Task.BINARY:
            return ranked(0)
        return OneVsRest(classes=tuple(map(ranked, range(len(self.row.classes)))))


@dataclass(frozen=True, slots=True, kw_only=True)
class Reader:
    """The statistics of one part."""

    place: SlicePosition
    group: Group
    sums: Mapping[str, ExactSums]
    errors: Mapping[tuple[str, SlicePosition], Moments]
    scores: ScoreReader | SpilledScores | RankSums
    sensitive: Slicing | None = None
    present: tuple[int, ...] = ()

    def sample(self, metric: Metric) -> Sample:
        match metric.family.reads:
            case Statistic.CELLS:
                return self._cells()
            case Statistic.GROUPS:
                return self._by_group()
            case Statistic.SCORES:
                return self.scores.sample(self.place, metric)
            case Statistic.LOSSES:
                return self._moments(metric.averaged)
            case Statistic.SQUARES:
                return self._moments(SQUARES)
            case _:
                raise ValueError(f"{metric.name} is not measured on rows")

    def _cells(self) -> Cells:
        counts: Counter[ReductionRow] = Counter()
        first = 1 if self.sensitive else 0
        for outcome, count in self.group.cells.items():
            counts[self._codes(outcome[first:])] += count
        return self._as_cells(counts)

    def _by_group(self) -> Cells:
        if self.sensitive is None:
            raise ValueError("no metric has groups")
        counts: Counter[ReductionRow] = Counter()
        for (group, *outcome), count in self.group.cells.items():
            counts[*self._codes(outcome), self.present.index(group)] += count
        names = [self.sensitive.values[code] for code in self.present]
        cells = self._as_cells(counts)
        return replace(
            cells,
            groups=tuple(name_group(name, number) for number, name in enumerate(names)),
            group=np.array(sorted(counts), dtype=np.int64)[:, -1],
        )

    def _codes(self, outcome: Sequence[Any]) -> tuple[int, ...]:
        return tuple(self.classes[part] for part in outcome)

    @property
    def classes(self) -> Mapping[Any, int]:
        names = self.scores.row.classes
        return {name: code for code, name in enumerate(names)} or {False: 0, True: 1}

    def _as_cells(self, counts: Counter[ReductionRow]) -> Cells:
        cells = sorted(counts.items())
        codes = np.array([outcome for outcome, _ in cells], dtype=np.int64)
        return Cells(
            classes=self.scores.row.classes or ("other", "positive"),
            label=codes[:, 0],
            challenger=codes[:, 1],
            champion=codes[:, 2] if len(self.scores.row.sides) > 1 else None,
            count=np.array([count for _, count in cells], dtype=np.int64),
        )

    def _moments(self, name: str) -> Moments:
        if name not in self.sums:
            return self.errors[name, self.place]
        start = 0
        for other, sums in self.sums.items():
            if other == name:
                totals = self.group.sums[start : start + sums.width]
                return sums.moments(self.group.rows, totals)
            start += sums.width
        raise ValueError(f"{name} was not requested")
