"""What a CSV file can be misread as, and how several files are one table."""

import gzip

import pytest
from pyarrow import parquet

from cdml.adapters.tables.duckdb_tables import DuckTables
from cdml.errors import InputError
from cdml.tables.query import Compare, Length, LogicalType


@pytest.fixture(scope="module")
def tables():
    return DuckTables()


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        (("true", "False"), LogicalType.BOOLEAN),
        (("yes", "no"), LogicalType.STRING),
        (("t", "f"), LogicalType.STRING),
    ],
)
def test_only_true_and_false_are_truth_values_in_text(tables, tmp_path, values, kind):
    path = tmp_path / "x.csv"
    path.write_text("id,late\n" + "".join(f"{i},{values[i % 2]}\n" for i in range(9)))
    found = tables.open(str(path))

    assert [LogicalType.INTEGER, kind] == [field.type for field in found.fields]
    assert (4,) == found.count([Compare("late", "==", kind is LogicalType.STRING and values[1])])


def test_a_longer_row_at_the_end_is_told_and_nothing_is_passed_over(tables, tmp_path):
    path = tmp_path / "x.csv"
    path.write_text("id,word\n" + "".join(f"{i},a\n" for i in range(500)) + "500,a,more\n")
    with pytest.raises(InputError) as error:
        tables.open(str(path))

    assert "line 502 has 3 fields" in error.value.message


@pytest.mark.parametrize(
    ("content", "names", "values"),
    [
        ('"Income, gross";"Income, net"\n1;2\n', ["Income, gross", "Income, net"], [1, 2]),
        ('"Which (a; b; c)?",late\n1,2\n', ["Which (a; b; c)?", "late"], [1, 2]),
        ("a;b\n1;1,5\n", ["a", "b"], [1, "1,5"]),
        ("a\tb\n1\tx,y;z\n", ["a", "b"], [1, "x,y;z"]),
        ("a|b\n1|2\n", ["a", "b"], [1, 2]),
        ("#a,b\n#1,2\n", ["#a", "b"], ["#1", 2]),
        ('"a\nb",c\n1,"x\ny"\n', ["a\nb", "c"], [1, "x\ny"]),
        ('a,b\n1,"say ""hi"", then"\n', ["a", "b"], [1, 'say "hi", then']),
        ('a,b\n1,5" pipe\n', ["a", "b"], [1, '5" pipe']),
        ("\ufeffa,b\n1,2\n", ["a", "b"], [1, 2]),
        ("a,b\r\n1,2\r\n", ["a", "b"], [1, 2]),
        ("a,b\r1,2\r", ["a", "b"], [1, 2]),
        ('a,b\r\n1,"x\r\ny"\n', ["a", "b"], [1, "x\r\ny"]),
        ("a,b\n\n1,2\n\n\n", ["a", "b"], [1, 2]),
        ("a,b\n1,2", ["a", "b"], [1, 2]),
        ("a,b\n1,'2'\n", ["a", "b"], [1, "'2'"]),
        ("a,b\n1,\\N\n", ["a", "b"], [1, "\\N"]),
    ],
    ids=repr,
)
@pytest.mark.parametrize("packed", [False, True])
def test_a_csv_file_is_read_as_it_is_written(tables, tmp_path, content, names, values, packed):
    path = tmp_path / ("x.csv.gz" if packed else "x.csv")
    path.write_bytes(gzip.compress(content.encode()) if packed else content.encode())
    rows = parquet.read_table(tables.open(str(path)).parquet)

    assert (names, values) == (rows.column_names, list(rows.to_pylist()[0].values()))
    assert 1 == rows.num_rows


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"a,b\n1,2\n3,\xe9\n", "line 3 is not UTF-8"),
        (b"a,b\n1,2\n3,\x00\n", "line 3 has a NUL"),
        (b'a,b\n1,2\n3,"x\n', "a quote on line 3 is not closed"),
        (b'a,b\n1,"x"y\n', "a quote on line 2"),
        (b'a,b\n1,"x\ny"\n3\n', "line 4 has 1 field"),
        (b"a,b,a\n1,2,3\n", "2 columns named 'a'"),
        (b"a,A\n1,2\n", "2 columns named 'a' and 'A'"),
        (b",a\n1,2\n", "column 1 of x.csv has no name"),
        (b"a,b;c\n1,2;3\n", "may be separated by , or ;"),
    ],
    ids=repr,
)
def test_a_csv_file_that_cannot_be_read_is_refused_with_the_line(tables, tmp_path, content, told):
    (tmp_path / "x.csv").write_bytes(content)
    with pytest.raises(InputError) as error:
        tables.open(str(tmp_path / "x.csv"))

    assert told in error.value.message


def test_long_lines_and_thousands_of_columns_are_read(tables, tmp_path):
    long, wide = tmp_path / "long.csv", tmp_path / "wide.csv"
    long.write_text(f"id,word\n1,{'x' * 5_000_000}\n")
    names = [f"c{number}" for number in range(3000)]
    wide.write_text(",".join(names) + "\n" + ",".join("7" for _ in names) + "\n")

    assert (1,) == tables.open(str(long)).count([Length("word", "==", 5_000_000)])
    assert {"BIGINT"} == {field.physical for field in tables.open(str(wide)).fields}


@pytest.mark.parametrize("order", [(0, 1, 2), (2, 1, 0)])
@pytest.mark.parametrize("months", [1, 4])
def test_all_files_together_decide_whatever_their_number_and_order(tables, tmp_path, months, order):
    parts = ["id,price\n1,9\n", "price;id\n9.5;2\n", "id,price\n3,\n"]
    for place, number in enumerate(order):
        for month in range(months):
            (tmp_path / f"{place}-{month}.csv").write_text(parts[number])
    rows = parquet.read_table(tables.open(str(tmp_path / "*.csv")).parquet).to_pydict()

    assert sorted([1, 2, 3] * months) == sorted(rows["id"])
    assert {9.0, 9.5, None} == set(rows["price"])


@pytest.mark.parametrize(
    ("name", "first", "second", "told"),
    [
        ("csv", "id,x\n1,2\n", "id\n1\n", "b.csv lacks the column 'x' that a.csv has"),
        ("csv", "id\n1\n", "id,x\n1,2\n", "a.csv lacks the column 'x' that b.csv has"),
        ("jsonl", '{"id": 1, "x": 2}', '{"id": 1}', "b.jsonl lacks the column 'x'"),
        ("jsonl", '{"id": 1}', '{"id": "1"}', "line 1 of a.jsonl) and text (line 1 of b.jsonl)"),
    ],
)
def test_files_that_disagree_are_named(tables, tmp_path, name, first, second, told):
    (tmp_path / f"a.{name}").write_text(first)
    (tmp_path / f"b.{name}").write_text(second)
    with pytest.raises(InputError) as error:
        tables.open(str(tmp_path / f"*.{name}"))

    assert told in error.value.message


def test_no_progress_bar_is_printed(tables):
    [(shown,)] = tables._engine.execute("SELECT current_setting('enable_progress_bar')").fetchall()

    assert not shown
