"""Two predictions files row by row: by position where both hold the keys in the same order."""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from cdml.adapters.tables.duckdb_engine import Engine, SqlRunner
from cdml.adapters.tables.sql_engine import parquet, quote, quote_path
from cdml.errors import InputError
from cdml.evaluation.prediction_store import Layout
from cdml.tables.query import Field, comparable
from cdml.tables.table import Table

HEAD = 2_048
"""Rows whose keys are looked at before the files are paired by position."""


SPAN = 500_000
"""Rows that justify another processor."""
ROW_NUMBER = "file_row_number"
"""The column in which the engine numbers the rows of a file."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Predictions:
    """One predictions file."""

    path: Path
    fields: dict[str, Field]
    rows: int

    @property
    def relation(self) -> str:
        return parquet(self.path)

    @property
    def ordered(self) -> bool:
        """Whether rows have an order, in which keys may ascend."""
        return True

    def span(self, start: int, end: int) -> str:
        """For FROM: the rows from one to before another."""
        numbered = (
            f"read_parquet({quote_path(self.path)}, hive_partitioning = false, {ROW_NUMBER} = true)"
        )
        rows = f"{ROW_NUMBER} >= {start} AND {ROW_NUMBER} < {end}"
        return f"(SELECT * FROM {numbered} WHERE {rows})"


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """Rows of one model (`c.`) or of two (`p.`, the champion); `positional` keys need a check."""

    challenger: Predictions
    champion: Predictions | None
    relation: str
    positional: bool

    @property
    def spans(self) -> tuple[str, ...]:
        """For FROM, the same rows in spans read at once: side by side, one processor joins."""
        first, second = self.challenger, self.champion
        count = min(os.cpu_count() or 1, first.rows // SPAN)
        if not self.positional or second is None or count <= 1:
            return (self.relation,)
        if any(ROW_NUMBER in file.fields for file in (first, second)):
            return (self.relation,)
        ends = [first.rows * part // count for part in range(count + 1)]
        return tuple(
            f"{first.span(*ends[part : part + 2])} c POSITIONAL JOIN"
            f" {second.span(*ends[part : part + 2])} p"
            for part in range(count)
        )


def describe_file(engine: Engine, path: Path) -> Predictions:
    """A file by its footer; an InputError if it is no Parquet file, or has no rows."""
    if not path.is_file():
        raise InputError(f"{path} does not exist.", "Give a Parquet file of predictions.")
    columns, rows = engine.columns(path)
    return Predictions(
        path=path, fields={column.field.name: column.field for column in columns}, rows=rows
    )


def require_columns(predictions: Predictions, columns: Sequence[str]) -> None:
    """Refuse a file that lacks one of these columns."""
    missing = [name for name in dict.fromkeys(columns) if name not in predictions.fields]
    if missing:
        raise InputError(
            f"{predictions.path} has no column {', '.join(map(repr, missing))};"
            f" it has {', '.join(predictions.fields)}.",
            "A predictions file has the key, the label, the slices and `prediction`; gates on"
            " probabilities also need `score` (or `score_<class>`).",
        )


def require_logged(table: Table, file: Predictions, names: Sequence[str]) -> None:
    """Refuse a log that lacks one of these columns."""
    missing = [name for name in dict.fromkeys(names) if name not in file.fields]
    if missing:
        raise InputError(
            f"{table.ref.uri} has no column {', '.join(map(repr, missing))}; it has"
            f" {', '.join(file.fields)}.",
            "Name the columns in `monitoring` and `data.answer`, or log them.",
        )


def pair_rows(
    engine: SqlRunner, challenger: Predictions, champion: Predictions | None, layout: Layout
) -> Pair:
    """Pair by position where that may be right, else by key.

    Raises:
        InputError: keys are missing or repeated, or rows stand in one file only.
    """
    if champion is not None:
        refuse_other_types(challenger, champion, layout.key)
    _refuse_repeated(engine, challenger, layout.key)
    if champion is None:
        return Pair(
            challenger=challenger,
            champion=None,
            relation=f"{challenger.relation} c",
            positional=False,
        )
    if challenger.rows == champion.rows and _same_head(engine, challenger, champion, layout.key):
        relation = f"{challenger.relation} c POSITIONAL JOIN {champion.relation} p"
        return Pair(challenger=challenger, champion=champion, relation=relation, positional=True)
    return pair_by_key(engine, challenger, champion, layout)


def pair_by_key(
    engine: SqlRunner,
    challenger: Predictions,
    champion: Predictions,
    layout: Layout,
    called: str = "",
    *,
    counted: bool = True,
) -> Pair:
    """Pair by a join; raises as `pair_rows`. `called` stands for the champion's path.

    Without `counted`, rows that stand in one file only are for `refuse_alone` to find.
    """
    refuse_other_types(challenger, champion, layout.key)
    for file in (challenger, champion):
        _refuse_repeated(engine, file, layout.key)
    on = " AND ".join(f"c.{quote(name)} = p.{quote(name)}" for name in layout.key)
    relation = f"{challenger.relation} c JOIN {champion.relation} p ON {on}"
    pair = Pair(challenger=challenger, champion=champion, relation=relation, positional=False)
    if counted:
        refuse_alone(engine, pair, called)
    return pair


def refuse_alone(engine: SqlRunner, pair: Pair, called: str = "") -> None:
    """Refuse rows that stand in one file only."""
    challenger, champion = pair.challenger, pair.champion
    if champion is None:
        return
    [(matched,)] = engine.fetch(f"SELECT count(*) FROM {pair.relation}", challenger.path)
    alone = (challenger.rows - matched, champion.rows - matched)
    if alone != (0, 0):
        raise InputError(
            f"{alone[0]:,} of {challenger.rows:,} rows are only in {challenger.path}, and"
            f" {alone[1]:,} of {champion.rows:,} only in {called or champion.path}.",
            "Score the same rows with both models.",
        )


def same_keys(key: Sequence[str]) -> str:
    """Whether the rows side by side are the same row."""
    return " AND ".join(f"c.{quote(name)} = p.{quote(name)}" for name in key)


def _same_head(
    engine: SqlRunner, challenger: Predictions, champion: Predictions, key: Sequence[str]
) -> bool:
    columns = ", ".join(f"CAST({quote(name)} AS VARCHAR)" for name in key)
    heads = [
        engine.fetch(f"SELECT {columns} FROM {file.relation} LIMIT {HEAD}", file.path)
        for file in (challenger, champion)
    ]
    return heads[0] == heads[1]


def refuse_other_types(
    one: Predictions, other: Predictions, key: Sequence[str], called: str = ""
) -> None:
    """Refuse keys that are text on one side only: 007 and 7 are two texts, and one number."""
    for name in key:
        first, second = one.fields[name], other.fields[name]
        if not comparable(first.type, second.type):
            raise InputError(
                f"the key {name!r} contains {first.words} in {one.path} but {second.words} in"
                f" {called or other.path}, so their rows cannot be paired.",
                "Write the key as one type. For a CSV file, the contract can set it (logicalType).",
            )


def _refuse_repeated(engine: SqlRunner, file: Predictions, key: Sequence[str]) -> None:
    """Refuse keys that are missing or stand in several rows; ascending keys take one look."""
    columns = ", ".join(map(quote, key))
    named, row = ", ".join(key), columns if len(key) == 1 else f"row({columns})"
    missing = " OR ".join(f"{quote(name)} IS NULL" for name in key)
    unordered = True
    if file.ordered:
        [(empty, unordered)] = engine.fetch(
            f"SELECT count_if(empty), count_if(NOT up) FROM (SELECT ({missing}) AS empty,"
            f" {row} > lag({row}) OVER () AS up FROM {file.relation})",
            file.path,
        )
        _refuse_empty(file, named, empty)
    if not unordered:
        return
    [(distinct, empty)] = engine.fetch(
        f"SELECT count(*), coalesce(sum(CASE WHEN {missing} THEN many ELSE 0 END), 0)"
        f" FROM (SELECT {columns}, count(*) AS many FROM {file.relation} GROUP BY {columns})",
        file.path,
    )
    _refuse_empty(file, named, empty)
    if distinct != file.rows:
        raise InputError(
            f"{file.rows - distinct:,} of {file.rows:,} rows of {file.path} repeat the key of"
            f" another row ({named}).",
            "data.key names the columns that identify a row.",
        )


def _refuse_empty(file: Predictions, named: str, empty: int) -> None:
    if empty:
        raise InputError(f"{empty:,} of {file.rows:,} rows of {file.path} have no {named}.")
