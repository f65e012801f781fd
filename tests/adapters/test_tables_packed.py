"""Packed files, long texts, and what a file's own statistics leave out."""

import gzip
import math

import pyarrow as pa
import pytest
from pyarrow import parquet

from cdml.adapters.tables.duckdb_tables import DuckTables
from cdml.adapters.tables.files import check_unpacked_size
from cdml.adapters.tables.limits import DownloadLimits, Unpacking
from cdml.errors import InputError
from cdml.tables.query import Compare, In

ONE = b"id,word\n1,a\n2,b\n"
GENEROUS = Unpacking()


def packed(path, content):
    path.write_bytes(content)
    return path


@pytest.mark.parametrize(
    "content",
    [
        gzip.compress(ONE, mtime=0),
        gzip.compress(ONE, mtime=0) + gzip.compress(ONE, mtime=0),
        gzip.compress(ONE, mtime=0) + b"\0" * 9,
    ],
    ids=["one", "two", "padded"],
)
def test_whole_files_pass(tmp_path, content):
    check_unpacked_size(packed(tmp_path / "x.csv.gz", content), GENEROUS)


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (gzip.compress(ONE * 999, mtime=0)[:-20], "cut off"),
        (gzip.compress(ONE, mtime=0)[:-8] + b"\1" * 8, "cannot be read"),
        (b"no gzip at all", "cannot be read"),
        (gzip.compress(ONE, mtime=0) + gzip.compress(ONE, mtime=0)[:-9], "cut off"),
    ],
    ids=["cut", "checksum", "none", "second"],
)
def test_what_is_cut_off_or_damaged_is_never_read_in_part(tmp_path, content, expected):
    path = packed(tmp_path / "x.csv.gz", content)
    with pytest.raises(InputError, match=expected):
        DuckTables().open(str(path))


def test_what_unpacks_to_more_than_is_allowed_is_refused(tmp_path):
    path = packed(tmp_path / "x.csv.gz", gzip.compress(ONE * 100_000))
    tables = DuckTables(DownloadLimits(unpacking=Unpacking(size=1_000_000)))

    with pytest.raises(InputError, match="unpacks to more than"):
        tables.open(str(path))


def test_a_ratio_that_no_table_has_is_refused_before_all_is_unpacked(tmp_path):
    path = packed(tmp_path / "x.csv.gz", gzip.compress(b"\0" * 2**29, compresslevel=1))

    with pytest.raises(InputError, match="unpacks to more than 100 times its size"):
        check_unpacked_size(path, Unpacking(ratio=100))


def test_long_texts_are_cut_in_samples_and_still_differ(tmp_path):
    path = tmp_path / "x.parquet"
    texts = ["x" * 10_000 + end for end in ("a", "b", "a")]
    parquet.write_table(pa.table({"text": texts}), path)
    found = DuckTables().open(str(path)).sample(["text"], 10)["text"]

    assert max(map(len, found)) < 200
    assert found[0] == found[2] != found[1]


@pytest.mark.parametrize("operator", ["<", "<=", "==", ">", ">=", "!="])
def test_nan_is_none_of_them_though_a_files_statistics_leave_it_out(tmp_path, operator):
    path = tmp_path / "x.parquet"
    parquet.write_table(pa.table({"n": [math.nan, None, 1.0, 1.0]}), path)
    table = DuckTables().open(str(path))

    there = 2 if operator in ("<=", "==", ">=") else 0
    assert (there, 2) == table.count([Compare("n", operator, 1.0), In("n", (1.0, 2.0))])


def test_more_conditions_than_one_question_holds_are_asked_in_parts(tmp_path):
    path = tmp_path / "x.parquet"
    parquet.write_table(pa.table({"n": list(range(3000))}), path)
    asked = [Compare("n", "<", number) for number in range(2500)]

    assert tuple(range(2500)) == DuckTables().open(str(path)).count(asked)
