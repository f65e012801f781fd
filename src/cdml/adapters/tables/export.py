"""What tables outside files also need: a digest of their rows, and the rows as a file."""

import atexit
import hashlib
import json
import shutil
import tempfile
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any, Self

import pyarrow as pa
import pyarrow.parquet as pq

from cdml.adapters.tables.dialects import answer_query
from cdml.adapters.tables.sql_engine import EngineColumn, QueryRejected, SqlEngine, quote
from cdml.common.scratch_folders import prefix as scratch_prefix
from cdml.errors import InputError, ServiceError
from cdml.evidence.schema import DataRef
from cdml.tables.declared_types import Types
from cdml.tables.query import Field, LogicalType, NotRun, Query

CHUNK = 50_000
"""Rows held at once."""
_HEX = "'0123456789abcdef'"
_DIGITS = 7  # of a hash in one sum: 16^7 times 3 * 10^10 rows still fits
_PARTS = 4
_LENGTH = 32  # digits of an MD5
_FROM_HEX = {
    "postgres": f"CAST(CAST('x' || {{}} AS BIT({4 * _DIGITS})) AS BIGINT)",
    "spark": "CAST(conv({}, 16, 10) AS BIGINT)",
}
"""The number that digits of a reversed hash are, where an engine reads it fast."""
_QUICK = {"spark": "xxhash64({}, {})"}
"""A hash of values as a BIGINT, where an engine has one that is faster than MD5: not of NULLs."""
_HASHED = frozenset(
    {
        LogicalType.BOOLEAN,
        LogicalType.INTEGER,
        LogicalType.NUMBER,
        LogicalType.STRING,
        LogicalType.DATE,
        LogicalType.TIMESTAMP,
    }
)
"""Types whose values it takes; of others, their text."""
_BITS = 21
"""Of a quick hash in one sum: 2^21 times 2^42 rows still fits."""
_TYPES = {
    LogicalType.BOOLEAN: pa.bool_(),
    LogicalType.INTEGER: pa.int64(),
    LogicalType.NUMBER: pa.float64(),
    LogicalType.STRING: pa.string(),
    LogicalType.DATE: pa.date32(),
    LogicalType.TIMESTAMP: pa.timestamp("us"),
    LogicalType.TIME: pa.time64("us"),
}


GivenRows = tuple[str, tuple[EngineColumn, ...]]
"""A query that gives rows, in DuckDB's words, and its columns."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class RemoteTable(ABC):
    """Rows with their own types and no order: that of their columns counts.

    `dialect` is sqlglot's name of the engine.
    """

    name: str
    dialect: str
    columns: tuple[EngineColumn, ...]
    states: dict[str, tuple[int, ...]] = field(default_factory=dict, repr=False)
    """Sums of quick hashes of the rows, by the digest that was read with them."""

    @property
    @abstractmethod
    def relation(self) -> str:
        """See `SqlEngine`."""

    @property
    def has_nan(self) -> bool:
        """Whether numbers may be none, or infinite."""
        return True

    @property
    def by_bytes(self) -> bool:
        """Whether texts are equal only if their bytes are, whatever the columns say."""
        return True

    @abstractmethod
    def fetch_rows(self, sql: str) -> list[Any]:
        """As `fetch`, where the engine has yet to prove what it makes of it."""

    @abstractmethod
    def fetch(self, sql: str, parameters: Sequence[Any] = ()) -> list[Any]:
        """See `SqlEngine`."""

    @abstractmethod
    def reaches(self, other: SqlEngine) -> bool:
        """See `SqlEngine`."""

    @abstractmethod
    def with_rows(self, rows: Mapping[str, GivenRows]) -> Sequence[Self]:
        """The engine once for each of these rows, which one statement can read together."""

    def holding(self, sql: str) -> AbstractContextManager[str]:
        """See `SqlRunner`."""
        return nullcontext(f"({sql})")

    @abstractmethod
    def first_rows(self, sql: str) -> Sequence[Any] | NotRun:
        """An answer; an error at a value quotes the value, so its text is left out."""

    @abstractmethod
    def all_rows(self, sql: str) -> Iterator[Any]:
        """The rows of an answer to a question in DuckDB's words."""

    def numbered(self, row: str, columns: Sequence[EngineColumn]) -> str:
        number = f"row_number() OVER (ORDER BY {in_order(columns)}) - 1"
        return f"(SELECT *, {number} AS {row} FROM {self.relation}) AS n"

    def repeated(self, column: EngineColumn) -> None:
        del column  # only grouping can decide that

    def answer(self, queries: Sequence[Query]) -> tuple[float | NotRun, ...]:
        execute = partial(
            answer_query, relation=self.relation, columns=self.columns, execute=self.first_rows
        )
        return tuple(map(execute, queries))

    def read_as(self, declared: Types) -> Self:
        del declared
        return self

    def parquet(self) -> Path:
        """For the scoring process, which reads files."""
        values = ", ".join(column.value for column in self.columns)
        order = in_order(self.columns)
        rows = self.all_rows(f"SELECT {values} FROM {self.relation} ORDER BY {order}")
        return export(rows, self.columns)


def in_order(columns: Sequence[EngineColumn]) -> str:
    """What rows without their own order are ordered by: all columns that have one."""
    named = [quote(c.engine_name) for c in columns if c.field.type.plain]
    return ", ".join(named) or "1"


def reference(place: RemoteTable, columns: Sequence[EngineColumn], uri: str) -> DataRef:
    """Number of rows, and a digest that depends on their values and not on their order.

    The digest is a SHA-256 over the columns and sums of parts of the rows' MD5; it identifies data
    apart that have changed, and does not withstand whoever may write the table.

    Raises:
        InputError: there are no rows, or no columns.
        ServiceError: the engine does not answer.
    """
    if not columns:
        raise InputError(f"{uri} has no columns.")
    texts = (f"coalesce(CAST({column.value} AS VARCHAR), '')" for column in columns)
    null_flags = (
        f"CASE WHEN {quote(c.engine_name)} IS NULL THEN '0' ELSE '1' END" for c in columns
    )
    row = " || '|' || ".join((*texts, *null_flags))
    hashed = f"reverse(md5({row}))" if place.dialect in _FROM_HEX else f"md5({row})"
    quick = "".join(f", {one}" for one in _quick_hashes(place.dialect, columns))
    hashes = f"SELECT {hashed} AS h{quick} FROM {place.relation}"
    sums = [_sum(part, place.dialect) for part in range(_PARTS)]
    rows, *figures = _fetch_sums(place, [*sums, *_quick_sums(place.dialect)], hashes, uri)
    if not rows:
        raise InputError(f"{uri} has columns but no rows.", "A gate needs rows.")
    named = [(c.field.name, c.field.physical) for c in columns]
    state = json.dumps([named, rows, figures[:_PARTS]])
    digest = f"sha256:{hashlib.sha256(state.encode()).hexdigest()}"
    place.states[digest] = (rows, *figures[_PARTS:])
    return DataRef(uri=uri, digest=digest, rows=rows)


def has_changed(place: RemoteTable, ref: DataRef) -> bool:
    """Whether the rows are no longer those of a reference.

    Raises:
        InputError: there are no rows any more.
        ServiceError: the engine does not answer.
    """
    if place.dialect not in _QUICK or ref.digest not in place.states:
        return reference(place, place.columns, ref.uri).digest != ref.digest
    hashes = ", ".join(_quick_hashes(place.dialect, place.columns))
    found = _fetch_sums(
        place, _quick_sums(place.dialect), f"SELECT {hashes} FROM {place.relation}", ref.uri
    )
    return tuple(found) != place.states[ref.digest]


def _fetch_sums(place: RemoteTable, sums: Sequence[str], hashes: str, uri: str) -> list[int]:
    """The number of rows, and sums of their hashes."""
    listed = ", ".join(["count(*)", *sums])
    try:
        [found] = place.fetch_rows(f"SELECT {listed} FROM ({hashes}) AS hashed")
    except QueryRejected as error:
        raise ServiceError(f"{uri} does not answer: {error.reason}", error.hint) from error
    return [int(one or 0) for one in found]


def _quick_hashes(dialect: str, columns: Sequence[EngineColumn]) -> list[str]:
    """Two hashes of a row, each as a column; none where the engine has no quick ones."""
    if dialect not in _QUICK:
        return []
    values = []
    for column in columns:
        plain = column.field.type in _HASHED
        values.append(column.value if plain else f"CAST({column.value} AS VARCHAR)")
        values.append(f"CASE WHEN {quote(column.engine_name)} IS NULL THEN 0 ELSE 1 END")
    listed = ", ".join(values)
    return [f"{_QUICK[dialect].format(seed, listed)} AS q{seed}" for seed in (1, 2)]


def _quick_sums(dialect: str) -> list[str]:
    if dialect not in _QUICK:
        return []
    low = (1 << _BITS) - 1
    parts = (f"{{}} >> {2 * _BITS}", f"({{}} >> {_BITS}) & {low}", f"{{}} & {low}")
    return [f"sum({part.format(name)})" for name in ("q1", "q2") for part in parts]


def _sum(part: int, dialect: str) -> str:
    """The sum of the numbers that some digits of a hash are, of which the first counts one."""
    if dialect in _FROM_HEX:
        digits = f"substr(h, {_LENGTH - (part + 1) * _DIGITS + 1}, {_DIGITS})"
        return f"CAST(sum({_FROM_HEX[dialect].format(digits)}) AS BIGINT)"
    places = (
        f"CAST(strpos({_HEX}, substr(h, {part * _DIGITS + at + 1}, 1)) - 1 AS BIGINT) * {16**at}"
        for at in range(_DIGITS)
    )
    return f"CAST(sum({' + '.join(places)}) AS BIGINT)"


def arrow_type(field: Field) -> pa.DataType:
    """The type in which a column's values leave the engine."""
    return _TYPES.get(field.type, pa.string())


def export(rows: Iterator[Any], columns: Sequence[EngineColumn]) -> Path:
    """Rows as a Parquet file that lasts as long as the process."""
    folder = Path(tempfile.mkdtemp(prefix=scratch_prefix("cdml-table")))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    path = folder / "table.parquet"
    schema = pa.schema([(c.field.name, arrow_type(c.field)) for c in columns])
    with pq.ParquetWriter(path, schema) as writer:
        while batch := list(islice(rows, CHUNK)):
            values = zip(*batch, strict=True)
            arrays = [_array(list(v), f.type) for v, f in zip(values, schema, strict=True)]
            writer.write_table(pa.table(arrays, schema=schema))
    return path


def _array(values: list[Any], kind: pa.DataType) -> pa.Array:
    if pa.types.is_floating(kind):
        values = [None if value is None else float(value) for value in values]
    elif pa.types.is_string(kind):
        values = [None if value is None else str(value) for value in values]
    return pa.array(values, kind)
