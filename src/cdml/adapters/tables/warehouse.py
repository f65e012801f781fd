"""Tables of databases and warehouses, judged where they lie, through SQLAlchemy.

    postgresql://user@host/database#schema.table

The driver is the user's to install; Postgres's comes with the extra `postgres`.
"""

import weakref
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Self

import sqlalchemy
import sqlglot
from sqlalchemy.exc import (
    ArgumentError,
    NoSuchModuleError,
    NoSuchTableError,
    ProgrammingError,
    SQLAlchemyError,
)

from cdml.adapters.tables.dialects import DIALECTS, physical, translate
from cdml.adapters.tables.export import CHUNK, GivenRows, RemoteTable, reference
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
_NAMES = {"postgresql": "postgres", "mariadb": "mysql", "mssql": "tsql"}
"""SQLAlchemy's names of engines, where sqlglot has another."""
_NEVER_NAN = frozenset({"mysql"})
_BY_BYTES = frozenset({"postgres", "redshift", "mysql"})
"""Engines that compare text by the rules of a language, unless a setting stops them."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class DatabaseTable(RemoteTable):
    """One table of a database."""

    uri: str
    engine: sqlalchemy.Engine = field(repr=False)
    queries: Mapping[str, str] = field(default_factory=dict)
    """Rows that are in no table of the database, by the name of one; see `with_rows`."""

    @property
    def relation(self) -> str:
        if self.dialect not in _BY_BYTES:
            return self.name
        values = ", ".join(self._plain(column) for column in self.columns)
        return f"(SELECT {values} FROM {self.name}) AS t"

    def _plain(self, column: EngineColumn) -> str:
        """Text in the order of its bytes, as everywhere else."""
        name = quote(column.engine_name)
        if column.field.type is not LogicalType.STRING or column.field.physical != "VARCHAR":
            return name
        if self.dialect == "mysql":  # the collation of what is cast is the connection's
            return f"CAST({name} AS VARCHAR) AS {name}"
        return f'{name} COLLATE "C" AS {name}'

    @property
    def has_nan(self) -> bool:
        return self.dialect not in _NEVER_NAN

    @property
    def by_bytes(self) -> bool:
        return self.dialect in _BY_BYTES

    def with_rows(self, rows: Mapping[str, GivenRows]) -> Sequence[Self]:
        queries = {name: translate(sql, self.dialect) for name, (sql, _) in rows.items()}
        return [
            replace(self, name=name, columns=columns, queries=queries)
            for name, (_, columns) in rows.items()
        ]

    def fetch(self, sql: str, parameters: Sequence[Any] = ()) -> list[Any]:
        self._require_checks()
        return [tuple(row) for row in self.all_rows(sql, parameters)]

    def fetch_rows(self, sql: str) -> list[Any]:
        return [tuple(row) for row in self.all_rows(sql)]

    def _require_checks(self) -> None:
        if self.dialect not in DIALECTS:
            raise ConfigurationError(
                f"{self.uri}: cdml does not check data in {self.dialect}.",
                "It compares predictions there (docs/scale.md). Name data.evaluation as a file or"
                f" in one of {', '.join(sorted(DIALECTS))}.",
            )

    def all_rows(self, sql: str, parameters: Sequence[Any] = ()) -> Iterator[Any]:
        translated = self._with_queries(translate(sql, self.dialect, parameters))
        try:
            with self.engine.connect() as connection:
                yield from connection.execution_options(
                    yield_per=CHUNK, no_parameters=True
                ).exec_driver_sql(translated)
        except SQLAlchemyError as error:
            raise QueryRejected(mask(_first_line(error), self.uri)) from error

    def _with_queries(self, sql: str) -> str:
        named = [f"{name} AS ({query})" for name, query in self.queries.items() if name in sql]
        if not named:
            return sql
        rest = sql.removeprefix("WITH ")
        return f"WITH {', '.join(named)}{' ' if rest == sql else ', '}{rest}"

    def first_rows(self, sql: str) -> Sequence[Any] | NotRun:
        self._require_checks()
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
        name = url.get_backend_name()
        # Judging never writes: the server sees to it.
        options = {"options": "-c default_transaction_read_only=on"} if name == "postgresql" else {}
        engine = sqlalchemy.create_engine(url, connect_args=options)
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
    if name in {"mysql", "mariadb"}:
        sqlalchemy.event.listen(engine, "connect", _prepare_mysql)
    return engine


def _prepare_mysql(connection: Any, _: Any) -> None:
    """Only read, and compare text by its bytes."""
    cursor = connection.cursor()
    cursor.execute("SELECT version()")
    mariadb = "MariaDB" in str(cursor.fetchone()[0])
    collation = "utf8mb4_nopad_bin" if mariadb else "utf8mb4_0900_bin"
    cursor.execute(f"SET NAMES utf8mb4 COLLATE {collation}")
    cursor.execute("SET SESSION TRANSACTION READ ONLY")
    cursor.close()


def _columns(
    engine: sqlalchemy.Engine, schema: str | None, name: str, dialect: str, masked: str
) -> tuple[EngineColumn, ...]:
    if dialect not in {one.value for one in sqlglot.Dialects}:
        raise ConfigurationError(
            f"cdml cannot write SQL for {dialect}.", "Write the rows to Parquet files."
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
