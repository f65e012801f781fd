"""Predictions reduced by DuckDB: all slices at once, in one scan for all that needs no order."""

import shutil
import tempfile
import weakref
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TypeVar

from cdml.adapters.predictions.case_changes import list_changes
from cdml.adapters.predictions.cases import arrange
from cdml.adapters.predictions.class_check import refuse_unknown
from cdml.adapters.predictions.pairing import (
    Pair,
    Predictions,
    describe_file,
    pair_by_key,
    pair_rows,
    refuse_other_types,
    require_columns,
)
from cdml.adapters.predictions.row_sql import PREDICTION, SCORE, Row, as_class, binary_value
from cdml.adapters.predictions.rows import Writing, count_residuals
from cdml.adapters.predictions.score_bins import score_bins
from cdml.adapters.predictions.slicing import slicing
from cdml.adapters.predictions.statistics_query import RowOrderMismatch, StatisticsQuery
from cdml.adapters.tables.duckdb_engine import Engine, connect
from cdml.adapters.tables.sql_engine import parquet, quote
from cdml.common.scratch_folders import prefix as scratch_prefix
from cdml.config.class_labels import list_classes
from cdml.errors import InputError
from cdml.evaluation.cases import CasePlan, Cases, ChangeQuery
from cdml.evaluation.prediction_store import Layout, PairedRows, PredictionSlice
from cdml.evidence.cases import ChangedCases
from cdml.statistics.curves import ScoreBins
from cdml.statistics.metrics import Loss, Metric, Statistic, Task
from cdml.tables.query import Field, LogicalType

_TEXTS = 10
"""More different texts than that are worth no numbers."""

MOST_CLASSES = 1_000
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
        scores = _scores(files, layout, metrics)
        for file in files:
            slices = (
                (*layout.extra_columns, *_grouping(layout, metrics)) if file is files[0] else ()
            )
            figures = tuple(
                dict.fromkeys(
                    filter(
                        None,
                        (
                            ((m.column or layout.cost) if m.loss is Loss.COLUMN else None)
                            for m in metrics
                        ),
                    )
                )
            )
            needed = figures
            _require_scores(file, scores, metrics)
            if _outcomes(layout, metrics):
                needed = (layout.required_label, PREDICTION, *needed)
            require_columns(file, (*layout.key, *slices, *needed))
            _require_numbers(file, (*figures, *self._labels(file, metrics)))
        _require_numbers(files[0], (layout.weight,) if layout.weight else ())
        return self._on_pair(
            files, layout, lambda pair: self._reduction(pair, layout, metrics, scores).parts()
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
            row=Row(pair=pair, layout=layout, classes=self._classes(pair, layout)),
            slices=slicing(self._engine, pair.challenger, layout.slices, layout.max_slices),
        )

    def _reduction(
        self, pair: Pair, layout: Layout, metrics: tuple[Metric, ...], scores: tuple[str, ...]
    ) -> StatisticsQuery:
        sensitive = _grouping(layout, metrics)
        groups = slicing(self._engine, pair.challenger, sensitive, layout.max_slices)
        return StatisticsQuery(
            engine=self._engine,
            row=Row(
                pair=pair,
                layout=layout,
                classes=self._classes(pair, layout),
                outcomes=_outcomes(layout, metrics),
            ),
            slices=slicing(self._engine, pair.challenger, layout.slices, layout.max_slices),
            metrics=metrics,
            scores=scores,
            sensitive=next(iter(groups), None),
        )

    def _classes(self, pair: Pair, layout: Layout) -> tuple[str, ...]:
        if layout.task is Task.BINARY:
            for file in filter(None, (pair.challenger, pair.champion)):
                self._refuse_more_than_two(file, layout)
        if layout.task is not Task.MULTICLASS:
            return ()
        names: set[str] = set()
        for file in filter(None, (pair.challenger, pair.champion)):
            labels, predictions = (
                self._distinct(
                    as_class(quote(column), file.fields[column]), column, file, MOST_CLASSES + 1
                )
                for column in (layout.required_label, PREDICTION)
            )
            refuse_unknown(file, layout, labels, predictions)
            names |= labels | predictions
        if len(names) > MOST_CLASSES:
            raise InputError(
                f"{pair.challenger.path} has more than {MOST_CLASSES:,} classes.",
                "Set data.task to regression if the label is a number.",
            )
        return tuple(sorted(names))

    def _labels(self, file: Predictions, metrics: Sequence[Metric]) -> tuple[str, ...]:
        """The columns of human labels in which a file holds any; an empty one has no type."""
        names = dict.fromkeys(name for metric in metrics for name in metric.labels or ())
        held = [name for name in names if name is not None and name in file.fields]
        if not held:
            return ()
        counts = ", ".join(f"count({quote(name)})" for name in held)
        [labels] = self._engine.fetch(f"SELECT {counts} FROM {file.relation}", file.path)
        return tuple(name for name, number in zip(held, labels, strict=True) if number)

    def _distinct(self, text: str, column: str, file: Predictions, most: int) -> set[str]:
        """The values of a column as text; each value is written but once."""
        values = (
            f"SELECT DISTINCT {quote(column)} FROM {file.relation}"
            f" WHERE {quote(column)} IS NOT NULL LIMIT {most}"
        )
        rows = self._engine.fetch(f"SELECT DISTINCT {text} FROM ({values})", file.path)
        return {name for (name,) in rows}

    def _refuse_more_than_two(self, file: Predictions, layout: Layout) -> None:
        """Refuse a label of three values, and predictions that are none of the label's two."""
        scored: set[str] = set()
        columns = (layout.required_label, PREDICTION)
        if all(file.fields[column].type is LogicalType.BOOLEAN for column in columns):
            return
        for column in columns:
            text = binary_value(quote(column), file.fields[column])
            names = self._distinct(text, column, file, MOST_CLASSES)
            if len(names | scored) > 2:  # noqa: PLR2004 - binary
                unscored = sorted(names - scored)
                subject = "label" if column == layout.required_label else "prediction"
                raise InputError(
                    f"{file.path}: the {subject} of a binary task has {len(names)} values"
                    f" ({list_classes(unscored)}"
                    + (f" besides the labels {list_classes(sorted(scored))})." if scored else ")."),
                    "Predictions must be values of the label. For a multiclass task, remove"
                    " data.positive.",
                )
            scored |= names


def _scores(
    files: Sequence[Predictions], layout: Layout, metrics: Sequence[Metric]
) -> tuple[str, ...]:
    if not any(metric.needs_score for metric in metrics):
        return ()
    if layout.task is Task.BINARY:
        return (SCORE,)
    return tuple(
        sorted({name for file in files for name in file.fields if name.startswith(f"{SCORE}_")})
    ) or (f"{SCORE}_<class>",)


def _grouping(layout: Layout, metrics: Sequence[Metric]) -> tuple[str, ...]:
    fair = any(metric.family.reads is Statistic.GROUPS for metric in metrics)
    return (layout.sensitive,) if fair and layout.sensitive else ()


def _outcomes(layout: Layout, metrics: Sequence[Metric]) -> bool:
    """Whether labels and predictions are read: figures of generated text may be all there is."""
    return layout.task is not Task.GENERATION or any(metric.of_outcomes for metric in metrics)


def _require_numbers(file: Predictions, columns: Sequence[str]) -> None:
    for name in columns:
        kind = file.fields[name].type
        if not (kind.numeric or kind is LogicalType.BOOLEAN):
            raise InputError(
                f"{file.path}: the column {name!r} contains {kind.words}, not numbers.",
                "Write numbers.",
            )


def _require_scores(file: Predictions, scores: Sequence[str], metrics: Sequence[Metric]) -> None:
    """Refuse a file without probabilities; it may lack those of some class, but not all."""
    if not scores or any(score in file.fields for score in scores):
        return
    asking = ", ".join(metric.name for metric in metrics if metric.needs_score)
    raise InputError(
        f"{file.path} has no column {scores[0]!r}: {asking} needs probabilities.",
        "A predictions file needs `score`, the probability of the positive class, or"
        " `score_<class>` for each class. A model must return them (docs/answers.md).",
    )
