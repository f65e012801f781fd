"""Frames of pandas as tools write them: Parquet, CSV, a JSON list or JSON Lines of their rows."""

import ast
import csv
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from cdml.adapters.results.json_stream import JsonFile, read_lines
from cdml.errors import InputError

_FIELDS = 2**31 - 1
_FOOTER = 2**20


def frame_names(path: Path, head: bytes) -> bytes | None:
    """Where the names of the columns are in a file of Parquet or CSV; None for all other files."""
    if head.startswith(b"PAR1"):
        with path.open("rb") as file:
            file.seek(max(0, file.seek(0, 2) - _FOOTER))
            footer = file.read()
        return footer if footer.endswith(b"PAR1") else b""
    return head.partition(b"\n")[0] if path.suffix == ".csv" else None


def frame_rows(path: Path, head: bytes) -> Iterator[tuple[str, Any]]:
    """The rows, each with where it is in the file.

    Raises:
        InputError: the file is broken.
    """
    if head.startswith(b"PAR1"):
        for at, row in enumerate(_parquet_rows(path), 1):
            yield f"{path.name}, row {at:,}", row
    elif path.suffix == ".csv":
        for at, row in enumerate(_csv_rows(path), 1):
            yield f"{path.name}, row {at:,}", {k: _cell(v) for k, v in row.items()}
    elif head.lstrip().startswith(b"["):
        for at, row in enumerate(JsonFile(path).items()):
            yield f"{path.name}, [{at}]", row
    else:
        for line, row in read_lines(path):
            yield f"{path.name}, line {line:,}", row


def _parquet_rows(path: Path) -> Iterator[dict[str, Any]]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        for batch in pq.ParquetFile(path).iter_batches():
            yield from batch.to_pylist()
    except (OSError, pa.ArrowException) as error:
        raise InputError(f"{path.name} cannot be read: {error}.") from error


def _csv_rows(path: Path) -> Iterator[dict[str, Any]]:
    csv.field_size_limit(_FIELDS)
    try:
        with path.open(encoding="utf-8-sig", newline="") as lines:
            yield from csv.DictReader(lines)
    except (UnicodeDecodeError, csv.Error) as error:
        raise InputError(f"{path.name} cannot be read: {error}.", "Write it in UTF-8.") from error


def _cell(cell: Any) -> Any:
    """What pandas wrote as text: numbers, truth values, nothing, and objects as Python has them."""
    if cell in ("", None):
        return None
    try:
        return json.loads(cell)
    except ValueError:
        pass
    try:
        return ast.literal_eval(cell) if cell[0] in "TF[{" else cell
    except (ValueError, SyntaxError, RecursionError, MemoryError):
        return cell
