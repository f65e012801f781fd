"""Which engine opens an address, and what reads results and reduces predictions."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, cast

from cdml.common.adapter_table import AdapterTable, Names, find_adapter
from cdml.common.addresses import DATABASES, mask, reveal
from cdml.errors import CdmlError
from cdml.evidence.schema import DataRef
from cdml.tables.declared_types import UNDECLARED, Types

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from cdml.adapters.results.read import SelectedResults
    from cdml.adapters.tables.sql_table import SqlTable
    from cdml.evaluation.prediction_store import Samples
    from cdml.results.reader import ResultTable
    from cdml.results.roles import Choice, Roles
    from cdml.tables.table import Since, Table, Tables

TABLES: Names = {
    "file": "cdml.adapters.tables.duckdb_tables:DuckTables",
    "http": "cdml.adapters.tables.duckdb_tables:DuckTables",
    "https": "cdml.adapters.tables.duckdb_tables:DuckTables",
    **dict.fromkeys(
        ("s3", "s3a", "gs", "gcs", "abfs", "abfss", "az", "adl", "wasb", "wasbs", "r2", "oss"),
        "cdml.adapters.tables.duckdb_tables:DuckTables",
    ),
    "mlflow": "cdml.adapters.tables.mlflow_traces:TraceTables",
    "spark": "cdml.adapters.tables.spark:SparkTables",
    **dict.fromkeys(DATABASES, "cdml.adapters.tables.warehouse:DatabaseTables"),
}
SAMPLES: Names = {
    "duckdb": "cdml.adapters.predictions.duckdb_store:DuckSamples",
    "tables": "cdml.adapters.predictions.sql_store:SqlSamples",
}
RESULTS: Names = {
    "read": "cdml.adapters.results.read:read_results",
    "select": "cdml.adapters.results.read:SelectedResults",
    "facts": "cdml.adapters.results.facts:open_facts",
}


def engines() -> Names:
    """All engines that open tables, by the scheme of an address; a path's is `file`."""
    return AdapterTable("cdml.tables", TABLES)


def read_results(
    path: Path, into: Path, reader: str | None = None, select: Mapping[str, str] | None = None
) -> ResultTable:
    """Results of cases as rows of a Parquet file in the folder `into`, whatever tool wrote them.

    `reader` forces a format, and `select` leaves the records with these values. Raises as
    `adapters/results/read.py` says.
    """
    table: ResultTable = find_adapter("files of results", "read", RESULTS)(
        path, into, reader, select or {}
    )
    return table


def recognise_results(old: ResultTable, new: ResultTable, choice: Choice) -> Roles:
    """What the columns of two files of results are for. Raises as `recognise`."""
    from cdml.results.roles import recognise

    with find_adapter("files of results", "facts", RESULTS)(old, new) as facts:
        return recognise(facts, choice)


def make_samples() -> Samples:
    """What reduces predictions and results to sufficient statistics."""
    made: Samples = find_adapter("engine", "duckdb", SAMPLES)()
    return made


@contextmanager
def unrevealed(address: str) -> Iterator[None]:
    """An error about an address leaves out what the address hides."""
    try:
        yield
    except CdmlError as error:
        error.message, error.hint = mask(error.message, address), mask(error.hint, address)
        error.args = (error.message,)
        raise


@dataclass(frozen=True)
class TablesByScheme:
    """Each address is opened by the engine that its scheme names; a path is a file.

    Files that evaluation tools wrote are opened as `results` reads them.
    """

    made: dict[str, Tables] = field(default_factory=dict)
    results: SelectedResults | None = None

    def open(self, uri: str, declared: Types = UNDECLARED) -> Table:
        """See the port.

        Raises:
            ConfigurationError: no engine has that scheme.
        """
        return self._opened(uri, declared, None)

    def open_since(self, uri: str, declared: Types, since: Since) -> Table:
        """See the port; raises as `open`."""
        return self._opened(uri, declared, since)

    def _opened(self, uri: str, declared: Types, since: Since | None) -> Table:
        from cdml.tables.table import open_since

        address = reveal(uri)
        scheme = address.partition("://")[0].partition("+")[0] if "://" in address else "file"
        table = engines()
        engine = table.get(scheme, scheme)
        if engine not in self.made:
            self.made[engine] = find_adapter("engine", scheme, table)()
        written = self.results.rows(Path(address)) if self.results and scheme == "file" else None
        with unrevealed(uri):
            if written is not None:
                opened = cast("SqlTable", self.made[engine].open(str(written.path), declared))
                ref = DataRef(uri=address, digest=written.digest, rows=written.rows)
                return replace(opened, ref=ref)
            return open_since(self.made[engine], uri, declared, since)
