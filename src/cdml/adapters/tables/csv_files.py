"""CSV files read as text, in one dialect that is found and never guessed from a part.

RFC 4180 and its relatives: a delimiter of `,` `;` tab or `|`, double quotes that are doubled inside
quotes, no comment marks, lines that end in LF, CRLF or CR, UTF-8. What does not fit is an error
that names the line.
"""

import codecs
import csv
import gzip
import io
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import groupby, islice
from pathlib import Path
from typing import IO, cast

import duckdb

from cdml.adapters.tables.sql_engine import literal
from cdml.adapters.tables.text_columns import (
    TextKind,
    Texts,
    TextSource,
    paths,
    refuse_differences,
    refuse_names,
)
from cdml.errors import InputError

DELIMITERS = ",;\t|"
_BLOCK = 2**20
_HEAD = 1_000
"""Records that are looked at to tell the delimiter from a sign in a name."""
_LONGEST = 2**28
"""Bytes of the longest line."""
_LINE_TOO_LONG = "Maximum line size"


@dataclass(frozen=True, slots=True, kw_only=True)
class CsvLayout:
    """How one file is written.

    `path` is a copy where the original's lines end in several ways; errors speak of `named`.
    `lines` end outside quotes, empty ones left out as far as that is seen at once.
    """

    path: Path
    named: Path
    delimiter: str
    names: tuple[str, ...]
    lines: int


def read_csv(engine: duckdb.DuckDBPyConnection, files: Sequence[Path], into: Path) -> Texts:
    """Read files as text, in the order of their rows, into a folder that is theirs alone.

    Raises:
        InputError: a file cannot be read to its last record, or files differ in their columns.
    """
    csv.field_size_limit(2**31 - 1)
    layouts = [_layout(path, into / f"{number}.csv") for number, path in enumerate(files)]
    first = layouts[0]
    for other in layouts[1:]:
        refuse_differences(first.names, first.named, other.names, other.named)
    target = into / "texts.parquet"
    sources = _sources(layouts, _copy(engine, layouts, target))
    kinds = (TextKind.ANY,) * len(first.names)
    return Texts(path=target, names=first.names, kinds=kinds, sources=sources)


def _layout(path: Path, copy: Path) -> CsvLayout:
    look = _Look(path)
    delimiter, names = _header(path)
    refuse_names(names, path)
    if look.mixed:
        with _opened(path) as file, copy.open("wb") as target:
            _with_line_feeds(file, target)
    read = copy if look.mixed else path
    return CsvLayout(
        path=read, named=path, delimiter=delimiter, names=tuple(names), lines=look.lines
    )


def _opened(path: Path) -> IO[bytes]:
    if path.suffix.lower() == ".gz":
        return cast("IO[bytes]", gzip.open(path, "rb"))
    return path.open("rb")


def _text(path: Path) -> io.TextIOWrapper:
    return io.TextIOWrapper(_opened(path), encoding="utf-8-sig", newline="")


class _Look:
    """One look at every byte: is it plain UTF-8, how do lines end, and how many do."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._crlf = self._lf = self._cr = self._ends = 0
        inside, last = False, b""
        decode = codecs.getincrementaldecoder("utf-8")()
        try:
            with _opened(path) as file:
                for block in iter(partial(file.read, _BLOCK), b""):
                    self._is_text(decode, block)
                    if last == b"\r" and not inside and block[:1] == b"\n":
                        self._crlf, self._cr, self._lf = self._crlf + 1, self._cr - 1, self._lf - 1
                    for number, part in enumerate(block.split(b'"')):
                        inside ^= bool(number)
                        if not inside:
                            self._count(part)
                    last = block[-1:]
                self._is_text(decode, b"", final=True)
        except (OSError, EOFError, zlib.error) as error:
            raise InputError(
                f"{path.name} cannot be read: {error}.", "The file may be incomplete or not gzip."
            ) from error
        self.lines = self._crlf + self._lf + self._cr + (last not in (b"", b"\n", b"\r"))

    def _is_text(
        self, decode: codecs.IncrementalDecoder, block: bytes, *, final: bool = False
    ) -> None:
        try:
            decode.decode(block, final)
        except UnicodeDecodeError as error:
            line = self._ends + _ends(error.object[: error.start]) + 1
            raise InputError(
                f"{self.path.name} cannot be read: line {line:,} is not UTF-8.",
                "Write the file in UTF-8, e.g. with iconv.",
            ) from error
        if b"\0" in block:
            line = self._ends + _ends(block[: block.index(b"\0")]) + 1
            raise InputError(
                f"{self.path.name} cannot be read: line {line:,} has a NUL byte.",
                "It may be UTF-16 or not text. Write the file in UTF-8.",
            )
        self._ends += _ends(block)

    def _count(self, outside: bytes) -> None:
        if b"\r" in outside:
            crlf = outside.count(b"\r\n")
            self._crlf += crlf
            self._cr += outside.count(b"\r") - crlf
            self._lf += outside.count(b"\n") - crlf
        else:
            self._lf += outside.count(b"\n")

    @property
    def mixed(self) -> bool:
        return sum(many > 0 for many in (self._crlf, self._lf, self._cr)) > 1


def _ends(text: bytes) -> int:
    return max(text.count(b"\n"), text.count(b"\r"))


def _with_line_feeds(file: IO[bytes], target: IO[bytes]) -> None:
    """A copy in which every line ends in one way; line breaks inside quotes stay as they are."""
    inside, held = False, b""
    for block in iter(partial(file.read, _BLOCK), b""):
        joined = held + block
        held = b"\r" if joined.endswith(b"\r") and not inside else b""
        parts = (joined[:-1] if held else joined).split(b'"')
        for number, part in enumerate(parts):
            if number:
                target.write(b'"')
                inside = not inside
            target.write(part if inside else part.replace(b"\r\n", b"\n").replace(b"\r", b"\n"))
        if held and inside:
            target.write(held)
            held = b""
    target.write(b"\n" if held else b"")


def _records(path: Path, delimiter: str) -> Iterator[tuple[int, list[str]]]:
    """Line on which each record begins, from 1, and its fields; empty lines left out."""
    with _text(path) as file:
        reader = csv.reader(file, delimiter=delimiter)
        before = 0
        for record in reader:
            if record:
                yield before + 1, record
            before = reader.line_num


def _header(path: Path) -> tuple[str, list[str]]:
    """The delimiter, and the names of the first record."""
    headers: dict[str, tuple[bool, list[str]]] = {}
    for delimiter in DELIMITERS:
        head = [record for _, record in islice(_records(path, delimiter), _HEAD)]
        if head and len(head[0]) > 1:
            headers[delimiter] = ({len(record) for record in head} == {len(head[0])}, head[0])
    if not headers:
        return ",", next((record for _, record in _records(path, ",")), [])
    regular = {delimiter: names for delimiter, (even, names) in headers.items() if even}
    candidates = regular or {delimiter: names for delimiter, (_, names) in headers.items()}
    most = max(map(len, candidates.values()))
    likely = [delimiter for delimiter, names in candidates.items() if len(names) == most]
    if len(likely) > 1:
        listing = " or ".join({"\t": "tab"}.get(one, one) for one in likely)
        raise InputError(
            f"the columns of {path.name} may be separated by {listing}.",
            "Put quotes around names and values that contain the other character.",
        )
    return likely[0], candidates[likely[0]]


def _copy(engine: duckdb.DuckDBPyConnection, layouts: Sequence[CsvLayout], target: Path) -> int:
    """The rows of all files as columns of text, in the order of the first file's columns."""
    first = layouts[0]
    alike = groupby(layouts, key=lambda layout: (layout.delimiter, layout.names))
    groups = [list(group) for _, group in alike]
    last: duckdb.Error | None = None
    for options in ("", f", max_line_size = {_LONGEST}, buffer_size = {2 * _LONGEST}"):
        parts = " UNION ALL ".join(_select(group, first.names, options) for group in groups)
        try:
            engine.execute(f"COPY ({parts}) TO {literal(str(target))} (FORMAT parquet)")
        except duckdb.Error as error:
            last = error
            if _LINE_TOO_LONG not in str(error):
                break
        else:
            count = f"SELECT count(*) FROM read_parquet({paths([target])})"
            [[rows]] = engine.execute(count).fetchall()
            return int(rows)
    raise _refusal(layouts, last)


def _select(group: Sequence[CsvLayout], names: Sequence[str], options: str) -> str:
    here = {name: number for number, name in enumerate(group[0].names)}
    columns = ", ".join(f"c{here[name]} AS c{number}" for number, name in enumerate(names))
    types = ", ".join(f"'c{number}': 'VARCHAR'" for number in range(len(names)))
    return (
        f"SELECT {columns} FROM read_csv({paths([layout.path for layout in group])},"
        f" auto_detect = false, columns = {{{types}}}, header = true, skip = 0,"
        f" delim = {literal(group[0].delimiter)}, quote = '\"', escape = '\"', comment = '',"
        " nullstr = '', allow_quoted_nulls = true, null_padding = false, ignore_errors = false,"
        f" strict_mode = true, encoding = 'utf-8', compression = 'auto'{options})"
    )


def _refusal(layouts: Sequence[CsvLayout], error: duckdb.Error | None) -> InputError:
    """What is wrong, with file and line; the line itself may hold personal data."""
    for layout in layouts:
        trouble = _trouble(layout)
        if trouble:
            return InputError(
                f"{layout.named.name} cannot be read: {trouble}.",
                "Put double quotes around fields that contain the delimiter, quotes or line"
                " breaks, and double the quotes inside.",
            )
    message = str(error).splitlines()[0].partition("Error: ")[2] or type(error).__name__
    names = ", ".join(layout.named.name for layout in layouts[:3])
    return InputError(f"{names} cannot be read: {message.rstrip('.')}.", "Is it a CSV file?")


def _trouble(layout: CsvLayout) -> str:
    width = len(layout.names)
    for line, record in _records(layout.path, layout.delimiter):
        if len(record) != width:
            fields = "field" if len(record) == 1 else "fields"
            return f"line {line:,} has {len(record)} {fields}, but the first line has {width}"
    return _open_quote(layout)


def _open_quote(layout: CsvLayout) -> str:
    """A quoted field that does not end where its field does."""
    with _text(layout.path) as file:
        reader = csv.reader(file, delimiter=layout.delimiter, strict=True)
        line = 1
        try:
            for _ in reader:
                line = reader.line_num + 1
        except csv.Error:
            return f"a quote on line {line:,} is not closed, or text follows it"
    return ""


def _sources(layouts: Sequence[CsvLayout], rows: int) -> tuple[TextSource, ...]:
    """The files with their rows; refuses more or fewer than there are records."""
    counted = [layout.lines - 1 for layout in layouts]
    if sum(counted) != rows:  # empty lines, or quotes inside fields
        counted = [_count_records(layout) for layout in layouts]
    if sum(counted) != rows:
        names = ", ".join(layout.named.name for layout in layouts[:3])
        raise InputError(
            f"{rows:,} rows were read from {names}, which have {sum(counted):,} records.",
            "Put double quotes around fields that contain quotes or line breaks.",
        )
    return tuple(
        TextSource(path=layout.named, rows=count, place=partial(_place, layout))
        for layout, count in zip(layouts, counted, strict=True)
    )


def _count_records(layout: CsvLayout) -> int:
    width = len(layout.names)
    if width > 1:
        return sum(1 for _ in _records(layout.path, layout.delimiter)) - 1
    with _text(layout.path) as file:
        return sum(1 for _ in csv.reader(file, delimiter=layout.delimiter)) - 1


def _place(layout: CsvLayout, row: int) -> str:
    records = islice(_records(layout.path, layout.delimiter), row + 1, None)
    return next((f"line {line:,}" for line, _ in records), f"row {row + 1:,}")
