"""What models of all kinds are given on the command line: their inputs, or a reason why not."""

import json
from datetime import datetime

import numpy as np
import pandas as pd
import pytest
from mlflow.models import ModelSignature
from mlflow.types.schema import ColSpec, Schema, TensorSpec

from cdml.cli import run
from support import models

pytestmark = pytest.mark.long

SHARE = "import numpy\nreturn 1 / (1 + numpy.exp(-1.8 * numpy.ravel(frame['x'])))"
FIRST = SHARE.replace("frame['x']", "numpy.asarray(frame)[:, 0]")
GATE = "gates: [{metric: accuracy, at_least: 0.6}]\nscoring: {environment: current}\n"


class Desk:
    """A folder, and the command line in it."""

    def __init__(self, folder, capsys):
        self.folder, self.capsys = folder, capsys
        self.rows = models.rows(300)

    def model(self, predict, *columns):
        signature = ModelSignature(inputs=Schema(list(columns))) if columns else None
        models.written(self.folder / "model", predict, signature=signature)

    def run(self, command="evaluate-model", data="", contract="", form="parquet", **more):
        """The exit code, what was said, and the checks of the data by name and column."""
        if form == "csv":
            self.rows.to_csv(self.folder / "rows.csv", index=False)
        else:
            self.rows.to_parquet(self.folder / "rows.parquet", index=False)
        if contract:
            (self.folder / "c.odcs.yaml").write_text(contract, encoding="utf-8")
            data += ", contract: c.odcs.yaml"
        (self.folder / "cdml.yaml").write_text(
            f"version: 1\nmodel: m\ndata: {{evaluation: rows.{form}, key: [id], label: late,"
            f" positive: true{data}}}\n{GATE}",
            encoding="utf-8",
        )
        options = [word for name, value in more.items() for word in (f"--{name}", value)]
        model = ["--model", "model"] if (self.folder / "model").exists() else []
        code = run([command, *model, *options])
        found = self.folder / ".cdml" / "data.json"
        checks = json.loads(found.read_text())["checks"] if found.exists() else []
        told = {(check["name"], check["column"]): check["verdict"] for check in checks}
        return code, self.capsys.readouterr().err, told


@pytest.fixture
def desk(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    return Desk(tmp_path, capsys)


@pytest.mark.parametrize("form", ["parquet", "csv"])
def test_a_column_without_a_value_is_of_no_wrong_type(desk, form):
    desk.rows = desk.rows.assign(note=None, count=None)
    desk.model(SHARE, ColSpec("double", "x"), ColSpec("string", "note", required=False))
    contract = """apiVersion: v3.1.0
kind: DataContract
id: rows
version: 1.0.0
status: active
schema:
  - name: rows
    properties:
      - {name: note, logicalType: string, logicalTypeOptions: {pattern: "^a"}}
      - {name: count, logicalType: integer, logicalTypeOptions: {minimum: 0}}
"""
    code, _, checks = desk.run("gate", contract=contract, form=form, champion="none")

    assert 0 == code
    assert {"pass"} == {checks[name, "count"] for name in ("logical_type", "minimum")}
    assert {"pass"} == {checks[name, "note"] for name in ("logical_type", "pattern")}
    assert "fail" not in checks.values()

    required = contract.replace("logicalType: integer,", "logicalType: integer, required: true,")
    code, _, checks = desk.run("validate-data", contract=required, form=form)
    assert (1, "fail") == (code, checks["not_null", "count"])


def test_a_category_is_the_text_that_the_signature_asks_for(desk):
    origin = pd.CategoricalDtype(["JFK", "EWR"], ordered=True)
    desk.rows = desk.rows.astype({"origin": origin})
    known = "assert 'category' != frame['origin'].dtype\n"
    known += "assert set(frame['origin']) <= {'EWR', 'JFK'}\n"
    desk.model(known + SHARE, ColSpec("double", "x"), ColSpec("string", "origin"))
    code, said, checks = desk.run("gate", champion="none")

    assert 0 == code, said
    assert "pass" == checks["model_types", None]


@pytest.mark.parametrize(
    "columns",
    [
        [TensorSpec(np.dtype("float64"), (-1, 2))],
        [TensorSpec(np.dtype("float32"), (-1, 2))],
        [ColSpec("double"), ColSpec("double")],
    ],
    ids=["float64", "float32", "columns"],
)
def test_columns_of_another_purpose_are_no_inputs_of_a_model_that_names_none(desk, columns):
    desk.rows = desk.rows[["id", "x", "y", "origin", "late"]]
    desk.rows["y"] = desk.rows["y"].round().astype(int)  # a tensor is of one type
    desk.model(FIRST, *columns)

    code, said, _ = desk.run(data=", slices: [origin]")
    assert 0 == code, said
    code, said, _ = desk.run()
    assert 4 == code
    assert "the model takes 2 columns without names, and the data has x, y, origin" in said
    code, said, _ = desk.run(data=", features: [x, y]")
    assert 0 == code, said


def test_without_a_signature_a_model_is_given_what_has_no_other_purpose(desk):
    desk.rows = desk.rows[["id", "x", "y", "origin", "late"]]
    desk.model("assert list(frame.columns) == ['x', 'y'], list(frame.columns)\n" + SHARE)

    code, said, _ = desk.run(data=", slices: [origin]")
    assert 0 == code, said
    code, said, _ = desk.run()
    assert 4 == code
    assert "AssertionError: ['x', 'y', 'origin'] (model_code.py, line" in said
    assert "It received x, y, origin" in said
    assert "list its inputs under data.features" in said


def test_named_tensors_are_asked_row_by_row_too(desk):
    tensors = [
        TensorSpec(np.dtype("float32"), (-1,), "x"),
        TensorSpec(np.dtype("int64"), (-1, 1), "id"),
    ]
    desk.model(SHARE, *tensors)
    code, said, _ = desk.run()

    assert 0 == code, said


def test_columns_may_be_called_by_numbers(desk):
    desk.rows = desk.rows[["id", "x", "y", "late"]].rename(columns={"x": "0", "y": "1"})
    desk.model(SHARE.replace("'x'", "0"), ColSpec("double", 0), ColSpec("double", 1))
    code, said, _ = desk.run(data=", slices: [1], max_slices: 2")

    assert 0 == code, said


@pytest.mark.parametrize(
    ("features", "code", "told"),
    [
        ("[x, origin]", 2, "line 3: data.features and the signature of model contradict one"),
        ("[x, yy]", 2, "names yy, which the signature does not have, and leaves out y"),
        ("[x, late]", 2, "line 3: data.features[1]: late is the label"),
        ("[x, id]", 2, "line 3: data.features[1]: id is part of the key"),
        ("[]", 2, "data.features"),
        ("[y, x]", 0, ""),
    ],
)
def test_features_that_contradict_a_signature_are_refused_with_their_line(
    desk, features, code, told
):
    desk.model(SHARE, ColSpec("double", "x"), ColSpec("double", "y"))
    found, said, _ = desk.run(data=f", features: {features}")

    assert code == found, said
    assert told in said


def test_features_that_the_data_does_not_have_are_refused_with_their_line(desk):
    desk.model(FIRST, TensorSpec(np.dtype("float64"), (-1, 2)))
    for command in ("evaluate-model", "validate-data"):
        code, said, _ = desk.run(command, data=", features: [x, yy]")
        assert 4 == code
        assert "line 3: unknown column 'yy'; did you mean 'y'?" in said


@pytest.mark.parametrize(
    ("kind", "values", "reason"),
    [
        ("datetime", datetime(9999, 12, 31), "are outside 1677 to 2262"),  # noqa: DTZ001 - as stored
        ("float", 0.1, "would lose digits as float"),
        ("long", 0.5, "do not fit into the signature's type long"),
        ("string", 7, "it contains whole numbers, but the signature's type is string"),
    ],
)
def test_what_a_signature_refuses_is_told_with_the_column_before_the_model_starts(
    desk, kind, values, reason
):
    desk.rows["c"] = pd.Series([values] * len(desk.rows))
    desk.model("raise SystemExit", ColSpec("double", "x"), ColSpec(kind, "c"))
    code, said, _ = desk.run()

    assert 4 == code
    assert "these rows do not fit the model's inputs: column c: " in said
    assert reason in said
