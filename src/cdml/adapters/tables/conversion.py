"""Any table as one Parquet file: the file itself, or a copy in types that change no value."""

import hashlib
import json
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import mkdtemp
from threading import Lock

import duckdb

from cdml.adapters.tables.csv_files import read_csv
from cdml.adapters.tables.files import Files
from cdml.adapters.tables.json_files import read_json
from cdml.adapters.tables.parquet import unreadable
from cdml.adapters.tables.parquet_union import join_parquet
from cdml.adapters.tables.text_columns import Texts
from cdml.adapters.tables.text_types import Typed, write_typed
from cdml.tables.declared_types import Types


@dataclass(frozen=True, kw_only=True)
class Conversion:
    """Makes Parquet files, each once for the same bytes and the same declared types."""

    folder: Path
    _texts: dict[str, Texts] = field(default_factory=dict)
    _typed: dict[str, Typed] = field(default_factory=dict)
    _one: Lock = field(default_factory=Lock)

    def typed(
        self, engine: duckdb.DuckDBPyConnection, files: Files, digest: str, declared: Types
    ) -> Typed:
        """The rows in their declared types, or in those that every value allows.

        Raises:
            InputError: the files cannot be read, or differ in their columns.
        """
        if files.format == "parquet" and len(files.paths) == 1 and not files.folder:
            return Typed(path=files.paths[0], misfits={})
        content = _key(files, digest)
        cache_key = f"{content} {sorted(declared.items(), key=lambda item: item[0])}"
        with self._one:
            if cache_key not in self._typed:
                try:
                    self._typed[cache_key] = self._converted(engine, files, content, declared)
                except duckdb.Error as error:
                    raise unreadable(files.uri, error) from error
            return self._typed[cache_key]

    def _converted(
        self, engine: duckdb.DuckDBPyConnection, files: Files, content: str, declared: Types
    ) -> Typed:
        into = Path(mkdtemp(dir=self.folder))
        target = into / "table.parquet"
        if files.format == "parquet":
            join_parquet(engine, files.paths, target, folder=files.folder, declared=declared)
            return Typed(path=target, misfits={})
        if content not in self._texts:
            if files.format == "csv":
                self._texts[content] = read_csv(engine, files.paths, into)
            else:
                self._texts[content] = read_json(engine, files.paths, into)
        return write_typed(engine, self._texts[content], declared, target)


def _key(files: Files, digest: str) -> str:
    named = json.dumps([digest, *map(str, files.paths)])
    return hashlib.sha256(named.encode()).hexdigest()
