"""What a signature refuses, against MLflow itself behind the scoring process's conversions."""

from types import SimpleNamespace

import pyarrow as pa
import pytest

from cdml.adapters.scoring.worker import Model, input_types
from cdml.core.checks import Finding, Rule
from cdml.core.compatibility import Signature, compatible
from cdml.core.expressions import Field, LogicalType
from cdml.core.verdict import Verdict

COLUMNS = {
    "flag": (LogicalType.BOOLEAN, "BOOLEAN", pa.array([True, False])),
    "whole": (LogicalType.INTEGER, "BIGINT", pa.array([1, 2])),
    "small": (LogicalType.INTEGER, "INTEGER", pa.array([3, 2], pa.int32())),
    "real": (LogicalType.NUMBER, "DOUBLE", pa.array([0.1, 2.5])),
    "single": (LogicalType.NUMBER, "FLOAT", pa.array([0.1, 2.5], pa.float32())),
    "word": (LogicalType.STRING, "VARCHAR", pa.array(["a", "b"])),
    "day": (LogicalType.DATE, "DATE", pa.array([0, 1], pa.date32())),
    "at": (LogicalType.TIMESTAMP, "TIMESTAMP", pa.array([0, 1], pa.timestamp("us"))),
    "there": (
        LogicalType.TIMESTAMP,
        "TIMESTAMP WITH TIME ZONE",
        pa.array([0, 1], pa.timestamp("us", "UTC")),
    ),
    "hour": (LogicalType.TIME, "TIME", pa.array([0, 1], pa.time64("us"))),
    "list": (LogicalType.ARRAY, "BIGINT[]", pa.array([[1], [2, 3]])),
}
TYPES = ["boolean", "integer", "long", "float", "double", "string", "datetime"]

OBJECTS = {
    ("day", "boolean"), ("hour", "boolean"), ("list", "boolean"), ("list", "string"),
    ("day", "string"), ("hour", "string"),
}  # fmt: skip
"""What MLflow hands on as it is, because pandas has no type of its own for it.

A model that was trained on the text of a date takes the date itself for a value it never saw.
"""


def field(column):
    kind, physical, _ = COLUMNS[column]
    return Field(name=column, type=kind, physical=physical)


def asked(column, wanted, **more):
    signature = Signature(who="the challenger", types={column: wanted}, **more)
    return list(compatible(signature, {name: field(name) for name in COLUMNS}))


def verdict(found):
    """Of whole values, and of values with holes: fail, warn or pass."""
    facts = [one.verdict for one in found if isinstance(one, Finding)]
    plain = max(facts, key=lambda v: v.severity)
    holes = Verdict.FAIL if any(isinstance(one, Rule) for one in found) else plain
    return plain, holes


def accepts(column, wanted, array):
    from mlflow.exceptions import MlflowException
    from mlflow.models.utils import _enforce_schema
    from mlflow.types.schema import ColSpec, Schema

    schema = Schema([ColSpec(wanted, column)])
    types = input_types(SimpleNamespace(metadata=SimpleNamespace(get_input_schema=lambda: schema)))
    worker = SimpleNamespace(types=types, features=None)
    frame = Model.frame(worker, pa.table({column: array}))
    try:
        _enforce_schema(frame, schema)
    except (MlflowException, TypeError, ValueError):
        return False
    return True


@pytest.mark.parametrize("wanted", TYPES)
@pytest.mark.parametrize("column", COLUMNS)
def test_mlflow_takes_what_passes_and_refuses_what_fails(column, wanted):
    array = COLUMNS[column][2]
    holes = pa.concat_arrays([array, pa.nulls(1, array.type)])

    plain, with_holes = verdict(asked(column, wanted))
    if plain is Verdict.FAIL:
        assert (column, wanted) in OBJECTS or not accepts(column, wanted, array)
        return
    assert plain is Verdict.WARN or accepts(column, wanted, array)
    assert with_holes is Verdict.WARN or (with_holes is Verdict.PASS) is accepts(
        column, wanted, holes
    )


def test_a_column_that_is_required_fails_where_it_is_missing_and_another_is_listed():
    [lost, types] = asked("wrod", "string", required=["wrod"])
    [listed, _] = asked("wrod", "string")

    assert (Verdict.FAIL, "model_columns", "wrod") == (lost.verdict, lost.name, lost.column)
    assert "did you mean 'word'" in lost.reason
    assert (Verdict.PASS, "info") == (listed.verdict, listed.severity)
    assert Verdict.PASS is types.verdict


def test_without_named_columns_nothing_is_compared():
    [found] = compatible(Signature(who="the champion", types=None), {})

    assert "info" == found.severity
    assert "the champion has no signature" in found.reason
