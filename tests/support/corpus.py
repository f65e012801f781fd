"""Tables that go wrong, and odd ones that are legal: files to be judged by a whole command."""

import gzip
import math
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal

import pyarrow as pa
from pyarrow import parquet

ROWS = 400
LATE = [number % 3 == 0 for number in range(ROWS)]
NOON = datetime(2013, 1, 1, 12, tzinfo=UTC)


def saved(path, **columns):
    told = {"id": list(range(ROWS)), "late": LATE} | columns
    parquet.write_table(pa.table(told), path)


def spread(values, kind=None):
    """A column that goes through these values again and again."""
    return pa.array([values[number % len(values)] for number in range(ROWS)], kind)


ODD = {
    "nested": lambda: {
        "a": spread([[1, 2], [], None]),
        "b": spread([{"x": {"y": 1}}, {"x": None}, None]),
        "c": spread([[("k", 1)], []], pa.map_(pa.string(), pa.int64())),
    },
    "times": lambda: {
        "plain": spread([NOON.replace(tzinfo=None), None]),
        "zoned": spread([NOON, NOON + timedelta(hours=7)], pa.timestamp("us", "Europe/Berlin")),
        "nanos": spread([0, 1, 10**18], pa.timestamp("ns")),
        "day": spread([date(1, 1, 1), date(9999, 12, 31), None]),
        "hour": spread([time(0), time(23, 59, 59, 999_999)]),
        "lasts": spread([timedelta(days=1), None]),
    },
    "decimals": lambda: {
        "small": spread([Decimal("1.10"), None, Decimal("-9.99")]),
        "large": spread([Decimal("9" * 38), Decimal(-1)], pa.decimal128(38, 0)),
        "whole": spread([2**63 - 1, -(2**63), None]),
        "unsigned": spread([2**64 - 1, 0], pa.uint64()),
    },
    "nan and null": lambda: {
        "both": spread([math.nan, None, 1.0]),
        "nan": spread([math.nan]),
        "null": spread([None], pa.float64()),
        "nothing": spread([None], pa.null()),
    },
    "infinite": lambda: {
        "ends": spread([math.inf, -math.inf, 0.0, 1e308, 5e-324]),
        "one": spread([math.inf]),
        "single": spread([math.inf, 1.5, None], pa.float32()),
    },
    "unicode": lambda: {
        "größe 🛫": spread([1.0, 2.0]),
        'a "b" \'c\'; DROP TABLE': spread(["x'; --", '"', "\\", ""]),
        "": spread(["\x00", "\u202e", "e\u0301", "é"]),
        "line\nbreak": spread([1]),
        "%s {} $1 ?": spread(["?", "$1"]),
    },
    "text": lambda: {
        "long": spread(["x" * 1_000_000, "y"]),
        "bytes": spread([b"\xff\x00", None]),
        "words": spread(["a", "b", None]).dictionary_encode(),
    },
    "same": lambda: {
        "one": spread([1]),
        "flag": spread([True]),
        "none": spread([None], pa.bool_()),
    },
    "wide": lambda: {f"c{n}": spread([n, None, 2.5 * n]) for n in range(5000)},
}  # fmt: skip
"""Columns that are legal and must be judged."""


def _cut(path):
    saved(path)
    path.write_bytes(path.read_bytes()[:-20])


def _damaged(path):
    saved(path, x=[float(number) for number in range(ROWS)])
    content = bytearray(path.read_bytes())
    content[10:-1500] = b"\xff" * (len(content) - 1510)
    path.write_bytes(bytes(content))


def _bomb(path):
    with gzip.open(path, "wb", compresslevel=9) as file:
        file.write(b"id,late\n")
        for _ in range(400):
            file.write(b"1,true\n" * 150_000)


def _folder(path):
    path.mkdir()
    (path / "notes.txt").write_text("nothing to see")


BROKEN = {
    "cut.parquet": _cut,
    "damaged.parquet": _damaged,
    "empty.parquet": lambda path: path.write_bytes(b""),
    "rowless.parquet": lambda path: parquet.write_table(
        pa.table({"id": pa.array([], pa.int64()), "late": pa.array([], pa.bool_())}), path
    ),
    "columnless.parquet": lambda path: parquet.write_table(pa.table({}), path),
    "twice.parquet": lambda path: parquet.write_table(
        pa.table([[1], [2], [True]], names=["id", "id", "late"]), path
    ),
    "shifting.csv": lambda path: path.write_text("id,late\n1,true\n2,true,3\n4,false\n"),
    "latin.csv": lambda path: path.write_bytes("id,late\nJosé,true\n".encode("latin-1")),
    "utf16.csv": lambda path: path.write_bytes("id,late\n1,true\n".encode("utf-16")),
    "twice.csv": lambda path: path.write_text("id,late,id\n1,true,2\n"),
    "lines.jsonl": lambda path: path.write_text('{"id": 1, "late": true}\n{"id": '),
    "bomb.csv.gz": _bomb,
    "cut.csv.gz": lambda path: path.write_bytes(gzip.compress(b"id,late\n1,true\n" * 999)[:-20]),
    "folder": _folder,
    "missing.parquet": lambda path: path,
}
"""Files that cannot be judged."""
