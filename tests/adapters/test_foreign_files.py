"""What a model leaves is looked at before it is read."""

import os

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from cdml.adapters.scoring.untrusted_files import most_bytes, read_answers
from cdml.errors import InputError


def test_a_sound_answer_is_read_as_it_stands(tmp_path):
    answers = pa.table({"a0": ["late", "early", None], "p0": [0.5, 0.25, 1.0]})
    path = tmp_path / "answers.parquet"
    pq.write_table(answers, path)

    assert answers == read_answers(path, 3)


@pytest.mark.parametrize("kind", ["link", "second name", "pipe", "folder", "nothing", "device"])
def test_what_is_no_plain_file_of_its_own_is_not_read(tmp_path, kind):
    other, path = tmp_path / "other.parquet", tmp_path / "answers.parquet"
    pq.write_table(pa.table({"a0": [1.0]}), other)
    make = {
        "link": lambda: path.symlink_to(other),
        "second name": lambda: path.hardlink_to(other),
        "pipe": lambda: os.mkfifo(path),
        "folder": path.mkdir,
        "nothing": lambda: None,
        "device": lambda: path.symlink_to("/dev/zero"),
    }
    make[kind]()

    with pytest.raises(InputError, match="wrote no readable output"):
        read_answers(path, 1)


def test_a_file_that_is_larger_than_answers_is_not_read(tmp_path):
    path = tmp_path / "answers.parquet"
    with path.open("wb") as file:
        file.truncate(most_bytes(10) + 1)

    with pytest.raises(InputError, match="limit for these rows is"):
        read_answers(path, 10)


def few_bytes(rows):
    """Many values that take little room in a file."""
    return pa.table({"a0": pa.repeat(0.25, rows)})


def lists(length):
    return pa.table({"a0": [[0.5] * length]})


def texts(length, rows):
    return pa.table({"a0": pa.repeat("x" * length, rows)})


@pytest.mark.parametrize(
    ("answers", "rows", "told"),
    [
        (lambda: few_bytes(2_000_000), 10, "returned 2,000,000 rows for 10"),
        (lambda: lists(5_000), 1, "more values than rows"),
        (lambda: pa.table({"a0": [[[0.5] * 5_000]]}), 1, "lists of lists"),
        (lambda: pa.table({f"a{at}": [0.5] for at in range(10_001)}), 1, "10,001 columns"),
        (lambda: texts(2**20, 1_000), 1_000, "output takes .* MiB"),
        (lambda: texts(2**25, 1), 1, "output takes .* MiB"),
    ],
    ids=["rows", "list", "nested", "columns", "repeated text", "one text"],
)
def test_a_small_file_of_much_more_than_was_asked_is_refused(tmp_path, answers, rows, told):
    path = tmp_path / "answers.parquet"
    pq.write_table(answers(), path, compression="zstd")
    assert path.stat().st_size < 8 * 2**20
    before = pa.total_allocated_bytes()

    with pytest.raises(InputError, match=told):
        read_answers(path, rows)
    assert pa.total_allocated_bytes() - before < 128 * 2**20


def test_a_file_that_is_no_table_is_refused(tmp_path):
    path = tmp_path / "answers.parquet"
    path.write_bytes(b"PAR1" + b"\xff" * 100 + b"PAR1")

    with pytest.raises(InputError, match="wrote no readable output"):
        read_answers(path, 1)
