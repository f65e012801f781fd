"""Files that a model could write: looked at before they are read, and never followed."""

import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from cdml.errors import InputError

_MIB = 2**20
_MOST_COLUMNS = 10_000
"""Twice what the worker lets a model answer: columns, and the probabilities next to them."""
_BYTES_OF_VALUE = 256
"""The longest value on average; a number has 8 bytes, a class is a word."""
_VALUES_OF_LIST = 1_000
"""As many classes as a column of lists may have."""
_ALWAYS = 16 * _MIB
"""Footer and headers of a file with few rows."""
_UNREADABLE = "the scoring process wrote no readable output."


def most_bytes(rows: int) -> int:
    """The size that a file of so many answers may have, whatever is in it."""
    return _ALWAYS + rows * _VALUES_OF_LIST * 16


def read_answers(path: Path, rows: int) -> Any:
    """The table that a scoring process left for so many rows.

    The footer is read first. Nothing else is, unless rows, columns and sizes are what they can be.

    Raises:
        InputError: it is no regular file, is larger than answers are, or is no table.
    """
    with open_plain(path, most_bytes(rows)) as file:
        try:
            footer = pq.read_metadata(file)
            _refuse_impossible(footer, rows)
            texts = [
                column.path
                for column in map(footer.schema.column, range(footer.num_columns))
                if column.physical_type == "BYTE_ARRAY" and column.max_repetition_level == 0
            ]
            file.seek(0)
            # Texts stay apart from their places until it is known how long they are.
            table = pq.ParquetFile(file, read_dictionary=texts).read(use_threads=False)
        except (OSError, MemoryError, OverflowError, pa.ArrowException) as error:
            raise InputError(_UNREADABLE) from error
    if table.num_rows != rows:
        raise _another_number(table.num_rows, rows)
    return _in_place(table)


@contextmanager
def open_plain(path: Path, most: int) -> Iterator[BinaryIO]:
    """Open a plain file; no link, device, pipe or second name of another file.

    Raises:
        InputError: it is none, is larger than `most` bytes, or cannot be opened.
    """
    flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
    try:
        descriptor = os.open(path, flags)
    except OSError as error:
        raise InputError(_UNREADABLE) from error
    try:
        _refuse_odd(os.fstat(descriptor), most)
        with os.fdopen(descriptor, "rb", closefd=False) as file:
            yield file
    finally:
        os.close(descriptor)


def _refuse_odd(status: os.stat_result, most: int) -> None:
    if not stat.S_ISREG(status.st_mode) or status.st_nlink != 1:
        raise InputError(_UNREADABLE, "Its files must be regular files, not links.")
    if status.st_size > most:
        raise _too_large(status.st_size, most)


def _refuse_impossible(footer: Any, rows: int) -> None:
    if footer.num_rows != rows:
        raise _another_number(footer.num_rows, rows)
    columns = footer.num_columns
    if columns > _MOST_COLUMNS:
        raise InputError(f"the model returned {columns:,} columns.")
    levels = [footer.schema.column(at).max_repetition_level for at in range(columns)]
    if max(levels, default=0) > 1:
        raise InputError("the model returned lists of lists.")
    counted = size = 0
    for at in range(footer.num_row_groups):
        group = footer.row_group(at)
        counted += group.num_rows
        for column, level in enumerate(levels):
            chunk = group.column(column)
            most = group.num_rows * (_VALUES_OF_LIST if level else 1)
            if not 0 <= chunk.num_values <= most or chunk.total_uncompressed_size < 0:
                raise InputError("the model returned more values than rows.")
            size += chunk.total_uncompressed_size
    if counted != rows:
        raise _another_number(counted, rows)
    most = _most_in_memory(rows, levels)
    if size > most:
        raise _too_large(size, most)


def _most_in_memory(rows: int, levels: list[int]) -> int:
    values = sum(_VALUES_OF_LIST if level else 1 for level in levels)
    return min(_ALWAYS + rows * values * _BYTES_OF_VALUE, 4 * most_bytes(rows))


def _in_place(value: Any) -> Any:
    """Each text in its place, where that is not more than answers can be."""
    size, most = 0, _most_in_memory(value.num_rows, [0] * value.num_columns)
    for at, field in enumerate(value.schema):
        if not pa.types.is_dictionary(field.type):
            continue
        for chunk in value.column(at).chunks:
            longest = pc.max(pc.binary_length(chunk.dictionary)).as_py() or 0
            size += longest * len(chunk)
        if size > most:
            raise _too_large(size, most)
        column = pa.chunked_array(
            [chunk.dictionary_decode() for chunk in value.column(at).chunks], field.type.value_type
        )
        value = value.set_column(at, field.name, column)
    return value


def _another_number(answered: int, rows: int) -> InputError:
    return InputError(
        f"the model returned {answered:,} rows for {rows:,}.",
        "A model must return one row for every row, in the order of its input.",
    )


def _too_large(size: int, most: int) -> InputError:
    return InputError(
        f"the model's output takes {size / _MIB:,.0f} MiB; the limit for these rows is"
        f" {most / _MIB:,.0f} MiB.",
        "A model must return one row of numbers or short texts for each row.",
    )
