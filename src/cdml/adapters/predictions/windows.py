"""Logged predictions joined with their labels, reduced to sums by window."""

import shutil
import tempfile
import weakref
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import cached_property
from pathlib import Path

from cdml.adapters.predictions.pairing import Pair, Predictions, describe_file, refuse_other_types
from cdml.adapters.predictions.row_sql import PREDICTION, SCORE, Row, class_text
from cdml.adapters.tables.duckdb_engine import Engine, connect
from cdml.adapters.tables.sql_engine import EngineColumn, parquet, quote
from cdml.common.scratch_folders import prefix as scratch_prefix
from cdml.errors import InputError
from cdml.monitoring.figures import Figure, Form
from cdml.monitoring.windows import WindowQuery, WindowRows
from cdml.statistics.metrics import Loss, Metric
from cdml.statistics.sequential.degradation import WindowSums
from cdml.tables.query import Field, LogicalType
from cdml.tables.table import Table

_WINDOW, _AT, _VERSION = "cdml_window", "cdml_at", "cdml_version"
_GROUP = f"{_WINDOW}, {_AT}, {_VERSION}"
_MICROSECOND = timedelta(microseconds=1)


class DuckPredictionLog:
    """See the port."""

    def __init__(self) -> None:
        self._folder = Path(tempfile.mkdtemp(prefix=scratch_prefix("cdml-monitor")))
        self._clean = weakref.finalize(self, shutil.rmtree, self._folder, ignore_errors=True)
        self._engine = Engine(connect(self._folder))

    def summarise(
        self, predictions: Table, labels: Table | None, query: WindowQuery
    ) -> tuple[WindowRows, ...]:
        return _Summary(self._engine, predictions, labels, query).rows()


@dataclass(frozen=True)
class _Summary:
    """One look at the rows of some windows."""

    engine: Engine
    log: Table
    label_table: Table | None
    query: WindowQuery

    @cached_property
    def predictions(self) -> Predictions:
        columns = self.query.columns
        file = describe_file(self.engine, self.log.parquet)
        _require(self.log, file, self._read)
        kind = file.fields[columns.time].type
        if kind not in {LogicalType.TIMESTAMP, LogicalType.DATE}:
            raise InputError(
                f"{self.log.ref.uri}: the column {columns.time!r} contains {kind.words}, not"
                " timestamps.",
                "Write times as timestamps, or as ISO 8601 text such as 2026-05-01T12:00:00Z.",
            )
        return file

    @cached_property
    def labels(self) -> Predictions | None:
        if self.label_table is None:
            return None
        columns = self.query.columns
        file = describe_file(self.engine, self.label_table.parquet)
        needed = [*columns.key, columns.layout.required_label, columns.label_time]
        _require(self.label_table, file, [name for name in needed if name is not None])
        refuse_other_types(self.predictions, file, columns.key, self.label_table.ref.uri)
        return file

    @property
    def _figure_columns(self) -> tuple[str, ...]:
        """Columns of the predictions that metrics average."""
        named = (figure.metric.column for figure in self.query.figures)
        return tuple(dict.fromkeys(name for name in named if name is not None))

    @property
    def _read(self) -> tuple[str, ...]:
        """The columns of the predictions that are read."""
        columns = self.query.columns
        version = (columns.version,) if columns.version is not None else ()
        others = (*columns.scores.values(), *self._figure_columns, *version)
        return tuple(dict.fromkeys((*columns.key, columns.time, columns.prediction, *others)))

    def rows(self) -> tuple[WindowRows, ...]:
        """The answer: sums of all figures in one scan, and one more for metrics of order."""
        self._refuse_repeated()
        figures = [one for one in self.query.figures if one.metric.name != "roc_auc"]
        select = [
            _GROUP,
            "count(*)",
            f"count_if({self._labelled})",
            f"count_if(NOT {self._usable})",
        ]
        for figure in figures:
            select += self._sums(figure)
        found = self.engine.fetch(
            f"SELECT {', '.join(select)} FROM {self._relation} GROUP BY ALL ORDER BY ALL",
            self.predictions.path,
        )
        ranked = self._ranked()
        rows = []
        for window, at, version, count, labelled, unusable, *sums in found:
            by_name = dict(ranked.get((window, at, version), {}))
            for place, figure in enumerate(figures):
                if made := _window_sums(figure, sums[4 * place : 4 * place + 4]):
                    by_name[figure.key] = made
            rows.append(
                WindowRows(
                    window=window,
                    at=at,
                    version=version,
                    predictions=count,
                    labelled=labelled,
                    unusable=unusable,
                    figures=by_name,
                )
            )
        return tuple(rows)

    def _refuse_repeated(self) -> None:
        """Refuse a key that is in several rows: which label is whose could not be said."""
        [(rows,)] = self.engine.fetch(f"SELECT count(*) FROM {self._chosen}", self.predictions.path)
        [(joined, distinct)] = self.engine.fetch(
            f"SELECT count(*), count(DISTINCT {self._key_of('p')}) FROM {self._joined}",
            self.predictions.path,
        )
        if distinct < rows:
            raise InputError(
                f"{rows - distinct:,} of {rows:,} predictions of {self.log.ref.uri} repeat the key"
                f" of another ({', '.join(self.query.columns.key)}).",
                "monitoring.key names the columns that identify a request. Log each once.",
            )
        if joined > rows and self.label_table is not None:
            raise InputError(
                f"{joined - rows:,} predictions have more than one label in"
                f" {self.label_table.ref.uri}.",
                "Keep one label for each request.",
            )

    def _key_of(self, side: str) -> str:
        names = [f"{side}.{quote(name)}" for name in self.query.columns.key]
        return names[0] if len(names) == 1 else f"({', '.join(names)})"

    def _moment(self, column: str, file: Predictions, side: str = "") -> str:
        """A time in microseconds since 1970; without a zone it is UTC."""
        value = EngineColumn(field=file.fields[column], engine_name=column).value
        placed = value.replace(quote(column), f"{side}{quote(column)}")
        return f"epoch_us(CAST({placed} AS TIMESTAMP))"

    @cached_property
    def _chosen(self) -> str:
        """The predictions of the windows."""
        query = self.query
        time = self._moment(query.columns.time, self.predictions)
        low, high = (
            _microseconds(query.grid.start(number)) for number in (query.first, query.last + 1)
        )
        columns = ", ".join(map(quote, self._read))
        return (
            f"(SELECT {columns} FROM {parquet(self.predictions.path)}"
            f" WHERE {time} >= {low} AND {time} < {high})"
        )

    @cached_property
    def _joined(self) -> str:
        if self.labels is None:
            return f"{self._chosen} AS p"
        on = " AND ".join(f"p.{quote(n)} = l.{quote(n)}" for n in self.query.columns.key)
        return f"{self._chosen} AS p LEFT JOIN {parquet(self.labels.path)} AS l ON {on}"

    @cached_property
    def _relation(self) -> str:
        """The joined rows as `c`, in the columns that `Row` reads."""
        columns, grid = self.query.columns, self.query.grid
        time = self._moment(columns.time, self.predictions, "p.")
        begun = [f"CAST({time} >= {_microseconds(one)} AS INT)" for one in self.query.starts]
        version = f"CAST(p.{quote(columns.version)} AS VARCHAR)" if columns.version else "NULL"
        select = [
            f"CAST(floor({time} / {grid.length // _MICROSECOND}) AS BIGINT) AS {_WINDOW}",
            f"{' + '.join(begun) or '0'} - 1 AS {_AT}",
            f"{version} AS {_VERSION}",
            f"p.{quote(columns.prediction)} AS {PREDICTION}",
            *(f"p.{quote(name)} AS {quote(as_)}" for as_, name in columns.scores.items()),
            *(f"p.{quote(name)}" for name in self._figure_columns),
        ]
        if self.labels is not None:
            select.append(f"l.{quote(columns.layout.required_label)}")
        return f"(SELECT {', '.join(select)} FROM {self._joined}) AS c"

    @cached_property
    def _row(self) -> Row:
        columns, fields = self.query.columns, dict[str, Field]()
        fields[PREDICTION] = self.predictions.fields[columns.prediction]
        fields |= {as_: self.predictions.fields[name] for as_, name in columns.scores.items()}
        label = columns.layout.label
        if self.labels is not None and label is not None:
            fields[label] = self.labels.fields[label]
        file = replace(self.predictions, fields=fields)
        kind = fields[label].type if label in fields else LogicalType.STRING
        classes = tuple(
            class_text(name.removeprefix(f"{SCORE}_"), kind)
            for name in fields
            if name.startswith(f"{SCORE}_")
        )
        pair = Pair(challenger=file, champion=None, relation=self._relation, positional=False)
        return Row(pair=pair, layout=columns.layout, classes=classes)

    @cached_property
    def _usable(self) -> str:
        """The prediction is there, and probabilities are some."""
        field = self._row.pair.challenger.fields[PREDICTION]
        tests = [f"c.{PREDICTION} IS NOT NULL"]
        if field.physical in {"FLOAT", "DOUBLE"}:
            tests.append(f"isfinite(c.{PREDICTION})")
        for name in self.query.columns.scores:
            score = self._row.score("c", name)
            tests.append(f"coalesce(isfinite({score}) AND {score} BETWEEN 0 AND 1, false)")
        return f"({' AND '.join(tests)})"

    @cached_property
    def _labelled(self) -> str:
        if self.labels is None:
            return "false"
        label = self.query.columns.layout.required_label
        known = f"c.{quote(label)} IS NOT NULL"
        if self.labels.fields[label].physical in {"FLOAT", "DOUBLE"}:
            known += f" AND NOT isnan(c.{quote(label)})"
        return f"({known})"

    def _sums(self, figure: Figure) -> Iterator[str]:
        """Four aggregates: of a mean count, sum and squares; of a window the confusion counts."""
        judged = f"{self._labelled} AND {self._usable}"
        if figure.form is Form.WINDOW:
            label, prediction = self._row.label(), self._row.prediction("c")
            for signs in (("", ""), ("NOT ", ""), ("", "NOT "), ("NOT ", "NOT ")):
                yield f"count_if({judged} AND {signs[0]}{label} AND {signs[1]}{prediction})"
            return
        counts, good = self._of_row(figure, judged)
        yield f"count_if({counts})"
        yield f"coalesce(sum(CASE WHEN {counts} THEN {good} END), 0)"
        yield f"coalesce(sum(CASE WHEN {counts} THEN {good} * {good} END), 0)"
        yield "0"

    def _of_row(self, figure: Figure, judged: str) -> tuple[str, str]:
        """Whether a row informs the metric, and its figure between 0 and 1."""
        row, metric = self._row, figure.metric
        if metric.loss is Loss.COLUMN:
            name = quote(str(metric.column))
            value = f"CAST(c.{name} AS DOUBLE)"
            return f"coalesce(isfinite({value}), false)", _scaled(figure, value)
        if metric.loss is not None:
            return judged, _scaled(figure, row.averaged(metric, "c"))
        if metric.name in {"recall", "precision", "specificity"}:
            label, prediction = row.label(), row.prediction("c")
            counts, good = {
                "recall": (label, prediction),
                "precision": (prediction, label),
                "specificity": (f"NOT {label}", f"NOT {prediction}"),
            }[metric.name]
            return f"{judged} AND {counts}", f"CAST({good} AS DOUBLE)"
        return judged, f"CAST({row.label()} = {row.prediction('c')} AS DOUBLE)"

    def _ranked(self) -> Mapping[tuple[int, int, str | None], Mapping[str, WindowSums]]:
        """The area under the ROC curve of each window; equal scores are grouped first."""
        auc = next((one for one in self.query.figures if one.metric.name == "roc_auc"), None)
        if auc is None:
            return {}
        label = self._row.label()
        by_score = (
            f"SELECT {_GROUP}, {self._row.score('c')} AS s, count_if({label}) AS p,"
            f" count_if(NOT {label}) AS n FROM {self._relation}"
            f" WHERE {self._labelled} AND {self._usable} GROUP BY ALL"
        )
        below = f"sum(n) OVER (PARTITION BY {_GROUP} ORDER BY s) - n / 2"
        found = self.engine.fetch(
            f"SELECT {_GROUP}, sum(p * b) / (sum(p) * sum(n)) FROM"
            f" (SELECT *, {below} AS b FROM ({by_score})) GROUP BY {_GROUP}"
            " HAVING sum(p) > 0 AND sum(n) > 0",
            self.predictions.path,
        )
        return {
            (window, at, version): {auc.key: _one_value(auc, value)}
            for window, at, version, value in found
        }


def _require(table: Table, file: Predictions, names: Sequence[str]) -> None:
    missing = [name for name in dict.fromkeys(names) if name not in file.fields]
    if missing:
        raise InputError(
            f"{table.ref.uri} has no column {', '.join(map(repr, missing))}; it has"
            f" {', '.join(file.fields)}.",
            "Name the columns in `monitoring` and `data.answer`, or log them.",
        )


def _microseconds(at: datetime) -> int:
    return (at - datetime(1970, 1, 1, tzinfo=UTC)) // _MICROSECOND


def _scaled(figure: Figure, value: str) -> str:
    share = f"({value} - {figure.worst!r}) / {figure.best - figure.worst!r}"
    return f"least(greatest({share}, 0.0), 1.0)"


def _one_value(figure: Figure, value: float) -> WindowSums:
    scaled = figure.scale(value)
    return WindowSums(count=1, sum=scaled, sum_of_squares=scaled**2)


def _window_sums(figure: Figure, sums: Sequence[float]) -> WindowSums | None:
    """The sums of a window; None where nothing informs the metric."""
    if figure.form is Form.MEAN:
        count, total, squares, _ = sums
        if not count:
            return None
        return WindowSums(count=int(count), sum=float(total), sum_of_squares=float(squares))
    value = _of_confusion(figure.metric, *map(float, sums))
    return None if value is None else _one_value(figure, value)


def _of_confusion(metric: Metric, tp: float, fp: float, fn: float, tn: float) -> float | None:
    """A metric of confusion counts, as scikit-learn defines it; None where it is not defined."""
    if metric.name == "balanced_accuracy":
        return (tp / (tp + fn) + tn / (tn + fp)) / 2 if tp + fn and tn + fp else None
    if metric.name == "matthews_corrcoef":
        product = (tp + fp) * (tp + fn) * (tn + fp) * (tn + fn)
        return (tp * tn - fp * fn) / product**0.5 if product else None
    weight = (metric.beta or 1.0) ** 2
    total = (1 + weight) * tp + weight * fn + fp
    return (1 + weight) * tp / total if total else None
