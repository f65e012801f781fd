"""Of a column that the contract classifies no value is shown, whatever is asked of it."""

import json

import numpy as np
import pytest

from cdml.cli import run
from support import models

pytestmark = pytest.mark.long

SHARE = "import numpy\nreturn 1 / (1 + numpy.exp(-1.8 * numpy.ravel(frame['x'])))"
CLASSES = "import numpy\nreturn numpy.where(frame['x'] > 0, 'CANARYA', 'CANARYB')"
BROKEN = "import numpy\nreturn numpy.array([float(one) for one in frame['diagnosis']])"
RULES = """
apiVersion: v3.1.0
kind: DataContract
id: x
version: 1.0.0
status: active
schema:
  - name: rows
    properties:
      - name: diagnosis
        logicalType: string
        classification: restricted
        logicalTypeOptions: {pattern: "^Z", maxLength: 2}
        quality:
          - {metric: invalidValues, arguments: {validValues: [Z]}, mustBe: 0}
          - {metric: duplicateValues, mustBe: 0}
      - name: amount
        logicalType: integer
        classification: confidential
        unique: true
        logicalTypeOptions: {maximum: 5}
        quality: [MEASURED]
    quality:
      - {type: sql, query: "SELECT CAST(diagnosis AS INTEGER) FROM {object}", mustBe: 1}
      - {type: sql, query: "SELECT sum(amount) FROM {object}", mustBe: 1}
"""
GATE = "gates: [{metric: accuracy, at_least: 0.5}]"
FIGURES = ("minimum", "maximum", "mean", "sum", "quantile, q: 0.5", "standardDeviation")
MEASURED = ", ".join(
    f"{{type: custom, engine: cdml, implementation: {{check: {one}, mustBeLessThan: 7}}}}"
    for one in FIGURES
)


class Desk:
    """A folder with rows of closed columns, and the command line in it."""

    def __init__(self, folder, capsys):
        self.folder, self.capsys = folder, capsys
        self.rows = models.rows(200)
        self.rows["diagnosis"] = np.where(self.rows["x"] > 0, "CANARYA", "CANARYB")
        self.rows["amount"] = 7_351_917
        before = self.rows.assign(id=self.rows["id"] + 10_000, diagnosis="CANARYC")
        before.to_parquet(folder / "before.parquet", index=False)
        self.rows.to_parquet(folder / "rows.parquet", index=False)
        (folder / "c.yaml").write_text(RULES.replace("MEASURED", MEASURED), encoding="utf-8")

    def run(self, command, predict, more="", label="late, positive: true", gate=GATE):
        if command != "validate-data":
            models.written(self.folder / "model", predict)
        (self.folder / "cdml.yaml").write_text(
            "version: 1\nmodel: m\nregistry: {uri: 'folder:registry'}\n"
            "data: {evaluation: rows.parquet, contract: c.yaml, key: [id],"
            f" label: {label}{more}}}\n"
            f"{gate}\nscoring: {{environment: current}}\n",
            encoding="utf-8",
        )
        return run(
            [command, *(("--model", "model") if command != "validate-data" else ())]
        ), self.capsys.readouterr()

    def shown(self):
        """All outputs but the rows that the stages hand to one another."""
        kept = (self.folder / ".cdml").rglob("*")
        return {
            path.name: path.read_text(encoding="utf-8")
            for path in kept
            if path.is_file() and path.suffix != ".parquet"
        }


@pytest.fixture
def desk(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    return Desk(tmp_path, capsys)


def test_no_output_shows_a_value_of_a_closed_column(desk):
    asked = ", reference: before.parquet, features: [x]"
    code, said = desk.run("validate-data", SHARE, asked)
    _, more = desk.run("evaluate-model", SHARE, asked)
    run(["report"])

    shown = {**desk.shown(), "terminal": f"{said.out}{said.err}{more.out}{more.err}"}
    assert (1, True) == (code, {"data.sarif", "report.html", "profile.json"} <= shown.keys())
    assert {"pattern", "sum", "sql", "drift"} <= {
        check["name"] for check in json.loads(shown["data.json"])["checks"]
    }
    for name, text in shown.items():
        assert "CANARY" not in text, name
        assert "7351917" not in text.replace(",", ""), name


def test_a_closed_column_cannot_make_slices(desk):
    code, said = desk.run("evaluate-model", SHARE, ", slices: [kind, diagnosis], features: [x]")

    assert (2, True) == (code, "cdml.yaml, line 4: data.slices: the contract" in said.err)
    assert "CANARY" not in said.err + "".join(desk.shown().values())


def test_classes_of_a_closed_label_are_not_drawn(desk):
    desk.run("gate", CLASSES, ", features: [x]", label="diagnosis")
    run(["report"])

    shown = desk.shown()
    assert '"verdict": "pass"' in shown["evaluation.json"]
    assert '"diagnosis"' in shown["predictions.profile.json"]
    assert "CANARY" not in "".join(shown.values())


def test_what_a_models_exception_says_is_withheld(desk):
    code, said = desk.run("evaluate-model", BROKEN, ", features: [diagnosis]")

    assert (4, True) == (code, "The message is hidden" in said.err)
    assert "CANARY" not in said.err + "".join(desk.shown().values())


STRANGERS = "import numpy\nreturn numpy.where(frame['x'] > 0, 'red', 'blue')"


@pytest.mark.parametrize(
    ("label", "why"),
    [
        ("diagnosis", "the model returned"),
        ("diagnosis, classes: [CANARYA, other]", "is not one of data.classes"),
        ("diagnosis, positive: other", "is not a value of the label"),
    ],
)
def test_an_error_lists_no_class_of_a_closed_label(desk, label, why):
    code, said = desk.run("evaluate-model", STRANGERS, ", features: [x]", label=label)

    assert 4 == code
    assert "(values that the contract classifies)" in said.err, why
    assert "CANARYB" not in said.err + "".join(desk.shown().values())


@pytest.mark.parametrize("command", ["evaluate-model", "compare-to-champion"])
def test_predictions_scored_elsewhere_list_no_class_of_a_closed_label(desk, command):
    rows = desk.rows.assign(prediction="red").drop(columns=["amount"])
    rows.to_parquet(desk.folder / "given.parquet", index=False)
    desk.run("validate-data", CLASSES, ", features: [x]", label="diagnosis")

    if command == "evaluate-model":
        code = run([command, "--predictions", "given.parquet"])
    else:
        rows.iloc[::-1].to_parquet(desk.folder / "other.parquet", index=False)
        code = run([command, "--challenger", "given.parquet", "--champion", "other.parquet"])

    assert 4 == code
    told = desk.capsys.readouterr().err
    assert "(values that the contract classifies)" in told
    assert "CANARY" not in told + "".join(desk.shown().values())


def test_a_closed_group_that_is_too_small_is_not_named(desk):
    groups = np.where(desk.rows["x"] > 0, "CANARYA", "CANARYB")
    groups[0] = "CANARYC"
    desk.rows.assign(diagnosis=groups).to_parquet(desk.folder / "rows.parquet", index=False)
    gate = "gates: [{metric: demographic_parity_difference, at_most: 0.9}]"
    code, said = desk.run(
        "evaluate-model", SHARE, ", features: [x], sensitive: diagnosis", gate=gate
    )

    told = said.out + said.err + "".join(desk.shown().values())
    assert 0 != code
    assert "of the group no. 3" in told
    assert "CANARY" not in told


def test_figures_of_open_columns_are_told(desk):
    opened = (desk.folder / "c.yaml").read_text().replace("confidential", "public")
    (desk.folder / "c.yaml").write_text(opened)
    desk.run("validate-data", SHARE, ", features: [x]")

    assert "7351917" in desk.shown()["data.json"]
