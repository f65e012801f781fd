"""Equal rows and extents, as every engine counts them."""

import math
from datetime import date, timedelta
from decimal import Decimal

import pyarrow as pa
import pytest
from pyarrow import parquet

from adapters import test_tables_contract
from adapters.test_tables_contract import NOON, ROWS
from cdml.adapters.tables.duckdb_tables import DuckTables
from cdml.tables.table import Conflicts, Overlap

opened = test_tables_contract.opened


def test_equal_rows_are_counted_on_both_sides_and_holes_are_equal(opened):
    here = {"n": [1.0, 1.0, None, math.nan, 3.0], "w": ["a", "a", None, None, "c"]}
    there = {"n": [None, 1.0, 9.0, 9.0], "w": [None, "a", "x", "x"]}
    first, second = opened(here), opened(there)

    assert Overlap(shared=4, repeated_here=4, repeated_there=2) == first.overlap(second, ["n", "w"])
    assert Overlap(shared=0, repeated_here=4, repeated_there=4) == first.overlap(
        opened({"n": [7.0] * 4, "w": [""] * 4}), ["n", "w"]
    )


@pytest.mark.parametrize(
    "label", [[True, False, True, True, None], ["a", "b", "c", "c", "d"], [1, 2, 1, 1, None]]
)
def test_equal_rows_of_different_labels_conflict(opened, label):
    table = opened({"n": [1, 1, None, None, 1], "l": label})

    equal = 4 if None in label else 5
    assert Conflicts(equal=equal, conflicting=equal - 2) == table.conflicts(["n"], "l")


def test_the_least_and_the_greatest_value_are_told(opened):
    table = opened(ROWS)

    assert (date(2013, 1, 1), date(2014, 1, 1)) == table.extent("day")
    assert (NOON, NOON + timedelta(days=2)) == table.extent("at")
    assert (-math.inf, math.inf) == table.extent("select")
    assert opened({"x": [1.0, 2.0], "gone": [math.nan, None]}).extent("gone") is None


@pytest.mark.parametrize(
    "array",
    [
        pa.array([0, 1], pa.timestamp("ns")),
        pa.array([Decimal("12345678901234567890.1"), Decimal("12345678901234567890.2")]),
        pa.array([2**64 - 1, 2**64 - 2], pa.uint64()),
    ],
    ids=lambda array: str(array.type),
)
def test_values_that_differ_in_their_last_digit_are_no_repetition(tmp_path, array):
    parquet.write_table(pa.table({"x": array}), tmp_path / "x.parquet")
    parquet.write_table(pa.table({"x": array[1:]}), tmp_path / "y.parquet")
    tables = DuckTables()
    found, other = (tables.open(str(tmp_path / name)) for name in ("x.parquet", "y.parquet"))

    assert 0 == found.repeated(["x"])
    assert 1 == found.shared(other, ["x"])
    assert 1 == found.overlap(other, ["x"]).shared


def test_a_text_is_no_number_whatever_it_looks_like(tmp_path):
    parquet.write_table(pa.table({"x": ["007", "8", "a"]}), tmp_path / "x.parquet")
    parquet.write_table(pa.table({"x": [7, 8]}), tmp_path / "y.parquet")
    tables = DuckTables()
    found, other = (tables.open(str(tmp_path / name)) for name in ("x.parquet", "y.parquet"))

    assert (1, 1) == (found.shared(other, ["x"]), other.shared(found, ["x"]))
