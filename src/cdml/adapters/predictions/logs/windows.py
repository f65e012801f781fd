"""Logged predictions joined with their labels, reduced to sums by window."""

import shutil
import tempfile
import weakref
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import cached_property
from itertools import chain
from pathlib import Path
from typing import Any

from cdml.adapters.predictions.logs.bin_counts import Group, count_bins
from cdml.adapters.predictions.logs.expected_cells import sum_cells, sum_class_cells
from cdml.adapters.predictions.logs.known_classes import known_class
from cdml.adapters.predictions.logs.logged_rows import (
    refuse_labels,
    refuse_other_times,
    refuse_repeated,
    refuse_untimed,
)
from cdml.adapters.predictions.logs.window_ranks import rank_windows
from cdml.adapters.predictions.logs.window_sums import (
    add_up,
    class_of_label,
    count_classes,
    one_value,
    scaled,
    sums_of,
    watched_value,
    window_sums,
)
from cdml.adapters.predictions.pairing import (
    Pair,
    Predictions,
    describe_file,
    refuse_other_types,
    require_logged,
)
from cdml.adapters.predictions.row_sql import CLOSE, PREDICTION, SCORE, Row, class_text
from cdml.adapters.tables.duckdb_engine import Engine, connect
from cdml.adapters.tables.sql_engine import EngineColumn, literal, parquet, quote
from cdml.adapters.tables.time_ranges import microseconds, since_1970, time_between
from cdml.common.scratch_folders import prefix as scratch_prefix
from cdml.data.drift.profile import ColumnProfile
from cdml.monitoring.windows import (
    MOST_CLASSES,
    WINDOW_COLUMN,
    ExpectedCells,
    ServedRows,
    WindowCounts,
    WindowQuery,
    WindowRows,
)
from cdml.statistics.metrics import Loss, Task
from cdml.statistics.sequential.degradation import WindowSums
from cdml.statistics.sequential.figures import Figure, Form
from cdml.tables.query import Field
from cdml.tables.table import Table

_WINDOW, _AT, _VERSION = WINDOW_COLUMN, "cdml_at", "cdml_version"
_EARLY, _PART, _CLASS = "cdml_early", "cdml_part", "cdml_class"
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

    def count(
        self, predictions: Table, query: WindowQuery, columns: Sequence[ColumnProfile]
    ) -> tuple[WindowCounts, ...]:
        carried = tuple(one.name for one in columns)
        return _Summary(self._engine, predictions, None, query, carried).counts(columns)

    def expect(self, predictions: Table, query: WindowQuery) -> tuple[ExpectedCells, ...]:
        return _Summary(self._engine, predictions, None, query).expected()

    def export(
        self, predictions: Table, labels: Table, query: WindowQuery, served: ServedRows, into: Path
    ) -> int:
        carried = tuple(dict.fromkeys((*query.columns.key, *served.columns)))
        return _Summary(self._engine, predictions, labels, query, carried).export(served, into)


@dataclass(frozen=True)
class _Summary:
    """One look at the rows of some windows."""

    engine: Engine
    log: Table
    label_table: Table | None
    query: WindowQuery
    carried: tuple[str, ...] = ()

    @cached_property
    def predictions(self) -> Predictions:
        columns = self.query.columns
        file = describe_file(self.engine, self.log.parquet)
        require_logged(self.log, file, self._read)
        refuse_other_times(self.engine, self.log, file, columns.time)
        refuse_untimed(self.engine, self.log, file, columns.time)
        return file

    @cached_property
    def labels(self) -> Predictions | None:
        if self.label_table is None:
            return None
        columns = self.query.columns
        file = describe_file(self.engine, self.label_table.parquet)
        needed = [*columns.key, columns.layout.required_label, columns.label_time]
        require_logged(self.label_table, file, [name for name in needed if name is not None])
        refuse_other_types(self.predictions, file, columns.key, self.label_table.ref.uri)
        return file

    @property
    def _figure_columns(self) -> tuple[str, ...]:
        """Columns of the predictions that metrics average."""
        named = (figure.metric.column for figure in self.query.figures)
        return tuple(dict.fromkeys(name for name in named if name is not None))

    @cached_property
    def _parts(self) -> Mapping[str, Sequence[str]]:
        """The values of each slice column that are watched."""
        values: dict[str, list[str]] = {}
        for column, value in self.query.parts:
            values.setdefault(column, []).append(value)
        return values

    @property
    def _read(self) -> tuple[str, ...]:
        """The columns of the predictions that are read."""
        columns = self.query.columns
        version = (columns.version,) if columns.version is not None else ()
        others = (*columns.scores.values(), *self._figure_columns, *version, *self.carried)
        others = (*others, *self._parts)
        return tuple(dict.fromkeys((*columns.key, columns.time, columns.prediction, *others)))

    def rows(self) -> tuple[WindowRows, ...]:
        """The answer: sums of all figures in one scan, and one more for metrics of order."""
        key = self.query.columns.key
        total = refuse_repeated(self.engine, self.log, self.predictions, self._chosen, key)
        figures = [one for one in self.query.figures if one.metric.name != "roc_auc"]
        called = [f"cdml_figure_{place}" for place in range(len(figures))]
        values = [f"{self._value(one)} AS {as_}" for one, as_ in zip(figures, called, strict=True)]
        parts = [f"{_PART}_{place}" for place in range(len(self._parts))]
        inner = [
            _GROUP, f"{self._early} AS early", f"{self._labelled} AS labelled",
            f"{self._has_label} AS has_label", f"{self._usable} AS usable", *values, *parts,
        ]  # fmt: skip
        if self._classes:
            label = quote(self.query.columns.layout.required_label)
            inner.append(f"CASE WHEN {self._has_label} THEN c.{label} END AS {_CLASS}")
            parts.append(_CLASS)
        sets = [f"({_GROUP})", *(f"({_GROUP}, {name})" for name in parts)]
        texts = [self._class_text if name == _CLASS else name for name in parts]
        grouped = [
            f"CASE WHEN GROUPING({name}) = 0 THEN {text} END"
            for name, text in zip(parts, texts, strict=True)
        ]
        in_set = [f"GROUPING({name}) = 0" for name in parts]
        odd = self._has_label != self._labelled
        sums = [
            "count(*)", "0" if self._early == "false" else "count_if(early)",
            "count_if(labelled)", "count_if(NOT usable)",
            "count_if(has_label AND NOT labelled)" if odd else "0",
        ]  # fmt: skip
        sums += chain(*map(sums_of, figures, called))
        # All rows are added up once, and what that leaves once for each set.
        rows_of = f"(SELECT {', '.join(inner)} FROM {self._relation})"
        added, totals = add_up(rows_of, self._group, parts, sums)
        found = self.engine.fetch(
            f"SELECT {_GROUP}, [{', '.join(grouped)}], [{', '.join(in_set)}], {totals} FROM {added}"
            f" GROUP BY GROUPING SETS ({', '.join(sets)}){self._most_classes} ORDER BY ALL",
            self.predictions.path,
        )
        classes = count_classes([one for one in found if self._classes and one[4][-1]])
        watched = len(self._parts)
        slices = self._slices([one for one in found if any(one[4][:watched])], figures)
        found = [one[:3] + one[5:] for one in found if not any(one[4])]
        if self.label_table is not None:
            joined, early = (sum(one[place] for one in found) for place in (3, 4))
            refuse_labels(self.label_table, total, joined, early)
        ranked = self._ranked()
        rows = []
        for window, at, version, count, _, labelled, unusable, unknown, *sums in found:
            by_name = dict(ranked.get((window, at, version), {}))
            by_name |= slices.get((window, at, version), {})
            for place, figure in enumerate(figures):
                if made := window_sums(figure, sums[4 * place : 4 * place + 4]):
                    by_name[figure.key] = made
            rows.append(
                WindowRows(
                    window=window,
                    at=at,
                    version=version,
                    predictions=count,
                    labelled=labelled,
                    unusable=unusable,
                    unknown=unknown,
                    figures=by_name,
                    classes=classes.get((window, at, version), {}),
                )
            )
        return tuple(rows)

    @property
    def _classes(self) -> bool:
        """Whether labels are counted by class."""
        return self.query.classes and self.labels is not None

    @property
    def _class_text(self) -> str:
        """The class of a label as text, once for each of its values."""
        layout = self.query.columns.layout
        field = self._row.pair.challenger.fields[layout.required_label]
        return class_of_label(_CLASS, field, layout.task)

    @property
    def _most_classes(self) -> str:
        """Keep a label that differs in every row from filling the memory."""
        if not self._classes:
            return ""
        in_set = f"GROUPING({_CLASS})"
        place = f"row_number() OVER (PARTITION BY {_GROUP}, {in_set} ORDER BY sum(cdml_sum_0) DESC)"
        return f" QUALIFY {in_set} = 1 OR {place} <= {MOST_CLASSES}"

    def _slices(
        self, found: Sequence[Sequence[Any]], figures: Sequence[Figure]
    ) -> Mapping[Group, Mapping[str, WindowSums]]:
        """The figures of the slices, by window, serving period and version."""
        by_group: dict[Group, dict[str, WindowSums]] = {}
        for window, at, version, values, in_set, _, _, _, _, _, *sums in found:
            place = in_set.index(True)
            if values[place] is None:
                continue  # not one that is watched
            part = list(self._parts)[place], values[place]
            by_name = by_group.setdefault((window, at, version), {})
            for number, figure in enumerate(figures):
                if made := window_sums(figure, sums[4 * number : 4 * number + 4]):
                    by_name[figure.key_of(part)] = made
        return by_group

    def export(self, served: ServedRows, into: Path) -> int:
        """See the port. A hash of the key draws the sample, so it is the same at every look."""
        label = quote(self.query.columns.layout.required_label)
        columns = [*map(quote, self.carried), label, _WINDOW]
        number = f"regexp_replace(trim({_VERSION}), '^v|\\.0+$', '', 'gi')"
        share = f"avg(CAST({self._labelled} AS INT)) OVER (PARTITION BY {_WINDOW})"
        key = ", ".join(map(quote, self.query.columns.key))
        self.engine.run(
            f"COPY (SELECT {', '.join(columns)} FROM (SELECT *, {self._labelled} AS cdml_labelled,"
            f" {share} AS cdml_share FROM {self._relation}"
            f" WHERE {_AT} = {len(self.query.starts) - 1}"
            f" AND ({_VERSION} IS NULL OR {number} = {literal(served.version)}))"
            f" WHERE cdml_labelled AND cdml_share >= {served.min_labelled!r}"
            f" ORDER BY hash({key}), {key} LIMIT {served.most})"
            f" TO {literal(str(into))} (FORMAT parquet)",
            self.predictions.path,
        )
        [(rows,)] = self.engine.fetch(f"SELECT count(*) FROM {parquet(into)}", into)
        return int(rows)

    def counts(self, columns: Sequence[ColumnProfile]) -> tuple[WindowCounts, ...]:
        """See the port."""
        fields = self.predictions.fields
        counted = count_bins(
            lambda sql: self.engine.fetch(sql, self.predictions.path),
            self._relation,
            _GROUP,
            [(one, EngineColumn(field=fields[one.name], engine_name=one.name)) for one in columns],
        )
        return tuple(
            WindowCounts(window=window, at=at, version=version, counts=counts)
            for (window, at, version), counts in counted.items()
        )

    def expected(self) -> tuple[ExpectedCells, ...]:
        """See the port."""
        row = self._row

        def fetch(sql: str) -> Sequence[Any]:
            return self.engine.fetch(sql, self.predictions.path)

        if not self._binary:
            named = (name for name in row.pair.challenger.fields if name.startswith(f"{SCORE}_"))
            scores = dict(zip(row.classes, (row.score("c", name) for name in named), strict=True))
            return tuple(
                sum_class_cells(
                    fetch,
                    self._relation,
                    _GROUP,
                    usable=self._usable,
                    prediction=row.prediction("c"),
                    scores=scores,
                )
            )
        return sum_cells(
            fetch,
            self._relation,
            _GROUP,
            usable=self._usable,
            positive=row.prediction("c"),
            score=row.score("c"),
        )

    def _moment(self, column: str, file: Predictions, side: str = "") -> str:
        """A time in microseconds since 1970; without a zone it is UTC."""
        moment = microseconds(EngineColumn(field=file.fields[column], engine_name=column))
        return moment.replace(quote(column), f"{side}{quote(column)}")

    @cached_property
    def _chosen(self) -> str:
        """The predictions of the windows."""
        field = self.predictions.fields[self.query.columns.time]
        columns = ", ".join(map(quote, self._read))
        within = time_between(EngineColumn(field=field, engine_name=field.name), *self._extent)
        return f"(SELECT {columns} FROM {parquet(self.predictions.path)} WHERE {within})"

    @property
    def _extent(self) -> tuple[datetime, datetime]:
        """When the first window begins and the last one ends."""
        grid, query = self.query.grid, self.query
        return grid.start(query.first), grid.start(query.last + 1)

    @cached_property
    def _group(self) -> Mapping[str, str]:
        """Window, serving period and version of a row `p`; constants where there is only one."""
        query, (low, high) = self.query, self._extent
        time, version = (
            self._moment(query.columns.time, self.predictions, "p."),
            query.columns.version,
        )
        one = query.first == query.last
        before = sum(start <= low for start in query.starts) - 1
        within = (start for start in query.starts if low < start < high)
        later = (f" + CAST({time} >= {since_1970(start)} AS INT)" for start in within)
        return {
            _WINDOW: str(query.first) if one else f"{time} // {query.grid.length // _MICROSECOND}",
            _AT: f"{before}{''.join(later)}",
            _VERSION: f"CAST(p.{quote(version)} AS VARCHAR)" if version else "NULL",
        }

    @cached_property
    def _joined(self) -> str:
        if self.labels is None:
            return f"{self._chosen} AS p"
        on = " AND ".join(f"p.{quote(n)} = l.{quote(n)}" for n in self.query.columns.key)
        return f"{self._chosen} AS p LEFT JOIN {parquet(self.labels.path)} AS l ON {on}"

    @cached_property
    def _relation(self) -> str:
        """The joined rows as `c`, in the columns that `Row` reads."""
        columns = self.query.columns
        time = self._moment(columns.time, self.predictions, "p.")
        select = [
            *(f"{value} AS {name}" for name, value in self._group.items()),
            f"p.{quote(columns.prediction)} AS {PREDICTION}",
            *(f"p.{quote(name)} AS {quote(as_)}" for as_, name in columns.scores.items()),
            *(f"p.{quote(name)}" for name in self._figure_columns),
            *(
                f"{watched_value(f'p.{quote(column)}', values)} AS {_PART}_{place}"
                for place, (column, values) in enumerate(self._parts.items())
            ),
            *(f"p.{quote(name)}" for name in self.carried if name != PREDICTION),
        ]
        if self.labels is not None:
            select.append(f"l.{quote(columns.layout.required_label)}")
            if columns.label_time is not None:
                seen = self._moment(columns.label_time, self.labels, "l.")
                select.append(f"{seen} < {time} AS {_EARLY}")
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
        kind = fields[label if label in fields else PREDICTION].type
        classes = tuple(
            class_text(name.removeprefix(f"{SCORE}_"), kind)
            for name in fields
            if name.startswith(f"{SCORE}_")
        )
        pair = Pair(challenger=file, champion=None, relation=self._relation, positional=False)
        return Row(pair=pair, layout=columns.layout, classes=classes)

    @cached_property
    def _usable(self) -> str:
        """The prediction is there and of a class of the task, and probabilities are some."""
        row = self._row
        field = row.pair.challenger.fields[PREDICTION]
        tests = [self._known(PREDICTION, row.prediction("c") if self._binary else "")]
        if field.physical in {"FLOAT", "DOUBLE"}:
            tests.append(f"isfinite(c.{PREDICTION})")
        for name in self.query.columns.scores:
            score = self._row.score("c", name)
            tests.append(f"coalesce(isfinite({score}) AND {score} BETWEEN 0 AND 1, false)")
        if self.query.columns.scores and self.query.columns.layout.task is Task.MULTICLASS:
            every = " + ".join(row.score("c", name) for name in self.query.columns.scores)
            tests.append(f"abs({every} - 1) < {CLOSE}")
        return f"({' AND '.join(tests)})"

    @property
    def _early(self) -> str:
        """The label was observed before the prediction was made."""
        timed = self.labels is not None and self.query.columns.label_time is not None
        return f"c.{_EARLY}" if timed else "false"

    @cached_property
    def _labelled(self) -> str:
        """The label is there, and of a class of the task."""
        if self.labels is None:
            return "false"
        return self._known(
            self.query.columns.layout.required_label, self._row.label() if self._binary else ""
        )

    @property
    def _has_label(self) -> str:
        """The label is there, whatever it is."""
        if self.labels is None:
            return "false"
        label = self.query.columns.layout.required_label
        return known_class(f"c.{quote(label)}", self.labels.fields[label], "", None)

    @property
    def _binary(self) -> bool:
        return self.query.columns.layout.task is Task.BINARY

    def _known(self, name: str, positive: str) -> str:
        field = self._row.pair.challenger.fields[name]
        negatives = self.query.columns.negatives if self._binary else None
        return known_class(f"c.{quote(name)}", field, positive, negatives)

    def _value(self, figure: Figure) -> str:
        """A row's figure between 0 and 1, NULL where the row does not inform the metric.

        Of a metric of the whole window it is the cell of the confusion matrix, 0 to 3.
        """
        row, metric = self._row, figure.metric
        judged = f"{self._labelled} AND {self._usable}"
        if metric.loss is Loss.COLUMN:
            value = f"CAST(c.{quote(str(metric.column))} AS DOUBLE)"
            return f"CASE WHEN isfinite({value}) THEN {scaled(figure, value)} END"
        if metric.loss is not None:
            loss = row.averaged(metric, "c")
            return f"CASE WHEN {judged} THEN {scaled(figure, loss)} END"
        label, prediction = row.label(), row.prediction("c")
        if figure.form is Form.WINDOW:
            cell = f"CAST({label} AS INT) * 2 + CAST({prediction} AS INT)"
            return f"CASE WHEN {judged} THEN {cell} END"
        counts, good = {
            "recall": (label, prediction),
            "precision": (prediction, label),
            "specificity": (f"NOT {label}", f"NOT {prediction}"),
        }.get(metric.name, ("TRUE", f"{label} = {prediction}"))
        return f"CASE WHEN {judged} AND {counts} THEN CAST({good} AS INT) END"

    def _ranked(self) -> Mapping[Group, Mapping[str, WindowSums]]:
        """The area under the ROC curve of all rows and of slices, by window."""
        auc = next((one for one in self.query.figures if one.metric.name == "roc_auc"), None)
        if auc is None:
            return {}
        by_group: dict[Group, dict[str, WindowSums]] = {}
        columns = list(self._parts)
        for head, part, area in rank_windows(
            lambda sql: self.engine.fetch(sql, self.predictions.path),
            f"(SELECT * FROM {self._relation} WHERE {self._labelled} AND {self._usable}) AS c",
            _GROUP,
            positive=self._row.label(),
            score=self._row.score("c"),
            parts=[f"{_PART}_{place}" for place in range(len(columns))],
        ):
            key = auc.key_of(None if part is None else (columns[part[0]], part[1]))
            by_group.setdefault(head, {})[key] = one_value(auc, area)
        return by_group
