"""Predictions reduced by DuckDB: all slices at once, in one scan for all that needs no order."""

import shutil
import tempfile
import weakref
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TypeVar

from cdml.adapters.predictions.case_changes import list_changes
from cdml.adapters.predictions.cases import arrange
from cdml.adapters.predictions.pairing import (
    Pair,
    Predictions,
    describe_file,
    pair_by_key,
    pair_rows,
    refuse_other_types,
    require_columns,
)
from cdml.adapters.predictions.reduction import check_columns, find_classes, reduction
from cdml.adapters.predictions.row_sql import PREDICTION, Row, as_class
from cdml.adapters.predictions.rows import Writing, count_residuals
from cdml.adapters.predictions.score_bins import score_bins
from cdml.adapters.predictions.slicing import slicing
from cdml.adapters.predictions.statistics_query import RowOrderMismatch
from cdml.adapters.tables.duckdb_engine import Engine, connect
from cdml.adapters.tables.sql_engine import parquet, quote
from cdml.common.scratch_folders import prefix as scratch_prefix
from cdml.errors import InputError
from cdml.evaluation.cases import CasePlan, Cases, ChangeQuery
from cdml.evaluation.prediction_store import Layout, PairedRows, PredictionSlice
from cdml.evidence.cases import ChangedCases
from cdml.statistics.curves import ScoreBins
from cdml.statistics.metrics import Metric, Task
from cdml.tables.query import Field, LogicalType

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
        return arrange(self._engine, challenger, champion, plan, into, rows)

    def list_changes(self, challenger: Path, champion: Path, query: ChangeQuery) -> ChangedCases:
        return list_changes(self._engine, challenger, champion, query)

    def match(self, predictions: Path, rows: Path, layout: Layout) -> None:
        files = [describe_file(self._engine, path) for path in (predictions, rows)]
        # Figures of generated text may be all there is: a label is compared where both hold it.
        labelled = layout.task is not Task.GENERATION or all(
            layout.label in file.fields for file in files
        )
        for file in files:
            require_columns(file, (*layout.key, *([layout.required_label] if labelled else ())))
        refuse_other_types(files[0], files[1], layout.key, "the data")
        match = pair_by_key(self._engine, files[0], files[1], layout, "the data")
        row, differing = Row(pair=match, layout=layout), dict[str, int]()
        if labelled:
            differ = f"count_if({row.truth('c')} IS DISTINCT FROM {row.truth('p')})"
            [(wrong,)] = self._engine.fetch(f"SELECT {differ} FROM {match.relation}", predictions)
            differing[f"label ({layout.required_label})"] = wrong
        for name in layout.extra_columns:
            fields = [file.fields[name] for file in files if name in file.fields]
            # A date may have become a timestamp on its way, and 1 be 1.0: only what must be
            # the same is compared.
            kinds = {field.type for field in fields}
            alike = len(kinds) == 1 or kinds == {LogicalType.INTEGER, LogicalType.NUMBER}
            if len(fields) == len(files) and alike:
                columns = (f"c.{quote(name)}", f"p.{quote(name)}")
                text = list(map(as_class, columns, fields))
                moved = f"count_if({text[0]} IS DISTINCT FROM {text[1]})"
                [(differing[name],)] = self._engine.fetch(
                    f"SELECT {moved} FROM {match.relation}", predictions
                )
        for name, rows_ in differing.items():
            if rows_:
                raise InputError(
                    f"{rows_:,} of {files[0].rows:,} rows of {predictions} have a different"
                    f" {name} than the data.",
                    "Score the same rows again.",
                )

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
