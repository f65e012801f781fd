"""Several Parquet files are one table, or refused with what they disagree about."""

from datetime import date
from decimal import Decimal
from itertools import permutations

import pyarrow as pa
import pytest
from pyarrow import parquet

from cdml.adapters.tables.duckdb_tables import DuckTables
from cdml.errors import InputError


@pytest.fixture(scope="module")
def tables():
    return DuckTables()


def opened(tables, folder, *columns):
    for number, column in enumerate(columns):
        array = column if isinstance(column, pa.Array) else pa.array(column)
        parquet.write_table(pa.table({"x": array}), folder / f"{number}.parquet")
    found = tables.open(str(folder / "*.parquet"))
    return found.fields[0].physical, parquet.read_table(found.parquet)["x"].to_pylist()


def _label(value):
    """The same in every process: pyarrow shows where an array lies in memory."""
    if isinstance(value, pa.Array):
        return f"{value.type}{value.to_pylist()}"
    return f"({', '.join(map(_label, value))})" if isinstance(value, tuple) else str(value)


@pytest.mark.parametrize(
    ("columns", "kind"),
    [
        (([1], pa.array([2**40]), pa.array([3], pa.int8())), "BIGINT"),
        (([9], [9.5], [None]), "DOUBLE"),
        ((pa.array([1.5], pa.float32()), [0.1], [2]), "DOUBLE"),
        ((pa.array([200], pa.uint8()), pa.array([-1], pa.int8()), pa.array([7], pa.int16())),
         "SMALLINT"),
        (([Decimal("1.5")], [Decimal("100.25")], [Decimal(7)]), "DECIMAL(5,2)"),
        ((["a"], [None], pa.array(["b"]).dictionary_encode()), "VARCHAR"),
        (([date(2026, 1, 1)], [None], [date(2026, 1, 2)]), "DATE"),
    ],
    ids=_label,
)  # fmt: skip
def test_types_are_joined_without_a_loss_in_any_order(tables, tmp_path, columns, kind):
    for number, order in enumerate(permutations(columns)):
        folder = tmp_path / str(number)
        folder.mkdir()
        arrays = [column if isinstance(column, pa.Array) else pa.array(column) for column in order]
        values = [value for array in arrays for value in array.to_pylist()]

        assert (kind, values) == opened(tables, folder, *order)


@pytest.mark.parametrize(
    ("first", "second", "told"),
    [
        (
            [2**53 + 1],
            [0.5],
            "is of type 64-bit whole number in 0.parquet, but of type 64-bit number",
        ),
        ([1], ["1"], "'x' is of type 64-bit whole number in 0.parquet, but of type text in"),
        ([True], [1], "'x' is of type true or false in 0.parquet, but of type 64-bit whole"),
        (
            pa.array([2**64 - 1], pa.uint64()),
            [-1],
            "'x' is of type unsigned 64-bit whole number in 0.parquet",
        ),
    ],
    ids=_label,
)
def test_types_that_cannot_be_one_are_refused(tables, tmp_path, first, second, told):
    with pytest.raises(InputError) as error:
        opened(tables, tmp_path, first, second)

    assert told in error.value.message


def test_columns_are_found_by_name_and_none_is_dropped(tables, tmp_path):
    parquet.write_table(pa.table({"a": [1], "b": [2]}), tmp_path / "0.parquet")
    parquet.write_table(pa.table({"b": [4], "a": [3]}), tmp_path / "1.parquet")
    rows = parquet.read_table(tables.open(str(tmp_path / "*.parquet")).parquet).to_pylist()

    assert [{"a": 1, "b": 2}, {"a": 3, "b": 4}] == rows
    parquet.write_table(pa.table({"a": [1], "b": [2], "c": [5]}), tmp_path / "2.parquet")
    with pytest.raises(InputError, match=r"lacks the column 'c' that 2\.parquet has"):
        tables.open(str(tmp_path / "*.parquet"))


@pytest.mark.parametrize(
    ("values", "expected"),
    [(("1", "12"), [1, 12]), (("01", "12"), ["01", "12"]), (("a", "1e5"), ["a", "1e5"])],
)
def test_what_folders_are_called_is_no_other_value(tables, tmp_path, values, expected):
    for value in values:
        (tmp_path / f"month={value}").mkdir()
        parquet.write_table(pa.table({"id": [1]}), tmp_path / f"month={value}" / "x.parquet")
    for pattern in (tmp_path, tmp_path / "*" / "*.parquet"):
        rows = parquet.read_table(tables.open(str(pattern)).parquet).to_pydict()

        assert sorted(map(str, expected)) == sorted(map(str, rows["month"]))
        assert set(map(type, expected)) == set(map(type, rows["month"]))
