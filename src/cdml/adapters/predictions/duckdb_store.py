"""Predictions reduced by DuckDB: all slices at once, in one scan for all that needs no order."""

import shutil
import tempfile
import weakref
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TypeVar

from cdml.adapters.predictions.matching import match_rows
from cdml.adapters.predictions.pairing import (
    Pair,
    Predictions,
    describe_file,
    pair_by_key,
    pair_rows,
    require_columns,
)
from cdml.adapters.predictions.reduction import check_columns, find_classes, reduction
from cdml.adapters.predictions.row_sql import PREDICTION, Row
from cdml.adapters.predictions.rows import Writing, count_residuals
from cdml.adapters.predictions.score_bins import score_bins
from cdml.adapters.predictions.slicing import slicing
from cdml.adapters.predictions.statistics_query import RowOrderMismatch
from cdml.adapters.tables.duckdb_engine import Engine, connect
from cdml.adapters.tables.sql_engine import parquet, quote
from cdml.common.scratch_folders import prefix as scratch_prefix
from cdml.evaluation.cases import CasePlan, Cases, ChangeQuery
from cdml.evaluation.prediction_store import Layout, PairedRows, PredictionSlice
from cdml.evidence.cases import ChangedCases
from cdml.statistics.curves import ScoreBins
from cdml.statistics.metrics import Metric
from cdml.tables.query import Field

_TEXTS = 10
"""More different texts than that are worth no numbers."""
T = TypeVar("T")


class DuckSamples:
    """See the port."""

    def __init__(self) -> None:
        self._folder = Path(tempfile.mkdtemp(prefix=scratch_prefix("cdml-samples")))
        self._clean = weakref.finalize(self, shutil.rmtree, self._folder, ignore_errors=True)
        self._engine = Engine(connect(self._folder))

    def columns(self, predictions: Path) -> tuple[Field, ...]:
        return tuple(describe_file(self._engine, predictions).fields.values())

    def texts(self, files: Sequence[Path], column: str) -> frozenset[str]:
        rows = [
            row
            for file in files
            for row in self._engine.fetch(
                f"SELECT DISTINCT CAST({quote(column)} AS VARCHAR) FROM {parquet(file)}"
                f" WHERE {quote(column)} IS NOT NULL LIMIT {_TEXTS}",
                file,
            )
        ]
        return frozenset(text for (text,) in rows)

    def arrange(
        self,
        challenger: Path,
        champion: Path | None,
        plan: CasePlan,
        into: Path,
        rows: Path | None = None,
    ) -> Cases:
        from cdml.adapters.predictions.cases.case_rows import arrange  # where there are cases

        return arrange(self._engine, challenger, champion, plan, into, rows)

    def list_changes(self, challenger: Path, champion: Path, query: ChangeQuery) -> ChangedCases:
        from cdml.adapters.predictions.cases.case_changes import list_changes

        return list_changes(self._engine, challenger, champion, query)

    def match(self, predictions: Path, rows: Path, layout: Layout) -> None:
        files = [describe_file(self._engine, path) for path in (predictions, rows)]
        match_rows(self._engine, files[0], files[1], layout)

    def reduce(
        self,
        challenger: Path,
        champion: Path | None,
        layout: Layout,
        metrics: tuple[Metric, ...],
    ) -> tuple[PredictionSlice, ...]:
        files = [describe_file(self._engine, path) for path in (challenger, champion) if path]
        scores = check_columns(self._engine, files, layout, metrics)
        return self._on_pair(
            files,
            layout,
            lambda pair: reduction(self._engine, pair, layout, metrics, scores).parts(),
        )

    def _on_pair(self, files: Sequence[Predictions], layout: Layout, use: Callable[[Pair], T]) -> T:
        """By position, or where rows turn out to stand elsewhere by key."""
        first, second = files[0], files[1] if len(files) > 1 else None
        try:
            return use(pair_rows(self._engine, first, second, layout))
        except RowOrderMismatch:
            if second is None:
                raise
            return use(pair_by_key(self._engine, first, second, layout))

    def rows(
        self, challenger: Path, champion: Path | None, layout: Layout, into: Path
    ) -> PairedRows:
        files = [describe_file(self._engine, path) for path in (challenger, champion) if path]
        for file in files:
            require_columns(file, (*layout.key, layout.required_label, PREDICTION))
        carried = (*layout.slices, *filter(None, (layout.weight, layout.cluster)))
        require_columns(files[0], carried)
        return self._on_pair(files, layout, lambda pair: self._writing(pair, layout).write(into))

    def residuals(
        self, predictions: Path, layout: Layout
    ) -> Mapping[str, tuple[Sequence[float], Sequence[float]]]:
        return count_residuals(self._engine, predictions, layout)

    def score_bins(self, predictions: Path, layout: Layout, classes: tuple[str, ...]) -> ScoreBins:
        return score_bins(self._engine, predictions, layout, classes)

    def _writing(self, pair: Pair, layout: Layout) -> Writing:
        return Writing(
            engine=self._engine,
            row=Row(pair=pair, layout=layout, classes=find_classes(self._engine, pair, layout)),
            slices=slicing(self._engine, pair.challenger, layout.slices, layout.max_slices),
        )
