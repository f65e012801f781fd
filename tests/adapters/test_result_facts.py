"""DuckDB and rows in memory give the same facts of two files of results."""

from dataclasses import replace

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from cdml.adapters.results.facts import open_facts
from cdml.results.reader import ResultColumn, ResultTable, Role
from fakes.result_facts import MemoryFacts

NAN = float("nan")


def shape(case, trial, *, shift=0):
    return {
        "case": f"c{case + shift}",
        "trial": trial,
        "ok": None if case == 4 else (case + trial + shift) % 2 == 0,
        "zero": float(case % 2),
        "score": NAN if case == 3 else (case + shift) / 8,
        "grade": "ABC"[case % 3],
        "number": str(case),
        "mixed": "n/a" if case == 2 else f"{case / 10}",
        "empty": None,
        "text": f"answer {case}; " * 4,
        "tags": ["a", "b"] if case else None,
        "ünïcode \"'": "ü" * case or None,
    }


@pytest.fixture
def pair():
    """Rows of an old and a new file; the new one lacks a column, and two of the cases."""
    old = [shape(case, trial) for case in range(8) for trial in range(3)]
    new = [shape(case, trial, shift=2) for case in range(8) for trial in range(2)]
    return old, [{name: row[name] for name in row if name != "zero"} for row in new]


@pytest.fixture
def duck(pair, tmp_path):
    def write(name, rows):
        path = tmp_path / name
        pq.write_table(pa.Table.from_pylist(rows), path)
        columns = (ResultColumn("case", Role.KEY), ResultColumn("tags", higher_is_better=True))
        return ResultTable(
            path=path, reader="table", columns=columns, rows=len(rows), notes=(), digest=""
        )

    with open_facts(write("old.parquet", pair[0]), write("new.parquet", pair[1])) as facts:
        yield facts


@pytest.mark.parametrize("side", ["old", "new"])
def test_columns_have_the_same_facts(duck, pair, side):
    memory = MemoryFacts(*pair, roles={"case": Role.KEY})

    for theirs, ours in zip(getattr(duck, side), getattr(memory, side), strict=True):
        if ours.name != "empty":  # a column without values has no type of its own
            assert ours == replace(theirs, higher_is_better=None)
            assert theirs.higher_is_better is (True if ours.name == "tags" else None)
        else:
            assert (ours.missing, ours.distinct) == (theirs.missing, theirs.distinct)


@pytest.mark.parametrize(
    "columns", [("case",), ("case", "trial"), ("grade",), ("case", "zero")], ids=str
)
def test_combinations_are_counted_alike(duck, pair, columns):
    assert MemoryFacts(*pair).combinations(columns) == duck.combinations(columns)


@pytest.mark.parametrize("key", [("case",), ("case", "trial")], ids=str)
def test_agreements_are_alike(duck, pair, key):
    columns = [name for name in pair[0][0] if name not in (*key, "tags")]

    assert MemoryFacts(*pair).agreements(key, columns) == duck.agreements(key, columns)
    assert {} == duck.agreements(key, [])


def test_long_texts_that_begin_alike_are_different_values(tmp_path):
    path = tmp_path / "rows.parquet"
    rows = [{"case": at, "text": "x" * 200 + str(at % 3)} for at in range(9)]
    pq.write_table(pa.Table.from_pylist(rows), path)
    table = ResultTable(path=path, reader="table", columns=(), rows=9, notes=(), digest="")
    with open_facts(table, table) as facts:
        [_, text] = facts.old

    assert (3, 201) == (text.distinct, text.longest)
    assert "x" * 60 == text.word
