"""Files of results, of whatever tool, as rows of Parquet."""

import gzip
import shutil
import tempfile
import weakref
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path

from cdml.adapters.results import TABLE, result_readers
from cdml.adapters.results.other_tools import refuse_other_tools
from cdml.common.adapter_table import find_adapter
from cdml.common.scratch_folders import prefix as scratch_prefix
from cdml.errors import InputError
from cdml.results.reader import ResultReader, ResultTable
from cdml.results.selection import Selection, Side

_HEAD = 2**16
_GZIP = b"\x1f\x8b"
_NOTHING: Mapping[str, str] = {}


def read_results(
    path: Path, into: Path, reader: str | None = None, select: Mapping[str, str] = _NOTHING
) -> ResultTable:
    """Read a file of results, whose format is recognised unless `reader` names it.

    `select` leaves only the records that have these values. `into` is a folder; the rows go into a
    separate file there.

    Raises:
        InputError: the file cannot be used; or it holds several systems, and `select` leaves more
            than one.
        ConfigurationError: there is no such reader.
    """
    folder = Path(tempfile.mkdtemp(dir=into))
    head = _head(path)
    if not path.is_dir() and not head.strip():
        raise InputError(f"{path} is empty.", "Check that the evaluation finished.")
    if head.startswith(_GZIP):
        table = read_results(_unpack(path, folder), folder, reader, select)
        return replace(table, digest=_digest(path))
    chosen = _choose(path, head, reader)
    if chosen is None:
        from cdml.adapters.results.tables import read_table

        return read_table(path, folder, select)
    from cdml.adapters.results.result_writer import ResultWriter  # tables need none

    file = chosen.read(path)
    target = folder / "results.parquet"
    columns, rows = ResultWriter(file, select, written=path.name).write(target)
    return ResultTable(
        path=target, reader=file.reader, columns=columns, rows=rows, notes=tuple(file.notes),
        digest=_digest(path),
    )  # fmt: skip


class SelectedResults:
    """See the port `ResultFiles`. Each file is read once; what was read goes with the object."""

    def __init__(self, selection: Selection) -> None:
        self._selection = selection
        self._tables: dict[tuple[Path, Side], ResultTable | None] = {}
        self._folder = Path(tempfile.mkdtemp(prefix=scratch_prefix("cdml-results")))
        weakref.finalize(self, shutil.rmtree, self._folder, ignore_errors=True)

    def open(self, path: Path, side: Side) -> ResultTable | None:
        """See the port."""
        name = path.resolve(), side
        if name not in self._tables:
            self._tables[name] = self._open(path, side) if path.exists() else None
        return self._tables[name]

    def rows(self, path: Path) -> ResultTable | None:
        """The same of evaluation rows; those of a table are selected where it is the new file."""
        name = path.resolve(), Side.NEW
        if name in self._tables:
            return self._tables[name]
        written = path.exists() and _recognise(path, _head(path)) is not None
        return self.open(path, Side.NEW) if written else None

    def _open(self, path: Path, side: Side) -> ResultTable | None:
        reader, select = self._selection.reader, self._selection.conditions(side)
        head = _head(path)
        packed = head.startswith(_GZIP)
        if not select and not packed and _choose(path, head, reader) is None:
            return None
        table = read_results(path, self._folder, reader, select)
        return None if packed and not select and table.reader == TABLE else table


def _choose(path: Path, head: bytes, reader: str | None) -> ResultReader | None:
    """The reader of a tool; None for a table."""
    if reader == TABLE:
        return None
    if reader is not None:
        chosen = _make(reader)
        _refuse_another_reader(path, head, chosen)
        return chosen
    recognised = _recognise(path, head)
    if recognised is None:
        refuse_other_tools(path, head)
    return recognised


def _recognise(path: Path, head: bytes) -> ResultReader | None:
    return next((one for one in _readers() if one.recognises(path, head)), None)


def _unpack(path: Path, folder: Path) -> Path:
    """The content of a file of gzip."""
    from cdml.adapters.tables.files import check_unpacked_size
    from cdml.adapters.tables.limits import Unpacking

    check_unpacked_size(path, Unpacking())
    target = folder / path.name.removesuffix(".gz")
    with gzip.open(path, "rb") as packed, target.open("wb") as file:
        shutil.copyfileobj(packed, file, _HEAD)
    return target


def _make(name: str) -> ResultReader:
    made: ResultReader = find_adapter("reader", name, {**result_readers(), TABLE: ""})()
    return made


def _readers() -> Iterator[ResultReader]:
    return map(_make, result_readers())


def _head(path: Path) -> bytes:
    if path.is_dir():
        return b""
    try:
        with path.open("rb") as file:
            return file.read(_HEAD)
    except FileNotFoundError:
        raise InputError(f"{path} does not exist.") from None
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror}.") from error


def _refuse_another_reader(path: Path, head: bytes, chosen: ResultReader) -> None:
    """Refuse a file that the chosen reader does not recognise, with the one that does."""
    if chosen.recognises(path, head):
        return
    other = next((one.name for one in _readers() if one.recognises(path, head)), None)
    raise InputError(
        f"{path.name} is not a file of {chosen.name}.",
        f"Its format is {other}. Leave --reader out to detect it."
        if other
        else f"Leave --reader out, or read it as a table: --reader {TABLE}.",
    )


def _digest(path: Path) -> str:
    """The digest of a file, or of a folder's JSON files."""
    from cdml.evidence.store import file_digest, text_digest

    if not path.is_dir():
        return file_digest(path)
    names = sorted(file for file in path.rglob("*.json*") if file.is_file())
    lines = "\n".join(f"{file.relative_to(path)} {file_digest(file)}" for file in names)
    return text_digest(lines)
