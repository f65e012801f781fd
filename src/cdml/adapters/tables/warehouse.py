"""Tables of databases and warehouses, judged where they lie, through SQLAlchemy.

    postgresql://user@host/database#schema.table

The driver is the user's to install; Postgres's comes with the extra `postgres`.
"""

import weakref
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import sqlalchemy
from sqlalchemy.exc import (
    ArgumentError,
    NoSuchModuleError,
    NoSuchTableError,
    ProgrammingError,
    SQLAlchemyError,
)

from cdml.adapters.tables.dialects import DIALECTS, physical, translate
from cdml.adapters.tables.export import CHUNK, RemoteTable, reference
from cdml.adapters.tables.queries import SECONDS
from cdml.adapters.tables.sql_engine import (
    EngineColumn,
    QueryRejected,
    SqlEngine,
    logical_type,
    quote,
)
from cdml.adapters.tables.sql_table import SqlTable
from cdml.common.addresses import Address, mask, reveal
from cdml.errors import ConfigurationError, InputError, ServiceError
from cdml.tables.declared_types import UNDECLARED, Types
from cdml.tables.query import Field, LogicalType, NotRun

_DRIVERS = {"postgres": "postgresql+psycopg", "postgresql": "postgresql+psycopg"}
_NAMES = {"postgresql": "postgres"}
"""SQLAlchemy's names of engines, where sqlglot has another."""
_BINARY_TEXT = frozenset({"postgres", "redshift"})
"""Engines that compare text by the rules of a language, unless a setting stops them."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class DatabaseTable(RemoteTable):
    """One table of a database."""

    uri: str
    dialect: str
    engine: sqlalchemy.Engine = field(repr=False)

    @property
    def relation(self) -> str:
        if self.dialect not in _BINARY_TEXT:
            return self.name
        values = ", ".join(self._plain(column) for column in self.columns)
        return f"(SELECT {values} FROM {self.name}) AS t"

    def _plain(self, column: EngineColumn) -> str:
        """Text in the order of its bytes, as everywhere else."""
        name = quote(column.engine_name)
        text = column.field.type is LogicalType.STRING and column.field.physical == "VARCHAR"
        return f'{name} COLLATE "C" AS {name}' if text else name

    def fetch(self, sql: str, parameters: Sequence[Any] = ()) -> list[Any]:
        return [tuple(row) for row in self.all_rows(sql, parameters)]

    def all_rows(self, sql: str, parameters: Sequence[Any] = ()) -> Iterator[Any]:
        translated = translate(sql, self.dialect, parameters)
        try:
            with self.engine.connect() as connection:
                yield from connection.execution_options(
                    yield_per=CHUNK, no_parameters=True
                ).exec_driver_sql(translated)
        except SQLAlchemyError as error:
            raise QueryRejected(mask(_first_line(error), self.uri)) from error

    def first_rows(self, sql: str) -> Sequence[Any] | NotRun:
        try:
            with self.engine.connect() as connection:
                if self.dialect == "postgres":
                    limit = f"SET LOCAL statement_timeout = {int(SECONDS * 1000)}"
                    connection.exec_driver_sql(limit)
                prepared = connection.execution_options(no_parameters=True)
                return prepared.exec_driver_sql(translate(sql, self.dialect)).fetchall()
        except ProgrammingError as error:
            return NotRun(mask(_first_line(error), self.uri))
        except SQLAlchemyError as error:
            cause = getattr(error, "orig", None) or error
            return NotRun(f"the database failed: {type(cause).__name__}")

    def reaches(self, other: SqlEngine) -> bool:
        return isinstance(other, DatabaseTable) and other.engine.url == self.engine.url


class DatabaseTables:
    """Opens tables by the address of their database; see the module."""

    def __init__(self) -> None:
        self._engines: dict[str, sqlalchemy.Engine] = {}
        self._clean = weakref.finalize(self, _dispose, self._engines)

    def open(self, uri: str, declared: Types = UNDECLARED) -> SqlTable:
        """See the port; the columns have declared types.

        Raises:
            ConfigurationError: the address names no table, or no driver for it is installed.
            ServiceError: the database does not answer.
        """
        del declared
        address, _, table = reveal(uri).partition("#")
        engine = self._engine(address)
        masked = f"{engine.url.render_as_string(hide_password=True)}#{table}"
        masked = uri if isinstance(uri, Address) and uri.values else masked
        if not table:
            raise ConfigurationError(
                f"{masked} names no table.",
                "Write the table after a #: postgresql://…/db#schema.table.",
            )
        schema, _, name = table.rpartition(".")
        dialect = _NAMES.get(engine.dialect.name, engine.dialect.name)
        columns = _columns(engine, schema or None, name, dialect, masked)
        named = ".".join(quote(part) for part in (schema, name) if part)
        place = DatabaseTable(
            name=named, uri=masked, dialect=dialect, columns=columns, engine=engine
        )
        return SqlTable(ref=reference(place, columns, masked), place=place)

    def _engine(self, address: str) -> sqlalchemy.Engine:
        if address not in self._engines:
            self._engines[address] = _connect(address)
        return self._engines[address]


def _dispose(engines: Mapping[str, sqlalchemy.Engine]) -> None:
    for engine in engines.values():
        engine.dispose()


def _connect(address: str) -> sqlalchemy.Engine:
    scheme, _, rest = address.partition("://")
    try:
        url = sqlalchemy.make_url(f"{_DRIVERS.get(scheme, scheme)}://{rest}")
        postgres = url.get_backend_name() == "postgresql"
        # Judging never writes: the server sees to it.
        options = {"options": "-c default_transaction_read_only=on"} if postgres else {}
        return sqlalchemy.create_engine(url, connect_args=options)
    except (NoSuchModuleError, ModuleNotFoundError) as error:
        raise ConfigurationError(
            f"no driver for {scheme}:// is installed: {error}.",
            "Install the SQLAlchemy dialect of that database next to cdml.",
        ) from error
    except (ArgumentError, ValueError) as error:
        raise ConfigurationError(
            f"the address of the database ({scheme}://…) cannot be read.",
            "Write scheme://user:password@host/database#schema.table.",
        ) from error


def _columns(
    engine: sqlalchemy.Engine, schema: str | None, name: str, dialect: str, masked: str
) -> tuple[EngineColumn, ...]:
    if dialect not in DIALECTS:
        raise ConfigurationError(
            f"cdml does not support {dialect}.", f"It supports {', '.join(sorted(DIALECTS))}."
        )
    try:
        described = sqlalchemy.inspect(engine).get_columns(name, schema=schema)
    except NoSuchTableError as error:
        raise InputError(f"{masked}: the table does not exist.") from error
    except SQLAlchemyError as error:
        raise ServiceError(f"{masked} does not answer: {_first_line(error)}") from error
    return tuple(_column(one, engine, dialect) for one in described)


def _column(described: Mapping[str, Any], engine: sqlalchemy.Engine, dialect: str) -> EngineColumn:
    kind = physical(described["type"].compile(dialect=engine.dialect), dialect)
    field_ = Field(
        name=described["name"],
        type=logical_type(kind),
        physical=kind,
        nullable=bool(described.get("nullable", True)),
    )
    return EngineColumn(field=field_, engine_name=described["name"])


def _first_line(error: SQLAlchemyError) -> str:
    """What the database said, in one line, without the question."""
    message = str(getattr(error, "orig", None) or error).strip()
    return (message.splitlines() or [type(error).__name__])[0]
