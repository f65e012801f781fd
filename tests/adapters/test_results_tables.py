"""Files of rows that no tool's reader recognises, read as results."""

import json

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from cdml.adapters.results.long_texts import shorten
from cdml.errors import InputError
from support.result_files import write_lines

ROWS = [
    {"case": "c1", "passed": True, "score": 0.5, "tokens": 12, "output": "“ü”"},
    {"case": "c2", "passed": False, "score": 1, "tokens": 7, "output": "2020-01-01"},
    {"case": "c3", "score": None, "output": "0.8", "late": 3},
]


@pytest.fixture
def write(tmp_path):
    """Writes rows in the format that the name of a file says."""

    def _write(name, rows):
        path = tmp_path / name
        if name.endswith("jsonl"):
            return write_lines(path, rows)
        if name.endswith("json"):
            path.write_text(json.dumps(rows, indent=2))
        elif name.endswith("csv"):
            names = dict.fromkeys(key for row in rows for key in row)
            lines = [",".join(names)]
            lines += [
                ",".join("" if row.get(n) is None else str(row[n]) for n in names) for row in rows
            ]
            path.write_text("\n".join(lines))
        else:
            pq.write_table(pa.Table.from_pylist(rows), path)
        return path

    return _write


@pytest.mark.parametrize("name", ["rows.jsonl", "rows.json", "rows.csv", "rows.parquet"])
def test_the_formats_read_alike(write, read_rows, name):
    rows = [{**row, "late": row.get("late", 0), "passed": bool(row.get("passed"))} for row in ROWS]
    table, read = read_rows(write(name, rows))

    assert ("table", 3) == (table.reader, table.rows)
    expected = [{**row, "tokens": row.get("tokens")} for row in rows]
    assert sorted(map(str, expected[0].items())) == sorted(map(str, read[0].items()))
    assert [row["score"] for row in rows] == [row["score"] for row in read]
    assert [row["output"] for row in rows] == [row["output"] for row in read]
    assert [None] * len(table.columns) == [column.role for column in table.columns]


def test_a_key_that_few_objects_have_is_a_column(write, read_rows):
    rows = [{"case": f"c{n}", "score": 1} for n in range(3_000)]
    _, read = read_rows(write("rows.jsonl", [*rows, {"case": "x", "error": "boom"}]))

    assert {"case": "x", "score": None, "error": "boom"} == read[-1]


@pytest.mark.parametrize(
    "value", ["0.8", "B", True, {"a": 1}], ids=["number-as-text", "letter", "truth", "object"]
)
@pytest.mark.parametrize("name", ["rows.jsonl", "rows.json"])
def test_several_kinds_of_values_in_a_column_are_refused_with_their_lines(
    write, read_rows, name, value
):
    path = write(name, [{"case": "c1", "score": 0.5}, {"case": "c2", "score": value}])

    with pytest.raises(InputError, match=r"the column 'score' mixes numbers \((line|object) 1"):
        read_rows(path)


def test_what_is_nested_becomes_its_text(write, read_rows):
    _, [row] = read_rows(write("rows.jsonl", [{"case": "c", "meta": {"a": [1]}, "tags": ["x"]}]))

    assert ({"a": [1]}, ["x"]) == (json.loads(row["meta"]), json.loads(row["tags"]))


def test_large_numbers_keep_their_digits_or_are_refused(write, read_rows):
    _, rows = read_rows(write("a.jsonl", [{"id": 2**63 - 1}, {"id": -(2**63)}]))
    assert [2**63 - 1, -(2**63)] == [row["id"] for row in rows]

    with pytest.raises(InputError, match=r"line 1 of b\.jsonl"):
        read_rows(write("b.jsonl", [{"id": 2**70}, {"id": 1}]))


def test_a_broken_line_is_named(tmp_path, read_rows):
    path = tmp_path / "rows.jsonl"
    path.write_text('{"case": "c1", "score": 1}\n{"case": "c2", "sco\n{"case": "c3", "score": 0}\n')

    with pytest.raises(InputError, match=r"rows\.jsonl, line 2: not valid JSON"):
        read_rows(path)


@pytest.mark.parametrize(
    ("name", "content", "problem"),
    [
        ("empty.jsonl", "", "is empty"),
        ("blank.jsonl", "\n\n", "is empty"),
        ("none.json", "[]", "no rows"),
        ("twice.jsonl", '{"a": 1, "a": 2}\n', "has a key twice"),
        ("alike.jsonl", '{"a": 1, "A": 2}\n', "2 columns named 'a' and 'A'"),
        ("bare.jsonl", "{}\n{}\n", "has no columns"),
        ("numbers.jsonl", "1\n2\n", "line 1 is not an object"),
        ("summary.json", '{"accuracy": 0.5, "items": [{"a": 1}]}', "is one object, not a list"),
        ("log.txt", "Traceback (most recent call last):", "has an unsupported format"),
        ("log.json", "Traceback (most recent call last):", "log.json cannot be read"),
    ],
)
def test_what_holds_no_rows_is_refused(tmp_path, read_rows, name, content, problem):
    (tmp_path / name).write_text(content)

    with pytest.raises(InputError) as caught:
        read_rows(tmp_path / name)
    assert problem in caught.value.message


def test_a_file_that_is_not_there_is_refused(tmp_path, read_rows):
    with pytest.raises(InputError, match="does not exist"):
        read_rows(tmp_path / "rows.jsonl")


@pytest.mark.parametrize("name", ["rows.jsonl", "rows.csv", "rows.parquet"])
def test_rows_are_selected_by_the_value_of_a_column(write, read_rows, name):
    rows = [{"case": "c1", "model": "a", "turn": 1}, {"case": "c1", "model": "b", "turn": 2}]
    path = write(name, rows)

    assert [rows[1]] == read_rows(path, select={"model": "b"})[1]
    assert [rows[0]] == read_rows(path, select={"model": "a", "turn": "1"})[1]
    with pytest.raises(InputError, match="has no row with model=a and turn=2"):
        read_rows(path, select={"model": "a", "turn": "2"})
    with pytest.raises(InputError, match="unknown column 'modell'; did you mean 'model'"):
        read_rows(path, select={"modell": "a"})


@pytest.mark.parametrize("name", ["rows.jsonl", "rows.json"])
def test_a_long_text_of_json_is_stored_as_its_beginning_and_digest(write, read_rows, name):
    texts = ["ü" * 10_000, "ü" * 10_001, "ü" * 12_000 + "!"]
    _, rows = read_rows(write(name, [{"output": text} for text in texts]))

    assert [shorten(text) for text in texts] == [row["output"] for row in rows]
    assert [10_000, 300, 300] >= [len(row["output"]) for row in rows]


def test_both_ways_to_read_json_agree(write, read_rows, monkeypatch):
    path = write("rows.jsonl", ROWS)
    table, rows = read_rows(path)
    monkeypatch.setattr("cdml.adapters.results.tables.copy_json", lambda *_: False)
    slow, slow_rows = read_rows(path)

    assert (rows, table.digest) == (slow_rows, slow.digest)


def test_a_parquet_file_stays_where_it_is(write, read_rows):
    path = write("rows.parquet", ROWS[:2])

    assert path == read_rows(path)[0].path
