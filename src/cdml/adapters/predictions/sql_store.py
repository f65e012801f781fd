"""Predictions in tables, reduced where they lie: only counts and sums leave the engine.

The statements are those for files (`statistics_query`), translated. An engine that has not shown
that its figures are those of files is refused (`proof`).
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any

from cdml.adapters.predictions.matching import match_rows
from cdml.adapters.predictions.pairing import Predictions, pair_by_key
from cdml.adapters.predictions.portable_sql import portable
from cdml.adapters.predictions.proof import ROWS, TOLERANCE, OtherFigure, Proof, ProofRows, add_up
from cdml.adapters.predictions.reduction import check_columns
from cdml.adapters.predictions.row_sql import PREDICTION
from cdml.adapters.tables.export import RemoteTable, has_changed
from cdml.adapters.tables.sql_engine import QueryRejected, quote
from cdml.adapters.tables.sql_table import SqlTable
from cdml.errors import ConfigurationError, InputError, ServiceError
from cdml.evaluation.prediction_store import Layout, PredictionSlice
from cdml.statistics.metrics import Metric, Statistic, Task
from cdml.tables.query import LogicalType
from cdml.tables.table import Table

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

    place: RemoteTable = field(repr=False)

    @property
    def relation(self) -> str:
        return f"(SELECT * FROM {self.place.relation})"

    @property
    def ordered(self) -> bool:
        return False


@dataclass(frozen=True, slots=True)
class RemoteEngine:
    """The engine of a table, its errors raised as ours."""

    place: RemoteTable

    def fetch(self, sql: str, about: Path) -> list[Any]:
        with _explained(about):
            rows = self.place.fetch_rows(portable(sql))
        return [tuple(map(_plain, row)) for row in rows]

    @contextmanager
    def holding(self, sql: str, about: Path) -> Iterator[str]:
        with _explained(about), self.place.holding(portable(sql)) as rows:
            yield rows

    def arrays(self, sql: str, about: Path) -> dict[str, Any]:
        raise AssertionError(f"{about}: rows of a table stay where they are: {sql}")


@contextmanager
def _explained(about: Path) -> Iterator[None]:
    try:
        yield
    except QueryRejected as error:
        raise ServiceError(f"{about}: the engine failed: {error.reason}", error.hint) from error


class SqlSamples:
    """See `TableSamples`."""

    def __init__(self) -> None:
        self._proven: list[tuple[RemoteTable, tuple[object, ...]]] = []

    def measures(self, metric: Metric, layout: Layout) -> bool:
        return _refusal(metric, layout) is None

    def describe_proof(self, predictions: Table) -> tuple[str, ...]:
        place = _described(predictions).place
        proven = any(place.reaches(other) for other, _ in self._proven)
        sentence = (
            f"The figures are those of {place.dialect}, which before gave DuckDB's for {ROWS} rows"
            f" made to find differences, to {TOLERANCE:g}."
        )
        return (sentence,) if proven else ()

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
        check_columns(engine, files, layout, metrics)
        for file in files:
            _refuse_types(file, layout)
        self._prove(files, layout, metrics)
        _refuse_other_texts(engine, files, layout)
        parts = add_up(engine, files, layout, metrics)
        for table, file in zip((challenger, champion), files, strict=False):
            _refuse_changed(table, file)
        return parts

    def _prove(
        self, files: Sequence[PredictionsTable], layout: Layout, metrics: tuple[Metric, ...]
    ) -> None:
        """Refuse an engine that gives other figures than DuckDB for rows made for the purpose."""
        place = files[0].place
        proof = Proof(files=files, layout=layout, metrics=metrics, has_nan=place.has_nan)
        if any(place.reaches(other) and proof.subject == held for other, held in self._proven):
            return

        def in_place(rows: Mapping[str, ProofRows]) -> tuple[RemoteEngine, list[str]]:
            places = place.with_rows({name: (one.sql, one.columns) for name, one in rows.items()})
            return RemoteEngine(places[0]), [one.relation for one in places]

        hint = f"{_TO_FILES} compare them, or use another database."
        try:
            proof.run(in_place)
        except OtherFigure as error:
            raise ConfigurationError(
                f"{files[0].path}: {place.dialect} does not add up predictions as DuckDB does, so"
                f" cdml does not trust its figures. On rows made to find this out, {error}.",
                hint,
            ) from error
        except ServiceError as error:
            raise ServiceError(
                f"{files[0].path}: {place.dialect} does not run the statements of a comparison:"
                f" {error.message}",
                hint,
            ) from error
        self._proven.append((place, proof.subject))


def _refuse_metrics(layout: Layout, metrics: Sequence[Metric]) -> None:
    """Refuse what a table's engine cannot add up, each by its name and with the reason."""
    if layout.by_case:
        raise ConfigurationError(
            "data.trial or data.error cannot be used with predictions in tables: trials are put"
            " together case by case, and only counts and sums of all rows leave the table.",
            f"{_TO_FILES} use data.trial or data.error.",
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
    if reads is Statistic.SCORES and layout.cluster:
        return "its error is that of the ranks in each cluster", ", or gate log_loss"
    if reads is Statistic.SCORES and layout.weight:
        return "its error is that of the weights above each row", ", or gate log_loss"
    if reads not in _ADDED_UP or layout.reads_cases(metric):
        why = "only counts and sums leave the table, and it needs the values of all rows"
        return why, ", or gate other metrics, such as log_loss, f1 or mean_absolute_error"
    return None


def _described(table: Table) -> PredictionsTable:
    place = table.place if isinstance(table, SqlTable) else None
    if not isinstance(place, RemoteTable):
        raise ConfigurationError(
            f"{table.ref.uri} is no table of a database or of Spark.",
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


def _refuse_other_texts(
    engine: RemoteEngine, files: Sequence[PredictionsTable], layout: Layout
) -> None:
    """Refuse columns by whose own rules different texts are equal, such as a and A."""
    if files[0].place.by_bytes:
        return
    names = (*layout.key, *layout.slices, layout.sensitive, layout.label, PREDICTION)

    def texts(file: PredictionsTable, some: Sequence[str | None]) -> list[str]:
        listed = (one for one in dict.fromkeys(some) if one and one in file.fields)
        return [one for one in listed if file.fields[one].type is LogicalType.STRING]

    for file in files:
        for name in texts(file, names):
            column = quote(name)
            [(one, other)] = engine.fetch(
                f"SELECT count(DISTINCT {column}), count(DISTINCT md5({column}))"
                f" FROM {file.relation}",
                file.path,
            )
            if one != other:
                raise InputError(
                    f"{file.path}: the column {name!r} has {other:,} different texts, which its"
                    f" collation counts as {one:,}.",
                    "Give the column a binary collation.",
                )
    if keys := texts(files[0], layout.key) if files[1:] else []:
        pair = pair_by_key(engine, files[0], files[1], layout)
        same = " AND ".join(f"md5(c.{quote(name)}) = md5(p.{quote(name)})" for name in keys)
        [(matched,)] = engine.fetch(
            f"SELECT count(*) FROM {pair.relation} WHERE {same}", files[0].path
        )
        if matched != files[0].rows:
            raise InputError(
                f"{files[0].rows - matched:,} rows of {files[0].path} and {files[1].path} have keys"
                " that only a collation makes equal.",
                "Give the columns of data.key a binary collation.",
            )


_BY_TEXT = frozenset({Task.MULTICLASS, Task.GENERATION})


def _refuse_changed(table: Table | None, file: PredictionsTable) -> None:
    """Refuse figures of rows that were written while they were counted."""
    if table and has_changed(file.place, table.ref):
        raise InputError(
            f"{file.path} changed while it was read.", "Compare again when nothing writes it."
        )


def _plain(value: Any) -> Any:
    """A number as Python has it; sums of whole numbers stay exact."""
    if isinstance(value, Decimal):
        return int(value) if value == int(value) else float(value)
    return value
