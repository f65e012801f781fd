"""Tables and Parquet files that Spark reads, where data outgrows a machine.

    spark://#catalog.table              as Spark's own configuration says
    spark://local#/data/2013.parquet    on this machine

Spark is the user's to install: the extra `spark` brings it, Java is needed too.
"""

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from itertools import count
from threading import Timer
from typing import Any, Self

from py4j.protocol import Py4JError
from pyspark.errors import AnalysisException, ParseException, PySparkException
from pyspark.sql import SparkSession

from cdml.adapters.tables.dialects import physical, translate
from cdml.adapters.tables.export import GivenRows, RemoteTable, reference
from cdml.adapters.tables.queries import SECONDS
from cdml.adapters.tables.sql_engine import (
    EngineColumn,
    QueryRejected,
    SqlEngine,
    logical_type,
    quote,
)
from cdml.adapters.tables.sql_table import SqlTable
from cdml.common.addresses import reveal
from cdml.errors import ConfigurationError, InputError
from cdml.tables.declared_types import UNDECLARED, Types
from cdml.tables.query import Field, NotRun

_HELD = count()
_PARTITIONS = max(16, 4 * (os.cpu_count() or 1))
"""Into which a shuffle divides rows on one machine; Spark's own 200 are for a cluster."""
ERRORS = (PySparkException, Py4JError)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class SparkView(RemoteTable):
    """A table or file under a name of the session's, which `address` names."""

    session: SparkSession = field(repr=False)
    address: str = "spark://"

    @property
    def relation(self) -> str:
        return quote(self.name)

    def with_rows(self, rows: Mapping[str, GivenRows]) -> Sequence[Self]:
        for name, (sql, _) in rows.items():
            self.session.sql(translate(sql, "spark")).createOrReplaceTempView(name)
        return [replace(self, name=name, columns=columns) for name, (_, columns) in rows.items()]

    def fetch(self, sql: str, parameters: Sequence[Any] = ()) -> list[Any]:
        try:
            answer = self.session.sql(translate(sql, "spark", parameters)).collect()
        except ERRORS as error:
            raise QueryRejected(first_line(error)) from error
        return [tuple(row) for row in answer]

    def fetch_rows(self, sql: str) -> list[Any]:
        return self.fetch(sql)

    @contextmanager
    def holding(self, sql: str) -> Iterator[str]:
        """Kept in the executors, on disk what does not fit: each use would pair the rows again."""
        name = f"cdml_held_{next(_HELD)}"
        try:
            rows = self.session.sql(translate(sql, "spark")).persist()
        except ERRORS as error:
            raise QueryRejected(first_line(error)) from error
        rows.createOrReplaceTempView(name)
        try:
            yield quote(name)
        finally:
            self.session.catalog.dropTempView(name)
            rows.unpersist()

    def first_rows(self, sql: str) -> Sequence[Any] | NotRun:
        context = self.session.sparkContext
        context.setJobGroup(self.name, "a contract's query", interruptOnCancel=True)
        timer = Timer(SECONDS, context.cancelJobGroup, [self.name])
        timer.daemon = True
        timer.start()
        try:
            return list(self.session.sql(translate(sql, "spark")).collect())
        except (AnalysisException, ParseException) as error:
            return NotRun(first_line(error))
        except ERRORS as error:
            return NotRun(f"Spark failed: {type(error).__name__}")
        finally:
            timer.cancel()

    def reaches(self, other: SqlEngine) -> bool:
        return isinstance(other, SparkView)

    def all_rows(self, sql: str) -> Iterator[Any]:
        try:
            yield from self.session.sql(translate(sql, "spark")).toLocalIterator()
        except ERRORS as error:
            raise InputError(f"{self.name} cannot be read: {first_line(error)}.") from error


class SparkTables:
    """Opens what Spark reads; see the module."""

    def __init__(self) -> None:
        self._views = 0

    def open(self, uri: str, declared: Types = UNDECLARED) -> SqlTable:
        """See the port; the columns have types, whatever is declared.

        Raises:
            ConfigurationError: the address names nothing, or Spark does not start.
        """
        del declared
        address, _, named = reveal(uri).partition("#")
        if not named:
            raise ConfigurationError(
                f"{uri} names no table.", "Write the table after a #: spark://#catalog.table."
            )
        session = _session(address.removeprefix("spark://"))
        try:
            rows = session.read.parquet(named) if "/" in named else session.table(named)
        except ERRORS as error:
            raise InputError(f"{uri} cannot be read: {first_line(error)}.") from error
        self._views += 1
        view = f"cdml_{id(self)}_{self._views}"
        rows.createOrReplaceTempView(view)
        columns = tuple(
            _column(one.name, one.dataType.simpleString(), nullable=one.nullable)
            for one in rows.schema.fields
        )
        place = SparkView(
            name=view, dialect="spark", columns=columns, session=session, address=address
        )
        return SqlTable(ref=reference(place, columns, uri), place=place)


def _session(master: str) -> SparkSession:
    """The running session, or one of our own; its clock is UTC, as everywhere in cdml."""
    builder = SparkSession.builder.appName("cdml").config("spark.ui.enabled", "false")
    builder = builder.config("spark.ui.showConsoleProgress", "false")
    if master:
        at = f"spark://{master}" if ":" in master else master
        builder = builder.master("local[*]" if at == "local" else at)
        if at == "local":
            builder = builder.config("spark.sql.shuffle.partitions", str(_PARTITIONS))
    try:
        session = builder.getOrCreate()
    except Exception as error:  # Java's absence has no error type
        raise ConfigurationError(
            f"Spark does not start: {first_line(error)}.", "It needs Java 17 or newer."
        ) from error
    session.conf.set("spark.sql.session.timeZone", "UTC")
    session.conf.set("spark.sql.timeType.enabled", "true")
    session.sparkContext.setLogLevel("ERROR")
    return session


def _column(name: str, kind: str, *, nullable: bool) -> EngineColumn:
    physical_type = physical(kind, "spark")
    declared = Field(
        name=name,
        type=logical_type(physical_type),
        physical=physical_type,
        nullable=nullable,
        empty=physical_type == "VOID",
    )
    return EngineColumn(field=declared, engine_name=name)


def first_line(error: Exception) -> str:
    """What an error says first."""
    lines = str(error).strip().splitlines()
    return (lines[0] if lines else type(error).__name__).rstrip(".")
