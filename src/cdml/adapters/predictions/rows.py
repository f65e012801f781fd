"""The paired rows themselves: for user metrics, and for charts of a regression's residuals."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from cdml.adapters.predictions.pairing import describe_file, require_columns
from cdml.adapters.predictions.row_sql import PREDICTION, SCORE, Row, class_text
from cdml.adapters.predictions.slicing import (
    SlicePosition,
    Slicing,
    describe_position,
    order_positions,
)
from cdml.adapters.predictions.statistics_query import refuse
from cdml.adapters.tables.duckdb_engine import Engine
from cdml.adapters.tables.sql_engine import literal, parquet, quote
from cdml.errors import InputError
from cdml.evaluation.prediction_store import (
    RESIDUAL_BINS,
    RESIDUALS,
    Layout,
    PairedRows,
)
from cdml.statistics.metrics import Task
from cdml.tables.query import Field, LogicalType

_STORED = {
    LogicalType.BOOLEAN: "BOOLEAN",
    LogicalType.INTEGER: "BIGINT",
    LogicalType.NUMBER: "DOUBLE",
}


@dataclass(kw_only=True)
class Writing:
    """One call of `rows`."""

    engine: Engine
    row: Row
    slices: tuple[Slicing, ...]

    @property
    def _file(self) -> Path:
        return self.row.pair.challenger.path

    def write(self, into: Path) -> PairedRows:
        """Check the rows and write them.

        Raises:
            InputError: rows that cannot be used; it gives their number.
            Misplaced: the files hold their rows in different orders.
        """
        self._check()
        columns = ", ".join(f"{sql} AS {name}" for name, sql in self._columns())
        self.engine.run(
            f"COPY (SELECT {columns} FROM {self.row.pair.relation})"
            f" TO {literal(str(into))} (FORMAT parquet)",
            self._file,
        )
        counts = dict(self._counts(into))
        places = order_positions(counts)
        return PairedRows(
            path=into,
            sides="".join(self.row.sides),
            matrix=self.row.layout.task is Task.MULTICLASS,
            weighted=self.row.layout.weight is not None,
            clustered=self.row.layout.cluster is not None,
            parts=tuple(describe_position(self.slices, place) for place in places),
            places=places,
            rows=tuple(counts[place] for place in places),
        )

    def _check(self) -> None:
        refuse(self.engine, self.row.pair, self.row.problems(self._probabilities))

    def _columns(self) -> Iterator[tuple[str, str]]:
        layout, label = self.row.layout, self.row.file("c").fields[self.row.layout.required_label]
        yield "y_true", self._own("c", label.name, label)
        for side in self.row.sides:
            yield f"{side}_pred", self._own(side, PREDICTION, label)
            for number, score in enumerate(self._scores(side)):
                yield f"{side}_score{number}", score
        if layout.weight is not None:
            yield "weight", self.row.weight
        if layout.cluster is not None:
            kind = self.row.file("c").fields[layout.cluster].type
            yield "cluster", f"CAST(c.{quote(layout.cluster)} AS {_STORED.get(kind, 'VARCHAR')})"
        for number, one in enumerate(self.slices):
            yield f"s{number}", one.code()

    def _own(self, side: str, name: str, label: Field) -> str:
        kind = _STORED.get(label.type, "VARCHAR")
        if self.row.layout.task is Task.REGRESSION:
            kind = "DOUBLE"
        return f"CAST({side}.{quote(name)} AS {kind})"

    @cached_property
    def _has_scores(self) -> bool:
        """Whether all files hold what can be handed over as y_score."""
        if self.row.layout.task is not Task.MULTICLASS:
            fields = [self.row.file(side).fields.get(SCORE) for side in self.row.sides]
            return all(field is not None and field.type.numeric for field in fields)
        return all(self._of_classes(side) for side in self.row.sides)

    def _of_classes(self, side: str) -> tuple[str, ...]:
        prefix = f"{SCORE}_"
        return tuple(name for name in self.row.file(side).fields if name.startswith(prefix))

    @property
    def _probabilities(self) -> tuple[str, ...]:
        if not self._has_scores or self.row.layout.task not in {Task.BINARY, Task.MULTICLASS}:
            return ()
        if self.row.layout.task is Task.BINARY:
            return (SCORE,)
        return tuple(sorted({name for side in self.row.sides for name in self._of_classes(side)}))

    def _scores(self, side: str) -> tuple[str, ...]:
        if not self._has_scores:
            return ()
        if self.row.layout.task is not Task.MULTICLASS:
            return (self.row.score(side),)
        kind = self.row.file("c").fields[self.row.layout.required_label].type
        scored = {class_text(name.partition("_")[2], kind) for name in self._probabilities}
        classes = sorted(
            scored | set(self.row.classes),
            key=lambda name: (float(name), name) if kind.numeric else (0.0, name),
        )
        return tuple(self.row.score_of(side, name) for name in classes)

    def _counts(self, into: Path) -> Iterator[tuple[SlicePosition, int]]:
        [(rows,)] = self.engine.fetch(f"SELECT count(*) FROM {parquet(into)}", into)
        yield None, rows
        for number in range(len(self.slices)):
            counts = self.engine.fetch(
                f"SELECT s{number}, count(*) FROM {parquet(into)} GROUP BY ALL", into
            )
            yield from (((number, code), count) for code, count in counts)


def count_residuals(
    engine: Engine, predictions: Path, layout: Layout
) -> Mapping[str, tuple[Sequence[float], Sequence[float]]]:
    """See `PredictionStore`."""
    file = describe_file(engine, predictions)
    require_columns(file, (PREDICTION, layout.required_label))
    for name in (PREDICTION, layout.required_label):
        if not file.fields[name].type.numeric:
            raise InputError(f"{predictions}: the column {name!r} does not contain numbers.")
    label, predicted = (
        f"CAST({quote(name)} AS DOUBLE)" for name in (layout.required_label, PREDICTION)
    )
    rows = f"SELECT {predicted} AS p, {predicted} - {label} AS e FROM {file.relation}"
    placed = (
        "SELECT p, e, row_number() OVER (ORDER BY p, e) - 1 AS place, count(*) OVER () AS n"
        f" FROM ({rows}) WHERE isfinite(p) AND isfinite(e)"
    )
    quantiles = ", ".join(map(str, RESIDUALS.values()))
    counts = engine.fetch(
        f"SELECT avg(p), quantile_cont(e, [{quantiles}]) FROM ({placed})"
        f" GROUP BY place * least({RESIDUAL_BINS}, n) // n ORDER BY 1",
        predictions,
    )
    means = [mean for mean, _ in counts]
    return {name: (means, [at[place] for _, at in counts]) for place, name in enumerate(RESIDUALS)}
