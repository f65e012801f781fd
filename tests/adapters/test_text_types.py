"""What a column of text becomes, and what it never becomes."""

import csv
import json
from datetime import date, datetime, time
from decimal import Decimal

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pyarrow import parquet

from cdml.adapters.tables.duckdb_tables import DuckTables
from cdml.errors import InputError
from cdml.tables.date_formats import read_format
from cdml.tables.declared_types import Declared
from cdml.tables.query import LogicalType


@pytest.fixture(scope="module")
def tables():
    return DuckTables()


def column(tables, path, declared=None):
    found = tables.open(str(path), declared or {})
    return found, parquet.read_table(found.parquet)["x"].to_pylist()


def written(folder, *values, name="rows.csv"):
    path = folder / name
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerows([("id", "x"), *enumerate(values)])
    return path


@pytest.mark.parametrize(
    ("texts", "values"),
    [
        (("9", "-1"), [9, -1]),
        (("9", "9.5"), [9.0, 9.5]),
        (("9.50", "10.00"), [9.5, 10.0]),
        (("1", "1.0"), [1.0, 1.0]),
        (("1e-05", "1.5e+20", "1.0E10"), [1e-05, 1.5e20, 1e10]),
        (("0.10000000000000001", "1"), [0.1, 1.0]),
        (("1.000000000000000056e-01", "2.0"), [0.1, 2.0]),
        (("18446744073709551615", "1"), [2**64 - 1, 1]),
        (("True", "false"), [True, False]),
        (("", "1"), [None, 1]),
    ],
)
def test_numbers_and_truth_values_that_are_written_again_as_they_were(
    tables, tmp_path, texts, values
):
    assert values == column(tables, written(tmp_path, *texts))[1]


@pytest.mark.parametrize(
    "texts",
    [
        ("007", "12"), ("+1", "2"), (" 1", "2"), ("1_000", "2"), ("0x10", "1"), ("1,5", "2"),
        ("18446744073709551616", "1"), ("-1", "18446744073709551615"),
        ("0.12345678901234567890", "1.5"), ("9007199254740993.5", "1"), ("1e400", "1.5"),
        ("1e-400", "1.5"), ("1e5", "2e3"), ("1.10", "1.9"), ("00.5", "1"), ("1.", "2"),
        ("NaN", "1.5"), ("inf", "1"), ("NA", "1"), ("yes", "no"), ("t", "f"), ("1", "true"),
        ("2026-01-02", "2026-02-03"), ("2026-01-02T10:00:00+02:00", "2026-01-02T10:00:00Z"),
        ("123e4567-e89b-12d3-a456-426614174000", "1"), ("10:30", "11:00"),
    ],
    ids=str,
)  # fmt: skip
def test_what_a_conversion_would_change_stays_text(tables, tmp_path, texts):
    assert list(texts) == column(tables, written(tmp_path, *texts))[1]


@pytest.mark.parametrize(
    ("kind", "how", "texts", "values"),
    [
        ("string", {}, ("12", "1.0"), ["12", "1.0"]),
        ("integer", {}, ("007", " +5", "7.0"), [7, 5, 7]),
        ("number", {}, ("1e5", "NaN", " 2"), [1e5, "nan", 2.0]),
        ("number", {"rounds": True}, ("0.12345678901234567890",), [0.12345678901234568]),
        ("number", {"physical": "DECIMAL(38,20)"}, ("0.12345678901234567890",),
         [Decimal("0.12345678901234567890")]),
        ("boolean", {}, ("true", "FALSE"), [True, False]),
        ("date", {}, ("2026-02-28",), [date(2026, 2, 28)]),
        ("date", {"format": "MM/dd/yyyy"}, ("10/01/2026",), [date(2026, 10, 1)]),
        ("date", {"format": "d MMM yyyy"}, ("1 Oct 2026",), [date(2026, 10, 1)]),
        ("date", {"format": "dd.MM.yy"}, ("01.02.99",), [date(2099, 2, 1)]),
        ("date", {"format": "yyyyMMdd"}, ("20261001",), [date(2026, 10, 1)]),
        ("timestamp", {}, ("2026-01-02", "2026-01-02 10:30"),
         [datetime.fromisoformat("2026-01-02"), datetime.fromisoformat("2026-01-02 10:30")]),
        ("timestamp", {"format": "dd/MM/yyyy hh:mm a"}, ("03/02/2026 09:05 PM",),
         [datetime.fromisoformat("2026-02-03 21:05")]),
        ("time", {"format": "HH:mm"}, ("21:05",), [time(21, 5)]),
    ],
)  # fmt: skip
def test_a_declared_type_decides(tables, tmp_path, kind, how, texts, values):
    how = how | ({"format": read_format(how["format"])} if "format" in how else {})
    declared = {"x": Declared(type=LogicalType(kind), by="the contract", **how)}
    found, read = column(tables, written(tmp_path, *texts), declared)

    assert "" == found.fields[1].misfit
    assert values == ["nan" if value != value else value for value in read]  # noqa: PLR0124 - NaN


@pytest.mark.parametrize(
    ("kind", "how", "texts"),
    [
        ("integer", {}, ("1", "2.5")),
        ("integer", {"physical": "TINYINT"}, ("1", "300")),
        ("integer", {}, ("1", "NA")),
        ("number", {}, ("1", "0.12345678901234567890")),
        ("number", {"physical": "DECIMAL(9,2)"}, ("1.00", "1.005")),
        ("boolean", {}, ("true", "1")),
        ("date", {}, ("2026-01-31", "2026-02-29")),
        ("date", {}, ("2026-01-31", "01/31/2026")),
        ("date", {"format": "MM/dd/yyyy"}, ("10/01/2026", "13/01/2026")),
        ("date", {"format": "MM/dd/yyyy"}, ("10/01/2026", "1/1/2026")),
        ("timestamp", {}, ("2026-01-02", "2026-01-02T10:00:00.123456789")),
        ("timestamp", {}, ("2026-01-02T10:00:00", "2026-01-02T10:00:00Z")),
    ],
)
def test_a_value_that_is_not_of_its_declared_type_is_told_with_its_line(
    tables, tmp_path, kind, how, texts
):
    how = how | ({"format": read_format(how["format"])} if "format" in how else {})
    declared = {"x": Declared(type=LogicalType(kind), by="the signature", required=True, **how)}
    found = tables.open(str(written(tmp_path, *texts)), declared)

    assert "line 3 of rows.csv" in found.fields[1].misfit
    with pytest.raises(InputError, match=r"line 3 of rows\.csv: the value of 'x' is no"):
        found.read_as(declared)


def test_rows_are_given_to_a_model_in_its_own_types(tables, tmp_path):
    path = written(tmp_path, "10/01/2026", "07/02/2026")
    by_contract = Declared(
        type=LogicalType.DATE, format=read_format("MM/dd/yyyy"), by="the contract"
    )
    found = tables.open(str(path), {"x": by_contract})
    given = found.read_as({"x": Declared(type=LogicalType.STRING, by="the model")})

    assert LogicalType.DATE is found.fields[1].type
    assert ["10/01/2026", "07/02/2026"] == parquet.read_table(given.parquet)["x"].to_pylist()


def test_a_type_from_elsewhere_is_taken_only_where_it_changes_nothing(tables, tmp_path):
    elsewhere = {"x": Declared(type=LogicalType.DATE)}

    assert date(2026, 1, 2) == column(tables, written(tmp_path, "2026-01-02"), elsewhere)[1][0]
    assert "soon" == column(tables, written(tmp_path, "soon"), elsewhere)[1][0]


def test_text_in_json_is_text_and_its_numbers_keep_their_digits(tables, tmp_path):
    path = tmp_path / "rows.jsonl"
    path.write_text(
        '{"day": "2026-01-01", "code": "007", "big": 12345678901234567890, "in": {"at": "2026"}}\n'
    )
    rows = parquet.read_table(tables.open(str(path)).parquet).to_pylist()

    assert [
        {"day": "2026-01-01", "code": "007", "big": 12345678901234567890, "in": {"at": "2026"}}
    ] == rows


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ('{"x": 1}\n\n{"x": 123456789012345678901234}', "line 3 of rows.jsonl"),
        ('{"x": 1.5}\n{"x": 0.12345678901234567890}', "line 2 of rows.jsonl"),
        ('{"x": [1]}\n{"x": [12345678901234567890123]}', "line 2 of rows.jsonl"),
        ('{"x": 1}\n{"x": "1"}', "numbers (line 1 of rows.jsonl) and text (line 2"),
        ('{"x": 1}\n{"x": 2, "x": 3}', "line 2 of rows.jsonl has a key twice"),
        ('{"x": 1}\n5', "has no object"),
        ('{"x": 1}\n{"x": \n', "rows.jsonl cannot be read"),
        ('{"x": 1, "": 2}', "has no name"),
        ("[]", "no rows"),
    ],
)
def test_json_that_cannot_be_read_exactly_is_refused_with_its_line(tables, tmp_path, content, told):
    (tmp_path / "rows.jsonl").write_text(content)
    with pytest.raises(InputError) as error:
        tables.open(str(tmp_path / "rows.jsonl"))

    assert told in error.value.message


TEXTS = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=8)
NUMBERS = st.sampled_from(["1", "-2", "007", "1.5", "1.50", "2.25", "1e5", "1e-07", "NaN", "true",
                           "False", "2026-01-02", "12345678901234567890", "0.1", "+3"])  # fmt: skip
COLUMNS = st.lists(st.lists(TEXTS | NUMBERS, min_size=1), min_size=1, max_size=4)


@pytest.mark.parametrize("spaces", [(",", ":"), (", ", ": "), (",\t", " : ")])
@pytest.mark.parametrize(
    ("number", "exact"),
    [
        ("0.1000000000000000056", True),
        ("0.1000000000000000055", False),
        ("0.12345678901234568", True),
        ("1.2345678901234568e-07", True),
        ("0.1234567890123456789", False),
        ("1.2345678901234567e999", False),
        (f"{'1' * 400}.5", False),
    ],
)
@pytest.mark.parametrize("value", ["{}", "[1, {}]"], ids=["plain", "nested"])
def test_digits_of_json_are_seen_however_it_is_spaced(
    tables, tmp_path, spaces, number, exact, value
):
    """Beside texts with the same digits, which are no numbers, and letters that are escaped."""
    between, after = spaces
    words = f'"t"{after}"0.1234567890123456789 \\u00e9 \\" x"'
    path = tmp_path / "rows.jsonl"
    lines = [f'{{"x"{after}{value.format(one)}{between}{words}}}' for one in ("0.5", number)]
    path.write_text("\n".join(lines), encoding="utf-8")

    if exact:
        assert (
            float(number) in (found := column(tables, path)[1][1:])
            or [[1.0, float(number)]] == found
        )
    else:
        with pytest.raises(InputError, match=r"^line 2 of rows\.jsonl has a number"):
            tables.open(str(path), {})


def test_objects_whose_keys_differ_in_order_or_number_are_the_same_rows(tables, tmp_path):
    path = tmp_path / "rows.jsonl"
    path.write_text('{"id": 1, "x": 5}\n{"x": 6, "id": 2}\n{"id": 3}\n{"id": 4, "y": 1}')

    found, values = column(tables, path)

    assert ["id", "x", "y"] == [field.name for field in found.fields]
    assert [5, 6, None, None] == values


def same(text, value):
    """Whether a value, written in the ordinary way, is this text or the same number or flag."""
    if text == "" or value is None:
        return text == "" and value is None
    if isinstance(value, str):
        return text == value
    if isinstance(value, bool):
        return text.lower() == str(value).lower()
    return Decimal(text) == Decimal(repr(value))


@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
@given(rows=st.integers(1, 12), drawn=st.data(), files=st.integers(1, 4))
def test_a_table_in_any_number_of_files_is_the_same_table(tmp_path_factory, rows, drawn, files):
    folder, tables = tmp_path_factory.mktemp("split"), DuckTables()
    values = drawn.draw(st.lists(TEXTS | NUMBERS, min_size=rows, max_size=rows))
    records = [{"id": str(number), "x": value} for number, value in enumerate(values)]
    size = -(-rows // files)
    parts = [records[at : at + size] for at in range(0, rows, size)]
    for number, part in enumerate(parts):
        names = ["id", "x"] if number % 2 == 0 else ["x", "id"]
        with (folder / f"{number}.csv").open("w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, names)
            writer.writeheader()
            writer.writerows(part)
        lines = (json.dumps({"id": int(r["id"]), "x": r["x"]}) + "\n" for r in part)
        (folder / f"{number}.jsonl").write_text("".join(lines))

    found = parquet.read_table(tables.open(str(folder / "*.csv")).parquet).to_pydict()
    assert list(range(rows)) == found["id"]
    assert all(map(same, values, found["x"]))
    text = parquet.read_table(tables.open(str(folder / "*.jsonl")).parquet).to_pydict()
    assert (list(range(rows)), values) == (text["id"], text["x"])
