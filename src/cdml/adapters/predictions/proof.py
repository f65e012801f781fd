"""A database proves itself before its figures are trusted: it adds up rows made for the purpose.

They hold what engines disagree about: text that differs by case, accents or spaces only, empty
text, whole numbers beyond what floats hold, a zero below zero, ties, missing values, and in a
second set numbers that are none. The statements are those that are going to run on the
predictions, in the types of their columns, and every figure must be DuckDB's.
"""

import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields, is_dataclass, replace
from datetime import date, datetime, timedelta
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from cdml.adapters.predictions.pairing import Predictions, pair_by_key, pair_rows
from cdml.adapters.predictions.reduction import check_columns, reduction
from cdml.adapters.predictions.row_sql import PREDICTION, SCORE
from cdml.adapters.tables.duckdb_engine import Engine, SqlRunner, connect
from cdml.adapters.tables.sql_engine import EngineColumn, constant, quote
from cdml.common.scratch_folders import prefix as scratch_prefix
from cdml.errors import InputError
from cdml.evaluation.prediction_store import Layout, PredictionSlice
from cdml.statistics.metrics import Loss, Metric, Task
from cdml.tables.query import Field, LogicalType

ROWS = 48
TOLERANCE = 1e-9
"""How far a figure may be from DuckDB's, as a share of the largest of its kind."""
_SMALLEST = 1e-12
_KEY, _SLICE, _GROUP, _LABEL, _FIGURE = "id", "part", "sex", "truth", "figure"
_CLUSTER, _WEIGHT = "family", "times"
_PHYSICAL = {
    LogicalType.BOOLEAN: "BOOLEAN",
    LogicalType.INTEGER: "BIGINT",
    LogicalType.NUMBER: "DOUBLE",
    LogicalType.DATE: "DATE",
    LogicalType.TIMESTAMP: "TIMESTAMP",
}
_TEXTS = (
    "a", "A", "", "é", "a ", "E\u0301", "e\u0301", "É", "ß", "ss", "it's", "%_", "a\\b", '"',
    "日本", "NULL", "true", "0", "00", "ı", "i", "I", "\U0001f600", "x" * 300,
)  # fmt: skip
_WHOLES = (0, -1, 1, 2**53, 2**53 + 1, -(2**53) - 1, 2**63 - 1, 2**63 - 2, 1 - 2**63)
_NUMBERS = (0.0, 0.1, 0.3, 0.1 + 0.2, 1e-300, -1e300, 2.0**60)
_UNUSABLE = (None, 1.5, -0.5, float("nan"), float("inf"), float("-inf"))
_DAY, _MOMENT = date(1969, 12, 20), datetime(1969, 12, 31, 23, 59, 59, 999_990)  # noqa: DTZ001 - a column without zone


class OtherFigure(Exception):
    """A database has another figure than DuckDB, and which."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ProofRows:
    """Rows made for the purpose, by column."""

    kinds: dict[str, LogicalType]
    values: dict[str, list[Any]]

    @property
    def columns(self) -> tuple[EngineColumn, ...]:
        return tuple(
            EngineColumn(field=_field(name, kind), engine_name=name)
            for name, kind in self.kinds.items()
        )

    @property
    def sql(self) -> str:
        """A query that gives them, in DuckDB's words."""
        rows = ", ".join(
            f"({', '.join(map(constant, row))})" for row in zip(*self.values.values(), strict=True)
        )
        columns = ", ".join(
            f"CAST(v{at} AS {_field(name, kind).physical}) AS {quote(name)}"
            for at, (name, kind) in enumerate(self.kinds.items())
        )
        names = ", ".join(f"v{at}" for at in range(len(self.kinds)))
        return f"SELECT {columns} FROM (VALUES {rows}) AS proof({names})"


@dataclass(frozen=True, slots=True, kw_only=True)
class ProofTable(Predictions):
    """Those rows where an engine has them."""

    relation: str
    ordered: bool = False


ProofPlace = Callable[[Mapping[str, ProofRows]], tuple[SqlRunner, Sequence[str]]]
"""Gives an engine that has rows under these names, and for FROM where each is."""


def add_up(
    engine: SqlRunner, files: Sequence[Predictions], layout: Layout, metrics: tuple[Metric, ...]
) -> tuple[PredictionSlice, ...]:
    """The statistics of predictions that stay where they are.

    Raises:
        InputError: as `TableSamples.reduce`.
    """
    scores = check_columns(engine, files, layout, metrics)
    if len(files) == 1:
        pair = pair_rows(engine, files[0], None, layout)
    else:
        pair = pair_by_key(engine, files[0], files[1], layout, counted=False)
    return reduction(engine, pair, layout, metrics, scores, collects=False).parts()


@dataclass(frozen=True, kw_only=True)
class Proof:
    """What a database has to get right before these predictions are compared in it.

    Attributes:
        files, layout, metrics: of the comparison.
        has_nan: whether the database has numbers that are none.
    """

    files: Sequence[Predictions]
    layout: Layout
    metrics: tuple[Metric, ...]
    has_nan: bool = True

    @cached_property
    def subject(self) -> tuple[object, ...]:
        """All that it depends on: what held once need not be shown again."""
        names = tuple(sorted(metric.name for metric in self._metrics))
        return tuple(self._kinds.items()), len(self.files), self._layout.task, names

    def run(self, place: ProofPlace) -> None:
        """Compare the figures of a database with DuckDB's.

        Raises:
            OtherFigure: one differs.
            ServiceError: the database does not run a statement.
        """
        with tempfile.TemporaryDirectory(prefix=scratch_prefix("cdml-proof")) as folder:
            duckdb = connect(Path(folder))
            for usable in (True, False):
                rows = {
                    f"cdml_{'rows' if usable else 'unusable'}_{side}": self._rows(
                        side, usable=usable
                    )
                    for side in range(len(self.files))
                }
                for name, one in rows.items():
                    duckdb.execute(f"CREATE TABLE {name} AS {one.sql}")
                expected = self._outcome(Engine(duckdb), list(rows), rows)
                if usable and isinstance(expected, str):
                    raise OtherFigure(f"DuckDB cannot add up the rows: {expected}")
                try:
                    found = self._outcome(*place(rows), rows)
                    _require_same(expected, found, self._metrics)
                except (ArithmeticError, LookupError, TypeError, ValueError) as error:
                    raise OtherFigure(f"its answers cannot be read ({error!r})") from error
            duckdb.close()

    def _outcome(
        self, engine: SqlRunner, relations: Sequence[str], rows: Mapping[str, ProofRows]
    ) -> tuple[PredictionSlice, ...] | str:
        files = [
            ProofTable(
                path=Path(f"rows {side}"),
                fields={column.field.name: column.field for column in one.columns},
                rows=ROWS,
                relation=f"(SELECT * FROM {relation})",
            )
            for side, (relation, one) in enumerate(zip(relations, rows.values(), strict=True))
        ]
        try:
            return add_up(engine, files, self._layout, self._metrics)
        except InputError as error:
            return error.message

    @cached_property
    def _metrics(self) -> tuple[Metric, ...]:
        """The metrics, those of a column of the one that there is."""
        return tuple(
            replace(one, column=_FIGURE) if one.loss is Loss.COLUMN else one for one in self.metrics
        )

    @cached_property
    def _layout(self) -> Layout:
        return replace(
            self.layout,
            key=self._named(_KEY),
            label=_LABEL if self.layout.label else None,
            slices=self._named(_SLICE),
            sensitive=_GROUP if _GROUP in self._kinds else None,
            positive=self._classes[0] if self.layout.task is Task.BINARY else None,
            cluster=_CLUSTER if self.layout.cluster else None,
            weight=_WEIGHT if self.layout.weight else None,
            cost=_FIGURE,
            classes=(),
            max_slices=3,
        )

    def _named(self, prefix: str) -> tuple[str, ...]:
        return tuple(name for name in self._kinds if name.rstrip("0123456789") == prefix)

    @cached_property
    def _kinds(self) -> dict[str, LogicalType]:
        """The columns, in types that the predictions have."""
        layout, kinds = self.layout, self._kinds_of
        keys, slices = kinds(layout.key), kinds(layout.slices)
        if set(keys) == {LogicalType.BOOLEAN}:
            keys.append(LogicalType.INTEGER)
        found = {f"{_KEY}{at}": kind for at, kind in enumerate(keys)}
        found |= {f"{_SLICE}{at}": kind for at, kind in enumerate(slices)}
        single = {
            _GROUP: layout.sensitive,
            _CLUSTER: layout.cluster,
            _WEIGHT: layout.weight,
            _LABEL: layout.label,
        }
        for name, column in single.items():
            found |= dict(zip([name], kinds([column] if column else []), strict=False))
        if found.get(_LABEL) in {LogicalType.DATE, LogicalType.TIMESTAMP}:
            found[_LABEL] = LogicalType.STRING
        if _LABEL in found:
            found[PREDICTION] = found[_LABEL]
        scores = self._scored if any(one.needs_score for one in self.metrics) else ()
        return found | dict.fromkeys((*scores, _FIGURE), LogicalType.NUMBER)

    def _kinds_of(self, columns: Sequence[str]) -> list[LogicalType]:
        named = self.files[0].fields
        kinds = (named[name].type for name in columns if name in named)
        return list(dict.fromkeys(k if k in _PHYSICAL else LogicalType.STRING for k in kinds))

    @cached_property
    def _classes(self) -> tuple[Any, ...]:
        kinds = self._kinds_of([self.layout.label] if self.layout.label else [])
        match kinds, self.layout.task:
            case [LogicalType.BOOLEAN], _:
                return True, False
            case [LogicalType.INTEGER], _:
                return 1, 0, 10
            case [LogicalType.NUMBER], _:
                return 1.0, 0.0, 10.0
            case _, Task.BINARY:
                return "yes", "Yes"
            case _:
                return "a", "b", "B"

    @property
    def _scored(self) -> tuple[str, ...]:
        if self.layout.task is Task.BINARY:
            return (SCORE,)
        return tuple(
            f"{SCORE}_{str(name).lower().removesuffix('.0')}" for name in self._classes[:2]
        )

    def _rows(self, side: int, *, usable: bool) -> ProofRows:
        """Those of the challenger (0) or of the champion (1), in another order."""
        order = [(at * 7 + 3) % ROWS if side else at for at in range(ROWS)]
        values = {name: [self._value(name, at, side) for at in order] for name in self._kinds}
        if not usable:
            self._spoil(values, side)
        return ProofRows(kinds=self._kinds, values=values)

    def _spoil(self, values: dict[str, list[Any]], side: int) -> None:
        """Put what cannot be used into a row each: of a model's, and of what all rows have."""
        at = 0
        last = side == len(self.files) - 1
        spoiled = {_CLUSTER, _WEIGHT} if side == 0 else set()
        spoiled |= {_LABEL, PREDICTION, _FIGURE, *self._scored} if last else set()
        for name in (one for one in values if one in spoiled):
            numbers = self._kinds[name] is LogicalType.NUMBER
            few = 1 if not numbers else len(_UNUSABLE) if self.has_nan else 3
            for value in _UNUSABLE[:few]:
                values[name][at] = value
                at += 1

    def _value(self, name: str, at: int, side: int) -> Any:
        kind = self._kinds[name]
        if name in self._layout.key:
            return _distinct(kind, at, side)
        if name in (*self._layout.slices, _GROUP):
            return None if at % 7 == 0 else _distinct(kind, at * at % 6, 0)
        if name in (_CLUSTER, _WEIGHT):
            return _distinct(kind, at * 5 % 17, 0) if name == _CLUSTER else _weight(kind, at)
        if name == _FIGURE:
            return ((at * 11 + side * 3) % 13) / 4 - 1
        if name in (_LABEL, PREDICTION):
            return self._outcome_of(name, at, side, kind)
        score = ((at * 11 + side * 5 * (at % 3)) % 17) / 16
        score = -score if score == 0 and side else score
        return 1 - score if name in self._scored[1:] else score

    def _outcome_of(self, name: str, at: int, side: int, kind: LogicalType) -> Any:
        if self.layout.task is Task.REGRESSION:
            number = (at * 37 % 19) - 9 + (0 if name == _LABEL else (at * (side + 5)) % 7 - 2)
            return number if kind is LogicalType.INTEGER else number / 8 + 1000
        classes = self._classes[:2] if self.layout.task is Task.BINARY else self._classes
        wrong = name == PREDICTION and (at * (side + 3)) % 5 == 0
        return classes[(at * at % 11 + wrong) % len(classes)]


def _weight(kind: LogicalType, at: int) -> Any:
    """Some rows have none, and some weigh a million times as much as others."""
    if kind is LogicalType.BOOLEAN:
        return at % 3 > 0
    heavy = at * 13 % 9
    return heavy if kind is LogicalType.INTEGER else heavy / 8 * (1e-6 if at % 5 == 0 else 1.0)


def _field(name: str, kind: LogicalType) -> Field:
    return Field(name=name, type=kind, physical=_PHYSICAL.get(kind, "VARCHAR"))


def _distinct(kind: LogicalType, at: int, side: int) -> Any:
    """The value of a type for a row; different ones for different rows, but for booleans."""
    match kind:
        case LogicalType.BOOLEAN:
            return at % 2 == 0
        case LogicalType.INTEGER:
            return _WHOLES[at] if at < len(_WHOLES) else 1000 + at
        case LogicalType.NUMBER:
            zero = -0.0 if side else 0.0
            return (_NUMBERS[at] or zero) if at < len(_NUMBERS) else at / 8
        case LogicalType.DATE:
            return _DAY + timedelta(days=at)
        case LogicalType.TIMESTAMP:
            return _MOMENT + timedelta(microseconds=at)
        case _:
            return _TEXTS[at] if at < len(_TEXTS) else f"row {at}"


def _require_same(
    expected: tuple[PredictionSlice, ...] | str,
    found: tuple[PredictionSlice, ...] | str,
    metrics: Sequence[Metric],
) -> None:
    if isinstance(expected, str) or isinstance(found, str):
        if expected != found:
            raise OtherFigure(f"DuckDB {_in_words(expected)}, and it {_in_words(found)}")
        return
    parts = [[(one.slice, one.rows) for one in some] for some in (expected, found)]
    if parts[0] != parts[1]:
        raise OtherFigure(f"the slices and their rows are {parts[0]}, and it has {parts[1]}")
    for one, other in zip(expected, found, strict=True):
        for metric in metrics:
            if differing := _differing(one.sample(metric), other.sample(metric)):
                where = "".join(f" where {name} is {v!r}" for name, v in (one.slice or {}).items())
                raise OtherFigure(f"{metric.name}{where}: {differing}")


def _in_words(outcome: tuple[PredictionSlice, ...] | str) -> str:
    return f"refuses some rows ({outcome})" if isinstance(outcome, str) else "accepts all rows"


def _differing(expected: Any, found: Any) -> str:
    """The first of the statistics that is another; empty where all are the same."""
    if is_dataclass(expected):
        for name in (one.name for one in fields(expected)):
            if differing := _differing(getattr(expected, name), getattr(found, name)):
                return f"{name} {differing}"
        return ""
    if _named(expected):
        return "" if expected == found else f"is {found!r}, not {expected!r}"
    one, other = np.asarray(expected, dtype=float), np.asarray(found, dtype=float)
    if one.shape == other.shape:
        size = float(np.max(np.abs(one), initial=0.0, where=np.isfinite(one)))
        if np.allclose(one, other, rtol=0, atol=max(TOLERANCE * size, _SMALLEST), equal_nan=True):
            return ""
    return f"is {other.tolist()}, not {one.tolist()}"


def _named(value: Any) -> bool:
    first = value[0] if isinstance(value, tuple) and value else value
    return first is None or isinstance(first, str)
