"""Engines behind SQL that are DuckDB, and say what they were asked; some of them lie."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import duckdb

from cdml.adapters.tables.dialects import translate
from cdml.adapters.tables.export import GivenRows, RemoteTable, reference
from cdml.adapters.tables.sql_engine import EngineColumn, QueryRejected, logical_type
from cdml.adapters.tables.sql_table import SqlTable
from cdml.tables.query import Field


def honest(sql, rows):
    """What DuckDB answers."""
    del sql
    return rows


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class DuckPlace(RemoteTable):
    """A table of DuckDB's under the name of another engine; `say` alters its answers."""

    connection: Any = field(repr=False)
    say: Any = honest
    asked: list[str] = field(default_factory=list)

    @property
    def relation(self):
        return self.name

    @property
    def by_bytes(self):
        return self.dialect != "tsql"

    def fetch_rows(self, sql):
        self.asked.append(translate(sql, self.dialect))
        try:
            return self.say(sql, self.connection.execute(sql).fetchall())
        except duckdb.Error as error:
            raise QueryRejected(str(error).splitlines()[0]) from error

    def fetch(self, sql, parameters: Sequence[Any] = ()):
        del parameters
        return self.fetch_rows(sql)

    def reaches(self, other):
        return isinstance(other, DuckPlace) and other.connection is self.connection

    def with_rows(self, rows: Mapping[str, GivenRows]):
        for name, (sql, _) in rows.items():
            self.connection.execute(f"CREATE OR REPLACE TABLE {name} AS {sql}")
        return [replace(self, name=name, columns=columns) for name, (_, columns) in rows.items()]

    def first_rows(self, sql):
        return self.fetch_rows(sql)

    def all_rows(self, sql):
        return iter(self.fetch_rows(sql))


def place_tables(files: Mapping[str, Any], dialect: str = "duckdb", say: Any = honest):
    """Parquet files as tables of one place, by name."""
    connection, asked = duckdb.connect(), []
    tables = {}
    for name, path in files.items():
        connection.execute(f"CREATE TABLE {name} AS FROM read_parquet('{path}')")
        described = connection.execute(f"DESCRIBE {name}").fetchall()
        columns = tuple(_column(column, kind) for column, kind, *_ in described)
        place = DuckPlace(
            name=name, dialect=dialect, columns=columns, connection=connection, asked=asked
        )
        ref = reference(place, columns, f"{dialect}://place#{name}")
        tables[name] = SqlTable(ref=ref, place=replace(place, say=say))
    asked.clear()
    return tables


def _column(name: str, kind: str) -> EngineColumn:
    return EngineColumn(
        field=Field(name=name, type=logical_type(kind), physical=kind), engine_name=name
    )
