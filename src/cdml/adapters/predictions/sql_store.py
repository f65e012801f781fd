"""Predictions in tables, reduced where they lie: only counts and sums leave the engine.

The statements are those for files (`statistics_query`); PostgreSQL and Spark run them.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any

from cdml.adapters.predictions.matching import match_rows
from cdml.adapters.predictions.pairing import Predictions, pair_by_key, pair_rows
from cdml.adapters.predictions.portable_sql import portable
from cdml.adapters.predictions.reduction import check_columns, reduction
from cdml.adapters.predictions.row_sql import PREDICTION
from cdml.adapters.tables.export import RemoteTable, reference
from cdml.adapters.tables.sql_engine import QueryRejected, SqlEngine
from cdml.adapters.tables.sql_table import SqlTable
from cdml.errors import ConfigurationError, InputError, ServiceError
from cdml.evaluation.prediction_store import Layout, PredictionSlice
from cdml.statistics.metrics import Metric, Statistic, Task
from cdml.tables.query import LogicalType
from cdml.tables.table import Table

ENGINES = frozenset({"postgres", "spark"})
"""Dialects in which the figures are proven equal to those of files."""
_ADDED_UP = frozenset(
    {
        Statistic.CELLS,
        Statistic.GROUPS,
        Statistic.LOSSES,
        Statistic.SQUARES,
        Statistic.SCORES,
    }
)
_SLICED = frozenset(
    {LogicalType.BOOLEAN, LogicalType.INTEGER, LogicalType.STRING, LogicalType.DATE}
)
"""Types whose values have the same text in every engine."""
_TO_FILES = "Write the predictions to Parquet files to"


@dataclass(frozen=True, slots=True, kw_only=True)
class PredictionsTable(Predictions):
    """Predictions in a table; its address stands for the path."""

    place: SqlEngine = field(repr=False)

    @property
    def relation(self) -> str:
        return f"(SELECT * FROM {self.place.relation})"

    @property
    def ordered(self) -> bool:
        return False


@dataclass(frozen=True, slots=True)
class RemoteEngine:
    """The engine of a table, its errors raised as ours."""

    place: SqlEngine

    def fetch(self, sql: str, about: Path) -> list[Any]:
        try:
            rows = self.place.fetch(portable(sql))
        except QueryRejected as error:
            raise ServiceError(f"{about}: the engine failed: {error.reason}", error.hint) from error
        return [tuple(map(_plain, row)) for row in rows]

    def arrays(self, sql: str, about: Path) -> dict[str, Any]:
        raise AssertionError(f"{about}: rows of a table stay where they are: {sql}")


class SqlSamples:
    """See `TableSamples`."""

    def measures(self, metric: Metric, layout: Layout) -> bool:
        return _refusal(metric, layout) is None

    def match(self, predictions: Table, rows: Table, layout: Layout) -> None:
        place = rows.place if isinstance(rows, SqlTable) else None
        files = [_described(predictions)]
        if place is None or not files[0].place.reaches(place):
            raise ConfigurationError(
                f"{predictions.ref.uri} is a table of predictions, and the evaluation rows"
                f" ({rows.ref.uri}) are not in the same place.",
                "Put both into the same database, or write the predictions to a Parquet file.",
            )
        files.append(_described(rows))
        match_rows(RemoteEngine(files[0].place), files[0], files[1], layout)

    def reduce(
        self,
        challenger: Table,
        champion: Table | None,
        layout: Layout,
        metrics: tuple[Metric, ...],
    ) -> tuple[PredictionSlice, ...]:
        _refuse_metrics(layout, metrics)
        files = [_described(table) for table in (challenger, champion) if table is not None]
        engine = RemoteEngine(files[0].place)
        if not all(files[0].place.reaches(file.place) for file in files):
            raise ConfigurationError(
                f"{files[0].path} and {files[-1].path} are not in one database.",
                "Put both tables of predictions into the same database, or use Parquet files.",
            )
        scores = check_columns(engine, files, layout, metrics)
        for file in files:
            _refuse_types(file, layout)
        if champion is None:
            pair = pair_rows(engine, files[0], None, layout)
        else:
            pair = pair_by_key(engine, files[0], files[1], layout)
        parts = reduction(engine, pair, layout, metrics, scores, collects=False).parts()
        for table, file in zip((challenger, champion), files, strict=False):
            _refuse_changed(table, file)
        return parts


def _refuse_metrics(layout: Layout, metrics: Sequence[Metric]) -> None:
    """Refuse what a table's engine cannot add up, each by its name and with the reason."""
    settings = {
        "data.weight": (layout.weight, "the error of weighted figures depends on each row's"),
        "data.cluster": (layout.cluster, "the error is that of each cluster's sum"),
        "data.trial or data.error": (layout.by_case, "trials are put together case by case"),
    }
    for name, (used, why) in settings.items():
        if used:
            raise ConfigurationError(
                f"{name} cannot be used with predictions in tables: {why}, and only counts and sums"
                " of all rows leave the table.",
                f"{_TO_FILES} use {name}.",
            )
    refused: dict[tuple[str, str], list[str]] = {}
    for metric in metrics:
        if refusal := _refusal(metric, layout):
            refused.setdefault(refusal, []).append(metric.name)
    for (why, hint), names in refused.items():
        raise ConfigurationError(
            f"{', '.join(names)} cannot be measured on predictions in tables: {why}.",
            f"{_TO_FILES} measure {'it' if len(names) == 1 else 'them'}{hint}.",
        )


def _refusal(metric: Metric, layout: Layout) -> tuple[str, str] | None:
    """Why a metric cannot be measured in a table, and what else there is; None if it can."""
    reads = metric.family.reads
    if reads is Statistic.REPLICATES:
        return "a metric of your own reads the rows, and the rows stay in the table", ""
    if reads is Statistic.SCORES and layout.task is Task.MULTICLASS:
        return "it ranks all rows once for each class", ", or gate log_loss"
    if reads not in _ADDED_UP or layout.reads_cases(metric):
        why = "only counts and sums leave the table, and it needs the values of all rows"
        return why, ", or gate other metrics, such as log_loss, f1 or mean_absolute_error"
    return None


def _described(table: Table) -> PredictionsTable:
    place = table.place if isinstance(table, SqlTable) else None
    dialect = getattr(place, "dialect", "spark")
    if not isinstance(place, RemoteTable) or dialect not in ENGINES:
        raise ConfigurationError(
            f"{table.ref.uri}: cdml compares predictions in tables of PostgreSQL and Spark only.",
            "Write the predictions to Parquet files.",
        )
    return PredictionsTable(
        path=Path(table.ref.uri),
        fields={one.name: one for one in table.fields},
        rows=table.ref.rows,
        place=place,
    )


def _refuse_types(file: PredictionsTable, layout: Layout) -> None:
    """Refuse numbers where their texts count, which engines write differently."""
    texts = [layout.sensitive, *layout.slices]
    sliced = [n for n in texts if n in file.fields and file.fields[n].type not in _SLICED]
    outcomes = [layout.label, PREDICTION] if layout.task in _BY_TEXT else []
    numbers = [n for n in outcomes if n in file.fields and file.fields[n].type not in _SLICED]
    for name in (*sliced, *numbers):
        use = "slices" if name in sliced else "classes"
        raise InputError(
            f"{file.path}: the column {name!r} contains {file.fields[name].words}, which cannot be"
            f" {use} of predictions in tables.",
            "Write texts, whole numbers, dates or true and false.",
        )


_BY_TEXT = frozenset({Task.MULTICLASS, Task.GENERATION})


def _refuse_changed(table: Table | None, file: PredictionsTable) -> None:
    """Refuse figures of rows that were written while they were counted."""
    if (
        table
        and reference(file.place, file.place.columns, table.ref.uri).digest != table.ref.digest
    ):
        raise InputError(
            f"{file.path} changed while it was read.", "Compare again when nothing writes it."
        )


def _plain(value: Any) -> Any:
    """A number as Python has it; sums of whole numbers stay exact."""
    if isinstance(value, Decimal):
        return int(value) if value == int(value) else float(value)
    return value
