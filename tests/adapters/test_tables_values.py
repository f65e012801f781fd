"""Values in conditions, as the embedded engine is given them."""

import subprocess
import sys
from dataclasses import replace
from datetime import date, datetime, time

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pyarrow import parquet

from cdml.adapters.tables.duckdb_tables import DuckTables
from cdml.tables.query import Compare, In

ASKS = """
import sys
from cdml.adapters.tables.duckdb_tables import DuckTables
from cdml.tables.query import Compare
assert DuckTables().open(sys.argv[1]).count([Compare("x", "==", VALUE)]) == (1,)
assert "pandas" not in sys.modules
"""


def written(folder, *values):
    path = folder / "x.parquet"
    parquet.write_table(pa.table({"x": list(values)}), path)
    return str(path)


@pytest.mark.parametrize(
    "value",
    [
        "it's", "?", "$1", "a\0b", "\\", "", "ü", 1, -(2**62), 1.5, -1e-300, float("inf"),
        True, False, date(2013, 1, 1), datetime.fromisoformat("2013-01-01T12:30:00.000001"),
        time(23, 59, 59, 999_999),
    ],
    ids=repr,
)  # fmt: skip
def test_a_value_is_found_as_it_is(tmp_path, value):
    found = DuckTables().open(written(tmp_path, value, None))

    assert (1, 1, 0) == found.count(
        [Compare("x", "==", value), In("x", (value,)), Compare("x", "!=", value)]
    )


@pytest.mark.parametrize("value", [1.5, "a"])
def test_a_question_does_not_import_what_takes_longer_than_the_answer(tmp_path, value):
    program = ASKS.replace("VALUE", repr(value))

    subprocess.run([sys.executable, "-c", program, written(tmp_path, value)], check=True)


@settings(max_examples=30, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    kind=st.sampled_from([pa.int8(), pa.uint8(), pa.int32(), pa.int64(), pa.uint64()]),
    drawn=st.data(),
)
def test_repeated_whole_numbers_are_counted_however_far_apart(tmp_path, kind, drawn):
    least = 0 if "u" in str(kind) else -(2 ** (kind.bit_width - 1))
    numbers = st.integers(least, least + 2**kind.bit_width - 1) | st.integers(0, 9)
    values = drawn.draw(st.lists(st.none() | numbers, min_size=1))
    path = tmp_path / "numbers.parquet"
    parquet.write_table(pa.table({"n": pa.array(values, kind)}), path)
    present = [value for value in values if value is not None]

    assert len(present) - len(set(present)) == DuckTables().open(str(path)).repeated(["n"])


class Asked:
    """A place that remembers what it is asked."""

    def __init__(self, place):
        self.place, self.questions = place, []

    def __getattr__(self, name):
        return getattr(self.place, name)

    def fetch(self, sql, parameters=()):
        self.questions.append(sql)
        return self.place.fetch(sql, parameters)


def test_very_many_columns_are_sampled_a_thousand_at_a_time_from_the_same_rows(tmp_path):
    numbers = list(range(300))
    columns = {f"c{at}": [float(at * number) for number in numbers] for at in range(2500)}
    parquet.write_table(pa.table(columns), tmp_path / "x.parquet")
    table = DuckTables().open(str(tmp_path / "x.parquet"))
    asked = Asked(table.place)
    found = replace(table, place=asked).sample(list(columns), 100)

    assert list(columns) == list(found)
    rows = found["c1"]
    assert 50 < len(rows) <= 100
    assert all(list(found[f"c{at}"]) == [at * row for row in rows] for at in range(2500))
    assert 3 == len(asked.questions)
    assert all(sql.count('"c') <= 4 * 1000 for sql in asked.questions)


def test_whole_numbers_and_fractions_with_a_null_among_them_are_read(tmp_path):
    path = tmp_path / "rows.jsonl"
    path.write_text('{"score": 0.5}\n{"score": 1}\n{"score": null}\n')

    [field] = DuckTables().open(str(path)).fields

    assert "DOUBLE" == field.physical
