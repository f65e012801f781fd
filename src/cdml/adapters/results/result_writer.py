"""Records of results become rows of a Parquet file, each column in one type."""

import json
from collections.abc import Mapping
from math import isfinite
from pathlib import Path
from typing import IO

from cdml.adapters.results.long_texts import shorten
from cdml.adapters.tables.duckdb_engine import Engine, connect
from cdml.adapters.tables.sql_engine import literal, parquet, quote, quote_path
from cdml.common.suggest import describe_unknown
from cdml.errors import InputError
from cdml.results.reader import Record, ResultColumn, ResultFile, Role, Value

_LONGEST_LINE = 2**30
_LARGEST = 2**63
_ENCODE = json.JSONEncoder(ensure_ascii=False).encode
_NUMBERS = frozenset({Role.SCORE, Role.LATENCY, Role.COST, Role.TOKENS})
_NAMES = {bool: "a truth value", int: "a number", float: "a number", str: "text"}


class ResultWriter:
    """Writes the records of one file that `select` leaves, one after the other, as they are read.

    `written` names the file in errors.
    """

    def __init__(self, file: ResultFile, select: Mapping[str, str], *, written: str) -> None:
        self._file = file
        self._select = select
        self._written = written
        self._declared = tuple(file.columns)
        self._keys = [c.name for c in file.columns.values() if c.role is Role.KEY]
        self._systems = [c.name for c in file.columns.values() if c.role is Role.SELECT]
        self._cells: dict[str, str] = {}
        self._first: dict[str, dict[type, tuple[str, Value]]] = {}
        self._choices: dict[str, set[str]] = {}
        self._read: set[str] = set()

    def write(self, target: Path) -> tuple[tuple[ResultColumn, ...], int]:
        """Write the rows in the order of their cases; gives the columns and the number of rows.

        Raises:
            InputError: as the reader; or a case occurs twice, has no identity, or a score that is
                no number; or several systems are left.
        """
        spool = target.with_suffix(".jsonl")
        try:
            with spool.open("w", encoding="utf-8", errors="replace") as lines:
                rows = sum(self._spool(record, lines) for record in self._file.records)
            self._refuse_unselected(rows)
            columns = self._columns()
            self._convert(spool, columns, target)
        finally:
            spool.unlink(missing_ok=True)
        return columns, rows

    def _spool(self, record: Record, lines: IO[str]) -> bool:
        """Write what is there of a record; False where it is not selected."""
        self._read.update(record)
        left = all(_text(record.get(name)) == value for name, value in self._select.items())
        for name in self._systems:
            if left or name in self._select:
                self._choices.setdefault(name, set()).add(_text(record.get(name)))
        if not left:
            return False
        case = self._case(record)
        row = {}
        for name, value in record.items():
            if value is None:
                continue
            if name not in self._cells:
                self._cells[name] = f"c{len(self._cells)}"
                self._first[name] = {}
            kinds, kind = self._first[name], type(value)
            if kind not in kinds or case < kinds[kind][0]:
                kinds[kind] = case, value
            row[self._cells[name]] = self._storable(name, value, case)
        lines.write(_ENCODE(row))
        lines.write("\n")
        return True

    def _case(self, record: Record) -> str:
        values = [record.get(name) for name in self._keys]
        if None in values:
            raise InputError(f"{self._written}: a case has no {self._keys[values.index(None)]}.")
        return ", ".join(map(str, values))

    def _storable(self, name: str, value: Value, case: str) -> Value:
        if isinstance(value, str):
            return shorten(value)
        if isinstance(value, float) and not isfinite(value):
            raise InputError(
                f"{self._written}: {name} of the case {case} is {value}.",
                "Leave out a score that could not be measured, or write null instead of NaN.",
            )
        if not isinstance(value, int | float):
            raise InputError(f"{self._written}: {name} of the case {case} is not a single value.")
        if isinstance(value, int) and not -_LARGEST <= value < _LARGEST:
            return float(value)
        return value

    def _refuse_unselected(self, rows: int) -> None:
        if not self._read:
            raise InputError(
                f"{self._written} has no cases.", "Check that the evaluation finished."
            )
        for name in self._select:
            if name not in self._read:
                problem = describe_unknown("column to select by", name, self._systems)
                raise InputError(f"{self._written}: {problem}")
        for name, values in self._choices.items():
            listing = ", ".join(map(repr, sorted(values)))
            if not rows and name in self._select and self._select[name] not in values:
                raise InputError(
                    f"{self._written} has no {name} {self._select[name]!r}. It has: {listing}."
                )
            if rows and len(values) > 1 and name not in self._select:
                raise InputError(
                    f"{self._written} has results of several values of {name}: {listing}.",
                    f"Select one, for example --select {name}={min(values)}.",
                )
        if not rows:
            pairs = " and ".join(f"{name}={value}" for name, value in self._select.items())
            raise InputError(f"{self._written} has no case with {pairs}.")

    def _columns(self) -> tuple[ResultColumn, ...]:
        """What has a value, and every score, in an order that does not depend on the records'."""
        declared = self._file.columns
        scores = {n for n, column in declared.items() if column.role is Role.SCORE}
        columns = {
            name: self._settled(declared.get(name, ResultColumn(name)))
            for name in (*self._declared, *sorted({*declared, *self._cells} - {*self._declared}))
            if name in self._cells or name in scores
        }
        if scores and not any(column.role is Role.SCORE for column in columns.values()):
            words = ", ".join(repr(name) for name in sorted(scores))
            raise InputError(
                f"{self._written} has no numeric score: {words} is text.",
                "cdml cannot compare words or letters. Record a number instead.",
            )
        alike: dict[str, str] = {}
        for name in columns:
            if name.casefold() in alike:
                raise InputError(
                    f"{self._written} has columns called {alike[name.casefold()]!r} and {name!r}.",
                    "Rename one.",
                )
            alike[name.casefold()] = name
        return tuple(columns.values())

    def _settled(self, column: ResultColumn) -> ResultColumn:
        """A column of which every value is of its type; words in place of scores are texts."""
        kinds = self._first.get(column.name, {})
        if column.role not in _NUMBERS:
            return column
        ways = {_NAMES[kind]: first for kind, first in sorted(kinds.items(), key=_case_of)}
        if len(ways) > 1:
            listing = " and ".join(
                f"{way} ({value!r}) in the case {case}" for way, (case, value) in ways.items()
            )
            raise InputError(
                f"{self._written}: {column.name} is {listing}.",
                "Write all its values the same way.",
            )
        if str not in kinds:
            return column
        case, value = kinds[str]
        if column.role is not Role.SCORE or _is_number(str(value)):
            raise InputError(
                f"{self._written}: {column.name} of the case {case} is text ({value!r}).",
                "Write it as a number, without quotes.",
            )
        self._file.notes.append(
            f"{column.name} is not compared: its values are words, such as {value!r}."
        )
        return ResultColumn(column.name, Role.TEXT)

    def _convert(self, spool: Path, columns: tuple[ResultColumn, ...], target: Path) -> None:
        engine = Engine(connect(target.parent))
        try:
            types = {cell: self._type(name) for name, cell in self._cells.items()}
            structure = ", ".join(f"{literal(c)}: {literal(kind)}" for c, kind in types.items())
            named = ", ".join(
                f"{self._cells[column.name]} AS {quote(column.name)}"
                if column.name in self._cells
                else f"CAST(NULL AS DOUBLE) AS {quote(column.name)}"
                for column in columns
            )
            identity = [
                quote(c.name) for c in columns if c.role in {Role.KEY, Role.TRIAL}
            ]  # fmt: skip
            engine.run(
                f"COPY (SELECT {named} FROM read_json({quote_path(spool)},"
                f" format = 'newline_delimited', columns = {{{structure}}},"
                f" maximum_object_size = {_LONGEST_LINE})"
                f" ORDER BY {', '.join(identity) or '1'})"
                f" TO {literal(str(target))} (FORMAT parquet)",
                spool,
            )
            self._refuse_repeated(engine, identity, target)
        finally:
            engine.connection.close()

    def _type(self, name: str) -> str:
        kinds = self._first[name].keys()
        role = self._file.columns.get(name, ResultColumn(name)).role
        if role in {Role.KEY, Role.TRIAL, Role.TEXT, Role.ERROR} or str in kinds:
            return "VARCHAR"
        if kinds == {bool}:
            return "BOOLEAN"
        if bool in kinds:
            return "VARCHAR"
        return "BIGINT" if kinds == {int} else "DOUBLE"

    def _refuse_repeated(self, engine: Engine, identity: list[str], target: Path) -> None:
        if not identity:
            return
        names = ", ".join(identity)
        repeated = engine.fetch(
            f"SELECT {names}, count(*) FROM {parquet(target)} GROUP BY {names}"
            f" HAVING count(*) > 1 ORDER BY {names} LIMIT 1",
            target,
        )
        if repeated:
            *values, times = repeated[0]
            listing = ", ".join(str(value) for value in values if value is not None)
            raise InputError(
                f"{self._written} has the case {listing} {times} times.",
                "Give each case a unique identity, and each of its trials a number.",
            )


def _case_of(first: tuple[type, tuple[str, Value]]) -> str:
    return first[1][0]


def _text(value: Value) -> str:
    return "" if value is None else str(value)


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
