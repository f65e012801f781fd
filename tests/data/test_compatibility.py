"""What a signature refuses, against what is converted for it and against MLflow itself."""

from datetime import date, datetime, time, timedelta
from decimal import Decimal
from functools import cache

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from cdml.adapters.scoring.input_conversion import Unfit, convert
from cdml.adapters.tables.duckdb_tables import DuckTables
from cdml.common.verdict import Verdict
from cdml.config.input_columns import Purposes, Unnamed
from cdml.data.rules.signature import Signature, check_signature
from cdml.data.scan import scan_table
from cdml.tables.query import Field, LogicalType

NOON, FAR = datetime.fromisoformat("2024-05-01 12:00"), datetime.fromisoformat("9999-12-31")
COLUMNS = {
    "flag": pa.array([True, False]),
    "tiny": pa.array([-3, 2], pa.int8()),
    "small": pa.array([3, 2], pa.int32()),
    "whole": pa.array([3, 2]),
    "bit": pa.array([0, 1]),
    "large": pa.array([2**53 + 1, 2]),
    "unsigned": pa.array([3, 2**32 - 1], pa.uint32()),
    "huge": pa.array([3, 2**64 - 1], pa.uint64()),
    "single": pa.array([0.1, 2.5], pa.float32()),
    "real": pa.array([0.1, 2.5]),
    "round": pa.array([4.0, 2.0]),
    "infinite": pa.array([4.0, float("inf")]),
    "money": pa.array([Decimal("1.10"), Decimal("2.00")]),
    "units": pa.array([Decimal("1.00"), Decimal("2.00")]),
    "word": pa.array(["a", "b"]),
    "iso": pa.array(["2024-01-01", "2024-01-02 10:00:00"]),
    "kind": pa.array(["a", "b"]).dictionary_encode(),
    "level": pa.array(["2024-01-01", "x"]).dictionary_encode(),
    "day": pa.array([date(2024, 1, 1), date(2024, 1, 2)]),
    "late": pa.array([date(2024, 1, 1), date(9999, 12, 31)]),
    "at": pa.array([NOON, NOON], pa.timestamp("us")),
    "nano": pa.array([NOON, NOON], pa.timestamp("ns")),
    "ever": pa.array([NOON, FAR], pa.timestamp("us")),
    "there": pa.array([NOON, NOON], pa.timestamp("us", "UTC")),
    "hour": pa.array([time(1), time(2)]),
    "wait": pa.array([timedelta(1), timedelta(2)]),
    "bytes": pa.array([b"a", b"b"]),
    "list": pa.array([[1.0, 2.0], [3.0]]),
    "counts": pa.array([[1, 2], [3]]),
    "part": pa.array([{"a": 1}, {"a": 2}]),
    "none": pa.nulls(2),
    "blank": pa.array([None, None], pa.int32()),
    "nan": pa.array([float("nan"), float("nan")]),
}
COLUMNS |= {
    f"{name}?": pa.concat_arrays([array, pa.nulls(1, array.type)])
    for name, array in COLUMNS.items()
}
TYPES = ["boolean", "integer", "long", "float", "double", "string", "datetime", "binary"]
LISTS = {"array(double)": "double", "array(long)": "long"}

OBJECTS = {
    ("day", "boolean"), ("late", "boolean"), ("hour", "boolean"), ("list", "boolean"),
    ("counts", "boolean"), ("part", "boolean"), ("bytes", "boolean"), ("hour", "string"),
    ("bytes", "string"), ("list", "string"), ("counts", "string"), ("part", "string"),
    ("money", "string"), ("units", "string"), ("money", "boolean"), ("units", "boolean"),
    ("day", "binary"), ("late", "binary"), ("hour", "binary"), ("list", "binary"),
    ("counts", "binary"), ("part", "binary"), ("money", "binary"), ("units", "binary"),
    ("flag", "string"), ("flag", "binary"),
}  # fmt: skip
"""What MLflow hands on unseen, since pandas has no type of its own for it: a model that asks for
text or truth values would get other things."""


ROUNDED = {"large?", "huge?"}
"""Without a value pandas has made floating point of them before MLflow sees what that changed."""


@cache
def tables(folder):
    """All columns, in one table those of two rows, in another those with a missing value."""
    found = []
    for holes in (False, True):
        columns = {name: array for name, array in COLUMNS.items() if name.endswith("?") is holes}
        path = folder / f"{holes}.parquet"
        pq.write_table(pa.table(columns), path)
        found.append(DuckTables().open(str(path)))
    return found


@cache
def verdicts(folder, wanted) -> dict[str, Verdict]:
    """What `model_types` says of each column."""
    found = dict.fromkeys(COLUMNS, Verdict.PASS)
    for table in tables(folder):
        fields = {field.name: field for field in table.fields}
        types = dict.fromkeys(fields, wanted)
        signature = Signature(subject="the model", types=types, required=list(types))
        findings, _ = scan_table(
            table, tuple(check_signature(signature, fields)), (), lambda _: True
        )
        for one in findings:
            if one.name == "model_types" and one.column is not None:
                found[one.column] = max(found[one.column], one.verdict, key=lambda v: v.severity)
    return found


def mlflow_takes(column, wanted) -> bool:
    from mlflow.exceptions import MlflowException
    from mlflow.models.utils import _enforce_schema
    from mlflow.types.schema import Array, ColSpec, DataType, Schema

    kind = Array(DataType[LISTS[wanted]]) if wanted in LISTS else wanted
    schema = Schema([ColSpec(kind, "c")])
    try:
        _enforce_schema(pa.table({"c": column}).to_pandas(), schema)
    except (MlflowException, TypeError, ValueError, OverflowError):
        return False
    return True


def given(array, wanted):
    """The column as a model is given it; None where it is not."""
    try:
        return convert(pa.chunked_array([array]), wanted, required=True)
    except Unfit:
        return None


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("columns")


@pytest.mark.parametrize("wanted", [*TYPES, *LISTS])
def test_mlflow_takes_what_passes_and_what_fails_is_never_given(folder, wanted):
    wrong = {}
    for name, verdict in verdicts(folder, wanted).items():
        column = given(COLUMNS[name], wanted)
        taken = column is not None and mlflow_takes(column, wanted)
        if verdict is not Verdict.WARN and taken is not (verdict is Verdict.PASS):
            wrong[name] = (str(verdict), taken)

    assert {} == wrong


@pytest.mark.heavy
@pytest.mark.parametrize("wanted", TYPES)
def test_what_is_given_in_a_type_mlflow_takes(wanted):
    for name, array in COLUMNS.items():
        column = given(array, wanted)
        assert column is None or mlflow_takes(column, wanted), name


@pytest.mark.parametrize("wanted", [*TYPES, *LISTS])
def test_nothing_is_refused_that_mlflow_would_take_as_it_is(folder, wanted):
    refused = {
        name
        for name, verdict in verdicts(folder, wanted).items()
        if verdict is Verdict.FAIL and mlflow_takes(COLUMNS[name], wanted)
    }

    assert refused <= ROUNDED | {name for name in refused if (name.rstrip("?"), wanted) in OBJECTS}


def field(name: str, kind: LogicalType, physical: str) -> Field:
    return Field(name=name, type=kind, physical=physical)


FIELDS = {
    one.name: one
    for one in (
        field("id", LogicalType.INTEGER, "BIGINT"),
        field("x", LogicalType.NUMBER, "DOUBLE"),
        field("word", LogicalType.STRING, "VARCHAR"),
        field("site", LogicalType.STRING, "VARCHAR"),
        field("late", LogicalType.BOOLEAN, "BOOLEAN"),
    )
}
PURPOSES = Purposes(identity=frozenset({"id", "late"}), others=frozenset({"site", "word"}))


def found(signature, purposes=PURPOSES):
    return list(check_signature(signature, FIELDS, purposes))


def test_a_column_that_is_required_fails_where_it_is_missing_and_another_is_listed():
    types = {"wrod": "string"}
    [lost, _] = found(Signature(subject="the challenger", types=types, required=["wrod"]))
    [listed, fine] = found(Signature(subject="the challenger", types=types))

    assert (Verdict.FAIL, "model_columns", "wrod") == (lost.verdict, lost.name, lost.column)
    assert "did you mean 'word'" in lost.reason
    assert (Verdict.PASS, "info") == (listed.verdict, listed.severity)
    assert Verdict.PASS is fine.verdict


def test_without_a_signature_nothing_is_compared():
    [one] = found(Signature(subject="the champion", types=None))

    assert "info" == one.severity
    assert "the champion has no signature" in one.reason


def test_columns_without_names_are_what_no_other_purpose_takes_in_their_order():
    tensor = Signature(
        subject="the model", types=None, unnamed=Unnamed(types=("float64",), shape=(-1, 1))
    )

    [columns, types] = found(tensor)
    assert (Verdict.PASS, "x") == (columns.verdict, columns.observed)
    assert Verdict.PASS is types.verdict

    [columns] = found(tensor, Purposes(identity=PURPOSES.identity))
    assert Verdict.FAIL is columns.verdict
    assert "gets x, word, site, in this order: list its inputs in data.features" in columns.reason

    named = Purposes(identity=PURPOSES.identity, features=("site",), others=PURPOSES.others)
    [columns, refused] = found(tensor, named)
    assert (Verdict.PASS, "site") == (columns.verdict, columns.observed)
    assert (Verdict.FAIL, "site") == (refused.verdict, refused.column)


@pytest.mark.parametrize(
    ("shape", "columns", "lists", "taken"),
    [
        ((-1, 2), 2, False, True),
        ((-1, 2), 3, False, False),
        ((-1, 2), 1, False, False),
        ((-1, 2), 1, True, True),
        ((-1, 28, 28), 1, True, True),
        ((-1, 28, 28), 784, False, False),
        ((-1,), 1, False, True),
        ((-1, -1), 2, False, False),
        ((8, 2), 2, False, False),
        ((), 1, False, False),
    ],
)
def test_a_tensor_takes_as_many_columns_as_it_is_wide_or_one_of_lists(shape, columns, lists, taken):
    unnamed = Unnamed(types=("float64",), shape=shape)

    assert taken is (unnamed.types_of(columns, lists=lists) is not None)
